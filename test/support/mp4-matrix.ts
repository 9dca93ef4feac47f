// The container matrix of the MP4 validators: real clips that differ in what an MP4 file says differently (tracks,
// reorder delay, sampling rates), each recorded to a finished file.

import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { finishMp4 } from "../../src/container/mp4/finish.js";
import { type ClipSpec, makeClip } from "./clip.js";
import { readClip } from "./clip-frames.js";
import { type Build, type TestFrame, testModule } from "./kernel-harness.js";
import { recordJournal } from "./mp4-journal.js";

export const CLIPS: Record<string, ClipSpec> = {
  "video and audio": {},
  "B-frames and 44.1 kHz": { video: { bFrames: 2 }, audio: { sampleRate: 44100 } },
  "audio only": { video: false },
  "mono at 44.1 kHz": { video: false, audio: { channels: 1, sampleRate: 44100 } },
  "video only with B-frames": { video: { bFrames: 2, framesPerSecond: 30 }, audio: false },
};

/** Records a clip of the matrix to `path` and finishes it. Returns the frames that went in. */
export async function recordClip(name: string, build: Build, path: string): Promise<TestFrame[]> {
  const clip = readClip(await makeClip(CLIPS[name]));
  const frames = recordJournal(
    { build, finalPath: path, reserveBytes: 512 * 1024, capacityBytes: 60_000, hasVideo: clip.avcC !== undefined },
    (run) => {
      const video = clip.avcC ? run.addConfig("h264", clip.avcC) : 0;
      const audio = clip.asc ? run.addConfig("aac", clip.asc) : 0;
      return clip.frames.map((frame) => ({ ...frame, config: frame.track === TRACK_VIDEO ? video : audio }));
    },
  );
  finishMp4(path, { module: testModule(build) });
  return frames;
}
