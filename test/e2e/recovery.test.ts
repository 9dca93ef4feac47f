// What the recovery at start reports of an orphan: all that its journal knows. With real workers and real files.

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { appendGap } from "../../src/container/mp4/journal.js";
import { Recorder } from "../../src/recording/recorder.js";
import { collect } from "../support/collect.js";
import { CREATED_MS, recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { AVCC, makeMedia } from "../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);
let recorder: Recorder | undefined;
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
});

it("reports the gaps and the beginning that a journal names, also of an orphan that no ledger knows", async () => {
  const media = join(scratch.path, "media");
  mkdirSync(media);
  const path = join(media, "cam1.mp4");
  const origin = { localStreamName: "cam1", configId: 4, outStreamId: 9, variables: { _site: "north" } };
  recordJournal({ build: "release", finalPath: path, origin }, (run) =>
    makeMedia({ durationMs: 2000, video: { config: run.addConfig("h264", AVCC) } }),
  );
  const gap = { cause: "lag", track: null, dtsMs: 1000, durationMs: 500, frames: 12, bytes: 3400 };
  appendGap(path, gap);
  recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(scratch.path, "state"), workers: 1 });
  const [report] = (await once(recorder, "segmentClosed")) as [ClosedSegmentReport];
  expect(report).toMatchObject({ ...origin, container: "mp4", tracks: [{ kind: "video", codec: "h264" }] });
  expect(report).toMatchObject({ path, recovered: true, startedMs: CREATED_MS, gaps: [gap] });
  expect(report.lost).toEqual({ frames: 12, bytes: 3400, durationMs: 500 });
  expect(await collect((await recorder.closedSince(0)).entries)).toEqual([report]);
});
