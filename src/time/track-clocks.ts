// The clocks of a source's tracks, before they become one timeline (design.md §4). RTMP gives each track times of its
// own; encoders exist that take them from clocks hours apart, or from one that stands still.
//
//   steady ─▶ the time to go on with                      what nearly every frame does: one step of 0 to 500 ms
//        └──▶ judge ─▶ the time, or the frame is held ─▶ release: the times of all frames that were held
//
// A track is held where its frames show
//   more than 3 s between what DTS minus arrival is here and on another track: after 2 s without a frame that
//     contradicts, the track is moved, once. A burst ends within 3 s of the others, and nothing is moved. Tracks that
//     share a clock (MPEG-TS) are never moved.
//   no step at all: after 2 s they get times of arrival, as all do from there on until the clock has run for 2 s. A
//     clock that goes on before has its frames spread over the step.

import { TrackClock } from "./track-clock.js";
import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "./units.js";

const STEADY_STEP_90K = TICKS_PER_SECOND / 2;
/** Real publishers jitter by up to 2 s. */
const OFFSET_90K = 3 * TICKS_PER_SECOND;
/** How much the difference may change while it is judged: more is a burst that is still under way. */
const SPREAD_90K = 5 * TICKS_PER_SECOND;
const EVIDENCE_MS = 2000;
/** A burst that does not end is let through as it is. */
const PATIENCE_MS = 4000;
const FEW_FRAMES = 5;
/** So many frames in a row that go back a little are jitter, and pass. */
const JITTER_FRAMES = 3;
/** A step up to this is shared among the frames that had stood before it. */
const SHARED_STEP_90K = 10 * TICKS_PER_SECOND;

export interface ClockFinding {
  cause: "clockOffset" | "stuckClock";
  track: number;
  /** How far the track's clock lay from the others; how long it stood. */
  duration90k: Ticks90k;
}

export interface ClockEvents {
  found(finding: ClockFinding): void;
  /** The times of the frames of the track that were held, in their order. */
  release(track: number, times: readonly Ticks90k[]): void;
}

export class TrackClocks {
  #tracks: TrackClock[] = [];
  /** Tracks whose distance to the others is being judged. */
  #judging = 0;
  /** Tracks of which frames are held. */
  #holding = 0;

  constructor(
    private readonly events: ClockEvents,
    /** The tracks share one clock. */
    private readonly isShared: boolean,
  ) {}

  /**
   * The time of a frame that is one usual step behind its predecessor; NaN where it must be judged. `lastArrivalMs`: of
   * the frame before it, of any track.
   */
  steady(track: number, wire90k: Ticks90k, lastArrivalMs: Millis): Ticks90k {
    const clock = this.#tracks[track];
    if (clock === undefined || !clock.isPlain || this.#holding !== 0) return Number.NaN;
    const step = wire90k - clock.wire90k;
    if (!(step > 0 && step <= STEADY_STEP_90K)) return Number.NaN;
    clock.wire90k = wire90k;
    clock.arrivalMs = lastArrivalMs;
    return wire90k + clock.shift90k;
  }

  /**
   * The time of any frame; undefined where it is held. Frames that are released come before it: `release` is called
   * meanwhile.
   */
  judge(track: number, wire90k: Ticks90k, nowMs: Millis): Ticks90k | undefined {
    // A time that the demuxer does not know is left to whoever can.
    if (Number.isNaN(wire90k)) return wire90k;
    let clock = this.#tracks[track];
    const isFirst = clock === undefined;
    if (!clock) {
      clock = new TrackClock(track, wire90k, nowMs);
      this.#tracks[track] = clock;
    }
    const dts90k = this.#timeOf(clock, wire90k, nowMs, isFirst);
    const wasSuspected = clock.suspicion !== undefined;
    if (this.#judging > 0) this.#judgeOthers(clock, nowMs);
    if (dts90k !== undefined) return dts90k;
    if (wasSuspected && !clock.suspicion) return clock.dts90k;
    if (clock.held.length === 0) this.#holding++;
    clock.hold(wire90k, nowMs);
    return undefined;
  }

  get isHolding(): boolean {
    return this.#holding > 0;
  }

  /** What is added to the wire's clock of the track. */
  shift90k(track: number): Ticks90k {
    return this.#tracks[track]?.shift90k ?? 0;
  }

  /** All frames that are held go on: the evidence that there is must do. */
  force(nowMs: Millis): void {
    for (const clock of this.#tracks) {
      if (clock?.suspicion) this.#endSuspicion(clock, clock.suspicion.isConclusive(1, 1));
      else if (clock && clock.held.length > 0) this.#endStanding(clock, nowMs);
    }
  }

  /** The source is over. */
  end(nowMs: Millis): void {
    this.force(nowMs);
    for (const clock of this.#tracks) if (clock) this.#tellRest(clock);
  }

  #timeOf(clock: TrackClock, wire90k: Ticks90k, nowMs: Millis, isFirst: boolean): Ticks90k | undefined {
    const step = isFirst ? Number.NaN : wire90k - clock.wire90k;
    if (clock.arrivals) return this.#arrivalTime(clock, wire90k, nowMs);
    if (clock.suspicion) {
      clock.meet(wire90k, nowMs);
      return undefined;
    }
    if (step <= 0 && step > -STEADY_STEP_90K) return this.#standing(clock, wire90k, nowMs);
    this.#runsAgain(clock, wire90k);
    clock.meet(wire90k, nowMs);
    if (step > 0 && step <= STEADY_STEP_90K) return clock.dts90k;
    if (this.#isFarOff(clock)) {
      clock.suspect(nowMs);
      this.#judging++;
      return undefined;
    }
    return clock.dts90k;
  }

  // What DTS minus arrival says.

  #isFarOff(clock: TrackClock): boolean {
    if (this.isShared) return false;
    const other = this.#reference(clock);
    return other !== undefined && Math.abs(clock.lead90k - other.lead90k) > OFFSET_90K;
  }

  /** The track that came last of those whose clocks are not in doubt. */
  #reference(clock: TrackClock): TrackClock | undefined {
    let newest: TrackClock | undefined;
    for (const other of this.#tracks) {
      if (!other || other === clock || other.suspicion) continue;
      if (!newest || other.arrivalMs > newest.arrivalMs) newest = other;
    }
    return newest;
  }

  /** `clock` has a new frame: what does that say of the tracks that are judged? */
  #judgeOthers(clock: TrackClock, nowMs: Millis): void {
    for (const suspect of this.#tracks) {
      const suspicion = suspect?.suspicion;
      const other = suspect && this.#reference(suspect);
      if (!suspicion || !other || (clock !== suspect && clock !== other)) continue;
      suspicion.meet(suspect.lead90k, other.lead90k, clock === suspect);
      if (Math.abs(suspect.lead90k - other.lead90k) <= OFFSET_90K) this.#endSuspicion(suspect, false);
      else if (suspicion.spread90k > SPREAD_90K) suspicion.restart(nowMs);
      else if (nowMs - suspicion.sinceMs >= EVIDENCE_MS) this.#endSuspicion(suspect, suspicion.isConclusive(2, 1));
      if (suspect.suspicion && nowMs - suspicion.beganMs >= PATIENCE_MS) this.#endSuspicion(suspect, false);
    }
  }

  #endSuspicion(clock: TrackClock, isGuilty: boolean): void {
    const distance90k = clock.suspicion?.distance90k ?? 0;
    clock.suspicion = undefined;
    this.#judging--;
    if (isGuilty) {
      clock.move(-Math.round(distance90k));
      this.events.found({ cause: "clockOffset", track: clock.track, duration90k: distance90k });
    }
    this.#release(
      clock,
      clock.held.map(({ wire90k }) => wire90k + clock.shift90k),
    );
  }

  // A clock that stands still.

  #standing(clock: TrackClock, wire90k: Ticks90k, nowMs: Millis): Ticks90k | undefined {
    clock.equalFrames++;
    if (wire90k < clock.wire90k && clock.held.length === 0 && clock.equalFrames <= JITTER_FRAMES)
      return wire90k + clock.shift90k;
    if (nowMs - clock.arrivalMs < EVIDENCE_MS || clock.equalFrames < FEW_FRAMES) return undefined;
    this.#stands(clock, nowMs);
    return this.#arrivalTime(clock, wire90k, nowMs);
  }

  /** Short of the evidence that is wanted: a bundle of frames is none, a second of them is. */
  #endStanding(clock: TrackClock, nowMs: Millis): void {
    const isLong = nowMs - clock.arrivalMs >= EVIDENCE_MS / 2 && clock.equalFrames >= FEW_FRAMES;
    if (isLong) this.#stands(clock, nowMs);
    else
      this.#release(
        clock,
        clock.held.map(() => clock.dts90k),
      );
  }

  /** The frames that were held get the times of their arrival, and so will those that follow. */
  #stands(clock: TrackClock, nowMs: Millis): void {
    const arrivals = clock.followArrivals(nowMs);
    this.events.found({
      cause: "stuckClock",
      track: clock.track,
      duration90k: (nowMs - clock.arrivalMs) * TICKS_PER_MS,
    });
    clock.toldMs = nowMs;
    this.#release(
      clock,
      clock.held.map(({ arrivalMs }) => arrivals.nextCounted(arrivals.at(arrivalMs), arrivals.at(nowMs))),
    );
  }

  /** It went on before there was enough evidence: the frames that had stood share the step. */
  #runsAgain(clock: TrackClock, wire90k: Ticks90k): void {
    clock.equalFrames = 0;
    if (clock.held.length === 0) return;
    const step = wire90k - clock.wire90k;
    const shared = step > 0 && step <= SHARED_STEP_90K ? step : 0;
    const parts = clock.held.length + 1;
    this.#release(
      clock,
      clock.held.map((_, i) => clock.dts90k + Math.round((shared * (i + 1)) / parts)),
    );
  }

  #arrivalTime(clock: TrackClock, wire90k: Ticks90k, nowMs: Millis): Ticks90k {
    const dts90k = clock.nextByArrival(wire90k, nowMs);
    if (!clock.arrivals || clock.isReturning) this.#tellRest(clock);
    else if (Number.isNaN(clock.toldMs)) clock.toldMs = nowMs;
    return dts90k;
  }

  /** How long it stood after it was first told. */
  #tellRest(clock: TrackClock): void {
    if (Number.isNaN(clock.toldMs)) return;
    const duration90k = (clock.arrivalMs - clock.toldMs) * TICKS_PER_MS;
    clock.toldMs = Number.NaN;
    if (duration90k > 0) this.events.found({ cause: "stuckClock", track: clock.track, duration90k });
  }

  #release(clock: TrackClock, times: Ticks90k[]): void {
    if (clock.held.length === 0) return;
    clock.held = [];
    this.#holding--;
    this.events.release(clock.track, times);
  }
}
