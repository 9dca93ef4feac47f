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
    const candidates = this.candidates;
    let candidateCount = this.candidateCount;
    for (let i = 0; i < count; i++) {
      const word = source[from + i] as number;
      words[to + i] = word;
      // A byte of the word is zero: the borrow trick of Hacker's Delight §6-1.
      if (((word - 0x01010101) & ~word & 0x80808080) !== 0) candidates[candidateCount++] = to + i;
    }
    this.candidateCount = candidateCount;
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
