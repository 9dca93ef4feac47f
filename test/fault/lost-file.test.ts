// Growing files that somebody deletes, moves, replaces or cuts short: that is told, with what was in them, the
// recording goes on in a new file, and what stands in the name's place is not touched. Sent = in the closed files +
// told as lost.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
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

/** A recorder of one case: they run side by side. */
interface Rig extends Seen {
  media: string;
  recorder: Recorder;
  source: LiveSource | undefined;
}

const rigs: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(rigs.map((close) => close())));

async function openRig(): Promise<Rig> {
  const root = await mkdtemp(join(tmpdir(), "reel-lost-"));
  const media = join(root, "media");
  const recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(root, "state"), workers: 1 });
  const rig: Rig = { media, recorder, source: undefined, opened: [], closed: [], failed: [], gaps: [] };
  rigs.push(async () => {
    rig.source?.stop();
    await recorder.close();
    await rm(root, { recursive: true, force: true });
  });
  recorder.on("segmentOpened", (report) => rig.opened.push(report));
  recorder.on("segmentClosed", (report) => rig.closed.push(report));
  recorder.on("segmentFailed", (report) => rig.failed.push(report));
  recorder.on("gap", (gap) => rig.gaps.push(gap));
  return rig;
}

/** One stream, recorded to every container. */
async function record(rig: Rig, folder = ""): Promise<LiveSource> {
  const { recorder } = rig;
  for (const type of CONTAINER_NAMES)
    await recorder.record({ localStreamName: "cam", pathToFile: `${folder}cam-${type}`, type, chunkLength: 600 });
  const live = new LiveSource(recorder.streams.open("cam"));
  rig.source = live;
  live.run();
  await until("media in the files", () => rig.opened.length === CONTAINER_NAMES.length && live.sentMs > 1000);
  return live;
}

const growing = (report: SegmentReport): string => CONTAINERS[report.container].mediaPath(report.path);

/** Ends the stream and adds up. Under the names of `theirs` something of somebody else's, or a torn file, may stand. */
async function expectAllAccounted(rig: Rig, live: LiveSource, theirs: readonly SegmentReport[] = []): Promise<void> {
  live.stop();
  // Its last losses are told when a recording ends.
  await until("all recordings to end", () => rig.recorder.outStreams().length === 0, 30_000);
  const inFiles = rig.closed.reduce((sum, { videoFrames, audioFrames }) => sum + videoFrames + audioFrames, 0);
  const told = rig.gaps.reduce((sum, { frames }) => sum + frames, 0);
  expect(inFiles + told).toBe(CONTAINER_NAMES.length * (live.written.video + live.written.audio));
  const mayBeThere = (path: string): boolean => theirs.some((report) => path.startsWith(report.path));
  await expectAsTold(rig.media, rig.closed, { mayBeThere, isMadeUp: true });
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

describe.concurrent("growing files", () => {
  it.each(Object.keys(WAYS))("that are %s are told within two seconds, and the recordings go on", async (way) => {
    const rig = await openRig();
    const live = await record(rig);
    const first = rig.opened.slice(0, COUNT);
    for (const report of first) WAYS[way]?.(growing(report));
    await until("the losses to be told", () => rig.failed.length === COUNT, 10_000);
    expect(paths(rig.failed)).toEqual(paths(first));
    for (const failed of rig.failed) expect(failed).toMatchObject({ code: "lostFile", localStreamName: "cam" });
    expect(rig.gaps.filter(({ cause, frames }) => cause === "lostFile" && frames > 0)).toHaveLength(COUNT);
    await until("the next files", () => rig.opened.length === 2 * COUNT);
    await sleep(600);
    if (way === "replaced") for (const report of first) expect(readFileSync(growing(report), "utf8")).toBe(FOREIGN);
    await expectAllAccounted(rig, live, first);
    expect(paths(rig.closed)).toEqual(paths(rig.opened.slice(COUNT)));
  });

  it("whose folder is removed go on in a folder that is made again", async () => {
    const rig = await openRig();
    mkdirSync(join(rig.media, "day"));
    const live = await record(rig, "day/");
    rmSync(join(rig.media, "day"), { recursive: true });
    await until("the next files", () => rig.opened.length === 2 * COUNT);
    await sleep(600);
    await expectAllAccounted(rig, live);
    expect(rig.closed).toHaveLength(COUNT);
  });

  it.each(["replaced", "cut short"])("that are %s just before the end are told, and not announced", async (way) => {
    const rig = await openRig();
    const live = await record(rig);
    const first = [...rig.opened];
    for (const report of first) WAYS[way]?.(growing(report));
    live.stop();
    await until("the losses to be told", () => rig.failed.length === COUNT);
    for (const failed of rig.failed) expect(failed.code).toBe("lostFile");
    expect(rig.closed).toEqual([]);
    if (way === "replaced") for (const report of first) expect(readFileSync(growing(report), "utf8")).toBe(FOREIGN);
    await expectAllAccounted(rig, live, first);
  });
});

const TORTURE = process.env.REEL_TORTURE === "1";

it.concurrent("at random, over and over, nothing is lost that was not told", { timeout: 600_000 }, async () => {
  const rig = await openRig();
  const { recorder, media } = rig;
  const random = mulberry32(TORTURE ? Date.now() % 1e9 : 7);
  for (const type of CONTAINER_NAMES)
    await recorder.record({ localStreamName: "cam", pathToFile: `cam-${type}`, type, chunkLength: 600 });
  const live = new LiveSource(recorder.streams.open("cam"), 600_000);
  rig.source = live;
  live.run();
  for (let round = 0; round < (TORTURE ? 100 : 4); round++) {
    await sleep(500 + random() * 1500);
    const names = readdirSync(media);
    const open = rig.opened.map(growing).filter((path) => names.includes(path.slice(media.length + 1)));
    const path = open[Math.floor(random() * open.length)];
    const ways = Object.values(WAYS);
    const isFinal = rig.closed.some((report) => report.path === path);
    if (path && !isFinal) ways[Math.floor(random() * ways.length)]?.(path);
  }
  const lost = rig.opened.filter(({ path }) => !rig.closed.some((report) => report.path === path));
  await expectAllAccounted(rig, live, lost);
});
