// Counts the access units of LATM in LOAS, in a stream that comes in pieces, ISO/IEC 14496-3 §1.7.

import type { AudioCounter } from "../audio-counter.js";
import { FrameCounter, MORE, NO_HEAD } from "../frame-counter.js";
import { AudioMuxReader, LOAS_HEADER_SIZE, loasFrameSize, MAX_LOAS_FRAME_SIZE } from "./latm.js";

export class LatmCounter extends FrameCounter implements AudioCounter {
  readonly unit = "LOAS frame";
  sampleRate = 0;
  channels = 0;
  readonly #reader = new AudioMuxReader();

  constructor() {
    super(MAX_LOAS_FRAME_SIZE);
  }

  /** A frame is read as a whole: where its configuration ends, and how many access units it has, stands in it. */
  protected override readHead(head: Buffer, headBytes: number): number {
    if (headBytes < LOAS_HEADER_SIZE) return MORE;
    const frameBytes = loasFrameSize(head, 0);
    if (frameBytes === 0) return NO_HEAD;
    if (headBytes < frameBytes) return MORE;
    const reader = this.#reader;
    if (!reader.read(head, LOAS_HEADER_SIZE, frameBytes) || !reader.config) return NO_HEAD;
    const { audio } = reader.config;
    this.sampleRate = audio.sampleRate;
    this.channels = audio.channels;
    this.samples += reader.payloads * audio.samplesPerFrame;
    return frameBytes;
  }

  protected override get framesPerHead(): number {
    return this.#reader.payloads;
  }
}
