// Counts ADTS frames in a stream that comes in pieces, ISO/IEC 14496-3 §1.A.2.2. A frame that does not begin with a
// sync word is looked for byte by byte.

import type { AudioCounter } from "../audio-counter.js";
import {
  ADTS_HEADER_SIZE,
  ADTS_SAMPLES_PER_FRAME,
  adtsChannelConfiguration,
  adtsFrameSize,
  adtsRateIndex,
} from "./adts.js";
import { AAC_SAMPLE_RATES } from "./audio-specific-config.js";

export class AdtsCounter implements AudioCounter {
  readonly unit = "ADTS frame";
  /** Complete frames. */
  frames = 0;
  samples = 0;
  /** Bytes that belonged to no frame. */
  strayBytes = 0;
  sampleRate = 0;
  channels = 0;
  #header = Buffer.alloc(ADTS_HEADER_SIZE);
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
      if (this.#headerBytes === ADTS_HEADER_SIZE) this.#takeHeader();
    }
  }

  #takeHeader(): void {
    const header = this.#header;
    const frameBytes = adtsFrameSize(header, 0);
    if (frameBytes === 0) {
      this.strayBytes++;
      header.copyWithin(0, 1);
      this.#headerBytes--;
      return;
    }
    this.sampleRate = AAC_SAMPLE_RATES[adtsRateIndex(header, 0)] ?? 0;
    const configuration = adtsChannelConfiguration(header, 0);
    this.channels = configuration === 7 ? 8 : configuration || 2;
    this.samples += ADTS_SAMPLES_PER_FRAME;
    this.#left = frameBytes - ADTS_HEADER_SIZE;
    this.#headerBytes = 0;
  }
}
