// The frame counter of each way in which MPEG-TS frames sound. Pictures have none: their access units are PES packets.

import { AdtsCounter } from "./aac/adts-counter.js";
import { LatmCounter } from "./aac/latm-counter.js";
import { Ac3Header } from "./ac3/ac3-header.js";
import { Eac3Header } from "./ac3/eac3-header.js";
import type { AudioCounter } from "./audio-counter.js";
import type { TsFraming } from "./codec-entry.js";
import { MpegAudioHeader } from "./mpeg-audio/mpeg-audio-header.js";
import { OpusCounter } from "./opus/opus-counter.js";
import { SoundCounter } from "./sound-counter.js";

const COUNTERS: Readonly<Record<TsFraming, (() => AudioCounter) | null>> = {
  h264: null,
  h265: null,
  adts: () => new AdtsCounter(),
  latm: () => new LatmCounter(),
  opus: () => new OpusCounter(),
  mpegAudio: () => new SoundCounter(new MpegAudioHeader()),
  ac3: () => new SoundCounter(new Ac3Header()),
  eac3: () => new SoundCounter(new Eac3Header()),
};

export function newAudioCounter(framing: TsFraming | undefined): AudioCounter | undefined {
  return framing && COUNTERS[framing]?.();
}
