// How long a frame of E-AC-3 lasts: numblkscod of its header, ETSI TS 102 366 annex E.1.2.

const SAMPLES_PER_BLOCK: u32 = 256;
const HALF_RATE: u32 = 3;

export function eac3FrameSamples(payload: usize, size: u32): u32 {
  if (size < 6) return 0;
  const format = <u32>load<u8>(payload, 4);
  const blocks = (format >> 4) & 3;
  return (format >> 6 == HALF_RATE || blocks == 3 ? 6 : blocks + 1) * SAMPLES_PER_BLOCK;
}
