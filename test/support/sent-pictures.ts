// Contents of pictures, in order: what a file holds, and what a source has sent.

import { readFileSync } from "node:fs";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import type { ContainerName } from "../../src/container/table.js";
import type { LoopedSource } from "./looped-source.js";
import { readMp4 } from "./mp4-reader.js";
import { expectedFrame, readFrames } from "./oracle.js";

/** As `expectedFrame` has them. */
export function picturesOf(path: string, type: ContainerName): string[] {
  const bytes = readFileSync(path);
  if (type !== "mp4")
    return readFrames(type, bytes).flatMap(({ track, content }) => (track === "video" ? [content] : []));
  const samples = readMp4(path).video?.samples ?? [];
  // One NAL unit a picture, behind its length.
  return samples.map(({ offset, sizeBytes }) => bytes.subarray(offset + 4, offset + sizeBytes).toString("hex"));
}

export function sentPictures(source: LoopedSource, fromMs: number, toMs: number): string[] {
  return source
    .framesBetween(fromMs, toMs)
    .flatMap((frame) => (frame.track === TRACK_VIDEO ? [expectedFrame("ts", frame, 0).content] : []));
}
