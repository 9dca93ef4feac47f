// From the clocks of a source to the one timeline of its in-stream (design.md §4).
//
//   wire dts (unwrapped) + offset ─▶ dts90k, which never goes back within a track
//
// Backwards by less than 500 ms is jitter: the frame is clamped to just after its predecessor. More than that, or
// forwards by more than 10 s against the furthest track, is a discontinuity: one offset for all tracks splices the
// timeline. A forward jump about as long as the silence before it was real and is kept. After a splice each track is
// placed by the offset before it until its own clock has followed: the frames of the tracks cross on their way, and a
// straggler of the old clock would otherwise be a second discontinuity.

import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "./units.js";

const JITTER_90K = TICKS_PER_SECOND / 2;
const FORWARD_JUMP_90K = 10 * TICKS_PER_SECOND;
/** How long after a splice a track may still carry the old clock. */
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
  /** Number of the splice that its clock has followed. */
  followed: number;
}

export class Timeline {
  #offset: Ticks90k = 0;
  #previousOffset: Ticks90k = 0;
  #splicedAt: Ticks90k = Number.NEGATIVE_INFINITY;
  #splices = 0;
  #tracks: (TrackClock | undefined)[] = [];
  #furthest: Ticks90k = Number.NEGATIVE_INFINITY;
  #lastArrivalMs: Millis = 0;
  /** Time for which we ourselves kept the source waiting since the last frame; it is not the source's silence. */
  #heldBackMs: Millis = 0;
  #placed: Placed = { dts90k: 0, clamped: false, splice: undefined };

  /** The source was kept waiting by us. */
  heldBack(ms: Millis): void {
    this.#heldBackMs += ms;
  }

  /** Places a frame that arrived at `nowMs`, monotonic. The returned object is reused by the next call. */
  place(track: number, wireDts90k: Ticks90k, nowMs: Millis): Placed {
    const placed = this.#placed;
    placed.clamped = false;
    placed.splice = undefined;
    let state = this.#tracks[track];
    if (this.#furthest === Number.NEGATIVE_INFINITY) {
      // The timeline begins at 0 with the first frame; a track that starts a little earlier is clamped by the
      // containers' own zero.
      this.#offset = -wireDts90k;
      this.#previousOffset = this.#offset;
    }
    if (!state) {
      state = { last: Number.NEGATIVE_INFINITY, duration: DEFAULT_DURATION_90K, followed: this.#splices };
      this.#tracks[track] = state;
    }
    let dts = wireDts90k + this.#offset;
    if (this.#isStraggler(state, wireDts90k)) dts = wireDts90k + this.#previousOffset;
    else {
      state.followed = this.#splices;
      const cause = this.#discontinuity(state, dts, nowMs);
      if (cause) {
        // Behind the track's own last frame, and not far behind the other tracks where it has lagged.
        const target = Math.max(this.#floor(state), this.#furthest - STRAGGLER_90K) + state.duration;
        placed.splice = { cause, track, dts90k: target, jump90k: dts - target };
        this.#previousOffset = this.#offset;
        this.#offset += target - dts;
        this.#splicedAt = target;
        state.followed = ++this.#splices;
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
    this.#lastArrivalMs = nowMs;
    this.#heldBackMs = 0;
    placed.dts90k = dts;
    return placed;
  }

  /** What a frame of the track is measured against: its predecessor, for the first one the other tracks. */
  #floor(state: TrackClock): Ticks90k {
    return state.last === Number.NEGATIVE_INFINITY ? this.#furthest : state.last;
  }

  /** True where the clock of before the last splice continues the track better than the one since. */
  #isStraggler(state: TrackClock, wireDts90k: Ticks90k): boolean {
    if (state.followed === this.#splices || state.last === Number.NEGATIVE_INFINITY) return false;
    if (this.#furthest - this.#splicedAt >= STRAGGLER_90K) return false;
    const old = wireDts90k + this.#previousOffset;
    if (old <= state.last - JITTER_90K || old >= this.#furthest + JITTER_90K) return false;
    const expected = state.last + state.duration;
    return Math.abs(old - expected) < Math.abs(wireDts90k + this.#offset - expected);
  }

  #discontinuity(state: TrackClock, dts90k: Ticks90k, nowMs: Millis): Splice["cause"] | undefined {
    if (this.#furthest === Number.NEGATIVE_INFINITY) return undefined;
    const isFirst = state.last === Number.NEGATIVE_INFINITY;
    // The first frame of a track may lie behind the other tracks: what lags on the way is no jump of the clock.
    if (dts90k <= this.#floor(state) - (isFirst ? FORWARD_JUMP_90K : JITTER_90K)) return "backwardJump";
    const ahead90k = dts90k - this.#furthest;
    return ahead90k > FORWARD_JUMP_90K && !this.#wasSilent(ahead90k, nowMs) ? "forwardJump" : undefined;
  }

  /** True where the jump is about as long as the silence before it (a paused source, a time-lapse). */
  #wasSilent(jump90k: Ticks90k, nowMs: Millis): boolean {
    const silenceMs = nowMs - this.#lastArrivalMs - this.#heldBackMs;
    const jumpMs = jump90k / TICKS_PER_MS;
    return silenceMs > jumpMs * 0.8 - 500 && silenceMs < jumpMs * 1.25 + 500;
  }
}
