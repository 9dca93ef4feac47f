// Counts Opus packets behind their control headers in a stream that comes in pieces. A packet that does not begin with
// a control header is looked for byte by byte.

import type { AudioCounter } from "../audio-counter.js";
import { OpusControlHeader } from "./control-header.js";
import { OPUS_SAMPLE_RATE } from "./opus-head.js";
import { opusPacketChannels, opusPacketSamples } from "./opus-packet.js";

/** A control header with its longest extension, and the two bytes of the packet that say how long it lasts. */
const HEAD_BYTES = 1024;
const TOC_BYTES = 2;

export class OpusCounter implements AudioCounter {
  readonly unit = "Opus packet";
  frames = 0;
  samples = 0;
  strayBytes = 0;
  channels = 0;
  readonly sampleRate = OPUS_SAMPLE_RATE;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;
  readonly #header = new OpusControlHeader();

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.byteLength - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.frames++;
        continue;
      }
      this.#head[this.#headBytes++] = bytes[at++] ?? 0;
      this.#takeHead();
    }
  }

  #takeHead(): void {
    const header = this.#header;
    const found = header.parse(this.#head, 0, this.#headBytes);
    if (found < 0 && this.#headBytes < HEAD_BYTES) return;
    if (found <= 0) {
      this.strayBytes++;
      this.#head.copyWithin(0, 1, this.#headBytes);
      this.#headBytes--;
      return;
    }
    const { headerBytes, packetBytes } = header;
    if (this.#headBytes < headerBytes + Math.min(TOC_BYTES, packetBytes)) return;
    const second = packetBytes > 1 ? (this.#head[headerBytes + 1] ?? 0) : 0;
    this.samples += opusPacketSamples(this.#head[headerBytes] ?? 0, second);
    this.channels = Math.max(this.channels, opusPacketChannels(this.#head[headerBytes] ?? 0));
    this.#left = headerBytes + packetBytes - this.#headBytes;
    this.#headBytes = 0;
    if (this.#left === 0) this.frames++;
  }
}
