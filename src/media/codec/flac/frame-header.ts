// How long a frame of FLAC lasts: the block size bits of its header, RFC 9639 §9.1.1.
//
//   | sync 15, blocking strategy | block size 4, rate 4 | channels 4, bits 3, 0 | coded number, 1 to 7 bytes |
//   | (block size − 1, 8 or 16) |

const SYNC = 0xfff8;
const FIXED_BYTES = 4;
const SIZE_IN_8_BITS = 6;
const SIZE_IN_16_BITS = 7;

/** Samples of the frame in [at, end); 0 where none begins there. */
export function flacFrameSamples(bytes: Uint8Array, at: number, end: number): number {
  if (end - at <= FIXED_BYTES || ((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) & 0xfffe) !== SYNC) return 0;
  const code = (bytes[at + 2] ?? 0) >> 4;
  if (code === 0) return 0;
  if (code === 1) return 192;
  if (code < SIZE_IN_8_BITS) return 144 << code;
  if (code > SIZE_IN_16_BITS) return 1 << code;
  // As in UTF-8, ones in front of the first zero say how many bytes the number has.
  const ones = Math.clz32(~((bytes[at + FIXED_BYTES] ?? 0) << 24));
  const next = at + FIXED_BYTES + Math.max(1, ones);
  const sizeBytes = code - SIZE_IN_8_BITS + 1;
  if (next + sizeBytes > end) return 0;
  return 1 + (sizeBytes === 1 ? (bytes[next] ?? 0) : ((bytes[next] ?? 0) << 8) | (bytes[next + 1] ?? 0));
}
