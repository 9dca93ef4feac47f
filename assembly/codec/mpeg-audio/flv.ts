// MP3 in FLV: AUDIODATA with the sound itself behind the first byte, Adobe FLV 10.1 §E.4.2. It has numbers for four
// rates; the others go with extended headers.

import { CONFIG_CHANNELS_OFFSET, CONFIG_SAMPLE_RATE_OFFSET } from "../../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_AUDIO } from "../../container/flv/tag";
import { putBytes, putU8 } from "../../io/bytes";

export const MP3_PREFIX_SIZE: u32 = 1;
/** ".mp3" */
export const MP3_FOUR_CC: u32 = 0x2e6d7033;
export const SOUND_FORMAT_MP3: u32 = 2;
export const SOUND_FORMAT_MP3_8K: u32 = 14;
const SIZE_16_BIT: u32 = 2;
const RATE_11K: u32 = 1;
const RATE_22K: u32 = 2;
const RATE_44K: u32 = 3;

/** SoundFormat, or the FourCC where the rate has none. */
export function mp3FlvId(config: usize): u32 {
  const rate = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  if (rate == 8000) return SOUND_FORMAT_MP3_8K;
  return rate == 44100 || rate == 22050 || rate == 11025 ? SOUND_FORMAT_MP3 : MP3_FOUR_CC;
}

/** SoundRate; of SoundFormat 14 it says nothing. */
function soundRate(config: usize): u32 {
  const rate = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  if (rate == 44100) return RATE_44K;
  return rate == 22050 ? RATE_22K : rate == 11025 ? RATE_11K : 0;
}

/** Of a rate that has a SoundFormat. */
export function putMp3Tag(at: usize, config: usize, payload: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  const stereo: u32 = load<u32>(config, CONFIG_CHANNELS_OFFSET) > 1 ? 1 : 0;
  at = putTagHeader(at, TAG_AUDIO, MP3_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, (mp3FlvId(config) << 4) | (soundRate(config) << 2) | SIZE_16_BIT | stereo);
  return endTag(tag, putBytes(at, payload, bytes));
}
