// Counts frames by their heads in a stream that comes in pieces. What does not begin with a head is passed over byte by
// byte, until one is found.

/** The head is longer than what is there of it. */
export const MORE = -1;
/** No frame begins here. */
export const NO_HEAD = 0;

export abstract class FrameCounter {
  /** Complete ones. */
  frames = 0;
  /** Samples of all frames that have begun. */
  samples = 0;
  /** Bytes that belonged to no frame. */
  strayBytes = 0;
  readonly #head: Buffer;
  #headBytes = 0;
  #left = 0;

  /** `headBytes`: of the longest head that there is. */
  constructor(headBytes: number) {
    this.#head = Buffer.alloc(headBytes);
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.byteLength - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.frames += this.framesPerHead;
        continue;
      }
      this.#head[this.#headBytes++] = bytes[at++] ?? 0;
      this.#takeHead();
    }
  }

  /** Bytes of the frame whose head begins `head`, head included; MORE, NO_HEAD. Takes note of what the head says. */
  protected abstract readHead(head: Buffer, headBytes: number): number;

  /** Frames behind the head that was read last; 0 where it belongs to the one before it. */
  protected get framesPerHead(): number {
    return 1;
  }

  #takeHead(): void {
    const frameBytes = this.readHead(this.#head, this.#headBytes);
    if (frameBytes === MORE && this.#headBytes < this.#head.byteLength) return;
    if (frameBytes <= 0) {
      this.strayBytes++;
      this.#head.copyWithin(0, 1, this.#headBytes);
      this.#headBytes--;
      return;
    }
    this.#left = Math.max(0, frameBytes - this.#headBytes);
    this.#headBytes = 0;
    if (this.#left === 0) this.frames += this.framesPerHead;
  }
}
