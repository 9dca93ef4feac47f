// Files with manifests: what is hashed as it is written is what the final file holds, each manifest names the one
// before, also over a restart, and whatever is changed, taken away or exchanged is named.

import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { Recorder } from "../../../../src/recording/recorder.js";
import { verifyManifests } from "../../../../src/verify/verify-manifest.js";
import { LoopedSource } from "../../../support/looped-source.js";
import { until } from "../../../support/until.js";

const TYPES = ["mp4", "ts", "flv"] as const;
/** At 0.7 Mb/s more than two blocks a file. */
const FILE_MS = 120_000;
const FILES = 3;
let root: string;
let media: string;
const closed: ClosedSegmentReport[] = [];

async function record(from: number): Promise<void> {
  const recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(root, "state"), workers: 1 });
  recorder.on("segmentClosed", (report) => closed.push(report));
  if (from === 0)
    for (const type of TYPES)
      await recorder.record({
        localStreamName: "cam",
        pathToFile: type,
        type,
        chunkLength: FILE_MS / 1000,
        manifest: true,
      });
  const source = new LoopedSource(recorder.streams.open("cam"));
  const count = from === 0 ? FILES - 1 : 1;
  await source.writeUpTo(FILE_MS * count);
  source.stream.end("test");
  await until("the recordings have ended", () => recorder.outStreams().length === 0, 60_000);
  await recorder.close();
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "reel-manifest-"));
  media = join(root, "media");
  await record(0);
  await record(FILES - 1);
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

function manifests(): string[] {
  return readdirSync(media)
    .filter((name) => name.endsWith(".manifest"))
    .map((name) => join(media, name));
}

function faults(): Record<string, string> {
  const reports = verifyManifests(manifests());
  return Object.fromEntries(
    reports.flatMap(({ path, fault }) => (fault === null ? [] : [[basename(path, ".manifest"), fault]])),
  );
}

/** The files of a container, in the order in which they were closed, which is that of the chain. */
const filesOf = (type: string): string[] =>
  closed.filter(({ container }) => container === type).map(({ path }) => path);

describe.each(TYPES)("manifests of %s files", (type) => {
  it("hold for every file, hashed as it was written, and chained over a restart", () => {
    expect(faults()).toEqual({});
    const files = filesOf(type);
    expect(files.length).toBe(FILES);
    const read = files.map((path) => JSON.parse(readFileSync(`${path}.manifest`, "utf8")));
    expect(read.map(({ previous }) => previous)).toEqual([
      null,
      ...read.slice(0, -1).map(({ file, root }) => ({ file, root })),
    ]);
    for (const [at, one] of read.entries()) {
      expect(one.hashedWhileWritten).toBeGreaterThanOrEqual(2);
      expect(one.hashedWhileWritten).toBe(one.media.sha256.length - 1);
      expect(one).toMatchObject({ localStreamName: "cam", isRecovered: false, file: basename(files[at] as string) });
      expect(closed.find(({ path }) => path === files[at])?.manifest).toBe(one.root);
    }
  });

  it.each([
    ["of the head", 20, /^bytes 0 to \d+ \(the head\) were changed$/],
    ["of the media", 5_000_000, /^bytes (\d+) to (\d+) were changed$/],
  ])("name a changed byte %s", (what, at, message) => {
    if (type === "ts" && what === "of the head") return expect(faults()).toEqual({}); // it has none
    const [, second = ""] = filesOf(type);
    const before = readFileSync(second);
    const fd = openSync(second, "r+");
    writeSync(fd, Buffer.of((before[at] as number) ^ 1), 0, 1, at);
    closeSync(fd);
    const found = faults();
    writeFileSync(second, before);
    expect(Object.keys(found)).toEqual([basename(second)]);
    const fault = found[basename(second)] as string;
    expect(fault).toMatch(message);
    const [, from, to] = message.exec(fault) ?? [];
    if (from && to) expect([Number(from) <= at, at < Number(to)]).toEqual([true, true]);
  });

  it("name a file that is missing, cut short, or not the one that was recorded", () => {
    const [first = "", second = "", third = ""] = filesOf(type);
    const kept = readFileSync(second);
    rmSync(second);
    expect(faults()).toEqual({ [basename(second)]: "its file is missing" });
    writeFileSync(second, kept.subarray(0, -1));
    expect(faults()[basename(second)]).toBe(`its file has ${kept.byteLength - 1} bytes, and had ${kept.byteLength}`);
    writeFileSync(second, Buffer.from(kept).reverse()); // of its size
    expect(Object.keys(faults())).toEqual([basename(second)]);
    writeFileSync(second, kept);
    // A whole segment taken out of the middle; the oldest may go, as retention takes it.
    const taken = readFileSync(`${second}.manifest`);
    rmSync(`${second}.manifest`);
    expect(faults()).toEqual({ [basename(third)]: `${basename(second)}, the file before it, is missing` });
    writeFileSync(`${second}.manifest`, taken);
    const oldest = readFileSync(`${first}.manifest`);
    rmSync(`${first}.manifest`);
    expect(faults()).toEqual({});
    writeFileSync(`${first}.manifest`, oldest);
  });

  it("name a manifest that was changed, and one that was made anew", () => {
    const [, second = "", third = ""] = filesOf(type);
    const text = readFileSync(`${second}.manifest`, "utf8");
    writeFileSync(`${second}.manifest`, text.replace('"localStreamName":"cam"', '"localStreamName":"cat"'));
    const found = faults();
    writeFileSync(`${second}.manifest`, text);
    expect(found[basename(second)]).toBe("the manifest was changed: its root is not that of its lines");
    expect(found[basename(third)]).toBeUndefined();
  });
});

it("do not outlive their file, where overwrite=1 puts another one without a manifest in its place", async () => {
  const own = join(root, "replaced");
  const recorder = await Recorder.open({ mediaFolders: [own], stateFolder: join(root, "replaced.state"), workers: 1 });
  for (const manifest of [true, false]) {
    for (const type of TYPES)
      await recorder.record({
        ...{ localStreamName: "cam", pathToFile: "x", type, manifest },
        ...{ overwrite: true, keepAlive: false },
      });
    const source = new LoopedSource(recorder.streams.open("cam"));
    await source.writeUpTo(1000);
    source.stream.end("test");
    await until("the recordings have ended", () => recorder.outStreams().length === 0, 60_000);
    const names = TYPES.map((type) => `x.${type}`);
    expect(readdirSync(own).sort()).toEqual(
      (manifest ? names.flatMap((name) => [name, `${name}.manifest`]) : names).sort(),
    );
  }
  await recorder.close();
});
