// The frames of an FLV clip that ffmpeg made (clip.ts), for tests that record real media: a bare walk over the tags,
// for files that are known to be good.

import { readFileSync } from "node:fs";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";

export interface ClipFrame {
  track: number;
  dts90k: number;
  ctsOffset90k: number;
  isRandomAccess: boolean;
  payload: Buffer;
}

export interface Clip {
  avcC: Buffer | undefined;
  asc: Buffer | undefined;
  /** In the order of the file. */
  frames: ClipFrame[];
}

const FLV_HEADER_SIZE = 13; // with the first PreviousTagSize
const TAG_AUDIO = 8;
const TAG_VIDEO = 9;

export function readClip(path: string): Clip {
  const flv = readFileSync(path);
  const clip: Clip = { avcC: undefined, asc: undefined, frames: [] };
  for (let at = FLV_HEADER_SIZE; at + 11 < flv.byteLength; ) {
    const type = flv[at];
    const size = flv.readUIntBE(at + 1, 3);
    const dts90k = (flv.readUIntBE(at + 4, 3) + (flv[at + 7] ?? 0) * 2 ** 24) * 90;
    const body = flv.subarray(at + 11, at + 11 + size);
    at += 11 + size + 4;
    if (type === TAG_VIDEO) {
      if (body[1] === 0) clip.avcC = body.subarray(5);
      else if (body[1] === 1) {
        const isRandomAccess = (body[0] ?? 0) >> 4 === 1;
        clip.frames.push({
          track: TRACK_VIDEO,
          dts90k,
          ctsOffset90k: body.readIntBE(2, 3) * 90,
          isRandomAccess,
          payload: body.subarray(5),
        });
      }
    } else if (type === TAG_AUDIO) {
      if (body[1] === 0) clip.asc = body.subarray(2);
      else
        clip.frames.push({
          track: TRACK_AUDIO,
          dts90k,
          ctsOffset90k: 0,
          isRandomAccess: true,
          payload: body.subarray(2),
        });
    }
  }
  return clip;
}
