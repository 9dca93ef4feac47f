// The power goes at random moments while one stream is recorded to MP4, MPEG-TS and FLV, growing files and chunked
// ones. After the next start the disk holds what had been promised by then (README, "What survives"):
//
//   close      every file that was announced as closed is whole
//   interval   besides, of a growing file at most MAX_LOSS_MS of media are missing at the end
//   none       nothing; what is there plays all the same

import { existsSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { repairFlv } from "../../src/container/flv/repair-flv.js";
import { repairTs } from "../../src/container/mpegts/repair-ts.js";
import type { ContainerName } from "../../src/container/table.js";
import type { Durability } from "../../src/recording/record-config.js";
import { Recorder } from "../../src/recording/recorder.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { effort, seed } from "../support/effort.js";
import { LiveSource } from "../support/live-source.js";
import { type FileSystem, PowerCutDisk } from "../support/power-cut.js";
import { mulberry32 } from "../support/random.js";

const CONTAINERS: readonly ContainerName[] = ["mp4", "ts", "flv"];
const CHUNK_SECONDS = 2;
/** Every moment is one for each container. */
const RUNS = effort(1, 40);
const MOMENTS = effort(3, 5);
const FIRST_MS = 1200;
const SPREAD_MS = 1200;
const MAX_LOSS_MS = 1000;

let disk: PowerCutDisk | undefined;
let recorder: Recorder | undefined;
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
  await disk?.close();
  disk = undefined;
});

function open(folder: string, durability: Durability): Promise<Recorder> {
  return Recorder.open({
    mediaFolders: [join(folder, "media")],
    stateFolder: join(folder, "state"),
    workers: 1,
    arenaMib: 256,
    durability,
  });
}

interface Moment {
  image: string;
  sentMs: number;
  closed: ClosedSegmentReport[];
  growing: string[];
}

/** Records in real time and cuts the power at random moments. Leaves the disk off. */
async function record(from: PowerCutDisk, durability: Durability, random: () => number): Promise<Moment[]> {
  await mkdir(join(from.path, "media"), { recursive: true });
  const live = await open(from.path, durability);
  recorder = live;
  const closed: ClosedSegmentReport[] = [];
  const growing = new Set<string>();
  live.on("segmentOpened", ({ path }) => growing.add(path));
  live.on("segmentClosed", (report) => {
    closed.push(report);
    growing.delete(report.path);
  });
  const source = new LiveSource(live.streams.open("cam"));
  for (const type of CONTAINERS) {
    await live.record({ localStreamName: "cam", pathToFile: `long-${type}`, type });
    await live.record({ localStreamName: "cam", pathToFile: `cut-${type}`, type, chunkLength: CHUNK_SECONDS });
  }
  source.run();
  const moments: Moment[] = [];
  await delay(FIRST_MS);
  for (let i = 0; i < MOMENTS; i++) {
    await delay(random() * SPREAD_MS); // the random moment
    const known = { sentMs: source.sentMs, closed: [...closed], growing: [...growing] };
    moments.push({ ...known, image: await from.cut() });
  }
  source.stop();
  await live.close();
  recorder = undefined;
  await from.turnOff();
  return moments;
}

/** Starts on what a cut left; returns what the recovery could not finish. */
async function recover(folder: string, durability: Durability): Promise<Set<string>> {
  const again = await open(folder, durability);
  recorder = again;
  const failed = new Set<string>();
  again.on("segmentFailed", ({ path }) => failed.add(path));
  await again.whenRecovered();
  await again.close();
  recorder = undefined;
  return failed;
}

/** Every file that was announced as closed is there as it was announced. */
async function expectClosedKept(moment: Moment): Promise<void> {
  for (const report of moment.closed) {
    expect(existsSync(report.path), `${report.path} was announced and is gone`).toBe(true);
    expect(statSync(report.path).size, report.path).toBe(report.sizeBytes);
    const found = await verifyFile(report.path);
    expect(found.defects, report.path).toEqual([]);
    expect(found.tracks.find((track) => track.kind === "video")?.frames, report.path).toBe(report.videoFrames);
  }
}

/** What is there of the growing files plays. Returns the media that each holds, 0 where the cut took all of it. */
async function growingMs(moment: Moment, failed: ReadonlySet<string>): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (const path of moment.growing) {
    kept.set(path, 0);
    if (failed.has(path) || !existsSync(path) || statSync(path).size === 0) continue;
    // `reel finish`, for a file that the ledger has lost with its page cache; nothing for one that was recovered.
    if (path.endsWith(".ts")) repairTs(path);
    if (path.endsWith(".flv")) repairFlv(path);
    const found = await verifyFile(path);
    expect(found.defects, path).toEqual([]);
    kept.set(path, found.durationMs);
  }
  return kept;
}

/** Of each recording at most MAX_LOSS_MS are missing at the end. */
function expectLittleLost(moment: Moment, kept: ReadonlyMap<string, number>): void {
  for (const type of CONTAINERS) {
    for (const name of [`long-${type}`, `cut-${type}`]) {
      const isOwn = (path: string): boolean => path.includes(`/${name}`);
      const closedMs = moment.closed.reduce((sum, { path, durationMs }) => sum + (isOwn(path) ? durationMs : 0), 0);
      const growingMs = [...kept].reduce((sum, [path, ms]) => sum + (isOwn(path) ? ms : 0), 0);
      const lostMs = moment.sentMs - closedMs - growingMs;
      expect(lostMs, `${name}: media lost at the end`).toBeLessThanOrEqual(MAX_LOSS_MS);
    }
  }
}

const CASES: readonly [FileSystem, Durability][] = [
  ["ext4", "none"],
  ["ext4", "close"],
  ["ext4", "interval"],
  ["xfs", "interval"],
  ...(effort(0, 1)
    ? ([
        ["xfs", "none"],
        ["xfs", "close"],
      ] as [FileSystem, Durability][])
    : []),
];

describe(`the power is cut at ${RUNS * MOMENTS} random moments (REEL_SEED=${seed})`, () => {
  it.each(CASES)("%s, durability=%s: what was promised is there", async (fileSystem, durability) => {
    const random = mulberry32(seed);
    for (let run = 0; run < RUNS; run++) {
      disk = await PowerCutDisk.open(fileSystem);
      for (const moment of await record(disk, durability, random)) {
        await disk.turnOn(moment.image);
        const failed = await recover(disk.path, durability);
        if (durability !== "none") await expectClosedKept(moment);
        const kept = await growingMs(moment, failed);
        if (durability === "interval") expectLittleLost(moment, kept);
        await disk.turnOff();
        await disk.forget(moment.image);
      }
      await disk.close();
      disk = undefined;
    }
  });
});
