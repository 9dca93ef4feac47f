// The clip of this package, which `reel demo` and `reel capacity` publish again and again.

import { readFileSync } from "node:fs";
import { type FlvTag, parseFlvFile, TAG_VIDEO } from "../media/flv/flv-tag.js";

const CLIP = new URL("../../assets/clip.flv", import.meta.url);

export function readClip(): FlvTag[] {
  return [...parseFlvFile(readFileSync(CLIP))];
}

/** From the first tag to the next loop, which begins one picture after the last. */
export function clipLengthMs(tags: readonly FlvTag[]): number {
  const times = tags.map((tag) => tag.timestampMs);
  const video = tags.filter((tag) => tag.type === TAG_VIDEO).map((tag) => tag.timestampMs);
  return Math.max(...times) - Math.min(...times) + (video.at(-1) ?? 0) - (video.at(-2) ?? 0);
}
