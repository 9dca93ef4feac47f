// MP3 and MP2 in MP4: `mp4a` whose `esds` names MPEG-1 or MPEG-2 audio by the sampling rate and has no configuration,
// because the frames say all (ISO/IEC 14496-1 Table 5, ISO/IEC 14496-3 §1.D).

import { CONFIG_SAMPLE_RATE_OFFSET } from "../../../src/abi/decoder-config";
import { endBox } from "../../container/mp4/box";
import { beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { MP4A, putElementaryStreamDescriptor } from "../aac/sample-entry";

const OBJECT_TYPE_MPEG1_AUDIO: u32 = 0x6b;
const OBJECT_TYPE_MPEG2_AUDIO: u32 = 0x69;
/** Below are the rates of MPEG-2. */
export const MPEG1_MINIMUM_RATE: u32 = 32000;

export function putMpegAudioSampleEntry(movie: usize, at: usize, track: usize, config: usize): usize {
  const mp4a = at;
  const isMpeg1 = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET) >= MPEG1_MINIMUM_RATE;
  at = beginAudioSampleEntry(at, MP4A, config);
  at = putElementaryStreamDescriptor(movie, at, track, isMpeg1 ? OBJECT_TYPE_MPEG1_AUDIO : OBJECT_TYPE_MPEG2_AUDIO, 0, 0);
  endBox(movie, mp4a, at);
  return at;
}
