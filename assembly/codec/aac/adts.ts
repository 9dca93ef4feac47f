// ADTS headers in front of raw AAC, ISO/IEC 13818-7 §6.2 (MPEG-4 flavour, ISO/IEC 14496-3 §1.A.2.2). ADTS knows the AAC
// core only: HE-AAC goes out with the rate and profile of its core and is found by the decoder in the access unit
// (implicit signalling).

import {
  CONFIG_CHANNELS_OFFSET,
  CONFIG_OBJECT_TYPE_OFFSET,
  CONFIG_RATE_INDEX_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
} from "../../../src/abi/decoder-config";
import { putU8, putU16, putU32 } from "../../io/bytes";

export const ADTS_HEADER_SIZE: u32 = 7;
/** aac_frame_length has 13 bits and counts the header. */
export const ADTS_MAX_PAYLOAD: u32 = 8191 - ADTS_HEADER_SIZE;
/**
 * id_syn_ele of a program_config_element, the upper three bits of the frame that opens with it (ISO/IEC 14496-3 Table
 * 4.85).
 */
const ID_PCE: u32 = 5;
const RATE_COUNT: u32 = 13;
const RATES = memory.data<u32>([
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
]);

/** sampling_frequency_index: that of the configuration, or, where the rate is written out, the nearest. */
function rateIndex(config: usize): u32 {
  const index = load<u32>(config, CONFIG_RATE_INDEX_OFFSET);
  if (index < RATE_COUNT) return index;
  const rate = <i32>load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  let nearest: u32 = 0;
  let distance = i32.MAX_VALUE;
  for (let i: u32 = 0; i < RATE_COUNT; i++) {
    const d = abs<i32>(<i32>load<u32>(RATES + (i << 2)) - rate);
    if (d < distance) {
      distance = d;
      nearest = i;
    }
  }
  return nearest;
}

/** Of what ADTS can say (`adtsCanSay`). `payload` has at least one byte. */
export function putAdtsHeader(at: usize, config: usize, payload: usize, payloadBytes: u32): usize {
  const objectType = load<u32>(config, CONFIG_OBJECT_TYPE_OFFSET);
  const profile = objectType - 1;
  const channels = load<u32>(config, CONFIG_CHANNELS_OFFSET);
  // A frame that begins with a program_config_element describes its channels itself.
  const isDescribed = <u32>load<u8>(payload) >> 5 == ID_PCE;
  const channelConfiguration: u32 = isDescribed ? 0 : channels == 8 ? 7 : channels & 7;
  const frameLength = payloadBytes + ADTS_HEADER_SIZE;
  at = putU16(at, 0xfff1); // syncword, ID = MPEG-4, layer, protection_absent
  // profile_ObjectType (2), sampling_frequency_index (4), private_bit, channel_configuration (3), original_copy, home,
  // 2 copyright bits, aac_frame_length (13), the upper 5 of adts_buffer_fullness: 0x7ff, variable rate
  const described = (profile << 30) | (rateIndex(config) << 26) | (channelConfiguration << 22);
  at = putU32(at, described | (frameLength << 5) | 0x1f);
  return putU8(at, 0xfc); // the other 6 bits of adts_buffer_fullness, number_of_raw_data_blocks_in_frame − 1
}
