// The sample record of an MP4 journal (src/abi/mp4.ts): 32 bytes per access unit that hold all an index needs to know
// of it.

import {
  SAMPLE_BYTES_OFFSET,
  SAMPLE_CHECK_OFFSET,
  SAMPLE_CTS_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_FLAGS_OFFSET,
  SAMPLE_POSITION_OFFSET,
} from "../../../src/abi/mp4";

const SEED: u64 = 0x9e3779b97f4a7c15;
const MULTIPLIER: u64 = 0xff51afd7ed558ccd; // finalizer of MurmurHash3: spreads every bit over the upper half

// @ts-ignore: decorator
@inline
function mixed(mix: u64, word: u64): u64 {
  mix = (mix ^ word) * MULTIPLIER;
  return mix ^ (mix >> 33);
}

/**
 * Mixes all fields but the last; not zero for a record of zeros. Word by word, without a loop: it runs for every sample
 * of a finish.
 */
// @ts-ignore: decorator
@inline
export function sampleCheck(record: usize): u32 {
  let mix = mixed(SEED, load<u64>(record, SAMPLE_DTS_OFFSET));
  mix = mixed(mix, load<u64>(record, SAMPLE_POSITION_OFFSET));
  mix = mixed(mix, load<u64>(record, SAMPLE_BYTES_OFFSET)); // and ctsOffset90k
  return <u32>(((mix ^ <u64>load<u32>(record, SAMPLE_FLAGS_OFFSET)) * MULTIPLIER) >> 32);
}

export function writeSampleRecord(
  record: usize,
  dts90k: i64,
  position: i64,
  bytes: u32,
  ctsOffset90k: i32,
  flags: u32,
): void {
  store<i64>(record, dts90k, SAMPLE_DTS_OFFSET);
  store<i64>(record, position, SAMPLE_POSITION_OFFSET);
  store<u32>(record, bytes, SAMPLE_BYTES_OFFSET);
  store<i32>(record, ctsOffset90k, SAMPLE_CTS_OFFSET);
  store<u32>(record, flags, SAMPLE_FLAGS_OFFSET);
  store<u32>(record, sampleCheck(record), SAMPLE_CHECK_OFFSET);
}
