// Growing files that somebody deletes, moves, replaces or cuts short: that is told, with what was in them, the
// recording goes on in a new file, and what stands in the name's place is not touched. Sent = in the closed files +
// told as lost.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClosedSegmentReport, FailedSegmentReport, SegmentReport } from "../../src/catalog/segment-report.js";
import { CONTAINER_NAMES, CONTAINERS } from "../../src/container/table.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { Gap } from "../../src/stream/gap.js";
import { expectAsTold } from "../support/expect-as-told.js";
import { LiveSource } from "../support/live-source.js";
import { mulberry32 } from "../support/random.js";
import { until } from "../support/until.js";

const FOREIGN = "somebody else's";

interface Seen {
  opened: SegmentReport[];
  closed: ClosedSegmentReport[];
  failed: FailedSegmentReport[];
  gaps: Gap[];
}

let root: string;
let media: string;
let recorder: Recorder;
let seen: Seen;
let source: LiveSource | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-lost-"));
  media = join(root, "media");
  recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(root, "state"), workers: 2 });
  seen = { opened: [], closed: [], failed: [], gaps: [] };
  recorder.on("segmentOpened", (report) => seen.opened.push(report));
  recorder.on("segmentClosed", (report) => seen.closed.push(report));
  recorder.on("segmentFailed", (report) => seen.failed.push(report));
  recorder.on("gap", (gap) => seen.gaps.push(gap));
});
afterEach(async () => {
  source?.stop();
  source = undefined;
  await recorder.close();
  await rm(root, { recursive: true, force: true });
});

/** One stream, recorded to every container. */
async function record(folder = ""): Promise<LiveSource> {
  for (const type of CONTAINER_NAMES)
    await recorder.record({ localStreamName: "cam", pathToFile: `${folder}cam-${type}`, type, chunkLength: 600 });
  const live = new LiveSource(recorder.streams.open("cam"));
  source = live;
  live.run();
  await until("media in the files", () => seen.opened.length === CONTAINER_NAMES.length && live.sentMs > 1000);
  return live;
}

const growing = (report: SegmentReport): string => CONTAINERS[report.container].mediaPath(report.path);

/** Ends the stream and adds up. Under the names of `theirs` something of somebody else's, or a torn file, may stand. */
async function expectAllAccounted(live: LiveSource, theirs: readonly SegmentReport[] = []): Promise<void> {
  live.stop();
  // Its last losses are told when a recording ends.
  await until("all recordings to end", () => recorder.outStreams().length === 0, 30_000);
  const inFiles = seen.closed.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0);
  const told = seen.gaps.reduce((sum, { frames }) => sum + frames, 0);
  expect(inFiles + told).toBe(CONTAINER_NAMES.length * (live.written.video + live.written.audio));
  const mayBeThere = (path: string): boolean => theirs.some((report) => path.startsWith(report.path));
  await expectAsTold(media, seen.closed, { mayBeThere, isMadeUp: true });
}

const WAYS: Record<string, (path: string) => void> = {
  deleted: (path) => rmSync(path),
  "moved away": (path) => renameSync(path, `${path}.theirs`),
  replaced: (path) => {
    rmSync(path);
    writeFileSync(path, FOREIGN);
  },
  "cut short": (path) => truncateSync(path, 100),
};

const paths = (reports: readonly SegmentReport[]): string[] => reports.map(({ path }) => path).sort();
const COUNT = CONTAINER_NAMES.length;

describe("growing files", () => {
  it.each(Object.keys(WAYS))("that are %s are told within two seconds, and the recordings go on", async (way) => {
    const live = await record();
    const first = seen.opened.slice(0, COUNT);
    for (const report of first) WAYS[way]?.(growing(report));
    await until("the losses to be told", () => seen.failed.length === COUNT, 10_000);
    expect(paths(seen.failed)).toEqual(paths(first));
    for (const failed of seen.failed) expect(failed).toMatchObject({ code: "lostFile", localStreamName: "cam" });
    expect(seen.gaps.filter(({ cause, frames }) => cause === "lostFile" && frames > 0)).toHaveLength(COUNT);
    await until("the next files", () => seen.opened.length === 2 * COUNT);
    await sleep(600);
    if (way === "replaced") for (const report of first) expect(readFileSync(growing(report), "utf8")).toBe(FOREIGN);
    await expectAllAccounted(live, first);
    expect(paths(seen.closed)).toEqual(paths(seen.opened.slice(COUNT)));
  });

  it("whose folder is removed go on in a folder that is made again", async () => {
    mkdirSync(join(media, "day"));
    const live = await record("day/");
    rmSync(join(media, "day"), { recursive: true });
    await until("the next files", () => seen.opened.length === 2 * COUNT);
    await sleep(600);
    await expectAllAccounted(live);
    expect(seen.closed).toHaveLength(COUNT);
  });

  it.each(["replaced", "cut short"])("that are %s just before the end are told, and not announced", async (way) => {
    const live = await record();
    const first = [...seen.opened];
    for (const report of first) WAYS[way]?.(growing(report));
    live.stop();
    await until("the losses to be told", () => seen.failed.length === COUNT);
    for (const failed of seen.failed) expect(failed.code).toBe("lostFile");
    expect(seen.closed).toEqual([]);
    if (way === "replaced") for (const report of first) expect(readFileSync(growing(report), "utf8")).toBe(FOREIGN);
    await expectAllAccounted(live, first);
  });
});

const TORTURE = process.env.REEL_TORTURE === "1";

it("at random, over and over, nothing is lost that was not told", { timeout: 600_000 }, async () => {
  const random = mulberry32(TORTURE ? Date.now() % 1e9 : 7);
  for (const type of CONTAINER_NAMES)
    await recorder.record({ localStreamName: "cam", pathToFile: `cam-${type}`, type, chunkLength: 600 });
  const live = new LiveSource(recorder.streams.open("cam"), 600_000);
  source = live;
  live.run();
  for (let round = 0; round < (TORTURE ? 100 : 4); round++) {
    await sleep(500 + random() * 1500);
    const names = readdirSync(media);
    const open = seen.opened.map(growing).filter((path) => names.includes(path.slice(media.length + 1)));
    const path = open[Math.floor(random() * open.length)];
    const ways = Object.values(WAYS);
    const isFinal = seen.closed.some((report) => report.path === path);
    if (path && !isFinal) ways[Math.floor(random() * ways.length)]?.(path);
  }
  const lost = seen.opened.filter(({ path }) => !seen.closed.some((report) => report.path === path));
  await expectAllAccounted(live, lost);
});
