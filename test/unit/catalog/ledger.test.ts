// The ledger on its own: what a crash or a full disk tears takes no other entry with it, and a rotation that fails
// loses nothing.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Ledger } from "../../../src/catalog/ledger.js";
import type { LedgerEntry } from "../../../src/catalog/ledger-entry.js";
import type { ClosedSegmentReport } from "../../../src/catalog/segment-report.js";
import { collect } from "../../support/collect.js";
import { scratch } from "../../support/scratch.js";
import { until } from "../../support/until.js";

const CAM = {
  ...{ localStreamName: "cam", configId: 3, outStreamId: 5, variables: {} },
  ...{ container: "mp4" as const, tracks: [{ kind: "video" as const, codec: "h264" }] },
};
const { path } = scratch();
let folders = 0;
const newFolder = (): string => {
  const folder = path(`state${++folders}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};

function openedEntry(sequence: number): LedgerEntry {
  const path = `/media/cam${sequence}.mp4`;
  return { type: "opened", report: { ...CAM, path, startedMs: 1000 + sequence, sequence } };
}

async function addOpened(ledger: Ledger): Promise<number> {
  const sequence = ledger.nextSequence();
  await ledger.append(openedEntry(sequence));
  return sequence;
}

async function addClosed(ledger: Ledger, opened: number): Promise<number> {
  const sequence = ledger.nextSequence();
  const counts = { videoFrames: 25, audioFrames: 0, durationMs: 1000, sizeBytes: 5000 };
  const base = { ...CAM, path: `/media/cam${opened}.mp4`, startedMs: 1000 + opened, stoppedMs: 2000 };
  const report: ClosedSegmentReport = {
    ...base,
    ...counts,
    sequence,
    finish: "reserved",
    recovered: false,
    gaps: [],
    lost: null,
    syncError: null,
  };
  await ledger.append({ type: "closed", opened, report });
  return sequence;
}

/** Every `closed` line of all files whose checksum holds, as the segment it closes. */
function closedIn(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^ledger.*\.log$/.test(name))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
    .flatMap((line) => {
      try {
        const entry = JSON.parse(line.slice(9)) as LedgerEntry;
        return entry.type === "closed" ? [entry.opened] : [];
      } catch {
        return [];
      }
    });
}

describe("the ledger", () => {
  it("has one closed entry for every segment, at whichever byte a crash tore it", async () => {
    const whole = newFolder();
    const first = await Ledger.open(whole, silentLogger);
    const opened = [await addOpened(first), await addOpened(first)];
    await addClosed(first, opened[0] ?? 0);
    await first.close();
    const bytes = readFileSync(join(whole, "ledger.log"));
    // Every byte around a line's end, every 29th of its inside.
    const isNearEnd = (at: number): boolean => bytes.subarray(Math.max(0, at - 3), at + 3).includes(0x0a);
    for (let end = 0; end <= bytes.byteLength; end++) {
      if (end % 29 !== 0 && !isNearEnd(end)) continue;
      const folder = newFolder();
      writeFileSync(join(folder, "ledger.log"), bytes.subarray(0, end));
      // The start after the crash: all that is unclosed is closed, and something new is opened.
      const ledger = await Ledger.open(folder, silentLogger);
      const unclosed = [...ledger.unclosed.keys()];
      for (const sequence of unclosed) await addClosed(ledger, sequence);
      const next = await addOpened(ledger);
      const { newest } = await ledger.closedSince(0);
      await ledger.close();
      const again = await Ledger.open(folder, silentLogger);
      expect([...again.unclosed.keys()], `torn at byte ${end}`).toEqual([next]);
      expect(again.sequence).toBe(newest);
      expect((await collect((await again.closedSince(0)).entries)).length).toBe(new Set(closedIn(folder)).size);
      expect(closedIn(folder).length).toBe(new Set(closedIn(folder)).size);
      for (const sequence of unclosed) expect(closedIn(folder)).toContain(sequence);
      await again.close();
    }
  });

  it("goes on in the old file where it cannot be rotated", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, { rotateBytes: 2000 });
    // A folder stands where the rotated file wants to go.
    for (let sequence = 1; sequence < 30; sequence++)
      mkdirSync(join(folder, `ledger-${sequence}.log`, "in-the-way"), { recursive: true });
    const closed: number[] = [];
    for (let i = 0; i < 10; i++) closed.push(await addClosed(ledger, await addOpened(ledger)));
    await ledger.close();
    const text = readFileSync(join(folder, "ledger.log"), "utf8");
    expect(text.length).toBeGreaterThan(2000);
    expect(text.split("\n").filter((line) => line.includes('"closed"')).length).toBe(closed.length);
  });

  it("is read a line at a time while it is rotated under its reader, who misses and repeats nothing", async () => {
    const ledger = await Ledger.open(newFolder(), silentLogger, { rotateBytes: 1000 });
    const closed: number[] = [];
    const add = async (): Promise<void> => void closed.push(await addClosed(ledger, await addOpened(ledger)));
    for (let i = 0; i < 5; i++) await add();
    const seen: number[] = [];
    for await (const report of (await ledger.closedSince(0)).entries) {
      seen.push(report.sequence);
      if (closed.length < 15) await add();
    }
    // What was added while it read is read too.
    expect(seen).toEqual(closed.slice(0, seen.length));
    expect(seen.length).toBeGreaterThan(5);
    // A reader that stops early, or never begins, keeps no file open.
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      for await (const _first of (await ledger.closedSince(0)).entries) break;
      await ledger.closedSince(0);
    }
    await until("closed files", () => descriptors() <= before);
    await ledger.close();
  });

  it("names as newest what it holds, not what is on its way: the event of that is yet to come", async () => {
    const ledger = await Ledger.open(newFolder(), silentLogger);
    const opened = await addOpened(ledger);
    const closing = addClosed(ledger, opened);
    expect((await ledger.closedSince(opened)).newest).toBe(opened);
    expect((await ledger.closedSince(opened + 1)).newest).toBe(opened);
    const sequence = await closing;
    expect((await ledger.closedSince(opened)).newest).toBe(sequence);
    await ledger.close();
  });

  it("answers from rotated files too, and keeps no more than eight of them", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, { rotateBytes: 1000 });
    const closed: number[] = [];
    for (let i = 0; i < 10; i++) closed.push(await addClosed(ledger, await addOpened(ledger)));
    expect((await collect((await ledger.closedSince(0)).entries)).map((entry) => entry.sequence)).toEqual(closed);
    const later = closed.slice(4);
    expect((await collect((await ledger.closedSince(closed[3] ?? 0)).entries)).map((entry) => entry.sequence)).toEqual(
      later,
    );
    for (let i = 0; i < 40; i++) await addClosed(ledger, await addOpened(ledger));
    await ledger.close();
    expect(readdirSync(folder).filter((name) => /^ledger-\d+\.log$/.test(name)).length).toBe(8);
  });

  it("is synced once for all entries that wait, before they are told, unless nothing asks for it", async () => {
    let syncs = 0;
    let release = (): void => undefined;
    const options = {
      sync: async (file: FileHandle) => {
        syncs++;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        await file.datasync();
      },
    };
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, options);
    const told: string[] = [];
    const tell = (name: string, done: Promise<unknown>): Promise<unknown> => done.then(() => told.push(name));
    const first = tell("first", addOpened(ledger));
    await until("the sync", () => syncs === 1);
    const others = Array.from({ length: 20 }, (_, i) => tell(`${i}`, addOpened(ledger)));
    expect(readFileSync(join(folder, "ledger.log"), "utf8").split("\n")).toHaveLength(2);
    expect(told).toEqual([]); // written, but a power cut could still take it
    release();
    await first;
    await until("one sync for the other twenty", () => syncs === 2);
    expect(told).toEqual(["first"]);
    release();
    await Promise.all(others);
    expect(syncs).toBe(2);
    await ledger.append(openedEntry(ledger.nextSequence()), false);
    expect(syncs).toBe(2);
    await ledger.close();
    const lax = await Ledger.open(newFolder(), silentLogger, { ...options, isDurable: false });
    await addOpened(lax);
    expect(syncs).toBe(2);
    const durable = lax.append(openedEntry(lax.nextSequence()), true);
    await until("a sync", () => syncs === 3);
    release();
    await durable;
    await lax.close();
  });

  it("writes what is appended in the very turn in which another entry is told", async () => {
    const ledger = await Ledger.open(newFolder(), silentLogger, { isDurable: false });
    const entries = [1, 2, 3].map(() => openedEntry(ledger.nextSequence()));
    const [first, second, third] = entries as [LedgerEntry, LedgerEntry, LedgerEntry];
    await ledger.append(first).then(() => ledger.append(second).then(() => ledger.append(third)));
    expect([...ledger.unclosed.keys()]).toEqual([1, 2, 3]);
    await ledger.close();
  });

  it("never gives a sequence twice, whatever a power cut takes from it", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger);
    for (let i = 0; i < 1700; i++) ledger.nextSequence();
    const last = await addOpened(ledger);
    // The cut: the entries are gone, ledger.next is as it was on the disk when the last entry was told.
    const after = newFolder();
    writeFileSync(join(after, "ledger.log"), "");
    writeFileSync(join(after, "ledger.next"), readFileSync(join(folder, "ledger.next")));
    const second = await Ledger.open(after, silentLogger);
    expect(second.nextSequence()).toBeGreaterThan(last);
    await second.close();
    await ledger.close();
    // An orderly end wastes none.
    const third = await Ledger.open(folder, silentLogger);
    expect(third.nextSequence()).toBe(last + 1);
    await third.close();
  });

  it("keeps the mark of a failed sync until the closing, over another name, a restart and the file of its line", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, { rotateBytes: 1000 });
    const [long, closed] = [await addOpened(ledger), await addOpened(ledger)];
    await addClosed(ledger, closed);
    for (const opened of [long, closed]) {
      const { report } = openedEntry(opened) as Extract<LedgerEntry, { type: "opened" }>;
      const failed = { ...report, code: "notDurable", error: `EIO of ${opened}` } as const;
      await ledger.append({ type: "unsynced", opened, report: failed }); // of the second it comes after its end
    }
    await ledger.append(openedEntry(long));
    for (let i = 0; i < 60; i++) await addClosed(ledger, await addOpened(ledger));
    await ledger.close();
    const again = await Ledger.open(folder, silentLogger);
    expect([...again.unclosed]).toEqual([[long, { ...openedEntry(long), syncError: `EIO of ${long}` }]]);
    await again.close();
  });

  it("still knows what is open when the file of its opening is deleted", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, { rotateBytes: 1000 });
    const long = await addOpened(ledger);
    for (let i = 0; i < 60; i++) await addClosed(ledger, await addOpened(ledger));
    await ledger.close();
    const again = await Ledger.open(folder, silentLogger);
    expect([...again.unclosed]).toEqual([[long, openedEntry(long)]]);
    await again.close();
  });
});
