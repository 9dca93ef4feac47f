// `Opus` with `dOps`, "Encapsulation of Opus in ISO Base Media File Format" §4.3. Its numbers are those of an
// identification header, most significant byte first.

import { CONFIG_CHANNELS_OFFSET } from "../../../src/abi/decoder-config";
import { beginBox, endBox } from "../../container/mp4/box";
import { beginAudioSampleEntry } from "../../container/mp4/sample-entry";
import { putBytes, putU16, putU32, putU8 } from "../../io/bytes";
import { FAMILY_MONO_STEREO, opusFamily, opusGain, opusInputRate, opusMapping, opusPreSkip } from "./head";

export const OPUS_FOUR_CC: u32 = 0x4f707573;
const DOPS: u32 = 0x644f7073;
/** A decoder needs 80 ms in front to be exact (RFC 7845 §4.6); samples of 48 kHz. */
export const OPUS_PRE_ROLL: u32 = 3840;

export function putOpusSampleEntry(movie: usize, at: usize, config: usize): usize {
  const channels = load<u32>(config, CONFIG_CHANNELS_OFFSET);
  const entry = at;
  at = beginAudioSampleEntry(at, OPUS_FOUR_CC, config);
  const dops = at;
  at = beginBox(at, DOPS);
  at = putU8(at, 0); // Version
  at = putU8(at, channels); // OutputChannelCount
  at = putU16(at, opusPreSkip(config)); // PreSkip
  at = putU32(at, opusInputRate(config)); // InputSampleRate
  at = putU16(at, opusGain(config)); // OutputGain
  at = putU8(at, opusFamily(config)); // ChannelMappingFamily
  // StreamCount, CoupledCount, ChannelMapping
  if (opusFamily(config) != FAMILY_MONO_STEREO) at = putBytes(at, opusMapping(config), 2 + channels);
  endBox(movie, dops, at);
  endBox(movie, entry, at);
  return at;
}
