// MP4 while recording: the media of one drain batch for `.mdat`, and one sample record per access unit for `.trackN`
// (src/abi/mp4.ts).
//
//   out: | video payloads | audio payloads | video records | audio records |
//          output 0 ──────────────────────   output 1 ─────   output 2 ────
//
// A batch gives one MP4 chunk per track, so the interleaving is that of the batches, about 0.5 s. The head of `.mdat`
// is written when the journal is opened (src/container/mp4/journal.ts); there is no header here.

import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame";
import {
  SAMPLE_FLAG_CHUNK_START,
  SAMPLE_FLAG_DISCONTINUITY,
  SAMPLE_FLAG_SYNC,
  SAMPLE_RECORD_SIZE,
} from "../../../src/abi/mp4";
import { REC_FLAG_HAS_AUDIO, REC_FLAGS_OFFSET, REC_RING_OFFSET } from "../../../src/abi/recording";
import {
  frameAt,
  frameCts,
  frameDts,
  frameFlags,
  framePayload,
  frameSize,
  frameStride,
  frameTrack,
  isFiller,
} from "../../ring";
import { countFrame, outputPosition, segmentDts, setOutput } from "../../segment";
import { writeSampleRecord } from "./sample-record";

export function mp4FrameBound(_seg: usize, frame: usize): u32 {
  return frameSize(frame) + SAMPLE_RECORD_SIZE;
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
    (isFirst ? SAMPLE_FLAG_CHUNK_START : 0)
  );
}

export function mp4WriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, _capacity: u32): void {
  const ring = <usize>load<u32>(rec, REC_RING_OFFSET);
  const hasAudio = (load<u32>(rec, REC_FLAGS_OFFSET) & REC_FLAG_HAS_AUDIO) != 0;
  let videoBytes: u32 = 0;
  let audioBytes: u32 = 0;
  let videoFrames: u32 = 0;
  let audioFrames: u32 = 0;
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    index += frameStride(frame);
    if (isFiller(frame)) continue;
    if (frameTrack(frame) == TRACK_VIDEO) {
      videoBytes += frameSize(frame);
      videoFrames++;
    } else if (hasAudio) {
      audioBytes += frameSize(frame);
      audioFrames++;
    }
  }
  // Two places to write to per track: the next payload and the next record.
  const position = outputPosition(seg, 0);
  let videoAt = out;
  let audioAt = out + videoBytes;
  const videoRecords = audioAt + audioBytes;
  const audioRecords = videoRecords + videoFrames * SAMPLE_RECORD_SIZE;
  let videoRecord = videoRecords;
  let audioRecord = audioRecords;
  for (let index = from; index != to; ) {
    const frame = frameAt(ring, index);
    index += frameStride(frame);
    if (isFiller(frame)) continue;
    const track = frameTrack(frame);
    const bytes = frameSize(frame);
    const dts90k = segmentDts(seg, frameDts(frame));
    if (track == TRACK_VIDEO) {
      memory.copy(videoAt, framePayload(frame), bytes);
      writeSampleRecord(videoRecord, dts90k, position + <i64>(videoAt - out), bytes, frameCts(frame), sampleFlags(frame, videoRecord == videoRecords));
      videoAt += bytes;
      videoRecord += SAMPLE_RECORD_SIZE;
    } else if (hasAudio) {
      memory.copy(audioAt, framePayload(frame), bytes);
      writeSampleRecord(audioRecord, dts90k, position + <i64>(audioAt - out), bytes, frameCts(frame), sampleFlags(frame, audioRecord == audioRecords));
      audioAt += bytes;
      audioRecord += SAMPLE_RECORD_SIZE;
    } else continue;
    countFrame(seg, track, frame);
  }
  setOutput(seg, 0, out, videoBytes + audioBytes);
  setOutput(seg, 1 + TRACK_VIDEO, videoRecords, videoFrames * SAMPLE_RECORD_SIZE);
  setOutput(seg, 1 + TRACK_AUDIO, audioRecords, audioFrames * SAMPLE_RECORD_SIZE);
}
