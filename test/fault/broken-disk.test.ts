// A disk that takes writes and loses them: fdatasync(2) fails once and passes afterwards. The failure is the last word
// on that file: told once, with a code of its own, and no later sync is taken for a proof.

import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { Ledger } from "../../src/catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../src/catalog/segment-report.js";
import type { ContainerName } from "../../src/container/table.js";
import type { Durability } from "../../src/recording/record-config.js";
import { Recorder } from "../../src/recording/recorder.js";
import { makeClip } from "../support/clip.js";
import { collect } from "../support/collect.js";
import { expectAsTold } from "../support/expect-as-told.js";
import { feed, readClip } from "../support/feed.js";
import { until } from "../support/until.js";
import { mountBrokenDisk, removeVolumes } from "../support/volumes.js";

const DISK_MIB = 6;

let root: string;
let recorder: Recorder | undefined;
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
  await removeVolumes();
  await rm(root, { recursive: true });
});

describe.each(["mp4", "ts", "flv"] as const satisfies readonly ContainerName[])("a broken disk under %s", (type) => {
  it.each(["close", "interval"] as const satisfies readonly Durability[])(
    "durability=%s: the failed sync is told once and is final",
    async (durability) => {
      root = await mkdtemp(join(tmpdir(), "reel-broken-"));
      const media = join(root, "media");
      await mountBrokenDisk(media, DISK_MIB);
      const reel = await Recorder.open({
        mediaFolders: [media],
        stateFolder: join(root, "state"),
        workers: 1,
        arenaMib: 256,
        durability,
        syncIntervalMs: 100,
      });
      recorder = reel;
      const told: (FailedSegmentReport | ClosedSegmentReport)[] = [];
      reel.on("segmentFailed", (report) => told.push(report));
      reel.on("segmentClosed", (report) => told.push(report));
      const clip = await readClip(
        await makeClip({ seconds: 12, video: { kilobitsPerSecond: 8000, width: 640, height: 480 } }),
      );
      await reel.record({ localStreamName: "cam", pathToFile: "cam", type });
      const stream = reel.streams.open("cam");
      await feed(stream, clip);
      // With `interval` a sync comes while the file grows; the file is closed when it has failed.
      if (durability === "interval") await until("a sync has failed", () => told.length > 0);
      stream.end("test");
      await until("the file is closed", () => told.some((report) => "stoppedMs" in report));
      expect(told.map((report) => ("code" in report ? report.code : "closed"))).toEqual(["notDurable", "closed"]);
      expect((told[0] as FailedSegmentReport).error).toMatch(/^Unable to sync .*may not be on the disk$/);
      const closed = told.filter((report): report is ClosedSegmentReport => "stoppedMs" in report);
      expect(closed[0]?.syncError).toBe((told[0] as FailedSegmentReport).error);
      await expectAsTold(media, closed, { contentIsLost: true });
      // The file system itself had room.
      expect((await statfs(media)).bavail).toBeGreaterThan(0);
      // A crash before the closing would have found the mark.
      await reel.close();
      recorder = undefined;
      const ledger = await Ledger.open(join(root, "state"), silentLogger);
      expect((await collect(ledger.entriesAfter(0))).map((entry) => entry.type)).toEqual([
        "opened",
        "unsynced",
        "closed",
      ]);
      await ledger.close();
    },
  );
});
