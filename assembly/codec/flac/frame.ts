// How long a frame of FLAC lasts: the block size bits of its header, RFC 9639 §9.1.1.
//
//   | sync 15, blocking strategy | block size 4, rate 4 | channels 4, bits 3, 0 | coded number, 1 to 7 bytes |
//   | (block size − 1, 8 or 16) |

const CODED_NUMBER_AT: u32 = 4;
const SIZE_IN_A_BYTE: u32 = 6;
const SIZE_IN_TWO_BYTES: u32 = 7;

/** 0 where the frame does not say. */
export function flacFrameSamples(payload: usize, size: u32): u32 {
  if (size <= CODED_NUMBER_AT) return 0;
  const code = <u32>load<u8>(payload, 2) >> 4;
  if (code == 0) return 0;
  if (code == 1) return 192;
  if (code < SIZE_IN_A_BYTE) return 576 << (code - 2);
  if (code > SIZE_IN_TWO_BYTES) return 256 << (code - 8);
  // As in UTF-8, the leading ones of the first byte say how many bytes the number has; none says one.
  const ones = clz<u32>(~(<u32>load<u8>(payload, CODED_NUMBER_AT) << 24));
  const at = CODED_NUMBER_AT + max<u32>(ones, 1);
  if (size < at + 2) return 0;
  const first = <u32>load<u8>(payload + at);
  return 1 + (code == SIZE_IN_A_BYTE ? first : (first << 8) | <u32>load<u8>(payload + at, 1));
}
