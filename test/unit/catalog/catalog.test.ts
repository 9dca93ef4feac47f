// The catalogue on real files: what a query answers, across midnight, pages, restarts, deletions and lost indexes.

import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { Ledger } from "../../../src/catalog/ledger.js";
import type { DeletedSegmentReport, SegmentReport } from "../../../src/catalog/segment-report.js";
import { collect } from "../../support/collect.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const MIDNIGHT = Date.UTC(2026, 10, 27);
const MINUTE = 60_000;
const ORIGIN = { configId: 1, outStreamId: 2, variables: { _site: "north" } };
const TRACKS = [{ kind: "video" as const, codec: "h264" }];
let folders = 0;

/** A recorder's state and media folder, with what it would put into the ledger. */
class Rig {
  readonly state = path(`state${++folders}`);
  readonly media = path(`media${folders}`);
  ledger!: Ledger;
  catalog!: Catalog;

  async open(): Promise<this> {
    mkdirSync(this.media, { recursive: true });
    this.ledger = await Ledger.open(this.state, silentLogger, { isDurable: false });
    this.catalog = await Catalog.open(this.state, {
      ledger: this.ledger,
      mediaFolders: [this.media],
      logger: silentLogger,
    });
    this.catalog.start();
    await this.catalog.whenComplete();
    rigs.add(this);
    return this;
  }

  async close(): Promise<void> {
    rigs.delete(this);
    await this.catalog.close();
    await this.ledger.close();
  }

  async grow(stream: string, startedMs: number): Promise<SegmentReport> {
    const sequence = this.ledger.nextSequence();
    const name = join(
      this.media,
      `${stream.replaceAll("/", "_").slice(0, 100)}_${String(sequence).padStart(4, "0")}.ts`,
    );
    const base = { ...ORIGIN, localStreamName: stream, container: "ts" as const, tracks: TRACKS };
    const report = { ...base, path: name, startedMs, sequence };
    await this.ledger.append({ type: "opened", report });
    return report;
  }

  async finish(
    opened: SegmentReport,
    stoppedMs: number,
    recovered = false,
    durationMs = stoppedMs - opened.startedMs,
  ): Promise<void> {
    writeFileSync(opened.path, Buffer.alloc(188));
    const counts = { videoFrames: 25, audioFrames: 0, durationMs, sizeBytes: 188 };
    const rest = { stoppedMs, ...counts, finish: "none" as const, recovered, gaps: [], lost: null, syncError: null };
    const report = { ...opened, sequence: this.ledger.nextSequence(), ...rest };
    await this.ledger.append({ type: "closed", opened: opened.sequence, report });
  }

  async record(stream: string, startedMs: number, durationMs: number): Promise<SegmentReport> {
    const opened = await this.grow(stream, startedMs);
    await this.finish(opened, startedMs + durationMs);
    return opened;
  }

  async ids(query: Parameters<Catalog["query"]>[0] = {}): Promise<number[]> {
    return (await this.catalog.query(query)).segments.map((segment) => segment.id);
  }
}

const rigs = new Set<Rig>();
afterEach(async () => {
  for (const rig of rigs) await rig.close();
});

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
    // Its name carries another file by now, which a deletion leaves alone.
    await rig.catalog.delete(segments[1] as CatalogSegment);
    expect(existsSync((await replaced)?.path ?? "")).toBe(true);
  });
});

describe("a deletion", () => {
  it("removes the file, and is told with its cause by ledger, index and listener", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const told: DeletedSegmentReport[] = [];
    rig.catalog.onDeleted((report) => told.push(report));
    const [segment] = (await rig.catalog.query()).segments;
    // Two at once are one.
    await Promise.all([1, 2].map(() => rig.catalog.delete(segment as CatalogSegment, "age")));
    expect(existsSync(opened.path)).toBe(false);
    expect(told).toMatchObject([{ cause: "age", path: opened.path, sizeBytes: 188, configId: 1 }]);
    expect((await rig.catalog.query()).segments).toMatchObject([{ state: "deleted", cause: "age" }]);
    const entries = await collect(rig.ledger.entriesAfter(0));
    expect(entries.map(({ type }) => type)).toEqual(["opened", "closed", "deleting", "deleted"]);
    await rig.catalog.delete({ ...(segment as CatalogSegment), state: "deleted" });
    expect(told.length).toBe(1);
  });

  it("is refused where a guard keeps the segment, in the guard's words", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const unguard = rig.catalog.guard(({ localStreamName }) => `${localStreamName} is evidence`);
    const [segment] = (await rig.catalog.query()).segments;
    const deletion = rig.catalog.delete(segment as CatalogSegment);
    await expect(deletion).rejects.toMatchObject({ code: "held", message: /cam1 is evidence/ });
    expect(existsSync(opened.path)).toBe(true);
    unguard();
    await rig.catalog.delete(segment as CatalogSegment);
    expect(existsSync(opened.path)).toBe(false);
  });

  it("that cannot be carried out leaves the segment in the catalogue, also for the next start", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    rmSync(opened.path);
    mkdirSync(opened.path); // unlink refuses a folder
    const [segment] = (await rig.catalog.query()).segments;
    const { size } = statSync(opened.path);
    const asListed = { ...(segment as CatalogSegment), sizeBytes: size };
    await expect(rig.catalog.delete(asListed)).rejects.toThrow(/EISDIR|EPERM/);
    expect((await rig.catalog.query()).segments[0]?.state).toBe("finished");
    await rig.close();
    await rig.open();
    expect(rig.ledger.deleting.size).toBe(0);
    expect((await rig.catalog.query()).segments[0]?.state).toBe("finished");
  });

  it("is refused where a folder has become a link that leads out of the media folders", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const outside = join(rig.state, "outside.ts");
    const inside = join(rig.media, "sub");
    writeFileSync(outside, Buffer.alloc(188));
    symlinkSync(rig.state, inside);
    const [segment] = (await rig.catalog.query()).segments;
    const astray = { ...(segment as CatalogSegment), path: join(inside, "outside.ts") };
    await expect(rig.catalog.delete(astray)).rejects.toMatchObject({ code: "badPath" });
    expect([existsSync(outside), existsSync(opened.path)]).toEqual([true, true]);
  });

  it("leaves a file alone that a recording of the same name writes now", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const [segment] = (await rig.catalog.query()).segments;
    const again = { ...opened, sequence: rig.ledger.nextSequence() };
    await rig.ledger.append({ type: "opened", report: again });
    await rig.catalog.delete(segment as CatalogSegment);
    expect(existsSync(opened.path)).toBe(true);
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
