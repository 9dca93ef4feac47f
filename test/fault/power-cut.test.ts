// The power goes at random moments while one stream is recorded to MP4, MPEG-TS and FLV, growing files and chunked
// ones. After the next start the disk holds what had been promised by then (README, "What survives"):
//
//   close      every file that was announced as closed is whole
//   interval   besides, of a growing file at most MAX_LOSS_MS of media are missing at the end
//   none       nothing; what is there plays all the same, once it is repaired
//
// In all of them no sequence is given twice. But for `none` the ledger has every closing that was told, and each once.

import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { repairFlv } from "../../src/container/flv/repair-flv.js";
import { repairTs } from "../../src/container/mpegts/repair-ts.js";
import type { ContainerName } from "../../src/container/table.js";
import type { Durability } from "../../src/recording/record-config.js";
import { Recorder } from "../../src/recording/recorder.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { effort, isTorture, seed } from "../support/effort.js";
import { expectAsTold } from "../support/expect-as-told.js";
import { LiveSource } from "../support/live-source.js";
import { SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { type FileSystem, PowerCutDisk } from "../support/power-cut.js";
import { mulberry32 } from "../support/random.js";
import { ASC, AVCC, accessUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const CONTAINERS: readonly ContainerName[] = ["mp4", "ts", "flv"];
const CHUNK_SECONDS = 2;
/** Every moment is one for each container. In torture both file systems together have 200 for each durability. */
const MOMENTS = effort(2, 5);
const RUNS = effort(1, 20);
const FIRST_MS = 1200;
const SPREAD_MS = 1200;
const MAX_LOSS_MS = 1000;
/** No interval ends in a test. */
const NEVER_MS = 600_000;
/** A sync that was asked for is done; the file system itself writes every 5 s. */
const SYNCED_MS = 1000;

let disk: PowerCutDisk | undefined;
let recorder: Recorder | undefined;
afterEach(async () => {
  await recorder?.close();
  recorder = undefined;
  await disk?.close();
  disk = undefined;
});

function open(folder: string, durability: Durability, syncIntervalMs?: number): Promise<Recorder> {
  return Recorder.open({
    mediaFolders: [join(folder, "media")],
    stateFolder: join(folder, "state"),
    workers: 1,
    arenaMib: 256,
    durability,
    ...(syncIntervalMs !== undefined && { syncIntervalMs }),
  });
}

interface Moment {
  image: string;
  sentMs: number;
  closed: ClosedSegmentReport[];
  growing: string[];
  /** The highest that any report had. */
  sequence: number;
}

/** Records in real time and cuts the power at random moments. Leaves the disk off. */
async function record(from: PowerCutDisk, durability: Durability, random: () => number): Promise<Moment[]> {
  await mkdir(join(from.path, "media"), { recursive: true });
  const live = await open(from.path, durability);
  recorder = live;
  const closed: ClosedSegmentReport[] = [];
  const growing = new Set<string>();
  let sequence = 0;
  live.on("segmentOpened", (report) => {
    sequence = Math.max(sequence, report.sequence);
    growing.add(report.path);
  });
  live.on("segmentClosed", (report) => {
    sequence = Math.max(sequence, report.sequence);
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
    const known = { sentMs: source.sentMs, closed: [...closed], growing: [...growing], sequence };
    moments.push({ ...known, image: await from.cut() });
  }
  source.stop();
  await live.close();
  recorder = undefined;
  await from.turnOff();
  return moments;
}

interface Recovered {
  /** Told by this start. */
  closed: ClosedSegmentReport[];
  /** What could not be finished. */
  failed: Set<string>;
  /** All closings that the ledger knows, of both runs. */
  ledger: ClosedSegmentReport[];
}

/** Starts on what a cut left. */
async function recover(folder: string, durability: Durability): Promise<Recovered> {
  const again = await open(folder, durability);
  recorder = again;
  const found: Recovered = { closed: [], failed: new Set(), ledger: [] };
  again.on("segmentFailed", ({ path }) => found.failed.add(path));
  again.on("segmentClosed", (report) => found.closed.push(report));
  await again.whenRecovered();
  for await (const entry of (await again.closedSince(0)).entries) found.ledger.push(entry);
  await again.close();
  recorder = undefined;
  return found;
}

/** No sequence is given twice, so a consumer that asks for what came after its last one misses nothing. */
function expectNewSequences(moment: Moment, { closed }: Recovered): void {
  const sequences = closed.map((report) => report.sequence);
  expect(Math.min(...sequences), "the first sequence behind the cut").toBeGreaterThan(moment.sequence);
  expect(new Set(sequences).size, "sequences behind the cut").toBe(sequences.length);
}

/**
 * Every closing that was told is in the ledger as it was told, none is there twice, and the disk holds just these.
 * Besides there may be files whose opening was on its way into the ledger and had not been told.
 */
async function expectLedgerKept(media: string, moment: Moment, found: Recovered): Promise<void> {
  for (const report of moment.closed)
    expect(
      found.ledger.find(({ sequence }) => sequence === report.sequence),
      report.path,
    ).toEqual(report);
  const paths = found.ledger.map(({ path }) => path);
  expect(new Set(paths).size, "files that were closed").toBe(paths.length);
  const mayBeThere = (path: string): boolean => found.failed.has(path) || !moment.growing.includes(path);
  await expectAsTold(media, found.ledger, { mayBeThere });
}

/** What is there of the growing files plays. Returns the media that each holds, 0 where the cut took all of it. */
async function growingMs(moment: Moment, { failed }: Recovered): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (const path of moment.growing) {
    kept.set(path, 0);
    if (failed.has(path) || !existsSync(path) || statSync(path).size === 0) continue;
    const found = await verifyFile(path);
    expect(found.defects, path).toEqual([]);
    kept.set(path, found.durationMs);
  }
  return kept;
}

/** `reel finish` by hand: with `none` the ledger may have lost what its server would repair. */
function repairByHand({ growing }: Moment, { closed, failed }: Recovered): void {
  const isClosed = (path: string): boolean => closed.some((report) => report.path === path);
  for (const path of growing) {
    if (isClosed(path) || failed.has(path) || !existsSync(path) || statSync(path).size === 0) continue;
    if (path.endsWith(".ts")) repairTs(path);
    if (path.endsWith(".flv")) repairFlv(path);
  }
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

describe("a track that joins an MP4 late", () => {
  it("is listed on the disk at once, before any interval is over", async () => {
    disk = await PowerCutDisk.open("ext4");
    await mkdir(join(disk.path, "media"), { recursive: true });
    const live = await open(disk.path, "interval", NEVER_MS);
    recorder = live;
    const opened = once(live, "segmentOpened");
    await live.record({ localStreamName: "cam", pathToFile: "cam", type: "mp4" });
    const stream = live.streams.open("cam");
    stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
    stream.settle();
    const picture = (i: number): void => {
      const isIdr = i === 0;
      const unit = accessUnit([slice(isIdr ? SLICE_I : SLICE_P, i, isIdr)]);
      stream.writeFrame(TRACK_VIDEO, unit, i * 3600, 0, isIdr);
    };
    for (let i = 0; i < 25; i++) picture(i);
    await opened;
    await delay(SYNCED_MS);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    for (let i = 25; i < 50; i++) {
      picture(i);
      stream.writeFrame(TRACK_AUDIO, new Uint8Array(200).fill(0x21), i * 3600, 0, true);
    }
    const info = join(disk.path, "media", "cam.mp4.info");
    const tracks = (): number => readFileSync(info, "latin1").split('"type":"track"').length - 1;
    await until("the track has joined", () => tracks() === 2);
    await delay(SYNCED_MS);
    const image = await disk.cut();
    stream.end("test");
    await live.close();
    recorder = undefined;
    await disk.turnOff();
    await disk.turnOn(image);
    expect(tracks()).toBe(2);
  });
});

const FILE_SYSTEMS: readonly [FileSystem, readonly Durability[]][] = [
  ["ext4", isTorture ? ["none", "close", "interval"] : ["close", "interval"]],
  ["xfs", isTorture ? ["none", "close", "interval"] : ["interval"]],
];
const CASES = FILE_SYSTEMS.flatMap(([fileSystem, durabilities]) =>
  durabilities.map((durability) => [fileSystem, durability] as const),
);

describe.each(CASES)(`%s, durability=%s, the power is cut at random moments (REEL_SEED=${seed})`, (...of) => {
  const [fileSystem, durability] = of;
  it.each(Array.from({ length: RUNS }, (_, i) => i))(
    `run %i, ${MOMENTS} moments: what was promised is there`,
    async (run) => {
      disk = await PowerCutDisk.open(fileSystem);
      for (const moment of await record(disk, durability, mulberry32(seed + run))) {
        await disk.turnOn(moment.image);
        const found = await recover(disk.path, durability);
        expectNewSequences(moment, found);
        if (durability === "none") repairByHand(moment, found);
        else await expectLedgerKept(join(disk.path, "media"), moment, found);
        const kept = await growingMs(moment, found);
        if (durability === "interval") expectLittleLost(moment, kept);
        await disk.turnOff();
        await disk.forget(moment.image);
      }
    },
  );
});
