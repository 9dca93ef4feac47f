// A source inside the process that has as much media as a test wants: ten seconds, over and over, with one IDR a
// second. Each of its pictures is known by its number.

import { once } from "node:events";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { ASC, AVCC, makeMedia } from "./test-media.js";

const ROUND_MS = 10_000;
/** Of a picture that is no IDR; an IDR has four times as many. Some 0.7 Mb/s. */
const PICTURE_BYTES = 3000;

let round: ReturnType<typeof makeMedia> | undefined;

/** Made once for all sources. */
function framesOfRound(): ReturnType<typeof makeMedia> {
  round ??= makeMedia({
    durationMs: ROUND_MS,
    video: { config: 0, gopFrames: 25, sizeBytes: PICTURE_BYTES },
    audio: { config: 0 },
  });
  return round;
}

export class LoopedSource {
  #next = 0;

  constructor(readonly stream: InStream) {
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
  }

  /** What it writes in a range of its time. */
  framesBetween(fromMs: number, toMs: number): ReturnType<typeof makeMedia> {
    const frames: ReturnType<typeof makeMedia> = [];
    for (let at = Math.floor(fromMs / ROUND_MS); at * ROUND_MS < toMs; at++)
      for (const frame of framesOfRound()) {
        const dts90k = frame.dts90k + at * ROUND_MS * 90;
        if (dts90k >= fromMs * 90 && dts90k < toMs * 90) frames.push({ ...frame, dts90k });
      }
    return frames;
  }

  /** Writes the next frames, up to that time, as fast as they are taken. */
  async writeUpTo(mediaMs: number): Promise<void> {
    const frames = framesOfRound();
    for (;;) {
      const frame = frames[this.#next % frames.length];
      if (!frame) return;
      const dts90k = frame.dts90k + Math.floor(this.#next / frames.length) * ROUND_MS * 90;
      if (dts90k >= mediaMs * 90 || this.stream.ended) return;
      const { track, payload, ctsOffset90k = 0, isRandomAccess = false } = frame;
      if (this.stream.writeFrame(track, payload, dts90k, ctsOffset90k, isRandomAccess)) this.#next++;
      else await once(this.stream, "room");
    }
  }
}
