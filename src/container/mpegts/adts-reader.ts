// Counts ADTS frames in a stream that comes in pieces, ISO/IEC 14496-3 §1.A.2.2. A frame that does not begin with a
// sync word is looked for byte by byte.

import { AAC_SAMPLE_RATES } from "../../media/codec/aac/audio-specific-config.js";

const HEADER_BYTES = 7;
export const ADTS_SAMPLES_PER_FRAME = 1024;

export class AdtsReader {
  /** Complete frames. */
  frames = 0;
  /** Bytes that belonged to no frame. */
  strayBytes = 0;
  sampleRate = 0;
  channels = 0;
  #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #left = 0;

  /** In the middle of a frame. */
  get isInside(): boolean {
    return this.#left > 0 || this.#headerBytes > 0;
  }

  /** Whatever began is given up. */
  reset(): void {
    this.#left = 0;
    this.#headerBytes = 0;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.byteLength - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.frames++;
        continue;
      }
      this.#header[this.#headerBytes++] = bytes[at++] ?? 0;
      if (this.#headerBytes === HEADER_BYTES) this.#takeHeader();
    }
  }

  #takeHeader(): void {
    const h = this.#header;
    const frameBytes = ((h.readUInt16BE(3) & 0x3ff) << 3) | ((h[5] ?? 0) >> 5);
    const sampleRate = AAC_SAMPLE_RATES[((h[2] ?? 0) >> 2) & 15];
    if ((h.readUInt16BE(0) & 0xfff6) !== 0xfff0 || frameBytes <= HEADER_BYTES || sampleRate === undefined) {
      this.strayBytes++;
      h.copyWithin(0, 1);
      this.#headerBytes--;
      return;
    }
    this.sampleRate = sampleRate;
    const configuration = (((h[2] ?? 0) & 1) << 2) | ((h[3] ?? 0) >> 6);
    this.channels = configuration === 7 ? 8 : configuration || 2;
    this.#left = frameBytes - HEADER_BYTES;
    this.#headerBytes = 0;
  }
}
