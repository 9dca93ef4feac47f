// What is known only when a segment ends: which tracks it has, duration, file size, frame rate and the keyframe table.
// File header and metadata are written again in one piece at the file's beginning; their sizes are fixed.

import { MAX_TRACKS } from "../../../src/abi/frame";
import { FLV_LAST_SOUNDS_OFFSET, FLV_TRACKS_BEGUN_OFFSET } from "../../../src/abi/flv";
import {
  SEG_FLAG_HEADER_WRITTEN,
  SEG_FLAGS_OFFSET,
  SEG_LAST_DELTA_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUTS_OFFSET,
  SEG_PRIVATE_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
} from "../../../src/abi/segment";
import { audioDuration90k, audioFrameDuration90k, isAudioConfig } from "../../decoder-config";
import { outputPosition, segmentConfig, segmentDts, segmentTrack, setOutput } from "../../segment";
import { audioOf, NO_TRACK, videoOf } from "./carried";
import { METADATA_TAG_SIZE, putMetadata } from "./metadata";
import { FILE_HEADER_SIZE, putFileHeader } from "./tag";

export function flvCloseBound(): u32 {
  return FILE_HEADER_SIZE + METADATA_TAG_SIZE;
}

/** The file's size is the position of output 0 when this is called; the patch moves it to the beginning. */
export function flvWriteClose(seg: usize, out: usize, capacity: u32): void {
  if ((load<u32>(seg, SEG_FLAGS_OFFSET) & SEG_FLAG_HEADER_WRITTEN) == 0 || capacity < flvCloseBound()) {
    setOutput(seg, 0, out, 0);
    return;
  }
  const tracks = load<u32>(seg + SEG_PRIVATE_OFFSET, FLV_TRACKS_BEGUN_OFFSET);
  const fileSize = <f64>outputPosition(seg, 0);
  const video = videoOf(seg, tracks);
  let at = putFileHeader(out, video != NO_TRACK, audioOf(seg, tracks) != NO_TRACK);
  const rate = video != NO_TRACK ? frameRate(seg, video) : 0;
  at = putMetadata(at, seg, tracks, <f64>duration90k(seg) / 90000, fileSize, rate);
  setOutput(seg, 0, out, <u32>(at - out));
  store<i64>(seg + SEG_OUTPUTS_OFFSET, 0, SEG_OUTPUT_POSITION_OFFSET);
}

/** To the end of the frame that ends last. */
function duration90k(seg: usize): i64 {
  let end: i64 = 0;
  for (let track: u32 = 0; track < <u32>MAX_TRACKS; track++) {
    const at = segmentTrack(seg, track);
    if (load<u32>(at, SEG_TRACK_FRAMES_OFFSET) == 0) continue;
    end = max<i64>(end, segmentDts(seg, load<i64>(at, SEG_TRACK_LAST_DTS_OFFSET)) + lastFrame90k(seg, track));
  }
  return end;
}

function lastFrame90k(seg: usize, track: u32): i64 {
  const config = segmentConfig(seg, track);
  if (!isAudioConfig(config)) return <i64>load<u32>(seg, SEG_LAST_DELTA_OFFSET);
  const samples = load<u32>(seg + SEG_PRIVATE_OFFSET + (track << 2), FLV_LAST_SOUNDS_OFFSET);
  return samples != 0 ? audioDuration90k(config, samples) : audioFrameDuration90k(config);
}

/** Mean over the segment, 0 where there are not two pictures. */
function frameRate(seg: usize, video: u32): f64 {
  const at = segmentTrack(seg, video);
  const frames = load<u32>(at, SEG_TRACK_FRAMES_OFFSET);
  const span = load<i64>(at, SEG_TRACK_LAST_DTS_OFFSET) - load<i64>(at, SEG_TRACK_FIRST_DTS_OFFSET);
  return frames > 1 && span > 0 ? (<f64>(frames - 1) * 90000) / <f64>span : 0;
}
