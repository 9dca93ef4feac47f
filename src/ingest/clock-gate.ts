// Holds a source's frames while the clock of one of its tracks is being judged (`src/time/track-clocks.ts`), and lets
// them go on with the times that they get: all tracks together, in the order of these times, because muxers want their
// tracks side by side. What belongs behind a frame that is held waits with it.

import type { ClockFinding } from "../time/track-clocks.js";
import { TrackClocks } from "../time/track-clocks.js";
import type { Millis, Ticks90k } from "../time/units.js";
import type { Held, Waiting } from "./waiting.js";

/** Two seconds at 16 Mb/s: what comes beyond is let through by the evidence that there is. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** What an entry takes besides its payload: without it, empty ones would never fill the queue. */
const ENTRY_BYTES = 256;
/** A track that falls silent while it is judged holds the others no longer than this. */
const PATIENCE_MS = 4000;

export interface ClockGateEvents {
  /** Goes on behind the gate: a frame with its time, or what had waited with it. */
  pass(waiting: Waiting): void;
  found(finding: ClockFinding): void;
}

interface Queued {
  readonly track: number;
  waiting: Waiting;
}

export class ClockGate {
  readonly #clocks: TrackClocks;
  readonly #events: ClockGateEvents;
  /** As they came. */
  #queue: Queued[] = [];
  /** By track: those of the queue that still wait for their time. */
  #open: Queued[][] = [];
  /** When the first of the queue came. */
  #sinceMs: Millis = 0;
  #heldBytes = 0;

  constructor(events: ClockGateEvents, isClockShared: boolean) {
    this.#events = events;
    this.#clocks = new TrackClocks(
      { found: (finding) => events.found(finding), release: (track, times) => this.#setTimes(track, times) },
      isClockShared,
    );
  }

  /** The time of a frame that needs no judging, else NaN: then `take` has it. */
  steady(track: number, wire90k: Ticks90k, lastArrivalMs: Millis): Ticks90k {
    return this.#clocks.steady(track, wire90k, lastArrivalMs);
  }

  /** What is added to the wire's clock of the track. */
  shift90k(track: number): Ticks90k {
    return this.#clocks.shift90k(track);
  }

  /** The frame goes on, now or later; its payload is its own. */
  take(frame: Held, nowMs: Millis): void {
    const { track } = frame;
    const dts90k = this.#clocks.judge(track, frame.dts90k, nowMs);
    const isOpen = dts90k === undefined;
    const waiting: Waiting = { kind: "frame", frame: isOpen ? frame : { ...frame, dts90k } };
    if (this.#queue.length === 0 && !isOpen) {
      this.#events.pass(waiting);
      return;
    }
    const queued = this.#enqueue(track, waiting, frame.payload.byteLength, nowMs);
    if (isOpen) {
      this.#open[track] ??= [];
      this.#open[track].push(queued);
    }
    this.#keepBounds(nowMs);
    if (!this.#clocks.isHolding) this.#flush();
  }

  /** True where it must wait behind frames, and does. */
  holdBehind(track: number, waiting: Waiting, nowMs: Millis): boolean {
    if (this.#queue.length === 0) return false;
    this.#enqueue(track, waiting, waiting.kind === "config" ? waiting.bytes.byteLength : 0, nowMs);
    this.#keepBounds(nowMs);
    if (!this.#clocks.isHolding) this.#flush();
    return true;
  }

  end(nowMs: Millis): void {
    this.#clocks.end(nowMs);
    this.#flush();
  }

  #enqueue(track: number, waiting: Waiting, payloadBytes: number, nowMs: Millis): Queued {
    const queued: Queued = { track, waiting };
    if (this.#queue.length === 0) this.#sinceMs = nowMs;
    this.#queue.push(queued);
    this.#heldBytes += payloadBytes + ENTRY_BYTES;
    return queued;
  }

  /** The queue has an end, in bytes and in time, whatever the tracks do. */
  #keepBounds(nowMs: Millis): void {
    if (this.#heldBytes > MAX_HELD_BYTES || nowMs - this.#sinceMs > PATIENCE_MS) this.#clocks.force(nowMs);
  }

  #setTimes(track: number, times: readonly Ticks90k[]): void {
    const open = this.#open[track] ?? [];
    this.#open[track] = [];
    for (const [i, queued] of open.entries()) {
      if (queued.waiting.kind !== "frame") continue;
      const { frame } = queued.waiting;
      queued.waiting = { kind: "frame", frame: { ...frame, dts90k: times[i] ?? frame.dts90k } };
    }
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#heldBytes = 0;
    for (const { waiting } of inOrderOfTime(queue)) this.#events.pass(waiting);
  }
}

/** By time, with every track in its own order: a frame that goes back counts as its predecessor does. */
function inOrderOfTime(queue: readonly Queued[]): Queued[] {
  const last: Ticks90k[] = [];
  const keyed = queue.map((queued) => {
    const { track, waiting } = queued;
    const own90k = waiting.kind === "frame" ? waiting.frame.dts90k : Number.NEGATIVE_INFINITY;
    const key = Math.max(last[track] ?? Number.NEGATIVE_INFINITY, own90k);
    last[track] = key;
    return { queued, key };
  });
  // -Infinity less itself is no number: such entries keep their place.
  return keyed.sort((a, b) => a.key - b.key || 0).map(({ queued }) => queued);
}
