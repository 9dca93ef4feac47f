// A source inside the process: video with one IDR a second and AAC, written into an in-stream at once or in real time.
// What it wrote is known, for the oracle.

import { once } from "node:events";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { ASC, AVCC, makeMedia } from "./test-media.js";

const FRAME_MS = 40;

export class LiveSource {
  readonly #frames: ReturnType<typeof makeMedia>;
  #next = 0;
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Frames written. */
  readonly written = { video: 0, audio: 0 };
  /** Time of the last frame written, in media time. */
  sentMs = 0;

  constructor(
    readonly stream: InStream,
    /** As much media as it can give. */
    durationMs = 60_000,
  ) {
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    this.#frames = makeMedia({
      durationMs,
      video: { config: 0, frameMs: FRAME_MS, gopFrames: 25 },
      audio: { config: 0 },
    });
  }

  /** Writes the next frames, up to that time, as fast as they are taken. */
  async writeUpTo(mediaMs: number): Promise<void> {
    for (;;) {
      const frame = this.#frames[this.#next];
      if (!frame || frame.dts90k >= mediaMs * 90 || this.stream.ended) return;
      if (
        !this.stream.writeFrame(
          frame.track,
          frame.payload,
          frame.dts90k,
          frame.ctsOffset90k ?? 0,
          frame.isRandomAccess ?? false,
        )
      ) {
        await once(this.stream, "room");
        continue;
      }
      this.#next++;
      this.sentMs = frame.dts90k / 90;
      if (frame.track === TRACK_VIDEO) this.written.video++;
      else this.written.audio++;
    }
  }

  /** Goes on in real time until `stop`. */
  run(): void {
    this.#startedMs = performance.now();
    this.#timer = setInterval(() => void this.writeUpTo(performance.now() - this.#startedMs), FRAME_MS);
  }

  stop(reason = "test"): void {
    clearInterval(this.#timer);
    this.stream.end(reason);
  }
}
