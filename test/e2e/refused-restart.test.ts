// A recording that has failed, and whose stream turns into one that its container cannot carry before it goes on: no
// file of sound alone, and every frame is told. With real workers and real files.

import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { silentLogger } from "../../src/base/logger.js";
import type { FailedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { ASC, AVCC, accessUnit, NAL_IDR, NAL_SLICE, nalUnit, VPCC } from "../support/test-media.js";
import { until } from "../support/until.js";

const FRAME_90K = 3600;
const REASON = "cam has VP8 video, which type=ts cannot carry; record it with type=mp4 or type=flv";

let root: string;
let reel: Recorder;
let stream: InStream;
let closed: { video: number; audio: number }[];
let failed: FailedSegmentReport[];
let lost: number;

/** Its first file holds a second of video; its second one cannot be opened, and 35 frames wait for it. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-refused-"));
  reel = await Recorder.open({
    mediaFolders: [join(root, "media")],
    stateFolder: join(root, "state"),
    workers: 1,
    logger: silentLogger,
  });
  closed = [];
  failed = [];
  lost = 0;
  reel.on("segmentClosed", ({ videoFrames, audioFrames }) => closed.push({ video: videoFrames, audio: audioFrames }));
  reel.on("segmentFailed", (report) => failed.push(report));
  reel.on("gap", ({ frames }) => {
    lost += frames;
  });
  stream = reel.streams.open("cam");
  stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  stream.settle();
  await mkdir(join(root, "media", "x_part0001.ts"));
  await reel.record({
    ...{ localStreamName: "cam", pathToFile: "x", type: "ts", keepAlive: true },
    ...{ overwrite: true, chunkLength: 1 },
  });
  const hasFailed = once(reel, "segmentFailed");
  writeH264(0, 60);
  await hasFailed;
  await rm(join(root, "media", "x_part0001.ts"), { recursive: true });
});
afterEach(async () => {
  await reel.close();
  await rm(root, { recursive: true, force: true });
});

function writeH264(from: number, count: number): void {
  for (let i = from; i < from + count; i++) {
    const isIdr = i % 25 === 0;
    stream.writeFrame(TRACK_VIDEO, accessUnit([nalUnit(isIdr ? NAL_IDR : NAL_SLICE, 400, i)]), i * FRAME_90K, 0, isIdr);
  }
}

function turnToVp8(): void {
  stream.setDecoderConfig(TRACK_VIDEO, "vp8", VPCC);
  stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
  for (let i = 60; i < 80; i++) {
    stream.writeFrame(TRACK_VIDEO, new Uint8Array(100), i * FRAME_90K, 0, i === 60);
    stream.writeFrame(TRACK_AUDIO, new Uint8Array(20), i * FRAME_90K, 0, true);
  }
}

async function endAndExpectOneFile(): Promise<void> {
  const ended = once(reel, "inStreamClosed");
  stream.end("test");
  await ended;
  expect(failed.at(-1)).toMatchObject({ path: "", code: "notCarried", error: REASON });
  expect(closed).toEqual([{ video: 25, audio: 0 }]);
  expect(lost).toBe(35);
}

it("does not go on with the sound where the codec changes before its next try", async () => {
  turnToVp8();
  expect(lost).toBe(35);
  await until("the refusal to be told", () => failed.length === 2);
  await endAndExpectOneFile();
});

it("tells what it missed where the codec changes after its next try, before a first frame", async () => {
  await once(reel, "outStreamCreated");
  turnToVp8();
  expect(failed).toHaveLength(2);
  expect(lost).toBe(35);
  await endAndExpectOneFile();
});

it("goes on where the codec changes back, and counts nothing of what it was refused for", async () => {
  turnToVp8();
  stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  const ended = once(reel, "inStreamClosed");
  writeH264(100, 25);
  stream.end("test");
  await ended;
  expect(closed).toEqual([
    { video: 25, audio: 0 },
    { video: 25, audio: 0 },
  ]);
  expect(lost).toBe(35);
});
