// The catalogue on real files: what a query answers, across midnight, pages, restarts, deletions and lost indexes.

import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { MIDNIGHT, MINUTE, ORIGIN, Rig, TRACKS } from "../../support/catalog-rig.js";
import { until } from "../../support/until.js";

describe("a query", () => {
  it("answers what overlaps its range, of its stream, oldest first, also over midnight and days", async () => {
    const rig = await new Rig().open();
    const before = await rig.record("cam1", MIDNIGHT - 2 * MINUTE, MINUTE);
    const over = await rig.record("cam1", MIDNIGHT - 30_000, MINUTE);
    const after = await rig.record("cam1", MIDNIGHT + 30_000, MINUTE);
    const long = await rig.record("cam1", MIDNIGHT - 50 * 60 * MINUTE, 100 * 60 * MINUTE);
    await rig.record("cam2", MIDNIGHT, MINUTE);
    const growing = await rig.grow("cam1", MIDNIGHT + 2 * MINUTE);
    const all = [long, before, over, after, growing].map((report) => report.sequence);
    expect(await rig.ids({ stream: "cam1" })).toEqual(all);
    const [l, , o, a, g] = all;
    expect(await rig.ids({ stream: "cam1", from: MIDNIGHT, to: MIDNIGHT + MINUTE })).toEqual([l, o, a]);
    expect(await rig.ids({ stream: "cam1", from: MIDNIGHT + 20 * 24 * 60 * MINUTE })).toEqual([g]);
    expect(
      await rig.ids({ stream: "cam1", from: MIDNIGHT - 40 * 60 * MINUTE, to: MIDNIGHT - 39 * 60 * MINUTE }),
    ).toEqual([l]);
    expect(await rig.ids({ stream: "cam1", state: "growing" })).toEqual([g]);
    expect(await rig.ids({ stream: "cam1", state: ["finished", "recovered"] })).toEqual([l, ...all.slice(1, 4)]);
    expect(await rig.ids({ stream: "cam3" })).toEqual([]);
    expect((await rig.ids()).length).toBe(6);
    await rig.close();
    // The same from the files alone; what grew is unfinished now.
    await rig.open();
    expect(await rig.ids({ stream: "cam1" })).toEqual(all);
    const last = (await rig.catalog.query({ stream: "cam1" })).segments.at(-1);
    expect(last).toMatchObject({ state: "failed", code: "unfinished" });
    await rig.finish(growing, MIDNIGHT + 3 * MINUTE, true);
    expect((await rig.catalog.query({ stream: "cam1" })).segments.at(-1)?.state).toBe("recovered");
  });

  it("finds a segment during which the clock was set back by when it began, for as long as it is", async () => {
    const rig = await new Rig().open();
    const opened = await rig.grow("cam1", MIDNIGHT);
    await rig.finish(opened, MIDNIGHT - 24 * 60 * MINUTE, false, MINUTE);
    const [segment] = (await rig.catalog.query({ from: MIDNIGHT + MINUTE / 2, to: MIDNIGHT + MINUTE })).segments;
    expect(segment).toMatchObject({ startedMs: MIDNIGHT, stoppedMs: MIDNIGHT + MINUTE, durationMs: MINUTE });
    expect(await rig.ids({ to: MIDNIGHT - MINUTE })).toEqual([]);
  });

  it("gives every segment on exactly one page, whatever the page's size", async () => {
    const rig = await new Rig().open();
    const streams = ["a/b", "..", "c~d.e", "x".repeat(300)];
    for (let i = 0; i < 40; i++)
      await rig.record(streams[i % 4] ?? "", MIDNIGHT + (i % 10) * 7 * 60 * MINUTE, 9 * 60 * MINUTE);
    await rig.grow("a/b", MIDNIGHT + 3 * 60 * MINUTE);
    const whole = await rig.ids();
    expect(new Set(whole).size).toBe(41);
    for (const limit of [1, 3, 40, 41, 100]) {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await rig.catalog.query({ limit, ...(cursor !== undefined && { cursor }) });
        expect(page.segments.length).toBeLessThanOrEqual(limit);
        seen.push(...page.segments.map((segment) => segment.id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(whole);
    }
    await expect(rig.catalog.query({ cursor: "x" })).rejects.toMatchObject({ code: "badArgument" });
    await expect(rig.catalog.query({ limit: 0 })).rejects.toMatchObject({ code: "badArgument" });
  });

  it("says of a file that is gone, or that another recording has replaced, that it is missing", async () => {
    const rig = await new Rig().open();
    const [gone, replaced, kept] = [0, 1, 2].map((i) => rig.record("cam1", MIDNIGHT + i * MINUTE, MINUTE));
    rmSync((await gone)?.path ?? "");
    appendFileSync((await replaced)?.path ?? "", "more");
    await kept;
    const { segments } = await rig.catalog.query({ stream: "cam1" });
    expect(segments.map((segment) => segment.missing)).toEqual([true, true, undefined]);
  });
});

describe("the index", () => {
  it("is told when a segment is final, and has it by then", async () => {
    const rig = await new Rig().open();
    const seen: CatalogSegment[] = [];
    const stop = rig.catalog.onClosed((segment) => seen.push(segment));
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    expect((await rig.catalog.query()).segments).toMatchObject([{ id: opened.sequence, state: "finished", ...ORIGIN }]);
    await rig.catalog.append({ ...(await rig.catalog.query()).segments[0], state: "uploaded" } as CatalogSegment);
    expect(seen.map((segment) => [segment.id, segment.localStreamName, segment.tracks])).toEqual([
      [opened.sequence, "cam1", TRACKS],
    ]);
    stop();
    await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE);
    expect(seen.length).toBe(1);
    expect((await rig.catalog.query()).segments.map(({ state }) => state)).toEqual(["uploaded", "finished"]);
  });

  it("that cannot be written keeps a final segment in memory, and tells it", async () => {
    const rig = await new Rig().open();
    writeFileSync(join(rig.state, "catalog", "2026-11-27"), "no folder can be made here");
    const seen: number[] = [];
    rig.catalog.onClosed(({ id }) => seen.push(id));
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    await rig.catalog.whenIdle();
    await until("it is told", () => seen.length > 0);
    expect(seen).toEqual([opened.sequence]);
    expect(await rig.segment(opened.sequence)).toMatchObject({ state: "finished", path: opened.path });
  });

  it("keeps what was deleted deleted, though the ledger is put in again", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const growing = await rig.grow("cam1", MIDNIGHT + MINUTE);
    const [first, second] = (await rig.catalog.query()).segments;
    await expect(rig.catalog.delete(second as CatalogSegment)).rejects.toMatchObject({ code: "targetBusy" });
    await rig.catalog.delete(first as CatalogSegment);
    expect(existsSync(opened.path)).toBe(false);
    await rig.finish(growing, MIDNIGHT + 2 * MINUTE);
    await rig.close();
    writeFileSync(join(rig.state, "catalog", "checkpoint"), "0\n");
    await rig.open();
    expect((await rig.catalog.query()).segments.map(({ state }) => state)).toEqual(["deleted", "finished"]);
  });

  it("gets from the ledger what a power cut took from it, and passes over what it tore", async () => {
    const rig = await new Rig().open();
    const old = await rig.record("cam1", MIDNIGHT, MINUTE);
    await rig.close(); // a checkpoint
    await rig.open();
    const torn = await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE);
    const lost = await rig.record("cam2", MIDNIGHT, MINUTE);
    await rig.catalog.whenIdle();
    const copy = new Rig();
    mkdirSync(copy.state);
    cpSync(rig.state, copy.state, { recursive: true });
    const day = join(copy.state, "catalog", "2026-11-27");
    truncateSync(join(day, "cam1.log"), statSync(join(day, "cam1.log")).size - 30);
    rmSync(join(day, "cam2.log"));
    await copy.open();
    expect(await copy.ids({ stream: "cam1" })).toEqual([old.sequence, torn.sequence]);
    expect(await copy.ids({ stream: "cam2" })).toEqual([lost.sequence]);
    await copy.record("cam1", MIDNIGHT + 2 * MINUTE, MINUTE);
    expect((await copy.ids({ stream: "cam1" })).length).toBe(3);
  });

  it("that was deleted is made again from the ledger, and from the folders where the ledger does not reach", async () => {
    const rig = await new Rig().open();
    const first = await rig.record("cam1", MIDNIGHT, MINUTE);
    const gone = await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE);
    rmSync(gone.path);
    await rig.close();
    rmSync(join(rig.state, "catalog"), { recursive: true });
    mkdirSync(join(rig.media, "sub"));
    writeFileSync(join(rig.media, "cam1_0999.ts"), "older than the ledger");
    writeFileSync(join(rig.media, "sub", "other.mp4"), "of nobody");
    writeFileSync(join(rig.media, "notes.txt"), "no media");
    await rig.open();
    const { segments, isComplete } = await rig.catalog.query();
    expect(isComplete).toBe(true);
    const seen = segments.map((s) => [s.localStreamName, s.path.slice(rig.media.length + 1), s.missing, s.isEstimated]);
    expect(seen.slice(0, 2)).toEqual([
      ["cam1", first.path.slice(rig.media.length + 1), undefined, undefined],
      ["cam1", gone.path.slice(rig.media.length + 1), true, undefined],
    ]);
    expect(seen.slice(2).sort()).toEqual([
      ["", "sub/other.mp4", undefined, true],
      ["cam1", "cam1_0999.ts", undefined, true],
    ]);
    expect(readdirSync(join(rig.state, "catalog"))).toContain("checkpoint");
  });
});

it("is synced once at a time, and has nothing more to write when it is closed", async () => {
  const rig = new Rig();
  rig.checkpointEvery = 1;
  await rig.open();
  const streams = Array.from({ length: 40 }, (_, i) => `cam${i}`);
  await Promise.all(streams.map((stream) => rig.record(stream, MIDNIGHT, MINUTE)));
  await rig.close();
  // Two at a time write one file, and the second finds it gone.
  expect(rig.warnings).toEqual([]);
  const folder = join(rig.state, "catalog");
  expect(readdirSync(folder)).not.toContain("checkpoint.new");
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(existsSync(folder)).toBe(false);
});
