// The fields of an identification header ("OpusHead", RFC 7845 §5.1), which is what a configuration block holds of
// Opus.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET, CONFIG_CHANNELS_OFFSET } from "../../../src/abi/decoder-config";

export const FAMILY_MONO_STEREO: u32 = 0;
const FAMILY_VORBIS: u32 = 1;
const FAMILY_DISCRETE: u32 = 255;
const DUAL_MONO_CODE: u32 = 0;
const NO_CODE: u32 = 0x100;
/** By number of channels, 8 bytes each: streams, coupled streams. */
const STREAMS = memory.data<u8>([1, 1, 2, 2, 3, 4, 4, 5]);
const COUPLED = memory.data<u8>([0, 1, 1, 2, 2, 2, 3, 3]);
const MAPPING_SIZE: u32 = 8;
const MAPPINGS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 4, 1, 2, 3, 0, 0, 0,
  0, 4, 1, 2, 3, 5, 0, 0, 0, 4, 1, 2, 3, 5, 6, 0, 0, 6, 1, 2, 3, 4, 5, 7,
]);

export function opusPreSkip(config: usize): u32 {
  return <u32>load<u16>(config + CONFIG_BYTES_OFFSET, 10);
}

export function opusInputRate(config: usize): u32 {
  return load<u32>(config + CONFIG_BYTES_OFFSET, 12);
}

export function opusGain(config: usize): u32 {
  return <u32>load<u16>(config + CONFIG_BYTES_OFFSET, 16);
}

export function opusFamily(config: usize): u32 {
  return <u32>load<u8>(config + CONFIG_BYTES_OFFSET, 18);
}

/** Stream count, coupled count and mapping, where the family is not 0. */
export function opusMapping(config: usize): usize {
  return config + CONFIG_BYTES_OFFSET + 19;
}

/** Whether the usual layout of so many channels is what the header describes. */
function isVorbisLayout(config: usize, channels: u32): bool {
  if (load<u32>(config, CONFIG_BYTES_SIZE_OFFSET) < 21 + channels) return false;
  const mapping = opusMapping(config);
  if (load<u8>(mapping) != load<u8>(STREAMS + channels - 1)) return false;
  if (load<u8>(mapping, 1) != load<u8>(COUPLED + channels - 1)) return false;
  return memory.compare(mapping + 2, MAPPINGS + (channels - 1) * MAPPING_SIZE, channels) == 0;
}

/** channel_config_code of MPEG-TS; beyond a byte where it has none for the layout. */
export function opusChannelConfigCode(config: usize): u32 {
  const channels = load<u32>(config, CONFIG_CHANNELS_OFFSET);
  const family = opusFamily(config);
  if (family == FAMILY_MONO_STEREO && channels <= 2) return channels;
  if (family == FAMILY_DISCRETE && channels == 2 && isVorbisLayout(config, channels)) return DUAL_MONO_CODE;
  if (family != FAMILY_VORBIS || channels == 0 || channels > 8) return NO_CODE;
  return isVorbisLayout(config, channels) ? channels : NO_CODE;
}

export function opusHasChannelConfigCode(config: usize): bool {
  return opusChannelConfigCode(config) < NO_CODE;
}
