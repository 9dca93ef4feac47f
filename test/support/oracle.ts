// The oracle: a test that sends frames knows them. Files of any container are read back into one form and compared,
// frame by frame and in order, with what was sent. TS and FLV here; MP4 is read by test/support/mp4-reader.ts.

import { expect } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { readFlv } from "./flv-reader.js";
import type { RecordedSegment, TestFrame } from "./kernel-harness.js";
import { NAL_AUD, NAL_PPS, NAL_SPS, nalUnits } from "./test-media.js";
import { readTs } from "./ts-reader.js";

/** A frame as a file holds it, in the segment's time. */
export interface ReadFrame {
  track: "video" | "audio";
  dts90k: number;
  pts90k: number;
  isKey: boolean;
  /** Hex of the payload; of video the slices and what is neither delimiter nor parameter set. */
  content: string;
}

export type StreamContainer = "ts" | "flv";
export const STREAM_CONTAINERS: readonly StreamContainer[] = ["ts", "flv"];
const TS_EPOCH_90K = 90000;

function contentOf(units: readonly Uint8Array[]): string {
  return units
    .filter((unit) => ![NAL_AUD, NAL_SPS, NAL_PPS].includes((unit[0] ?? 0) & 31))
    .map((unit) => Buffer.from(unit).toString("hex"))
    .join(",");
}

/** Reads a file, expecting no fault in it. */
export function readFrames(container: StreamContainer, bytes: Uint8Array): ReadFrame[] {
  if (container === "ts") {
    const file = readTs(bytes);
    expect(file.errors).toEqual([]);
    return file.frames.map((frame) => ({
      track: frame.track,
      dts90k: frame.dts - TS_EPOCH_90K,
      pts90k: frame.pts - TS_EPOCH_90K,
      isKey: frame.track === "audio" || frame.isRandomAccess,
      content: frame.track === "video" ? contentOf(frame.units) : Buffer.concat(frame.units).toString("hex"),
    }));
  }
  const file = readFlv(bytes);
  expect(file.errors).toEqual([]);
  return file.frames.map((frame) => ({
    track: frame.track,
    dts90k: frame.timestampMs * 90,
    pts90k: (frame.timestampMs + frame.compositionMs) * 90,
    isKey: frame.isKey,
    content: frame.track === "video" ? contentOf(nalUnits(frame.payload)) : Buffer.from(frame.payload).toString("hex"),
  }));
}

/** What a container makes of a frame that was sent, in a segment whose zero is known. */
export function expectedFrame(container: StreamContainer, frame: TestFrame, zero90k: number): ReadFrame {
  const isVideo = frame.track === TRACK_VIDEO;
  const dts90k = Math.max(0, frame.dts90k - zero90k);
  const pts90k = Math.max(
    frame.dts90k - zero90k + (frame.ctsOffset90k ?? 0),
    container === "ts" ? dts90k : Number.NEGATIVE_INFINITY,
  );
  const toContainer = (time90k: number): number =>
    container === "flv" ? Math.floor((time90k + 45) / 90) * 90 : time90k;
  return {
    track: isVideo ? "video" : "audio",
    dts90k: toContainer(dts90k),
    pts90k: isVideo ? toContainer(pts90k) : toContainer(dts90k),
    isKey: !isVideo || frame.isRandomAccess === true,
    content: isVideo ? contentOf(nalUnits(frame.payload)) : Buffer.from(frame.payload).toString("hex"),
  };
}

/**
 * Every frame that was sent is in exactly one segment, in ring order, at its time. Returns the frames of each segment.
 */
export function expectFrames(
  container: StreamContainer,
  sent: readonly TestFrame[],
  segments: readonly Pick<RecordedSegment, "files" | "zero90k">[],
): ReadFrame[][] {
  let next = 0;
  const read = segments.map((segment) => {
    const frames = readFrames(container, segment.files[0] ?? Buffer.alloc(0));
    const expected = sent
      .slice(next, next + frames.length)
      .map((frame) => expectedFrame(container, frame, segment.zero90k));
    next += frames.length;
    expect(frames).toEqual(expected);
    return frames;
  });
  expect(next).toBe(sent.length);
  return read;
}
