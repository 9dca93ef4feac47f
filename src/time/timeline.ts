// From the clocks of a source to the one timeline of its in-stream (design.md §4).
//
//   wire dts (unwrapped) + offset ─▶ dts90k, which never goes back within a track
//
// Backwards by less than 500 ms is jitter: the frame is clamped to just after its predecessor. More than that, or forwards by more than 10 s
// against the furthest track, is a discontinuity: one offset for all tracks splices the timeline. A forward jump about as long as the silence
// before it was real and is kept. Stragglers that still carry the old clock right after a splice are placed by the offset before it.

import { type Clock, type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "./units.js";

const JITTER_90K = TICKS_PER_SECOND / 2;
const FORWARD_JUMP_90K = 10 * TICKS_PER_SECOND;
/** How long after a splice a frame of the old clock is believed to be a straggler. */
const STRAGGLER_90K = 5 * TICKS_PER_SECOND;
/** Nominal duration of a frame before any was seen: 25 fps. */
const DEFAULT_DURATION_90K = 3600;

export interface Splice {
  cause: "backwardJump" | "forwardJump";
  track: number;
  /** Where on the timeline the spliced frame now lies. */
  dts90k: Ticks90k;
  /** What the wire's clock did, signed. */
  jump90k: Ticks90k;
}

export interface Placed {
  dts90k: Ticks90k;
  clamped: boolean;
  splice: Splice | undefined;
}

interface TrackClock {
  last: Ticks90k;
  duration: Ticks90k;
}

export class Timeline {
  #clock: Clock;
  #offset: Ticks90k = 0;
  #previousOffset: Ticks90k = 0;
  #splicedAt: Ticks90k = Number.NEGATIVE_INFINITY;
  #tracks: (TrackClock | undefined)[] = [];
  #furthest: Ticks90k = Number.NEGATIVE_INFINITY;
  #lastArrivalMs: Millis = 0;
  /** Time for which we ourselves kept the source waiting since the last frame; it is not the source's silence. */
  #heldBackMs: Millis = 0;
  #placed: Placed = { dts90k: 0, clamped: false, splice: undefined };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The source was kept waiting by us. */
  heldBack(ms: Millis): void {
    this.#heldBackMs += ms;
  }

  /** Places a frame. The returned object is reused by the next call. */
  place(track: number, wireDts90k: Ticks90k): Placed {
    const placed = this.#placed;
    placed.clamped = false;
    placed.splice = undefined;
    const now = this.#clock.monotonicMs();
    let state = this.#tracks[track];
    if (this.#furthest === Number.NEGATIVE_INFINITY) {
      // The timeline begins at 0 with the first frame; a track that starts a little earlier is clamped by the containers' own zero.
      this.#offset = -wireDts90k;
      this.#previousOffset = this.#offset;
    }
    if (!state) {
      state = { last: Number.NEGATIVE_INFINITY, duration: DEFAULT_DURATION_90K };
      this.#tracks[track] = state;
    }
    let dts = wireDts90k + this.#offset;
    const floor = state.last === Number.NEGATIVE_INFINITY ? this.#furthest : state.last;
    const isBack =
      floor !== Number.NEGATIVE_INFINITY && dts <= floor - JITTER_90K && (state.last !== Number.NEGATIVE_INFINITY || dts < floor - FORWARD_JUMP_90K);
    const isAhead = this.#furthest !== Number.NEGATIVE_INFINITY && dts > this.#furthest + FORWARD_JUMP_90K;
    if (isBack || (isAhead && !this.#wasSilent(dts - this.#furthest, now))) {
      const old = wireDts90k + this.#previousOffset;
      if (this.#furthest - this.#splicedAt < STRAGGLER_90K && old > floor - JITTER_90K && old < this.#furthest + JITTER_90K) {
        dts = old;
      } else {
        const target = Math.max(floor, this.#furthest - STRAGGLER_90K) + state.duration;
        placed.splice = { cause: isBack ? "backwardJump" : "forwardJump", track, dts90k: target, jump90k: dts - target };
        this.#previousOffset = this.#offset;
        this.#offset += target - dts;
        this.#splicedAt = target;
        dts = target;
      }
    }
    if (state.last !== Number.NEGATIVE_INFINITY) {
      if (dts <= state.last) {
        dts = state.last + 1;
        placed.clamped = true;
      } else if (dts - state.last <= TICKS_PER_SECOND) state.duration = dts - state.last;
    }
    state.last = dts;
    if (dts > this.#furthest) this.#furthest = dts;
    this.#lastArrivalMs = now;
    this.#heldBackMs = 0;
    placed.dts90k = dts;
    return placed;
  }

  /** True where the jump is about as long as the silence before it (a paused source, a time-lapse). */
  #wasSilent(jump90k: Ticks90k, now: Millis): boolean {
    const silenceMs = now - this.#lastArrivalMs - this.#heldBackMs;
    const jumpMs = jump90k / TICKS_PER_MS;
    return silenceMs > jumpMs * 0.8 - 500 && silenceMs < jumpMs * 1.25 + 500;
  }
}
