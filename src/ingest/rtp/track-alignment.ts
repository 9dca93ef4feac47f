// Where the clocks of a session's tracks lie on the axis that they share. RTP timestamps begin anywhere, each track's
// on its own; what they have in common is told by
//
//   sender reports (RFC 3550 §6.4.1)   the wall clock of the source at a timestamp
//   RTP-Info (RFC 2326 §12.33)         the timestamp at which PLAY begins
//   else the arrival of the first packet: where what arrives now on the other tracks lies, since their clocks may have
//   drifted for hours before a track joins
//
// The first track whose report came is the reference: its later reports say where the wall clock is now, so that a
// camera whose clock is set moves nothing. Others follow it. A track is never moved back: then the others go forwards.

import type { SenderReport } from "../../media/rtp/rtcp.js";
import { type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import type { RtpTime } from "./rtp-time.js";

/** What contradicts the media by more is no alignment. */
const MAX_CORRECTION_90K = 10 * TICKS_PER_SECOND;
/** Less is the unevenness of reports. */
const TOLERANCE_90K = 20 * TICKS_PER_MS;
/** So many reports in a row must want the same of a track that was aligned before. */
const EVIDENCE_REPORTS = 3;

interface Aligned {
  readonly time: RtpTime;
  /** Of RTP-Info; NaN where it has none. */
  playTimestamp: number;
  /** A report that came before the first packet. */
  pending: SenderReport | undefined;
  hasReport: boolean;
  /** What later reports want, the smallest of a row in one direction, and how many they are. */
  wanted90k: Ticks90k;
  wants: number;
}

export class TrackAlignment {
  readonly #tracks: Aligned[];
  #firstMs: Millis = Number.NaN;
  /** Added to milliseconds of the source's wall clock as ticks; NaN until a report was taken. */
  #wallOffset90k: Ticks90k = Number.NaN;
  #reference: Aligned | undefined;
  /** Where PLAY begins on the axis. */
  #playAt90k: Ticks90k = Number.NaN;

  constructor(times: readonly RtpTime[]) {
    this.#tracks = times.map((time) => ({
      time,
      playTimestamp: Number.NaN,
      pending: undefined,
      hasReport: false,
      wanted90k: 0,
      wants: 0,
    }));
  }

  /** RTP-Info of a track; without effect behind the track's first packet. */
  rtpInfo(track: number, timestamp: number): void {
    const aligned = this.#tracks[track];
    if (aligned && !aligned.time.isPlaced) aligned.playTimestamp = timestamp;
  }

  /** The first packet of a track, or of another source in its place. */
  place(track: number, timestamp: number, arrivalMs: Millis): void {
    const aligned = this.#tracks[track];
    if (!aligned) return;
    if (Number.isNaN(this.#firstMs)) this.#firstMs = arrivalMs;
    const { time } = aligned;
    aligned.hasReport = false;
    const arrival90k = this.#nowOf(aligned, arrivalMs);
    time.place(timestamp, arrival90k);
    const played90k = this.#sincePlay(aligned, timestamp);
    if (isNear(this.#playAt90k + played90k, arrival90k)) time.place(timestamp, this.#playAt90k + played90k);
    else if (Number.isNaN(this.#playAt90k)) this.#playAt90k = arrival90k - played90k;
    const { pending } = aligned;
    aligned.pending = undefined;
    if (pending) this.#takeFirst(aligned, pending, true);
  }

  /** False where the report contradicts the media. */
  senderReport(track: number, report: SenderReport): boolean {
    const aligned = this.#tracks[track];
    if (!aligned || report.ntpMs === 0 || aligned.time.isByArrival) return false;
    if (!aligned.time.isPlaced) aligned.pending = report;
    else if (!aligned.hasReport) return this.#takeFirst(aligned, report, false);
    else return this.#takeLater(aligned, report);
    return true;
  }

  /** Where on the axis lies what arrives now: by the reference, else by the first of the tracks that run. */
  #nowOf(aligned: Aligned, arrivalMs: Millis): Ticks90k {
    const others = this.#tracks.filter((other) => other !== aligned && other.time.isPlaced);
    const other = others.find((one) => one === this.#reference) ?? others[0];
    const now90k = other?.time.expectedAt(arrivalMs) ?? Number.NaN;
    return Number.isNaN(now90k) ? Math.round((arrivalMs - this.#firstMs) * TICKS_PER_MS) : now90k;
  }

  /** Ticks from PLAY to a timestamp; NaN where it is not known, or cannot be. */
  #sincePlay({ time, playTimestamp }: Aligned, timestamp: number): Ticks90k {
    const since90k = (((timestamp - playTimestamp) | 0) * TICKS_PER_SECOND) / time.clockRate;
    return !Number.isNaN(playTimestamp) && Math.abs(since90k) <= MAX_CORRECTION_90K ? Math.round(since90k) : Number.NaN;
  }

  #takeFirst(aligned: Aligned, report: SenderReport, isFree: boolean): boolean {
    const at90k = placeOf(aligned, report);
    if (Number.isNaN(at90k)) return false;
    const wall90k = report.ntpMs * TICKS_PER_MS;
    if (this.#reference === undefined) {
      this.#reference = aligned;
      this.#wallOffset90k = at90k - wall90k;
    } else {
      const error90k = Math.round(wall90k + this.#wallOffset90k - at90k);
      if (!isNear(error90k, 0)) return false;
      // Before its first frame a track may be put anywhere.
      if (isFree) aligned.time.moveForwards(error90k);
      else if (Math.abs(error90k) > TOLERANCE_90K) this.#correct(aligned, error90k);
    }
    aligned.hasReport = true;
    return true;
  }

  #takeLater(aligned: Aligned, report: SenderReport): boolean {
    const at90k = placeOf(aligned, report);
    if (Number.isNaN(at90k)) return false;
    const wall90k = report.ntpMs * TICKS_PER_MS;
    const error90k = Math.round(wall90k + this.#wallOffset90k - at90k);
    if (aligned === this.#reference) {
      this.#wallOffset90k = at90k - wall90k;
      return isNear(error90k, 0);
    }
    if (!isNear(error90k, 0)) return false;
    this.#weigh(aligned, error90k);
    return true;
  }

  #weigh(aligned: Aligned, error90k: Ticks90k): void {
    const isOther = aligned.wants > 0 && Math.sign(error90k) !== Math.sign(aligned.wanted90k);
    if (Math.abs(error90k) <= TOLERANCE_90K || isOther) aligned.wants = 0;
    if (Math.abs(error90k) <= TOLERANCE_90K) return;
    const isSmallest = aligned.wants === 0 || Math.abs(error90k) < Math.abs(aligned.wanted90k);
    if (isSmallest) aligned.wanted90k = error90k;
    if (++aligned.wants < EVIDENCE_REPORTS) return;
    aligned.wants = 0;
    this.#correct(aligned, aligned.wanted90k);
  }

  #correct(aligned: Aligned, error90k: Ticks90k): void {
    if (error90k > 0) {
      aligned.time.moveForwards(error90k);
      return;
    }
    for (const other of this.#tracks) if (other !== aligned && other.time.isPlaced) other.time.moveForwards(-error90k);
    this.#wallOffset90k -= error90k;
    this.#playAt90k -= error90k;
  }
}

/** Of the report's timestamp on the axis; NaN where it lies too far from the packets. */
function placeOf({ time }: Aligned, report: SenderReport): Ticks90k {
  const timestamp = time.nearest(report.rtpTimestamp);
  const at90k = time.ticksOf(timestamp);
  return isNear(at90k, time.ticksOf(time.last)) ? at90k : Number.NaN;
}

function isNear(a: Ticks90k, b: Ticks90k): boolean {
  return Math.abs(a - b) <= MAX_CORRECTION_90K;
}
