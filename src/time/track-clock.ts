// What is known of the clock of one track of a source; `TrackClocks` judges by it.

import { SmoothClock } from "./smooth-clock.js";
import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "./units.js";

/** A clock that stood has run again for so long before it is believed. */
const EVIDENCE_MS = 2000;
const FEW_FRAMES = 5;
/**
 * Within these of the arrivals a clock that runs again is where it would have been, and its own times are taken back.
 */
const BEHIND_90K = TICKS_PER_SECOND / 2;
const AHEAD_90K = 3 * TICKS_PER_SECOND;

interface HeldTime {
  wire90k: Ticks90k;
  arrivalMs: Millis;
}

/** A track that lies far from the others, while it is judged. */
export class Suspicion {
  sinceMs: Millis;
  /** Frames of the track and of the others that were met. */
  #frames = 0;
  #otherFrames = 0;
  /** The frame that was delayed least shows the clock best. */
  #lead90k = Number.NEGATIVE_INFINITY;
  #otherLead90k = Number.NEGATIVE_INFINITY;
  #least90k = Number.POSITIVE_INFINITY;
  #most90k = Number.NEGATIVE_INFINITY;

  constructor(readonly beganMs: Millis) {
    this.sinceMs = beganMs;
  }

  meet(lead90k: Ticks90k, otherLead90k: Ticks90k, isOwn: boolean): void {
    if (isOwn) this.#frames++;
    else this.#otherFrames++;
    this.#lead90k = Math.max(this.#lead90k, lead90k);
    this.#otherLead90k = Math.max(this.#otherLead90k, otherLead90k);
    this.#least90k = Math.min(this.#least90k, lead90k - otherLead90k);
    this.#most90k = Math.max(this.#most90k, lead90k - otherLead90k);
  }

  isConclusive(frames: number, otherFrames: number): boolean {
    return this.#frames >= frames && this.#otherFrames >= otherFrames;
  }

  get spread90k(): Ticks90k {
    return this.#most90k - this.#least90k;
  }

  get distance90k(): Ticks90k {
    return this.#lead90k - this.#otherLead90k;
  }

  restart(nowMs: Millis): void {
    this.sinceMs = nowMs;
    this.#frames = 0;
    this.#otherFrames = 0;
    this.#lead90k = Number.NEGATIVE_INFINITY;
    this.#otherLead90k = Number.NEGATIVE_INFINITY;
    this.#least90k = Number.POSITIVE_INFINITY;
    this.#most90k = Number.NEGATIVE_INFINITY;
  }
}

export class TrackClock {
  /** Added to the wire's clock. */
  shift90k: Ticks90k = 0;
  /**
   * Of the last frame that made a step, and when it arrived. They begin as numbers: V8 makes an object for each number
   * that it puts into a field that was undefined before.
   */
  wire90k: Ticks90k = Number.NaN;
  arrivalMs: Millis = Number.NaN;
  /** Frames since then that made none. */
  equalFrames = 0;
  suspicion: Suspicion | undefined;
  /** Set while the track gets times of arrival. */
  arrivals: SmoothClock | undefined;
  /** Its clock is believed again; the times come back to it by and by. */
  isReturning = false;
  /** Until when it has been told that the clock stands; NaN while it runs. */
  toldMs: Millis = Number.NaN;
  held: HeldTime[] = [];
  // Of a clock that stood: since when it runs again, and from where.
  #runFrames = 0;
  #runMs: Millis = 0;
  #runWire90k: Ticks90k = 0;

  constructor(
    readonly track: number,
    wire90k: Ticks90k,
    nowMs: Millis,
  ) {
    this.wire90k = wire90k;
    this.arrivalMs = nowMs;
  }

  /** It makes steps of its own. */
  get isPlain(): boolean {
    return this.equalFrames === 0 && this.arrivals === undefined;
  }

  /** Of the last frame that made a step. */
  get dts90k(): Ticks90k {
    return this.arrivals ? this.arrivals.dts90k : this.wire90k + this.shift90k;
  }

  /** DTS minus arrival. */
  get lead90k(): Ticks90k {
    return this.dts90k - this.arrivalMs * TICKS_PER_MS;
  }

  meet(wire90k: Ticks90k, nowMs: Millis): void {
    this.wire90k = wire90k;
    this.arrivalMs = nowMs;
  }

  hold(wire90k: Ticks90k, arrivalMs: Millis): void {
    this.held.push({ wire90k, arrivalMs });
  }

  suspect(nowMs: Millis): void {
    this.suspicion = new Suspicion(nowMs);
  }

  move(by90k: Ticks90k): void {
    this.shift90k += by90k;
  }

  followArrivals(nowMs: Millis): SmoothClock {
    const firstMs = this.held[0]?.arrivalMs ?? nowMs;
    this.arrivals = new SmoothClock(this.dts90k, this.arrivalMs, this.equalFrames, firstMs, nowMs);
    this.#startRun(this.wire90k, nowMs);
    return this.arrivals;
  }

  /** The time of the next frame while the clock stands, and while it comes back. */
  nextByArrival(wire90k: Ticks90k, nowMs: Millis): Ticks90k {
    const arrivals = this.arrivals as SmoothClock;
    const step = wire90k - this.wire90k;
    this.meet(wire90k, nowMs);
    if (step <= 0) {
      this.isReturning = false;
      this.#startRun(wire90k, nowMs);
    } else this.#runFrames++;
    if (this.isReturning) return this.#comeBack(arrivals, step);
    const due90k = arrivals.at(nowMs);
    const elapsedMs = nowMs - this.#runMs;
    if (elapsedMs < EVIDENCE_MS || this.#runFrames < FEW_FRAMES) return arrivals.next(due90k);
    const rate = (wire90k - this.#runWire90k) / TICKS_PER_MS / elapsedMs;
    if (rate < 0.5 || rate > 2) {
      this.#startRun(wire90k, nowMs);
      return arrivals.next(due90k);
    }
    return this.#believe(arrivals, arrivals.next(due90k));
  }

  #startRun(wire90k: Ticks90k, nowMs: Millis): void {
    this.#runFrames = 0;
    this.#runMs = nowMs;
    this.#runWire90k = wire90k;
  }

  /** The clock runs. Where it went on from where it had stood, it is moved to where it would have been. */
  #believe(arrivals: SmoothClock, dts90k: Ticks90k): Ticks90k {
    const ahead90k = this.wire90k + this.shift90k - dts90k;
    if (ahead90k < -BEHIND_90K || ahead90k > AHEAD_90K) this.shift90k = dts90k - this.wire90k;
    this.isReturning = true;
    return arrivals.dts90k;
  }

  /** Half steps until its own time has caught up: a track never goes back. */
  #comeBack(arrivals: SmoothClock, step: Ticks90k): Ticks90k {
    const own90k = this.wire90k + this.shift90k;
    arrivals.dts90k += Math.max(1, Math.round(step / 2));
    if (own90k < arrivals.dts90k) return arrivals.dts90k;
    this.arrivals = undefined;
    this.isReturning = false;
    this.equalFrames = 0;
    return own90k;
  }
}
