// Counts Opus packets behind their control headers in a stream that comes in pieces.

import type { AudioCounter } from "../audio-counter.js";
import { FrameCounter, MORE, NO_HEAD } from "../frame-counter.js";
import { OpusControlHeader } from "./control-header.js";
import { OPUS_SAMPLE_RATE } from "./opus-head.js";
import { opusPacketChannels, opusPacketSamples } from "./opus-packet.js";

/** A control header with its longest extension, and the two bytes of the packet that say how long it lasts. */
const HEAD_BYTES = 1024;
const TOC_BYTES = 2;

export class OpusCounter extends FrameCounter implements AudioCounter {
  readonly unit = "Opus packet";
  readonly sampleRate = OPUS_SAMPLE_RATE;
  channels = 0;
  readonly #header = new OpusControlHeader();

  constructor() {
    super(HEAD_BYTES);
  }

  protected override readHead(head: Buffer, headBytes: number): number {
    const header = this.#header;
    const found = header.parse(head, 0, headBytes);
    if (found < 0) return MORE;
    if (found === 0) return NO_HEAD;
    const controlBytes = header.headerBytes;
    const { packetBytes } = header;
    if (headBytes < controlBytes + Math.min(TOC_BYTES, packetBytes)) return MORE;
    const second = packetBytes > 1 ? (head[controlBytes + 1] ?? 0) : 0;
    this.samples += opusPacketSamples(head[controlBytes] ?? 0, second);
    this.channels = Math.max(this.channels, opusPacketChannels(head[controlBytes] ?? 0));
    return controlBytes + packetBytes;
  }
}
