// The frame counter of each way in which MPEG-TS frames sound. Pictures have none: their access units are PES packets.

import { AdtsCounter } from "./aac/adts-counter.js";
import type { AudioCounter } from "./audio-counter.js";
import type { TsFraming } from "./codec-entry.js";
import { OpusCounter } from "./opus/opus-counter.js";

const COUNTERS: Readonly<Record<TsFraming, (() => AudioCounter) | null>> = {
  annexB: null,
  adts: () => new AdtsCounter(),
  opus: () => new OpusCounter(),
};

export function newAudioCounter(framing: TsFraming | undefined): AudioCounter | undefined {
  return framing && COUNTERS[framing]?.();
}
