// AAC in FLV: AUDIODATA with an AACAUDIODATA, Adobe FLV 10.1 §E.4.2.

import { CONFIG_BYTES_OFFSET, CONFIG_BYTES_SIZE_OFFSET } from "../../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_AUDIO } from "../../container/flv/tag";
import { putBytes, putU8 } from "../../io/bytes";

export const SOUND_FORMAT_AAC: u32 = 10;
export const AAC_PREFIX_SIZE: u32 = 2;
/** SoundFormat AAC, 44 kHz, 16 bit, stereo: the fixed values for AAC, whatever the stream is (E.4.2.1). */
const AUDIO_FLAGS: u32 = (SOUND_FORMAT_AAC << 4) | 0xf;
const SEQUENCE_HEADER: u32 = 0;
const RAW: u32 = 1;

export function putAacSequenceHeader(at: usize, config: usize, timestampMs: i64): usize {
  const tag = at;
  const bytes = load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
  at = putTagHeader(at, TAG_AUDIO, AAC_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, AUDIO_FLAGS);
  at = putU8(at, SEQUENCE_HEADER); // AACPacketType
  return endTag(tag, putBytes(at, config + CONFIG_BYTES_OFFSET, bytes)); // AudioSpecificConfig
}

export function putAacTag(at: usize, payload: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  at = putTagHeader(at, TAG_AUDIO, AAC_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, AUDIO_FLAGS);
  at = putU8(at, RAW); // AACPacketType
  return endTag(tag, putBytes(at, payload, bytes));
}
