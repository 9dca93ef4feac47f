// Counts frames by their headers in a stream that comes in pieces. A frame that does not begin with a header is looked
// for byte by byte.

import type { AudioCounter } from "./audio-counter.js";
import type { CodecName } from "./codec-entry.js";
import type { SoundHeader } from "./sound-header.js";

export class SoundCounter implements AudioCounter {
  readonly unit: string;
  codec: CodecName | undefined;
  /** Access units. */
  frames = 0;
  samples = 0;
  strayBytes = 0;
  sampleRate = 0;
  channels = 0;
  readonly #header: SoundHeader;
  readonly #head: Buffer;
  #headBytes = 0;
  #left = 0;

  constructor(header: SoundHeader) {
    this.#header = header;
    this.unit = header.unit;
    this.#head = Buffer.alloc(header.headerBytes);
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.byteLength - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0 && !this.#header.isContinuation) this.frames++;
        continue;
      }
      this.#head[this.#headBytes++] = bytes[at++] ?? 0;
      if (this.#headBytes === this.#head.byteLength) this.#takeHead();
    }
  }

  #takeHead(): void {
    const header = this.#header;
    if (!header.parse(this.#head, 0)) {
      this.strayBytes++;
      this.#head.copyWithin(0, 1);
      this.#headBytes--;
      return;
    }
    if (!header.isContinuation) {
      this.codec = header.codec;
      this.samples += header.samples;
      this.sampleRate = header.sampleRate;
      this.channels = header.channels;
    }
    this.#left = Math.max(0, header.sizeBytes - this.#headBytes);
    this.#headBytes = 0;
    if (this.#left === 0 && !header.isContinuation) this.frames++;
  }
}
