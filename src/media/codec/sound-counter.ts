// Counts frames whose heads have one length.

import type { AudioCounter } from "./audio-counter.js";
import type { CodecName } from "./codec-entry.js";
import { FrameCounter, MORE, NO_HEAD } from "./frame-counter.js";
import type { SoundHeader } from "./sound-header.js";

export class SoundCounter extends FrameCounter implements AudioCounter {
  readonly unit: string;
  codec: CodecName | undefined;
  sampleRate = 0;
  channels = 0;
  readonly #header: SoundHeader;

  constructor(header: SoundHeader) {
    super(header.headerBytes);
    this.#header = header;
    this.unit = header.unit;
  }

  protected override readHead(head: Buffer, headBytes: number): number {
    const header = this.#header;
    if (headBytes < header.headerBytes) return MORE;
    if (!header.parse(head, 0)) return NO_HEAD;
    if (!header.isContinuation) {
      this.codec = header.codec;
      this.samples += header.samples;
      this.sampleRate = header.sampleRate;
      this.channels = header.channels;
    }
    return Math.max(header.sizeBytes, headBytes);
  }

  protected override get framesPerHead(): 0 | 1 {
    return this.#header.isContinuation ? 0 : 1;
  }
}
