// What the recovery at start reports of an orphan: all that its journal knows. With real workers and real files.

import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { writersOf } from "../../src/base/file-writer.js";
import { silentLogger } from "../../src/base/logger.js";
import { Ledger } from "../../src/catalog/ledger.js";
import type { ClosedSegmentReport, FailedSegmentReport } from "../../src/catalog/segment-report.js";
import { appendGap } from "../../src/container/mp4/journal.js";
import { CONTAINERS } from "../../src/container/table.js";
import { Recorder } from "../../src/recording/recorder.js";
import { collect } from "../support/collect.js";
import { CREATED_MS, recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { AVCC, accessUnit, makeMedia } from "../support/test-media.js";
import { until } from "../support/until.js";

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

it("ends what a kill in the middle of a first frame of 3 MiB has left, and says how much that was", async () => {
  const media = join(mkdtempSync(join(scratch.path, "large-")), "media");
  mkdirSync(media);
  recorder = await Recorder.open({ mediaFolders: [media], stateFolder: `${media}-state`, workers: 1, arenaMib: 64 });
  await recorder.record({ localStreamName: "cam", pathToFile: "cam", type: "mp4" });
  const stream = recorder.streams.open("cam");
  const track = stream.addTrack({ kind: "video" });
  stream.setDecoderConfig(track, "h264", AVCC);
  // A second of media settles which tracks there are.
  for (let i = 0; i < 50; i++) {
    const picture = i === 0 ? slice(SLICE_I, i, true, 3 << 20) : slice(SLICE_P, i);
    expect(stream.writeFrame(track, accessUnit([picture]), i * 3600, 0, i === 0)).toBe(true);
  }
  const path = join(media, "cam.mp4");
  await until("records are written", () => (statSync(`${path}.track1`, { throwIfNoEntry: false })?.size ?? 0) > 0);
  const killed = join(media, "killed.mp4");
  for (const suffix of [".info", ".mdat", ".track1"]) copyFileSync(path + suffix, killed + suffix);
  // As a kill would have left them: media of the first frame, and no record.
  const { size } = statSync(`${killed}.mdat`);
  truncateSync(`${killed}.mdat`, size - (1 << 20));
  truncateSync(`${killed}.track1`, 0);
  const lockPath = join(`${media}-state`, "lock");
  const recover = (): unknown => CONTAINERS.mp4.recover({ path: killed, targetPath: killed, lockPath });
  expect(recover).toThrow(/killed.mp4 held 20\d{5} bytes that no sample record names when the server ended$/);
  expect(readdirSync(media).filter((name) => name.startsWith("killed"))).toEqual([]);
});

describe("an MP4 of which a crash has left nothing", () => {
  const OLD = new Date(Date.now() - 60_000);
  /** What has just been made is judged by who has it open, or, where some processes are hidden, by its age. */
  const { areAllSeen } = writersOf(scratch.path);
  const suffixes = [".info", ".mdat", ".track1"];
  const NOT_ON_DISK = /^nothing of .*\/cam1.mp4 had reached the disk$/;
  let maker = -1;

  it.each([
    ["every file has no bytes", suffixes, NOT_ON_DISK],
    ["its media reads as zeros", [".mdat"], NOT_ON_DISK],
    ["its media has no bytes", [".mdat"], NOT_ON_DISK],
    ["nothing is said of it and its media is gone", [".info"], NOT_ON_DISK],
    [
      "a kill came before its first record",
      [".track1"],
      /cam1.mp4 held \d+ bytes that no sample record names when the/,
    ],
  ])("(%s) ends at the first start, once", async (what, emptied, message) => {
    const root = mkdtempSync(join(scratch.path, "cut-"));
    const [media, state] = [join(root, "media"), join(root, "state")];
    mkdirSync(media);
    const path = join(media, "cam1.mp4");
    recordJournal({ build: "release", finalPath: path }, (run) =>
      makeMedia({ durationMs: 2000, video: { config: run.addConfig("h264", AVCC) } }),
    );
    const origin = { localStreamName: "cam1", configId: 4, outStreamId: 9, variables: {} };
    const ledger = await Ledger.open(state, silentLogger);
    const sequence = ledger.nextSequence();
    const opened = { ...origin, path, container: "mp4", tracks: [], startedMs: CREATED_MS, sequence } as const;
    await ledger.append({ type: "opened", report: opened });
    await ledger.close();
    for (const suffix of emptied) {
      const { size } = statSync(path + suffix);
      truncateSync(path + suffix, 0);
      if (what.includes("zeros")) truncateSync(path + suffix, size);
      if (!areAllSeen) utimesSync(path + suffix, OLD, OLD);
    }
    if (what.includes("gone")) rmSync(`${path}.mdat`);

    const failures: FailedSegmentReport[] = [];
    for (const _start of [1, 2]) {
      recorder = await Recorder.open({ mediaFolders: [media], stateFolder: state, workers: 1, arenaMib: 64 });
      recorder.on("segmentFailed", (report) => failures.push(report));
      await recorder.whenRecovered();
      await recorder.close();
    }
    expect(failures).toMatchObject([{ ...origin, path, sequence, code: "notFound" }]);
    expect(failures[0]?.error).toMatch(message);
    expect(readdirSync(media)).toEqual([]);
    const again = await Ledger.open(state, silentLogger);
    expect([...again.unclosed]).toEqual([]);
    expect((await collect(again.entriesAfter(0))).map(({ type }) => type)).toEqual(["opened", "failed"]);
    await again.close();
  });

  it("that is young, and whose maker may be hidden, stays with the reason, unless the ledger knows it", () => {
    const folder = mkdtempSync(join(scratch.path, "young-"));
    const path = join(folder, "cam1.mp4");
    writeFileSync(`${path}.info`, "");
    chmodSync(scratch.path, 0o755);
    chmodSync(folder, 0o777);
    chmodSync(`${path}.info`, 0o666);
    const recover = (isOurs: boolean): unknown =>
      CONTAINERS.mp4.recover({ path, targetPath: path, lockPath: "", isOurs });
    // Without root's rights nobody sees what others have open.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.("nobody");
    try {
      expect(writersOf(folder).areAllSeen).toBe(false);
      expect(() => recover(false)).toThrow(
        /may still be in the making: it is younger than 10 s, and what processes of/,
      );
      expect(readdirSync(folder)).toEqual(["cam1.mp4.info"]);
      expect(() => recover(true)).toThrow(/^nothing of .* had reached the disk$/);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it.each([
    ["has media left", (path: string) => truncateSync(`${path}.info`, 0)],
    [
      "is being made",
      (path: string) => {
        for (const suffix of suffixes) truncateSync(path + suffix, 0);
        utimesSync(`${path}.info`, OLD, OLD);
        maker = openSync(`${path}.info`, "r+");
      },
    ],
    [
      "has a finished copy beside it",
      (path: string) => {
        truncateSync(`${path}.mdat`, 0);
        writeFileSync(`${path}.copy`, "what a finish had written");
      },
    ],
  ])("is none that %s: it stays for the next start", (_what, change) => {
    const path = join(mkdtempSync(join(scratch.path, "left-")), "cam1.mp4");
    recordJournal({ build: "release", finalPath: path }, (run) =>
      makeMedia({ durationMs: 2000, video: { config: run.addConfig("h264", AVCC) } }),
    );
    change(path);
    const before = readdirSync(dirname(path));
    const recover = (): unknown => CONTAINERS.mp4.recover({ path, targetPath: path, lockPath: "" });
    try {
      expect(recover).toThrow(expect.objectContaining({ code: "corrupt" }));
      expect(readdirSync(dirname(path))).toEqual(before);
    } finally {
      if (maker >= 0) closeSync(maker);
      maker = -1;
    }
  });
});
