// One batch of frames as MPEG-TS: what assembly/drain.ts calls. A file that is cut off anywhere plays up to there:
// tables are repeated, no packet refers to a later one, and nothing is patched when the segment ends.

import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, MAX_TRACKS } from "../../../src/abi/frame";
import {
  TS_LAST_PCR_OFFSET,
  TS_LISTED_OFFSET,
  TS_PCR_TRACK_OFFSET,
  TS_PMT_TRACKS_OFFSET,
  TS_PMT_VERSION_OFFSET,
} from "../../../src/abi/mpegts";
import { REC_RING_OFFSET } from "../../../src/abi/recording";
import {
  SEG_FLAG_HEADER_WRITTEN,
  SEG_FLAGS_OFFSET,
  SEG_PRIVATE_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../../src/abi/segment";
import { tsCanCarry, tsListing, tsOverhead, tsScan, writePes } from "../../codec/mpegts-table";
import { isVideoConfig } from "../../decoder-config";
import { isSelected, takesAll } from "../../recording";
import {
  frameAt,
  frameConfig,
  frameCts,
  frameDts,
  frameFlags,
  framePayload,
  frameSize,
  frameStride,
  frameTrack,
  isFiller,
} from "../../ring";
import {
  countFrame,
  countLeftOut,
  isMainRandomAccess,
  markUnsupported,
  segmentConfig,
  segmentDts,
  segmentMainVideo,
  setOutput,
} from "../../segment";
import {
  areTablesDue,
  beginClock,
  beginClockBound,
  carriesPcr,
  clockBound,
  dueTables,
  EPOCH_90K,
  fillClock,
  jumpFlag,
  pcrBefore,
  putTablesAt,
  wantsPcrPacket,
} from "./clock";
import {
  ADAPTATION_DISCONTINUITY,
  ADAPTATION_PCR,
  ADAPTATION_RANDOM_ACCESS,
  PACKET_PAYLOAD_SIZE,
  PACKET_SIZE,
  putPcrPacket,
} from "./packet";
import { PES_MAX_HEADER_SIZE } from "./pes";

const MAX_ADAPTATION_SIZE: u32 = 8;

export function tsHeaderBound(seg: usize): u32 {
  return beginClockBound(seg, seg + SEG_PRIVATE_OFFSET);
}

/**
 * To be called for each frame of a batch in order, after tsHeaderBound: the clock's share depends on how far the frames
 * before have come.
 */
export function tsFrameBound(seg: usize, frame: usize): u32 {
  const overhead = MAX_ADAPTATION_SIZE + PES_MAX_HEADER_SIZE + tsOverhead(frameConfig(frame));
  const bytes = overhead + frameSize(frame);
  const packets = (bytes + PACKET_PAYLOAD_SIZE - 1) / PACKET_PAYLOAD_SIZE;
  const dts = segmentDts(seg, frameDts(frame));
  return packets * PACKET_SIZE + clockBound(seg + SEG_PRIVATE_OFFSET, dts, isMainRandomAccess(seg, frame));
}

export function tsWriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, capacity: u32): void {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const all = takesAll(rec);
  joinTracks(seg);
  const listed = load<u32>(seg + SEG_PRIVATE_OFFSET, TS_PMT_TRACKS_OFFSET);
  let at = out;
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    const isOther = isFiller(frame) || !isSelected(rec, all, frame, index);
    index += frameStride(frame);
    if (isOther) continue;
    const track = frameTrack(frame);
    if ((listed & (1 << track)) == 0) {
      markUnsupported(seg, track);
      continue;
    }
    const end = writeFrame(seg, at, frame);
    if (end == at) countLeftOut(seg, track, frame);
    else countFrame(seg, track, frame);
    at = end;
  }
  assert(<u32>(at - out) <= capacity);
  setOutput(seg, 0, out, <u32>(at - out));
}

/**
 * Takes tracks that have joined, and configurations that the PMT describes otherwise, into the PMT: it is due with the
 * next frame then.
 */
function joinTracks(seg: usize): void {
  const ts = seg + SEG_PRIVATE_OFFSET;
  let tracks: u32 = 0;
  let isChanged = false;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const config = segmentConfig(seg, track);
    const listing = config != 0 && tsCanCarry(config) ? tsListing(config) : 0;
    if (listing != 0) tracks |= 1 << track;
    const at = ts + (track << 2);
    if (listing == load<u32>(at, TS_LISTED_OFFSET)) continue;
    store<u32>(at, listing, TS_LISTED_OFFSET);
    isChanged = true;
  }
  if (!isChanged) return;
  const listed = load<u32>(ts, TS_PMT_TRACKS_OFFSET);
  store<u32>(ts, tracks, TS_PMT_TRACKS_OFFSET);
  if (listed != 0) store<u32>(ts, (load<u32>(ts, TS_PMT_VERSION_OFFSET) + 1) & 31, TS_PMT_VERSION_OFFSET);
  // The main video's PID carries the PCR, without one that of the track that was there first.
  const main = segmentMainVideo(seg);
  if (main != 0) store<u32>(ts, main - 1, TS_PCR_TRACK_OFFSET);
  else if (listed == 0) store<u32>(ts, ctz<u32>(tracks), TS_PCR_TRACK_OFFSET);
  dueTables(ts);
}

/** What is left out (the end is where it began): an access unit that `tsScan` finds nothing in. */
function writeFrame(seg: usize, at: usize, frame: usize): usize {
  const ts = seg + SEG_PRIVATE_OFFSET;
  const config = frameConfig(frame);
  const payload = framePayload(frame);
  const size = frameSize(frame);
  const scan = tsScan(config, payload, size);
  if (<u32>scan == 0) return at;
  const track = frameTrack(frame);
  const isVideo = isVideoConfig(config);
  // Decoding can start at every frame of audio: that is not worth a flag, nor tables.
  const isRandomAccess = isVideo && (frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0;
  const dts = segmentDts(seg, frameDts(frame));
  // PTS may not be in front of DTS (§2.7.5): a negative composition offset is shown when it is decoded.
  const shown = frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) + <i64>frameCts(frame);
  const pts = isVideo ? max<i64>(shown, dts) : dts;
  const pcr = pcrBefore(seg, ts, track, dts);
  at = writeSchedule(seg, at, track, pcr, isMainRandomAccess(seg, frame));
  const flags = pesFlags(ts, track, pcr, frame, isRandomAccess);
  const time = dts + EPOCH_90K;
  return writePes(ts, at, track, payload, size, config, scan, frameFlags(frame), flags, pcr, pts + EPOCH_90K, time);
}

/**
 * What the clock wants in front of a frame: PCRs on the way, tables, a PCR of its own where the frame cannot carry it.
 */
function writeSchedule(seg: usize, at: usize, track: u32, pcr: i64, wantsTables: bool): usize {
  const ts = seg + SEG_PRIVATE_OFFSET;
  const flags = load<u32>(seg, SEG_FLAGS_OFFSET);
  const clockTrack = load<u32>(ts, TS_PCR_TRACK_OFFSET);
  const isFirst = (flags & SEG_FLAG_HEADER_WRITTEN) == 0;
  if (isFirst) {
    beginClock(ts);
    store<u32>(seg, flags | SEG_FLAG_HEADER_WRITTEN, SEG_FLAGS_OFFSET);
  } else at = fillClock(seg, ts, at, clockTrack, pcr);
  if (wantsTables || areTablesDue(ts, pcr)) at = putTablesAt(seg, ts, at, pcr);
  if (track != clockTrack && wantsPcrPacket(ts, pcr)) {
    at = putPcrPacket(ts, at, clockTrack, jumpFlag(ts, pcr), pcr);
    store<i64>(ts, pcr, TS_LAST_PCR_OFFSET);
  }
  return at;
}

/**
 * The adaptation field's flags for a frame's first packet; with ADAPTATION_PCR the clock is taken to have been written.
 */
function pesFlags(ts: usize, track: u32, pcr: i64, frame: usize, isRandomAccess: bool): u32 {
  let flags: u32 = isRandomAccess ? ADAPTATION_RANDOM_ACCESS : 0;
  if ((frameFlags(frame) & FLAG_DISCONTINUITY) != 0) flags |= ADAPTATION_DISCONTINUITY;
  if (track == load<u32>(ts, TS_PCR_TRACK_OFFSET) && carriesPcr(ts, pcr, isRandomAccess)) {
    flags |= ADAPTATION_PCR | jumpFlag(ts, pcr);
    store<i64>(ts, pcr, TS_LAST_PCR_OFFSET);
  }
  return flags;
}
