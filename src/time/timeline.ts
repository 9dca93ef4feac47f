// From the clocks of a source to the one timeline of its in-stream (design.md §4).
//
//   wire dts (unwrapped) + the track's offset ─▶ dts90k, which never goes back within a track
//
// Backwards by less than 500 ms is jitter: the frame is clamped to just after its predecessor. More than that, or
// forwards by more than 10 s against the furthest track, is a discontinuity: a new offset splices the timeline. A
// forward jump about as long as the silence before it was real and is kept.
//
// The other tracks take a new offset over when their own clocks follow, so that the tracks of one clock stay together
// however their frames cross. A track whose clock does not follow within 5 s keeps its own offset: a jump of one track
// is one splice, and moves no other track.

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
  /** Added to the wire's clock. */
  offset: Ticks90k;
  last: Ticks90k;
  duration: Ticks90k;
  /** Number of the last splice that it has followed, or that it need not follow any more. */
  followed: number;
}

export class Timeline {
  /** Of the last splice, or of the first frame: where a new track begins. */
  #offset: Ticks90k = 0;
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
    // The timeline begins at 0 with the first frame; a track that starts a little earlier is clamped by the
    // containers' own zero.
    if (this.#furthest === Number.NEGATIVE_INFINITY) this.#offset = -wireDts90k;
    if (!state) {
      state = {
        offset: this.#offset,
        last: Number.NEGATIVE_INFINITY,
        duration: DEFAULT_DURATION_90K,
        followed: this.#splices,
      };
      this.#tracks[track] = state;
    }
    if (state.followed !== this.#splices) this.#follow(state, wireDts90k);
    let dts = wireDts90k + state.offset;
    const cause = this.#discontinuity(state, dts, nowMs);
    if (cause) {
      const known = this.#offsetOfOthers(state, wireDts90k, nowMs);
      if (known === undefined) dts = this.#splice(cause, track, state, dts);
      else {
        state.offset = known;
        dts = wireDts90k + known;
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

  /** A track has jumped since this one's last frame: has this one's clock made the same jump? */
  #follow(state: TrackClock, wireDts90k: Ticks90k): void {
    if (this.#isStraggler(state, wireDts90k)) {
      if (this.#furthest - this.#splicedAt >= STRAGGLER_90K) state.followed = this.#splices;
      return;
    }
    state.followed = this.#splices;
    state.offset = this.#offset;
  }

  /** True where its own offset continues the track better than that of the last splice. */
  #isStraggler(state: TrackClock, wireDts90k: Ticks90k): boolean {
    if (state.last === Number.NEGATIVE_INFINITY) return false;
    const old = wireDts90k + state.offset;
    if (old <= state.last - JITTER_90K || old >= this.#furthest + JITTER_90K) return false;
    const expected = state.last + state.duration;
    return Math.abs(old - expected) < Math.abs(wireDts90k + this.#offset - expected);
  }

  /** The offset of another track with which the frame is no discontinuity: its clock went back to theirs. */
  #offsetOfOthers(state: TrackClock, wireDts90k: Ticks90k, nowMs: Millis): Ticks90k | undefined {
    for (const other of this.#tracks) {
      if (!other || other === state || other.offset === state.offset) continue;
      if (!this.#discontinuity(state, wireDts90k + other.offset, nowMs)) return other.offset;
    }
    return undefined;
  }

  #splice(cause: Splice["cause"], track: number, state: TrackClock, dts: Ticks90k): Ticks90k {
    // Behind the track's own last frame, and not far behind the other tracks where it has lagged.
    const target = Math.max(this.#floor(state), this.#furthest - STRAGGLER_90K) + state.duration;
    this.#placed.splice = { cause, track, dts90k: target, jump90k: dts - target };
    state.offset += target - dts;
    this.#offset = state.offset;
    this.#splicedAt = target;
    state.followed = ++this.#splices;
    return target;
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
