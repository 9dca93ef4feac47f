// A segment by its id and by its path: while it grows, when it is final, after a deletion, another start, an index of
// an earlier version, a lookup that was torn or deleted.

import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { Ledger } from "../../../src/catalog/ledger.js";
import { SegmentLookup } from "../../../src/catalog/segment-lookup.js";
import type { ContainerName } from "../../../src/container/table.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const NOON = Date.UTC(2026, 10, 27, 12);
let folders = 0;
let state: string;
let media: string;
let ledger: Ledger;
let catalog: Catalog;

async function open(): Promise<void> {
  ledger = await Ledger.open(state, silentLogger, { isDurable: false });
  catalog = await Catalog.open(state, { ledger, mediaFolders: [media], logger: silentLogger });
  catalog.start();
  await catalog.whenComplete();
}

async function close(): Promise<void> {
  await catalog.close();
  await ledger.close();
}

beforeEach(async () => {
  state = path(`state${++folders}`);
  media = path(`media${folders}`);
  mkdirSync(media);
  await open();
});
afterEach(close);

async function begin(stream: string, container: ContainerName = "ts") {
  const sequence = ledger.nextSequence();
  const origin = { localStreamName: stream, configId: 1, outStreamId: 2, variables: {} };
  const file = join(media, `${stream}_${sequence}.${container}`);
  const report = { ...origin, path: file, container, tracks: [], startedMs: NOON + sequence, sequence };
  await ledger.append({ type: "opened", report });
  return report;
}

async function record(stream: string): Promise<number> {
  const opened = await begin(stream);
  writeFileSync(opened.path, Buffer.alloc(188));
  const counts = { videoFrames: 1, audioFrames: 0, durationMs: 40, sizeBytes: 188, gaps: [], lost: null };
  const rest = { stoppedMs: opened.startedMs + 40, finish: "none" as const, recovered: false, syncError: null };
  const report = { ...opened, sequence: ledger.nextSequence(), ...counts, ...rest };
  await ledger.append({ type: "closed", opened: opened.sequence, report });
  await catalog.whenIdle();
  return opened.sequence;
}

describe("a segment", () => {
  it("is found by its id in every state, and by its path while its file is there", async () => {
    const growing = await begin("cam");
    expect((await catalog.find(growing.sequence))?.state).toBe("growing");
    expect((await catalog.findByPath(growing.path))?.id).toBe(growing.sequence);
    const movie = await begin("cam", "mp4");
    expect((await catalog.find(movie.sequence))?.state).toBe("growing");
    expect(await catalog.findByPath(movie.path)).toBeUndefined();

    const ids: number[] = [];
    for (const stream of ["cam", "other/cam", "cam"]) ids.push(await record(stream.replace("/", "_")));
    for (const id of ids) expect([id, (await catalog.find(id))?.state]).toEqual([id, "finished"]);
    const found = (await catalog.find(ids[1] as number)) as CatalogSegment;
    expect(found.localStreamName).toBe("other_cam");
    expect((await catalog.findByPath(found.path))?.id).toBe(ids[1]);

    await catalog.delete(found);
    expect((await catalog.find(found.id))?.state).toBe("deleted");
    expect(await catalog.findByPath(found.path)).toBeUndefined();
    for (const id of [0, 99_999, 2 ** 33, 2 ** 52 + 1, -1, 1.5, Number.NaN, 2 ** 60])
      expect([id, await catalog.find(id)]).toEqual([id, undefined]);
    expect(await catalog.findByPath("/etc/passwd")).toBeUndefined();
  });

  it("is not found by the path of a file that has gone, or that another recording has replaced", async () => {
    const first = (await catalog.find(await record("cam"))) as CatalogSegment;
    writeFileSync(first.path, Buffer.alloc(200));
    expect([(await catalog.find(first.id))?.missing, await catalog.findByPath(first.path)]).toEqual([true, undefined]);
    await catalog.append({ ...first, id: ledger.nextSequence(), sizeBytes: 200 });
    expect((await catalog.findByPath(first.path))?.sizeBytes).toBe(200);
    rmSync(first.path);
    expect(await catalog.findByPath(first.path)).toBeUndefined();
  });

  it("that no ledger knows is found too", async () => {
    await close();
    rmSync(join(state, "catalog"), { recursive: true });
    writeFileSync(join(media, "old.ts"), Buffer.alloc(376));
    await open();
    const found = await catalog.findByPath(join(media, "old.ts"));
    expect([found?.isEstimated, found && (await catalog.find(found.id))?.path]).toEqual([true, join(media, "old.ts")]);
  });
});

describe("the lookup", () => {
  it("of an index that an earlier version made, or that was deleted, is made once from the day files", async () => {
    const ids = [await record("a"), await record("b")];
    await close();
    rmSync(join(state, "catalog", "lookup"), { recursive: true });
    await open();
    for (const id of ids) {
      const found = await catalog.find(id);
      expect(found && (await catalog.findByPath(found.path))?.id).toBe(id);
    }
    expect(readdirSync(join(state, "catalog", "lookup"))).toContain("complete");
  });

  it("writes over what a crash tore of it", async () => {
    const first = (await catalog.find(await record("a"))) as CatalogSegment;
    const lookup = new SegmentLookup(join(state, "catalog"));
    const folder = join(state, "catalog", "lookup", "paths");
    for (const bucket of readdirSync(folder)) appendFileSync(join(folder, bucket), "torn");
    await lookup.add([{ ...first, id: 77 }]);
    expect(await lookup.idsOf(first.path)).toEqual([77, first.id]);
  });
});
