// Brings a recording what its stream has spilled to disk: read back stretch by stretch into a ring of the recording's
// own, frame by frame as they lay in the stream's ring, and on from that ring until nothing is left between them. Then
// the recording hangs its cursor on the stream's ring, and this is gone.
//
//   stretch ─read─▶ own ring ─drain─▶ file        own ring empty, place in the stream's ring ─▶ `liveIndex`
//
// Where the place in the past is lost (no room, a hole) it goes on at the next point that is kept, or that comes, and
// the gap is told.

import type { Arena } from "../../arena/arena.js";
import { CopiedFrames } from "../../arena/copied-frames.js";
import { FrameRing } from "../../arena/frame-ring.js";
import type { FrameHeader } from "../../arena/ring-producer.js";
import { ReelError } from "../../base/reel-error.js";
import type { Cursor } from "../../stream/cursor.js";
import type { Feed } from "../../stream/feed.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import type { Past } from "../../stream/past.js";
import type { PastPlace } from "../../stream/past-place.js";
import { growRing } from "../../stream/ring-growth.js";
import { countBefore, type Stretch } from "../../stream/spilled-past.js";
import { TICKS_PER_MS, type Ticks90k } from "../../time/units.js";

export interface ReplayRings {
  readonly ringBytes: number;
  readonly maxRingBytes: number;
}

export interface ReplayParts {
  readonly arena: Arena;
  readonly stream: InStream;
  readonly place: PastPlace;
  readonly rings: ReplayRings;
  readonly cursor: Cursor;
  readonly hasAudio: boolean;
  /** There may be more to drain. */
  readonly onReady: () => void;
  readonly onGap: (gap: Gap) => void;
}

export class Replay implements Feed {
  readonly ring: FrameRing;
  /** Of the stream in front of the head of the ring. */
  statistics: { frames: number; bytes: number }[];
  newest90k: Ticks90k;
  /** The next frame wants more room than there is. */
  isFull = false;
  /** Everything up to the end is in the ring. */
  hasEnded = false;
  readonly #parts: ReplayParts;
  readonly #past: Past;
  readonly #place: PastPlace;
  #loaded: { stretch: Stretch; frames: CopiedFrames; isTaken: boolean } | undefined;
  #isLoading = false;
  /** Of the stretch that is loaded, or is being. */
  #loadedBytes = 0;
  #isClosed = false;
  /** Where it ends: index of the stream's ring, and what the stream had brought by then. */
  #end: { head: number; brought: Brought } | undefined;
  /** Bytes of the past up to the end. */
  #left = Number.POSITIVE_INFINITY;

  constructor(parts: ReplayParts) {
    const { stream, place, arena, rings } = parts;
    this.#parts = parts;
    this.#past = stream.keptPast as Past;
    // There may be no memory for it: nothing is held then.
    this.ring = new FrameRing(arena, rings.ringBytes);
    this.#place = this.#past.again(place);
    this.statistics = this.#amountsAt(this.#place);
    this.newest90k = this.#dtsAt(this.#place);
  }

  /** Where the recording goes on in the stream's ring, once it has drained all; undefined before that. */
  get liveIndex(): number | undefined {
    const { stretch, isLost, index } = this.#place;
    const isEmpty = this.#parts.cursor.tail() === this.ring.head;
    return isEmpty && !stretch && !isLost && !this.hasEnded ? index : undefined;
  }

  /** All that the stream has brought is in the ring. */
  get isCaughtUp(): boolean {
    return !this.#place.stretch && !this.#place.isLost && this.#place.bytesTo(this.#parts.stream.ring.head) === 0;
  }

  /** Nothing behind what the stream has brought by now. */
  endHere(): void {
    const { stream } = this.#parts;
    this.#end = { head: stream.ring.head, brought: broughtBy(stream) };
    this.#left = this.#leftAtPlace();
  }

  #leftAtPlace(): number {
    if (!this.#end) return Number.POSITIVE_INFINITY;
    const { head } = this.#parts.stream.ring;
    return this.#place.bytesTo(head) - ((head - this.#end.head) >>> 0);
  }

  /** As much as there is room for. */
  feed(): void {
    if (this.#isClosed || this.hasEnded) return;
    this.ring.setTail(this.#parts.cursor.tail());
    this.isFull = false;
    for (;;) {
      if (this.#place.isLost && !this.#relocate()) return;
      const { stretch } = this.#place;
      if (this.#left <= 0) {
        this.hasEnded = true;
        return;
      }
      if (!stretch) {
        if (!this.#feedFromRing()) return;
      } else if (this.#loaded?.stretch !== stretch) {
        void this.#load(stretch);
        return;
      } else if (!this.#feedFromStretch(this.#loaded)) return;
    }
  }

  /** The past need not keep anything for it any more. */
  close(): void {
    this.#isClosed = true;
    this.#unload();
    this.#place.release();
  }

  /** No kernel reads its ring any more. */
  free(): void {
    this.close();
    this.ring.free();
  }

  /** False where it must wait. */
  #feedFromStretch(loaded: { stretch: Stretch; frames: CopiedFrames; isTaken: boolean }): boolean {
    const { stretch, frames } = loaded;
    for (;;) {
      if (loaded.isTaken && !frames.next()) break;
      loaded.isTaken = false;
      const index = (stretch.index + frames.offset) >>> 0;
      this.#advance(index);
      if (this.#left <= 0) return true;
      if (!this.#take(frames.header, frames.sizeBytes, (to) => this.#parts.arena.u8.set(frames.payload, to)))
        return false;
      loaded.isTaken = true;
      this.#advance((stretch.index + frames.end) >>> 0);
      if (this.#left <= 0) return true;
    }
    this.#unload();
    this.#advance((stretch.index + stretch.sizeBytes) >>> 0);
    this.#place.leaveStretch();
    return true;
  }

  /** False where it must wait: no room, or nothing there as yet. */
  #feedFromRing(): boolean {
    const { stream, arena } = this.#parts;
    const frame = stream.ring.frameAt(this.#place.index);
    if (!frame) {
      // At the end of a stream's last frame.
      if (this.#left !== Number.POSITIVE_INFINITY) this.#left = 0;
      return this.#left <= 0;
    }
    this.#advance(frame.index);
    if (this.#left <= 0) return true;
    if (!this.#take(frame, frame.sizeBytes, (to) => arena.copy(to, frame.payload, frame.sizeBytes))) return false;
    this.#advance(frame.next);
    return true;
  }

  #advance(index: number): void {
    this.#left -= (index - this.#place.index) >>> 0;
    this.#place.index = index;
  }

  /** False where the ring has no room for it. */
  #take(header: FrameHeader, sizeBytes: number, write: (pointer: number) => void): boolean {
    const { cursor, rings } = this.#parts;
    let pointer = this.ring.reserve(sizeBytes);
    if (pointer === 0 && this.ring.heldBytes === 0)
      if (growRing(this.ring, [cursor], sizeBytes, rings.maxRingBytes, () => this.ring.setTail(cursor.tail())))
        pointer = this.ring.reserve(sizeBytes);
    if (pointer === 0) {
      this.isFull = true;
      return false;
    }
    write(pointer);
    this.ring.commit(header, sizeBytes);
    const statistics = this.statistics[header.track];
    if (statistics) {
      statistics.frames++;
      statistics.bytes += sizeBytes;
    }
    if (header.dts90k > this.newest90k) this.newest90k = header.dts90k;
    return true;
  }

  #hold(bytes: number): void {
    this.#past.countRead(bytes - this.#loadedBytes);
    this.#loadedBytes = bytes;
  }

  #unload(): void {
    this.#loaded = undefined;
    this.#hold(0);
  }

  async #load(stretch: Stretch): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    this.#hold(stretch.sizeBytes);
    try {
      const bytes = await stretch.stored?.read();
      if (!bytes) throw new ReelError("closed", "the past is gone");
      if (this.#isClosed) return;
      const frames = new CopiedFrames(bytes, (this.#place.index - stretch.index) >>> 0);
      this.#loaded = { stretch, frames, isTaken: true };
    } catch {
      this.#hold(0);
      // It cannot be read, as if it had been lost: the gap up to the next stretch, or the ring, is told.
      if (this.#place.stretch === stretch) this.#past.giveUp(stretch);
    } finally {
      this.#isLoading = false;
    }
    if (this.#isClosed) return;
    this.feed();
    this.#parts.onReady();
  }

  /** Its place has given way. False where there is none as yet, or none in front of its end. */
  #relocate(): boolean {
    const { stream, hasAudio, onGap } = this.#parts;
    const hasPlace = this.#place.goOn();
    if (!hasPlace && !this.#end && !stream.ended) return false;
    const { statistics: before, newest90k: from90k } = this;
    this.#unload();
    this.#left = hasPlace ? this.#leftAtPlace() : 0;
    this.hasEnded = this.#left <= 0;
    const { statistics, newest90k } = this.hasEnded
      ? (this.#end?.brought ?? broughtBy(stream))
      : { statistics: this.#amountsAt(this.#place), newest90k: this.#dtsAt(this.#place) };
    this.statistics = statistics;
    this.newest90k = newest90k;
    const lost = { frames: 0, bytes: 0 };
    this.statistics.forEach(({ frames, bytes }, track) => {
      if (stream.kindOf(track) === "audio" && !hasAudio) return;
      lost.frames += frames - (before[track]?.frames ?? 0);
      lost.bytes += bytes - (before[track]?.bytes ?? 0);
    });
    const durationMs = Math.max(0, this.newest90k - from90k) / TICKS_PER_MS;
    if (lost.frames > 0) onGap({ cause: "lag", track: null, dtsMs: from90k / TICKS_PER_MS, durationMs, ...lost });
    return !this.hasEnded;
  }

  /** What the stream had brought in front of a place. */
  #amountsAt({ index, stretch }: PastPlace): { frames: number; bytes: number }[] {
    const { stream } = this.#parts;
    const amounts = stream.statistics.map(({ frames, bytes }) => ({ frames, bytes }));
    const { stretches } = this.#past;
    const first = stretch ? stretches.indexOf(stretch) : stretches.length;
    const newest = stretches.at(-1);
    const inRing = stretch && newest ? (newest.index + newest.sizeBytes) >>> 0 : index;
    for (let frame = stream.ring.frameAt(inRing); frame; frame = stream.ring.frameAt(frame.next))
      subtract(amounts[frame.track], { frames: 1, bytes: frame.sizeBytes });
    for (const later of stretches.slice(first)) {
      const point = later === stretch ? later.points.findIndex((one) => one.index === index) : 0;
      for (const [track, amount] of amounts.entries()) {
        const all = countBefore(later, later.points.length, track);
        const before = later === stretch && point >= 0 ? countBefore(later, point, track) : { frames: 0, bytes: 0 };
        subtract(amount, { frames: all.frames - before.frames, bytes: all.bytes - before.bytes });
      }
    }
    return amounts;
  }

  #dtsAt({ index, stretch }: PastPlace): Ticks90k {
    const point = stretch?.points.find((one) => one.index === index);
    return point?.dts90k ?? this.#parts.stream.ring.frameAt(index)?.dts90k ?? this.#parts.stream.newest90k;
  }
}

/** What a stream has brought by now. */
interface Brought {
  readonly statistics: { frames: number; bytes: number }[];
  readonly newest90k: Ticks90k;
}

function broughtBy({ statistics, newest90k }: InStream): Brought {
  return { statistics: statistics.map(({ frames, bytes }) => ({ frames, bytes })), newest90k };
}

function subtract(
  from: { frames: number; bytes: number } | undefined,
  { frames, bytes }: { frames: number; bytes: number },
): void {
  if (!from) return;
  from.frames -= frames;
  from.bytes -= bytes;
}
