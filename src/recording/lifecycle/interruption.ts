// What a recording misses between a failure and its restart: every loss is an entry (design.md §4), also that of frames
// nobody was there to take.

import type { Feed } from "../../stream/feed.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import { TICKS_PER_MS, type Ticks90k } from "../../time/units.js";

/** Frames and their payload. Of a place: what the stream has had in front of it, of the tracks that are recorded. */
export interface Amount {
  frames: number;
  bytes: number;
}

/** Where a recording was interrupted. */
export class Interruption {
  readonly #from: Amount;
  readonly #dts90k: Ticks90k;

  constructor(
    readonly stream: InStream,
    index: number,
    private readonly hasAudio: boolean,
    /** Frames behind its place that were recorded before it. */
    hasTaken: (track: number, index: number) => boolean = () => false,
    /** What it reads, where that is not the stream's own ring. */
    feed: Feed = stream,
  ) {
    stream.look();
    this.#from = amountBefore(stream, feed, index, hasAudio, hasTaken);
    this.#dts90k = feed.ring.frameAt(index)?.dts90k ?? feed.newest90k;
  }

  /** Frames behind its place that were recorded after all, or whose loss is an entry of its own. */
  exclude({ frames, bytes }: Amount): void {
    this.#from.frames += frames;
    this.#from.bytes += bytes;
  }

  /** The gap up to a ring index that a cursor still holds; `dts90k` is where its successor began. */
  until(index: number, dts90k: Ticks90k = this.stream.newest90k): Gap {
    this.stream.look();
    const to = amountBefore(this.stream, this.stream, index, this.hasAudio, () => false);
    return this.#gap(to.frames, to.bytes, dts90k);
  }

  /** The gap up to the place of another one. */
  untilPlace(end: Interruption): Gap {
    return this.#gap(end.#from.frames, end.#from.bytes, end.#dts90k);
  }

  /** The gap up to the end of the stream. */
  untilEnd(): Gap {
    const all = totalOf(this.stream, this.stream, this.hasAudio);
    return this.#gap(all.frames, all.bytes, this.stream.newest90k);
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

function totalOf(stream: InStream, feed: Feed, hasAudio: boolean): Amount {
  const total = { frames: 0, bytes: 0 };
  feed.statistics.forEach((track, index) => {
    if (stream.kindOf(index) === "audio" && !hasAudio) return;
    total.frames += track.frames;
    total.bytes += track.bytes;
  });
  return total;
}

function amountBefore(
  stream: InStream,
  feed: Feed,
  index: number,
  hasAudio: boolean,
  hasTaken: (track: number, index: number) => boolean,
): Amount {
  const position = totalOf(stream, feed, hasAudio);
  for (let frame = feed.ring.frameAt(index); frame; frame = feed.ring.frameAt(frame.next)) {
    if (stream.kindOf(frame.track) === "audio" && !hasAudio) continue;
    if (hasTaken(frame.track, frame.index)) continue;
    position.frames--;
    position.bytes -= frame.sizeBytes;
  }
  return position;
}
