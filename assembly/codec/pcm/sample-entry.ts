// `ipcm` with `pcmC`, ISO/IEC 23003-5, and `chnl` of two channels (ISO/IEC 14496-12 §12.2.4), which the standard wants
// where there is more than one.
//
// An MP4 sample here is a frame as the source sent it, of many PCM samples of one time each. So the index grows with
// the source's packets, and a gap in the middle of a file costs one entry of `stts`.

import { CONFIG_CHANNELS_OFFSET } from "../../../src/abi/decoder-config";
import { beginFullBox, endBox } from "../../container/mp4/box";
import { beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { putU64, putU8 } from "../../io/bytes";

export const IPCM: u32 = 0x6970636d;
const PCMC: u32 = 0x70636d43;
const CHNL: u32 = 0x63686e6c;
const LITTLE_ENDIAN: u32 = 1;
const SAMPLE_BITS: u32 = 16;
const CHANNEL_STRUCTURED: u32 = 1;
/** ChannelConfiguration of ISO/IEC 23091-3: left and right. */
const LAYOUT_STEREO: u32 = 2;

export function putPcmSampleEntry(movie: usize, at: usize, config: usize): usize {
  const entry = at;
  at = beginAudioSampleEntry(at, IPCM, config);
  if (load<u32>(config, CONFIG_CHANNELS_OFFSET) == 2) {
    const chnl = at;
    at = beginFullBox(at, CHNL, 0, 0);
    at = putU8(at, CHANNEL_STRUCTURED); // stream_structure
    at = putU8(at, LAYOUT_STEREO); // definedLayout
    at = putU64(at, 0); // omittedChannelsMap
    endBox(movie, chnl, at);
  }
  const pcmc = at;
  at = beginFullBox(at, PCMC, 0, 0);
  at = putU8(at, LITTLE_ENDIAN); // format_flags
  at = putU8(at, SAMPLE_BITS); // PCM_sample_size
  endBox(movie, pcmc, at);
  endBox(movie, entry, at);
  return at;
}
