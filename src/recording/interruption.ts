// What a recording misses between a failure and its restart: every loss is an entry (design.md §4), also that of frames nobody was there to take.

import { TRACK_AUDIO } from "../abi/frame.js";
import type { Gap } from "../stream/gap.js";
import type { InStream } from "../stream/in-stream.js";
import { TICKS_PER_MS, type Ticks90k } from "../time/units.js";

interface Position {
  /** Frames and payload bytes of the stream in front of this place, of the tracks that are recorded. */
  frames: number;
  bytes: number;
}

/** Where a recording was interrupted. */
export class Interruption {
  readonly #from: Position;
  readonly #dts90k: Ticks90k;

  constructor(
    readonly stream: InStream,
    index: number,
    private readonly hasAudio: boolean,
  ) {
    this.#from = positionOf(stream, index, hasAudio);
    this.#dts90k = stream.ring.frameAt(index)?.dts90k ?? Math.max(0, ...stream.lastDts90k);
  }

  /** The gap up to a ring index, in front of which a successor has written `taken`. */
  until(index: number, taken: Position, dts90k: Ticks90k): Gap {
    const to = positionOf(this.stream, index, this.hasAudio);
    return this.#gap(to.frames - taken.frames, to.bytes - taken.bytes, dts90k);
  }

  /** The gap up to the end of the stream. */
  untilEnd(): Gap {
    const all = totalOf(this.stream, this.hasAudio);
    return this.#gap(all.frames, all.bytes, Math.max(0, ...this.stream.lastDts90k));
  }

  #gap(toFrames: number, toBytes: number, toDts90k: Ticks90k): Gap {
    return {
      cause: "writeFailed",
      track: null,
      dtsMs: this.#dts90k / TICKS_PER_MS,
      durationMs: Math.max(0, toDts90k - this.#dts90k) / TICKS_PER_MS,
      frames: toFrames - this.#from.frames,
      bytes: toBytes - this.#from.bytes,
    };
  }
}

function totalOf(stream: InStream, hasAudio: boolean): Position {
  const total = { frames: 0, bytes: 0 };
  stream.statistics.forEach((track, index) => {
    if (index === TRACK_AUDIO && !hasAudio) return;
    total.frames += track.frames;
    total.bytes += track.bytes;
  });
  return total;
}

function positionOf(stream: InStream, index: number, hasAudio: boolean): Position {
  const position = totalOf(stream, hasAudio);
  for (let frame = stream.ring.frameAt(index); frame; frame = stream.ring.frameAt(frame.next)) {
    if (frame.track === TRACK_AUDIO && !hasAudio) continue;
    position.frames--;
    position.bytes -= frame.sizeBytes;
  }
  return position;
}
