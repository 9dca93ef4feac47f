// AAC access units, ISO/IEC 14496-3: what a decoder configuration says of their duration.

import { CONFIG_SAMPLE_RATE_OFFSET, CONFIG_SAMPLES_PER_FRAME_OFFSET } from "../../src/abi/decoder-config";

/** Nominal duration of an access unit: 1024 (or 960) samples at the core's rate. */
export function accessUnitDuration90k(config: usize): i64 {
  return (<i64>load<u32>(config, CONFIG_SAMPLES_PER_FRAME_OFFSET) * 90000) / <i64>max<u32>(load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET), 1);
}
