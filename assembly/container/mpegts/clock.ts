// The program clock of a transport stream and what is scheduled by it, ISO/IEC 13818-1 §2.4.2, §2.7.2.
//
//   segment time 0 is 1 s on the file's clock; the PCR starts LEAD before it, goes with the frames and waits for a
//   track that falls behind:
//   PCR ≤ START + dts of the slowest track + SLACK < every DTS to come
//
// PCR and tables go by these ticks, never by counts of frames. Where the next frame is far ahead, packets with nothing
// but a PCR fill the way; where it is very far (a paused source), the PCR jumps and says so with a
// discontinuity_indicator.

import { MAX_TRACKS } from "../../../src/abi/frame";
import {
  TS_BOUND_PCR_OFFSET,
  TS_LAST_PCR_OFFSET,
  TS_LAST_TABLES_OFFSET,
  TS_PMT_TRACKS_OFFSET,
} from "../../../src/abi/mpegts";
import {
  SEG_FLAG_HEADER_WRITTEN,
  SEG_FLAGS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
} from "../../../src/abi/segment";
import { segmentDts, segmentTrack } from "../../segment";
import { ADAPTATION_DISCONTINUITY, PACKET_SIZE, putPcrPacket } from "./packet";
import { putTables, TABLES_SIZE } from "./tables";

/** Segment time 0 on the file's clock. */
export const EPOCH_90K: i64 = 90000;
/**
 * How far tracks may be apart in the ring before the PCR would overtake the slower one at a segment's start. FFmpeg's
 * muxdelay is the same 0.7 s.
 */
const LEAD_90K: i64 = 63000;
const START_90K: i64 = EPOCH_90K - LEAD_90K;
/** Tracks that are no further apart than this do not hold the clock back. Less than LEAD. */
const SLACK_90K: i64 = 27000;
/** A track that is further behind than this no longer holds the clock back: it has ended, or paused. */
const MAX_BEHIND_90K: i64 = 180000;
/** §2.7.2: at most 100 ms between two PCRs. */
const MAX_INTERVAL_90K: i64 = 9000;
/** Step of the packets that fill a wait, and the age from which a frame of another PID has one put in front of it. */
const FILL_STEP_90K: i64 = 7200;
/**
 * A frame on the PCR's PID carries a PCR where the last is at least this old: 33 to 40 ms apart at 24 to 60 frames a
 * second.
 */
const CARRY_STEP_90K: i64 = 2700;
/** Waits longer than this are not filled. */
const MAX_FILL_90K: i64 = 900000;
/** With frames at most MAX_INTERVAL_90K of clock apart this gives tables at most every 500 ms. */
const TABLES_STEP_90K: i64 = 36000;

// @ts-ignore: decorator
@inline
function lastPcr(ts: usize): i64 {
  return load<i64>(ts, TS_LAST_PCR_OFFSET);
}

/** The clock's reading in front of a frame: it never goes back. */
export function pcrBefore(seg: usize, ts: usize, track: u32, dts: i64): i64 {
  if ((load<u32>(seg, SEG_FLAGS_OFFSET) & SEG_FLAG_HEADER_WRITTEN) == 0) return START_90K;
  let slow = dts;
  let fast = dts;
  // Only the tracks that are there: one step for a stream with two.
  let others = load<u32>(ts, TS_PMT_TRACKS_OFFSET) & ~(1 << track);
  for (; others != 0; others &= others - 1) {
    const other = segmentTrack(seg, ctz<u32>(others));
    if (load<u32>(other, SEG_TRACK_FRAMES_OFFSET) == 0) continue;
    const otherDts = segmentDts(seg, load<i64>(other, SEG_TRACK_LAST_DTS_OFFSET));
    slow = min<i64>(slow, otherDts);
    fast = max<i64>(fast, otherDts);
  }
  return max<i64>(START_90K + max<i64>(min<i64>(fast, slow + SLACK_90K), fast - MAX_BEHIND_90K), lastPcr(ts));
}

// @ts-ignore: decorator
@inline
export function areTablesDue(ts: usize, pcr: i64): bool {
  return pcr - load<i64>(ts, TS_LAST_TABLES_OFFSET) >= TABLES_STEP_90K;
}

/** Makes tables due with the next frame. */
export function dueTables(ts: usize): void {
  store<i64>(ts, -TABLES_STEP_90K, TS_LAST_TABLES_OFFSET);
}

export function putTablesAt(seg: usize, ts: usize, at: usize, pcr: i64): usize {
  store<i64>(ts, pcr, TS_LAST_TABLES_OFFSET);
  return putTables(seg, ts, at);
}

/** Fills a wait up to `pcr`, so that no two PCRs are more than 100 ms apart. */
export function fillClock(seg: usize, ts: usize, at: usize, pcrTrack: u32, pcr: i64): usize {
  if (pcr - lastPcr(ts) > MAX_FILL_90K) return at;
  while (pcr - lastPcr(ts) > MAX_INTERVAL_90K) {
    const step = lastPcr(ts) + FILL_STEP_90K;
    if (areTablesDue(ts, step)) at = putTablesAt(seg, ts, at, step);
    at = putPcrPacket(ts, at, pcrTrack, 0, step);
    store<i64>(ts, step, TS_LAST_PCR_OFFSET);
  }
  return at;
}

/** The discontinuity_indicator where the clock jumps. */
// @ts-ignore: decorator
@inline
export function jumpFlag(ts: usize, pcr: i64): u32 {
  return pcr - lastPcr(ts) > MAX_INTERVAL_90K ? ADAPTATION_DISCONTINUITY : 0;
}

/** True where a frame on the PCR's PID is to carry the PCR. Two equal PCRs would mean an infinite rate. */
// @ts-ignore: decorator
@inline
export function carriesPcr(ts: usize, pcr: i64, isRandomAccess: bool): bool {
  const age = pcr - lastPcr(ts);
  return age >= CARRY_STEP_90K || (isRandomAccess && age > 0);
}

/** True where a frame of another PID is to have a packet with the PCR in front of it. */
// @ts-ignore: decorator
@inline
export function wantsPcrPacket(ts: usize, pcr: i64): bool {
  return pcr - lastPcr(ts) >= FILL_STEP_90K;
}

/** The clock before the first frame: the first PCR and the first tables are due. */
export function beginClock(ts: usize): void {
  store<i64>(ts, START_90K - MAX_INTERVAL_90K, TS_LAST_PCR_OFFSET);
}

// What the schedule may cost in a call. Every packet with nothing but a PCR, and every pair of tables that is due by
// time, takes a step of the clock, and the clock is never past the frame that is furthest ahead: so the cost is bounded
// by how far the frames may take it, and the sums telescope.

/** Bytes for the steps between two readings of the clock. */
// @ts-ignore: decorator
@inline
function stepsBound(from: i64, to: i64): u32 {
  // A jump is not filled; what the slower track catches up after one is at most MAX_BEHIND_90K.
  const start = max<i64>(from, to - MAX_FILL_90K - MAX_BEHIND_90K);
  const packets = to / FILL_STEP_90K - start / FILL_STEP_90K;
  const tables = to / TABLES_STEP_90K - start / TABLES_STEP_90K;
  return <u32>packets * PACKET_SIZE + <u32>tables * TABLES_SIZE;
}

/**
 * Begins a new sum: what the frames before this call may still cost, the part steps at the ends, the first PCR, tables
 * for a track that joins.
 */
export function beginClockBound(seg: usize, ts: usize): u32 {
  const isBegun = (load<u32>(seg, SEG_FLAGS_OFFSET) & SEG_FLAG_HEADER_WRITTEN) != 0;
  const from = isBegun ? lastPcr(ts) : START_90K;
  let to = from;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const at = segmentTrack(seg, track);
    if (load<u32>(at, SEG_TRACK_FRAMES_OFFSET) == 0) continue;
    to = max<i64>(to, START_90K + segmentDts(seg, load<i64>(at, SEG_TRACK_LAST_DTS_OFFSET)));
  }
  store<i64>(ts, to, TS_BOUND_PCR_OFFSET);
  return stepsBound(from, to) + 2 * PACKET_SIZE + 2 * TABLES_SIZE;
}

/** Adds a frame: the most that the schedule may write for it. */
export function clockBound(ts: usize, dts: i64, wantsTables: bool): u32 {
  const from = load<i64>(ts, TS_BOUND_PCR_OFFSET);
  const to = max<i64>(START_90K + dts, from);
  store<i64>(ts, to, TS_BOUND_PCR_OFFSET);
  return stepsBound(from, to) + (wantsTables ? TABLES_SIZE : 0);
}
