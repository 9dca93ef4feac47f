// What a disk that ran full leaves: the file ends with the last batch that was written, and says so. Everything of the
// batch that was not is taken back, so the finished file has no defect, and counters, report and file agree.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import type { ContainerName } from "../../src/container/table.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { Gap } from "../../src/stream/gap.js";
import { makeClip } from "../support/clip.js";
import { expectAsTold } from "../support/expect-as-told.js";
import { feed, readClip } from "../support/feed.js";
import { until } from "../support/until.js";
import { mountTmpfs, removeVolumes } from "../support/volumes.js";

const DISK_MIB = 5;

let root: string;
let recorder: Recorder | undefined;
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
  await removeVolumes();
  await rm(root, { recursive: true });
});

describe.each(["mp4", "ts", "flv"] as const satisfies readonly ContainerName[])("%s on a full disk", (type) => {
  it("ends whole behind the last batch that was written; frames in the file and in the gaps are those sent", async () => {
    root = await mkdtemp(join(tmpdir(), "reel-full-"));
    const media = join(root, "media");
    await mountTmpfs(media, DISK_MIB);
    const reel = await Recorder.open({
      mediaFolders: [media],
      stateFolder: join(root, "state"),
      workers: 1,
      arenaMib: 256,
    });
    recorder = reel;
    const closed: ClosedSegmentReport[] = [];
    const gaps: Gap[] = [];
    reel.on("segmentClosed", (report) => closed.push(report));
    reel.on("gap", (gap) => gaps.push(gap));
    // A random access point every 200 ms: the keyframe table of an FLV has entries in every batch.
    const video = { kilobitsPerSecond: 8000, width: 640, height: 480, gopFrames: 5 };
    const clip = await readClip(await makeClip({ seconds: 12, video }));
    await reel.record({ localStreamName: "cam", pathToFile: "cam", type, keepAlive: false });
    const stream = reel.streams.open("cam");
    await feed(stream, clip);
    stream.end("test");
    const [report] = await until("the file is closed", () => (closed.length > 0 ? closed : undefined));
    await expectAsTold(media, closed);
    const lost = gaps.reduce((sum, gap) => sum + gap.frames, 0);
    expect(lost).toBeGreaterThan(0);
    expect((report?.videoFrames ?? 0) + (report?.audioFrames ?? 0) + lost).toBe(clip.frames.length);
  });
});
