// The counters of recordings never fall, also where a growing file is lost with all that was counted: to Prometheus a
// counter that falls is a restart.

import { once } from "node:events";
import { truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { silentLogger } from "../../src/base/logger.js";
import { Recorder } from "../../src/recording/recorder.js";
import { AVCC, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

let root: string;
let reel: Recorder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-totals-"));
  reel = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    workers: 1,
    logger: silentLogger,
  });
});
afterEach(async () => {
  await reel.close();
  await rm(root, { recursive: true, force: true });
});

/** Undefined where nothing of that name is told any more. */
function told(name: string): number | undefined {
  const samples = [reel.collect(), ...reel.collectEach()].flat();
  return samples.find((sample) => sample.name === name)?.value;
}

it("keep their values where a growing file is lost, and at the end of the recording", async () => {
  const stream = reel.streams.open("cam");
  stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  stream.settle();
  const write = (from: number, count: number): void => {
    for (let i = from; i < from + count; i++) {
      const picture = accessUnit([nalUnit(i % 25 === 0 ? NAL_IDR : NAL_SLICE, 400, i)]);
      stream.writeFrame(TRACK_VIDEO, picture, i * 3600, 0, i % 25 === 0);
    }
  };
  await reel.record({ localStreamName: "cam", pathToFile: "x", type: "ts" });
  write(0, 30);
  await until("the frames are counted", () => told("reel_recorded_frames_total") === 30);
  const bytes = told("reel_recorded_bytes_total");
  const failed = once(reel, "segmentFailed");
  truncateSync(join(root, "media", "x.ts"), 100);
  write(30, 5);
  expect((await failed)[0]).toMatchObject({ code: "lostFile" });
  expect([told("reel_recorded_frames_total"), told("reel_recording_frames_total")]).toEqual([30, 30]);
  expect([told("reel_recorded_bytes_total"), told("reel_recording_bytes_total")]).toEqual([bytes, bytes]);
  const ended = once(reel, "outStreamClosed");
  write(50, 10);
  stream.end("test");
  await ended;
  expect([told("reel_recorded_frames_total"), told("reel_recording_frames_total")]).toEqual([30, undefined]);
  expect(told("reel_recorded_bytes_total")).toBe(bytes);
});
