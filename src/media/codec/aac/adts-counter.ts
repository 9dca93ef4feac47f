// Counts ADTS frames in a stream that comes in pieces, ISO/IEC 14496-3 §1.A.2.2.

import type { AudioCounter } from "../audio-counter.js";
import { FrameCounter, MORE, NO_HEAD } from "../frame-counter.js";
import {
  ADTS_HEADER_SIZE,
  ADTS_SAMPLES_PER_FRAME,
  adtsChannelConfiguration,
  adtsFrameSize,
  adtsRateIndex,
} from "./adts.js";
import { AAC_SAMPLE_RATES } from "./audio-specific-config.js";

export class AdtsCounter extends FrameCounter implements AudioCounter {
  readonly unit = "ADTS frame";
  sampleRate = 0;
  channels = 0;

  constructor() {
    super(ADTS_HEADER_SIZE);
  }

  protected override readHead(head: Buffer, headBytes: number): number {
    if (headBytes < ADTS_HEADER_SIZE) return MORE;
    const frameBytes = adtsFrameSize(head, 0);
    if (frameBytes === 0) return NO_HEAD;
    this.sampleRate = AAC_SAMPLE_RATES[adtsRateIndex(head, 0)] ?? 0;
    const configuration = adtsChannelConfiguration(head, 0);
    this.channels = configuration === 7 ? 8 : configuration || 2;
    this.samples += ADTS_SAMPLES_PER_FRAME;
    return frameBytes;
  }
}
