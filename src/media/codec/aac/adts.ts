// ADTS headers, ISO/IEC 14496-3 §1.A.2.2: what an ingest assembles by and a repair counts by.
//
//   fixed:    | syncword 12 | ID 1 | layer 2 | protection_absent 1 | profile 2 | rate 4 | private 1 | channels 3 | …
//   variable: | … copyright 2 | aac_frame_length 13 | buffer_fullness 11 | raw data blocks - 1 2 |   28 bits each

import { AAC_SAMPLE_RATES } from "./audio-specific-config.js";

export const ADTS_HEADER_SIZE = 7;
export const ADTS_SAMPLES_PER_FRAME = 1024;
const CRC_SIZE = 2;

/** Bytes of header and CRC in front of the raw data block. */
export function adtsHeaderSize(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 1] as number) & 1) !== 0 ? ADTS_HEADER_SIZE : ADTS_HEADER_SIZE + CRC_SIZE;
}

/** aac_frame_length, or 0 where these seven bytes are no header. */
export function adtsFrameSize(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xff || ((bytes[at + 1] as number) & 0xf6) !== 0xf0) return 0; // syncword, layer 0
  if (adtsRateIndex(bytes, at) >= AAC_SAMPLE_RATES.length) return 0;
  const size =
    (((bytes[at + 3] as number) & 3) << 11) | ((bytes[at + 4] as number) << 3) | ((bytes[at + 5] as number) >> 5);
  return size > adtsHeaderSize(bytes, at) ? size : 0;
}

/**
 * Everything that stays the same from frame to frame, the 28 bits of adts_fixed_header: the home bit is the last but
 * one before the lengths.
 */
export function adtsFixedHeader(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 20) |
      ((bytes[at + 1] as number) << 12) |
      ((bytes[at + 2] as number) << 4) |
      ((bytes[at + 3] as number) >> 4)) &
    ~0x3
  );
}

/** The audio object type: profile + 1. */
export function adtsObjectType(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 2] as number) >> 6) + 1;
}

export function adtsRateIndex(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 2] as number) >> 2) & 15;
}

export function adtsChannelConfiguration(bytes: Uint8Array, at: number): number {
  return (((bytes[at + 2] as number) & 1) << 2) | ((bytes[at + 3] as number) >> 6);
}

/** Raw data blocks in the frame. */
export function adtsBlockCount(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 6] as number) & 3) + 1;
}
