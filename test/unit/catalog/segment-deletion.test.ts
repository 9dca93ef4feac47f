// Deletions on real files: what goes, what stays, what is told, and whose file it is.

import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CatalogSegment, deletionOf } from "../../../src/catalog/catalog-segment.js";
import type { DeletedSegmentReport } from "../../../src/catalog/segment-report.js";
import { MIDNIGHT, MINUTE, Rig } from "../../support/catalog-rig.js";
import { collect } from "../../support/collect.js";
import { runProgram } from "../../support/run-program.js";
import { until } from "../../support/until.js";

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
    await expect(rig.catalog.delete(segment as CatalogSegment)).rejects.toThrow(/EISDIR|EPERM/);
    expect((await rig.catalog.query()).segments[0]?.state).toBe("finished");
    await rig.close();
    await rig.open();
    expect(rig.ledger.deleting.size).toBe(0);
    expect((await rig.catalog.query()).segments[0]?.state).toBe("finished");
  });

  it("is refused, with the reason, where the volume is read-only", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const [segment] = (await rig.catalog.query()).segments;
    const mount = (...args: string[]) =>
      runProgram("mount", args).then(({ code }) => expect(code, args.join(" ")).toBe(0));
    await mount("--bind", rig.media, rig.media);
    try {
      await mount("-o", "remount,ro,bind", rig.media);
      const deletion = rig.catalog.delete(segment as CatalogSegment);
      await expect(deletion).rejects.toMatchObject({ code: "notWritable", message: /read-only/ });
    } finally {
      expect((await runProgram("umount", [rig.media])).code).toBe(0);
    }
    expect((await rig.catalog.query()).segments[0]?.state).toBe("finished");
    await rig.catalog.delete(segment as CatalogSegment);
    expect(existsSync(opened.path)).toBe(false);
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
    await rig.catalog.append(astray);
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

describe("a file belongs to the newest segment of its name", () => {
  it("so the deletion of one that failed leaves it alone", async () => {
    const rig = await new Rig().open();
    const failed = await rig.grow("cam1", MIDNIGHT, "cam1.ts");
    await rig.fail(failed);
    const again = await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE, "cam1.ts");
    await rig.catalog.delete(await rig.segment(failed.sequence));
    expect(existsSync(again.path)).toBe(true);
    expect((await rig.segment(failed.sequence)).state).toBe("deleted");
    expect(await rig.segment(again.sequence)).not.toHaveProperty("missing");
    await rig.close();
    await rig.open();
    expect(existsSync(again.path)).toBe(true);
  });

  it("so the deletion of an older one of the same size leaves it alone, also where a hold keeps the newer", async () => {
    const rig = await new Rig().open();
    const [first, second] = [
      await rig.record("cam1", MIDNIGHT, MINUTE, "cam1.ts"),
      await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE, "cam1.ts"),
    ];
    rig.catalog.guard(({ id }) => (id === second.sequence ? "evidence" : undefined));
    await rig.catalog.delete(await rig.segment(first.sequence));
    expect(existsSync(second.path)).toBe(true);
    expect((await rig.segment(first.sequence)).state).toBe("deleted");
    expect((await rig.segment(second.sequence)).state).toBe("finished");
  });

  it("that is mounted: what was recorded on its mount point has another file, and leaves this one alone", async () => {
    const rig = await new Rig().open();
    const held = await rig.record("cam1", MIDNIGHT, MINUTE, "cam1.ts");
    await rig.close();
    const remount = rig.unmount();
    await rig.open();
    const newer = await rig.record("cam1", MIDNIGHT + MINUTE, MINUTE, "cam1.ts");
    await rig.close();
    remount();
    await rig.open();
    const unguard = rig.catalog.guard(({ id }) => (id === held.sequence ? "evidence" : undefined));
    const segments = [await rig.segment(held.sequence), await rig.segment(newer.sequence)] as const;
    expect(await Promise.all(segments.map((segment) => rig.catalog.isAway(segment)))).toEqual([false, true]);
    for (const cause of ["age", "request"] as const)
      await expect(rig.catalog.delete(segments[1], cause)).rejects.toMatchObject({ code: "targetBusy" });
    expect(existsSync(held.path)).toBe(true);
    unguard();
    await rig.catalog.delete(segments[0], "age");
    expect(existsSync(held.path), "the file is the older one's").toBe(false);
  });

  it("also in a media folder that was replaced for good, with all that was in it", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    renameSync(rig.media, `${rig.media}.old`);
    cpSync(`${rig.media}.old`, rig.media, { recursive: true });
    await rig.catalog.delete(await rig.segment(opened.sequence), "age");
    expect(existsSync(opened.path)).toBe(false);
  });

  it("whatever its size is by now", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    truncateSync(opened.path, 100);
    await rig.catalog.delete(await rig.segment(opened.sequence), "age");
    expect(existsSync(opened.path)).toBe(false);
  });
});

describe("a deletion that something happens to", () => {
  it("is asked about again when the ledger has it: a hold may have come", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    let looks = 0;
    rig.catalog.guard(() => (++looks > 1 ? "evidence" : undefined));
    await expect(rig.catalog.delete(await rig.segment(opened.sequence))).rejects.toMatchObject({ code: "held" });
    expect(existsSync(opened.path)).toBe(true);
    const entries = await collect(rig.ledger.entriesAfter(0));
    expect(entries.map(({ type }) => type)).toEqual(["opened", "closed", "deleting", "kept"]);
  });

  it("is told once, though another one comes with a copy of before", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const told: number[] = [];
    rig.catalog.onDeleted(({ sequence }) => told.push(sequence));
    const copy = await rig.segment(opened.sequence);
    await rig.catalog.delete(copy);
    await rig.catalog.delete(copy);
    expect(told.length).toBe(1);
    const entries = await collect(rig.ledger.entriesAfter(0));
    expect(entries.filter(({ type }) => type === "deleted").length).toBe(1);
  });

  it("stands in the ledger in the order of sequences, whatever is recorded meanwhile", async () => {
    const rig = await new Rig().open();
    const old = [];
    for (let i = 0; i < 20; i++) old.push(await rig.record("cam1", MIDNIGHT + i * MINUTE, MINUTE));
    await Promise.all(
      old.flatMap(({ sequence }, i) => [
        rig.segment(sequence).then((segment) => rig.catalog.delete(segment)),
        rig.record("cam2", MIDNIGHT + i * MINUTE, MINUTE),
      ]),
    );
    const sequences = (await collect(rig.ledger.entriesAfter(0))).map(({ report }) => report.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(new Set(sequences).size).toBe(sequences.length);
  });

  it("leaves a file whose name a recording has got, and may be opening", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const name = rig.names.take(opened.path);
    const deletion = rig.catalog.delete(await rig.segment(opened.sequence), "age");
    await expect(deletion).rejects.toMatchObject({ code: "targetBusy", message: /about to get the name/ });
    expect(existsSync(opened.path)).toBe(true);
    name.release();
    await rig.catalog.delete(await rig.segment(opened.sequence), "age");
    expect(existsSync(opened.path)).toBe(false);
    expect(rig.names.beginDeletion(opened.path), "the name is free again").toBeDefined();
  });

  it("that a crash left waits for its volume, at this start and the next ones", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const told: DeletedSegmentReport[] = [];
    const report = deletionOf(await rig.segment(opened.sequence), "age", rig.ledger.nextSequence());
    await rig.ledger.append({ type: "deleting", opened: opened.sequence, report });
    await rig.close();
    const remount = rig.unmount();
    for (let start = 0; start < 2; start++) {
      await rig.open();
      expect(rig.ledger.deleting.size, "it is not taken for done").toBe(1);
      expect((await rig.segment(opened.sequence)).state, "nor is the file anybody's to delete again").toBe("deleted");
      // What is recorded meanwhile is recorded in the other folder.
      await rig.record("cam2", MIDNIGHT, MINUTE);
      if (start === 0) await rig.close();
    }
    rig.catalog.onDeleted((deleted) => told.push(deleted));
    remount();
    await until("it is deleted", () => told.length === 1);
    expect(existsSync(opened.path)).toBe(false);
    const entries = await collect(rig.ledger.entriesAfter(0));
    expect(entries.filter(({ type }) => type === "deleted").length).toBe(1);
    await rig.close();
    await rig.open();
    expect([rig.ledger.deleting.size, (await rig.segment(opened.sequence)).state]).toEqual([0, "deleted"]);
  });

  it("that has waited for its volume is not carried out where a hold has come meanwhile", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const report = deletionOf(await rig.segment(opened.sequence), "age", rig.ledger.nextSequence());
    await rig.ledger.append({ type: "deleting", opened: opened.sequence, report });
    await rig.close();
    const remount = rig.unmount();
    await rig.open();
    rig.catalog.guard(() => "evidence");
    remount();
    await until("it is decided", () => rig.ledger.deleting.size === 0);
    expect([existsSync(opened.path), (await rig.segment(opened.sequence)).state]).toEqual([true, "finished"]);
  });

  it("that a crash left asks the guard that the start brings, and that one only for this", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const report = deletionOf(await rig.segment(opened.sequence), "age", rig.ledger.nextSequence());
    await rig.ledger.append({ type: "deleting", opened: opened.sequence, report });
    await rig.close();
    await rig.open(({ localStreamName }) => (localStreamName === "cam1" ? "evidence" : undefined));
    expect([existsSync(opened.path), (await rig.segment(opened.sequence)).state]).toEqual([true, "finished"]);
    await rig.catalog.delete(await rig.segment(opened.sequence));
    expect(existsSync(opened.path)).toBe(false);
  });

  it("is refused where the volume was not mounted at the start either", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    await rig.close();
    const remount = rig.unmount();
    await rig.open();
    const segment = await rig.segment(opened.sequence);
    const deletion = rig.catalog.delete(segment);
    await expect(deletion).rejects.toMatchObject({ code: "targetBusy", message: /its volume is not mounted/ });
    // A file that somebody removed from the folder that is there is no reason to wait.
    const other = await rig.record("cam2", MIDNIGHT, MINUTE);
    rmSync(other.path);
    await rig.catalog.delete(await rig.segment(other.sequence));
    remount();
    await rig.catalog.delete(await rig.segment(opened.sequence));
    expect(existsSync(opened.path)).toBe(false);
  });

  it("is refused while the catalogue closes", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const segment = await rig.segment(opened.sequence);
    await rig.close();
    await expect(rig.catalog.delete(segment)).rejects.toMatchObject({ code: "closed" });
    expect(existsSync(opened.path)).toBe(true);
  });

  it("is refused where the media folder is another one than at the start", async () => {
    const rig = await new Rig().open();
    const opened = await rig.record("cam1", MIDNIGHT, MINUTE);
    const segment = await rig.segment(opened.sequence);
    renameSync(rig.media, `${rig.media}.away`);
    mkdirSync(rig.media);
    await expect(rig.catalog.delete(segment, "age")).rejects.toMatchObject({ code: "notFound" });
    await expect(rig.catalog.delete(segment)).rejects.toMatchObject({ code: "targetBusy" });
    rmSync(rig.media, { recursive: true });
    renameSync(`${rig.media}.away`, rig.media);
    expect(await rig.segment(opened.sequence)).toEqual(segment);
    await rig.catalog.delete(segment, "age");
    expect(existsSync(opened.path)).toBe(false);
  });
});
