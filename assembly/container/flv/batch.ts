// One batch of frames as FLV: what assembly/drain.ts calls. The file plays at any moment; flv/close.ts patches its head
// when the segment ends.

import { FLAG_RANDOM_ACCESS } from "../../../src/abi/frame";
import {
  FLV_CARRIED_OFFSET,
  FLV_HEADER_CONFIGS_OFFSET,
  FLV_LAST_KEYFRAME_OFFSET,
  FLV_LAST_SOUNDS_OFFSET,
  FLV_LAST_TIMESTAMP_OFFSET,
  FLV_TRACKS_BEGUN_OFFSET,
} from "../../../src/abi/flv";
import { REC_RING_OFFSET } from "../../../src/abi/recording";
import {
  SEG_FLAG_HEADER_WRITTEN,
  SEG_FLAGS_OFFSET,
  SEG_PRIVATE_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../../src/abi/segment";
import {
  flvPayloadSize,
  flvPrefixSize,
  flvSequenceHeaderBody,
  putFrameTag,
  putSequenceHeader,
} from "../../codec/flv-table";
import { audioFrameSamples } from "../../codec/sound-table";
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
import { countFrame, countLeftOut, markUnsupported, outputPosition, segmentDts, setOutput } from "../../segment";
import { audioOf, carryTracks, NO_TRACK, trackIdOf, videoOf } from "./carried";
import { addKeyframe } from "./keyframes";
import { METADATA_TAG_SIZE, putMetadata } from "./metadata";
import {
  FILE_HEADER_SIZE,
  MAX_BODY_SIZE,
  PREVIOUS_TAG_SIZE,
  putFileHeader,
  TAG_HEADER_SIZE,
  toMs,
} from "./tag";

export function flvHeaderBound(seg: usize): u32 {
  return (load<u32>(seg, SEG_FLAGS_OFFSET) & SEG_FLAG_HEADER_WRITTEN) != 0 ? 0 : FILE_HEADER_SIZE + METADATA_TAG_SIZE;
}

export function flvFrameBound(seg: usize, frame: usize): u32 {
  const config = frameConfig(frame);
  const isBegun = headerConfig(seg, frameTrack(frame)) == config;
  // The track may not have its number yet; a prefix with a number is the longest.
  const header = isBegun ? 0 : TAG_HEADER_SIZE + flvSequenceHeaderBody(config, 1) + PREVIOUS_TAG_SIZE;
  return TAG_HEADER_SIZE + flvPrefixSize(config, 1) + frameSize(frame) + PREVIOUS_TAG_SIZE + header;
}

export function flvWriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, capacity: u32): void {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const all = takesAll(rec);
  const carried = carryTracks(seg);
  // File position of `out`, as far as pointers go.
  const base = outputPosition(seg, 0) - <i64>out;
  let at = out;
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    const isOther = isFiller(frame) || !isSelected(rec, all, frame, index);
    index += frameStride(frame);
    if (isOther) continue;
    const track = frameTrack(frame);
    if ((carried & (1 << track)) == 0) {
      markUnsupported(seg, track);
      continue;
    }
    const end = writeFrame(seg, at, frame, base);
    if (end == at) countLeftOut(seg, track, frame);
    else countFrame(seg, track, frame);
    at = end;
  }
  assert(<u32>(at - out) <= capacity);
  setOutput(seg, 0, out, <u32>(at - out));
}

/** The configuration in the track's last sequence header, 0 where none is written. */
// @ts-ignore: decorator
@inline
function headerConfig(seg: usize, track: u32): usize {
  return load<u32>(seg + SEG_PRIVATE_OFFSET + (track << 2), FLV_HEADER_CONFIGS_OFFSET);
}

/**
 * What comes in front of a frame: file header and metadata once, the track's sequence header once and where its
 * configuration changes.
 */
function beginFrame(seg: usize, at: usize, frame: usize, timestampMs: i64): usize {
  const flv = seg + SEG_PRIVATE_OFFSET;
  const flags = load<u32>(seg, SEG_FLAGS_OFFSET);
  if ((flags & SEG_FLAG_HEADER_WRITTEN) == 0) {
    const tracks = load<u32>(flv, FLV_CARRIED_OFFSET);
    at = putFileHeader(at, videoOf(seg, tracks) != NO_TRACK, audioOf(seg, tracks) != NO_TRACK);
    at = putMetadata(at, seg, tracks, 0, 0, 0);
    store<u32>(seg, flags | SEG_FLAG_HEADER_WRITTEN, SEG_FLAGS_OFFSET);
  }
  const track = frameTrack(frame);
  if (headerConfig(seg, track) != frameConfig(frame)) {
    at = putSequenceHeader(at, frameConfig(frame), trackIdOf(seg, track), timestampMs);
    store<u32>(flv + (track << 2), <u32>frameConfig(frame), FLV_HEADER_CONFIGS_OFFSET);
    store<u32>(flv, load<u32>(flv, FLV_TRACKS_BEGUN_OFFSET) | (1 << track), FLV_TRACKS_BEGUN_OFFSET);
  }
  if (timestampMs > <i64>load<u32>(flv, FLV_LAST_TIMESTAMP_OFFSET)) {
    store<u32>(flv, <u32>timestampMs, FLV_LAST_TIMESTAMP_OFFSET);
  }
  return at;
}

/**
 * What no tag can hold is left out (the end is where it began): an access unit in which nothing is whole, or of 16 MiB
 * and more.
 */
function writeFrame(seg: usize, at: usize, frame: usize, base: i64): usize {
  const config = frameConfig(frame);
  const trackId = trackIdOf(seg, frameTrack(frame));
  const bytes = flvPayloadSize(config, framePayload(frame), frameSize(frame));
  if (bytes == 0 || bytes > MAX_BODY_SIZE - flvPrefixSize(config, trackId)) return at;
  const timestampMs = toMs(segmentDts(seg, frameDts(frame)));
  const pts90k = frameDts(frame) - load<i64>(seg, SEG_ZERO_OFFSET) + <i64>frameCts(frame);
  const isRandomAccess = (frameFlags(frame) & FLAG_RANDOM_ACCESS) != 0;
  at = beginFrame(seg, at, frame, timestampMs);
  const flv = seg + SEG_PRIVATE_OFFSET;
  if (!isVideoConfig(config)) {
    const samples = audioFrameSamples(config, framePayload(frame), bytes);
    store<u32>(flv + (frameTrack(frame) << 2), samples, FLV_LAST_SOUNDS_OFFSET);
  } else if (isRandomAccess && trackId == 0) {
    addKeyframe(flv, base + <i64>at, timestampMs);
    store<u32>(flv, <u32>timestampMs, FLV_LAST_KEYFRAME_OFFSET);
  }
  const compositionMs = toMs(pts90k) - timestampMs;
  return putFrameTag(at, config, trackId, framePayload(frame), bytes, isRandomAccess, timestampMs, compositionMs);
}
