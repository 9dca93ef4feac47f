// Scratch memory in which the bytes of a video stream are put together. While copying, whole words are tested for a zero byte, so that the start
// codes (00 00 01, ITU-T H.264 Annex B) are later sought only where one can begin: coded pictures have few zero bytes.
//
//   base            marks of PES packets           end
//   | access unit … | access unit … | unfinished … |
//
// `base` is 0 to 3, chosen so that source and destination have the same alignment and the copy goes by words. Grows by bytes received.

const INITIAL_SIZE = 128 * 1024;

export class AnnexBScratch {
  words = new Int32Array(INITIAL_SIZE / 4);
  bytes = new Uint8Array(this.words.buffer);
  base = 0;
  end = 0;
  /** Words that hold a zero byte, or were not tested: indices in rising order. */
  candidates = new Int32Array(INITIAL_SIZE / 4);
  candidateCount = 0;

  /** Empties the scratch; the next bytes will come from an offset of this alignment. */
  reset(alignment: number): void {
    this.base = alignment & 3;
    this.end = this.base;
    this.candidateCount = 0;
  }

  get sizeBytes(): number {
    return this.end - this.base;
  }

  /** `input` and `inputWords` are views of the same memory. */
  append(input: Uint8Array, inputWords: Int32Array, start: number, end: number): void {
    const size = end - start;
    if (this.end + size > this.bytes.byteLength) this.#grow(this.end + size);
    let from = start;
    let to = this.end;
    if (((from ^ to) & 3) === 0) {
      if ((to & 3) !== 0 && from < end) {
        this.#mark(to >> 2);
        while ((to & 3) !== 0 && from < end) this.bytes[to++] = input[from++] as number;
      }
      const wordCount = (end - from) >> 2;
      this.#appendWords(inputWords, from >> 2, to >> 2, wordCount);
      from += wordCount * 4;
      to += wordCount * 4;
      if (from < end) this.#mark(to >> 2);
      while (from < end) this.bytes[to++] = input[from++] as number;
    } else {
      for (let word = to >> 2; word < (to + size + 3) >> 2; word++) this.#mark(word);
      const bytes = this.bytes;
      while (from < end) bytes[to++] = input[from++] as number;
    }
    this.end = to;
  }

  #appendWords(source: Int32Array, from: number, to: number, count: number): void {
    const words = this.words;
    let i = 0;
    // A word has a zero byte only where (word - 0x01010101) & ~word & 0x80808080 is not 0 (the borrow trick of Hacker's Delight §6-1). Four words a
    // turn, tested together: a third faster than one by one.
    for (; i + 4 <= count; i += 4) {
      const a = source[from + i] as number;
      const b = source[from + i + 1] as number;
      const c = source[from + i + 2] as number;
      const d = source[from + i + 3] as number;
      words[to + i] = a;
      words[to + i + 1] = b;
      words[to + i + 2] = c;
      words[to + i + 3] = d;
      if (((((a - 0x01010101) & ~a) | ((b - 0x01010101) & ~b) | ((c - 0x01010101) & ~c) | ((d - 0x01010101) & ~d)) & 0x80808080) !== 0)
        this.#testWords(to + i, to + i + 4);
    }
    for (; i < count; i++) words[to + i] = source[from + i] as number;
    this.#testWords(to + (count & ~3), to + count);
  }

  #testWords(start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const word = this.words[i] as number;
      if (((word - 0x01010101) & ~word & 0x80808080) !== 0) this.candidates[this.candidateCount++] = i;
    }
  }

  #mark(word: number): void {
    if (this.candidateCount === 0 || this.candidates[this.candidateCount - 1] !== word) this.candidates[this.candidateCount++] = word;
  }

  /** Drops what lies before `from` and moves the rest to the front, all of it to be searched again. */
  discardBefore(from: number): void {
    const base = from & 3;
    this.bytes.copyWithin(base, from, this.end);
    this.end = base + (this.end - from);
    this.base = base;
    this.candidateCount = 0;
    for (let word = 0; word < (this.end + 3) >> 2; word++) this.candidates[this.candidateCount++] = word;
  }

  #grow(wanted: number): void {
    let size = this.bytes.byteLength;
    while (size < wanted) size *= 2;
    const words = new Int32Array(size / 4);
    words.set(this.words);
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
    const candidates = new Int32Array(size / 4);
    candidates.set(this.candidates);
    this.candidates = candidates;
  }
}
