// Holds a source's frames while the clock of one of its tracks is being judged (`src/time/track-clocks.ts`), and lets
// them go on with the times that they get: all tracks together, in the order of these times, because muxers want their
// tracks side by side. What belongs behind a frame that is held waits with it.

import type { ClockFinding } from "../time/track-clocks.js";
import { TrackClocks } from "../time/track-clocks.js";
import type { Millis, Ticks90k } from "../time/units.js";
import type { Held, Waiting } from "./waiting.js";

/** Two seconds at 16 Mb/s: what comes beyond is let through by the evidence that there is. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;

export interface ClockGateEvents {
  /** Goes on behind the gate: a frame with its time, or what had waited with it. */
  pass(waiting: Waiting): void;
  found(finding: ClockFinding): void;
}

interface Queued {
  track: number;
  waiting: Waiting;
  /** The frame still waits for its time. */
  isOpen: boolean;
}

export class ClockGate {
  readonly #clocks: TrackClocks;
  readonly #events: ClockGateEvents;
  /** As they came. */
  #queue: Queued[] = [];
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
    this.#queue.push({ track, waiting, isOpen });
    this.#heldBytes += frame.payload.byteLength;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#clocks.force(nowMs);
    if (!this.#clocks.isHolding) this.#flush();
  }

  /** True where it must wait behind frames, and does. */
  holdBehind(track: number, waiting: Waiting): boolean {
    if (this.#queue.length === 0) return false;
    this.#queue.push({ track, waiting, isOpen: false });
    return true;
  }

  end(nowMs: Millis): void {
    this.#clocks.end(nowMs);
    this.#flush();
  }

  #setTimes(track: number, times: readonly Ticks90k[]): void {
    let frames = 0;
    for (const queued of this.#queue) {
      if (queued.track !== track || !queued.isOpen || queued.waiting.kind !== "frame") continue;
      const { frame } = queued.waiting;
      queued.waiting = { kind: "frame", frame: { ...frame, dts90k: times[frames++] ?? frame.dts90k } };
      queued.isOpen = false;
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
