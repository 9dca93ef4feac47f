// MP4 while recording: the media of one drain batch for `.mdat`, and one sample record per access unit for `.trackN`
// (src/abi/mp4.ts).
//
//   out: | payloads of track 0 | of track 1 | … | records of track 0 | of track 1 | …
//          output 0 ───────────────────────────   output 1 ───────────   output 2 ───
//
// A batch gives one MP4 chunk per track, so the interleaving is that of the batches, about 0.5 s. The head of `.mdat`
// is written when the journal is opened (src/container/mp4/journal.ts); there is no header here.

import {
  FLAG_DISCONTINUITY,
  FLAG_RANDOM_ACCESS,
  FLAG_SKIPPED_LEADING,
  FLAG_TRACK_START,
  MAX_TRACKS,
} from "../../../src/abi/frame";
import {
  MP4_BATCH_BYTES_OFFSET,
  MP4_BATCH_FIRST_RECORD_OFFSET,
  MP4_BATCH_FRAMES_OFFSET,
  MP4_BATCH_RECORD_OFFSET,
  MP4_BATCH_TRACK_SIZE,
  SAMPLE_FLAG_CHUNK_START,
  SAMPLE_FLAG_DISCONTINUITY,
  SAMPLE_FLAG_SKIPPED_LEADING,
  SAMPLE_FLAG_SYNC,
  SAMPLE_FLAG_TRACK_START,
  SAMPLE_FRAME_LENGTH_SHIFT,
  SAMPLE_RECORD_SIZE,
} from "../../../src/abi/mp4";
import { REC_RING_OFFSET } from "../../../src/abi/recording";
import { SEG_CHANGED_OFFSET, SEG_PRIVATE_OFFSET } from "../../../src/abi/segment";
import { mp4SampleSize, putMp4Sample } from "../../codec/mp4-table";
import { audioFrameSamples } from "../../codec/sound-table";
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
import { countFrame, countLeftOut, outputPosition, segmentConfig, segmentDts, setOutput } from "../../segment";
import { writeSampleRecord } from "./sample-record";

// @ts-ignore: decorator
@inline
function sampleSize(frame: usize): u32 {
  return mp4SampleSize(frameConfig(frame), frameSize(frame));
}

export function mp4FrameBound(_seg: usize, frame: usize): u32 {
  return sampleSize(frame) + SAMPLE_RECORD_SIZE;
}

export function mp4HeaderBound(_seg: usize): u32 {
  return 0;
}

// @ts-ignore: decorator
@inline
function sampleFlags(frame: usize, isFirst: bool): u32 {
  const flags = frameFlags(frame);
  return (
    ((flags & FLAG_RANDOM_ACCESS) != 0 ? SAMPLE_FLAG_SYNC : 0) |
    ((flags & FLAG_DISCONTINUITY) != 0 ? SAMPLE_FLAG_DISCONTINUITY : 0) |
    ((flags & FLAG_SKIPPED_LEADING) != 0 ? SAMPLE_FLAG_SKIPPED_LEADING : 0) |
    ((flags & FLAG_TRACK_START) != 0 ? SAMPLE_FLAG_TRACK_START : 0) |
    (audioFrameSamples(frameConfig(frame), framePayload(frame), frameSize(frame)) << SAMPLE_FRAME_LENGTH_SHIFT) |
    (isFirst ? SAMPLE_FLAG_CHUNK_START : 0)
  );
}

// @ts-ignore: decorator
@inline
function batchOf(seg: usize, track: u32): usize {
  return seg + SEG_PRIVATE_OFFSET + track * MP4_BATCH_TRACK_SIZE;
}

/**
 * The index has one sample entry a track: frames of another configuration are left out, which ends the segment at the
 * next random access point.
 */
// @ts-ignore: decorator
@inline
function isLeftOut(seg: usize, frame: usize): bool {
  if (load<u32>(seg, SEG_CHANGED_OFFSET) == 0) return false;
  return segmentConfig(seg, frameTrack(frame)) != frameConfig(frame);
}

/** Counts every track's payload and frames. */
function measure(rec: usize, all: bool, seg: usize, ring: usize, from: u32, to: u32): void {
  memory.fill(batchOf(seg, 0), 0, MAX_TRACKS * MP4_BATCH_TRACK_SIZE);
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    const isOther = isFiller(frame) || !isSelected(rec, all, frame, index);
    index += frameStride(frame);
    if (isOther || isLeftOut(seg, frame)) continue;
    const at = batchOf(seg, frameTrack(frame));
    store<u32>(at, load<u32>(at, MP4_BATCH_BYTES_OFFSET) + sampleSize(frame), MP4_BATCH_BYTES_OFFSET);
    store<u32>(at, load<u32>(at, MP4_BATCH_FRAMES_OFFSET) + 1, MP4_BATCH_FRAMES_OFFSET);
  }
}

/** Gives every track its two places in `out`, for payloads and for records, and sets the outputs. */
function place(seg: usize, out: usize): void {
  let at = out;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const bytes = load<u32>(batchOf(seg, track), MP4_BATCH_BYTES_OFFSET);
    store<u32>(batchOf(seg, track), <u32>at, MP4_BATCH_BYTES_OFFSET);
    at += bytes;
  }
  setOutput(seg, 0, out, <u32>(at - out));
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const bytes = load<u32>(batchOf(seg, track), MP4_BATCH_FRAMES_OFFSET) * SAMPLE_RECORD_SIZE;
    store<u32>(batchOf(seg, track), <u32>at, MP4_BATCH_RECORD_OFFSET);
    store<u32>(batchOf(seg, track), <u32>at, MP4_BATCH_FIRST_RECORD_OFFSET);
    setOutput(seg, 1 + track, at, bytes);
    at += bytes;
  }
}

export function mp4WriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, _capacity: u32): void {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const all = takesAll(rec);
  measure(rec, all, seg, ring, from, to);
  place(seg, out);
  // File position of `out`, as far as pointers go.
  const base = outputPosition(seg, 0) - <i64>out;
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    const isOther = isFiller(frame) || !isSelected(rec, all, frame, index);
    index += frameStride(frame);
    if (isOther) continue;
    const track = frameTrack(frame);
    if (isLeftOut(seg, frame)) {
      countLeftOut(seg, track, frame);
      continue;
    }
    const at = batchOf(seg, track);
    const bytes = sampleSize(frame);
    const payload = <usize>load<u32>(at, MP4_BATCH_BYTES_OFFSET);
    const record = <usize>load<u32>(at, MP4_BATCH_RECORD_OFFSET);
    const flags = sampleFlags(frame, record == <usize>load<u32>(at, MP4_BATCH_FIRST_RECORD_OFFSET));
    putMp4Sample(payload, frameConfig(frame), framePayload(frame), frameSize(frame));
    writeSampleRecord(record, segmentDts(seg, frameDts(frame)), base + <i64>payload, bytes, frameCts(frame), flags);
    store<u32>(at, <u32>payload + bytes, MP4_BATCH_BYTES_OFFSET);
    store<u32>(at, <u32>record + SAMPLE_RECORD_SIZE, MP4_BATCH_RECORD_OFFSET);
    countFrame(seg, track, frame);
  }
}
