// The ledger on its own: what a crash or a full disk tears takes no other entry with it, and a rotation that fails loses nothing.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/arena/logger.js";
import { Ledger, type LedgerEntry } from "../../src/recording/ledger.js";
import type { ClosedSegmentReport } from "../../src/recording/recorder-events.js";
import { scratch } from "../support/scratch.js";

const { path } = scratch();
let folders = 0;
const newFolder = (): string => {
  const folder = path(`state${++folders}`);
  mkdirSync(folder, { recursive: true });
  return folder;
};

async function addOpened(ledger: Ledger): Promise<number> {
  const sequence = ledger.nextSequence();
  await ledger.append({ type: "opened", report: { path: `/media/cam${sequence}.mp4`, variables: {}, startedMs: 1000 + sequence, sequence } });
  return sequence;
}

async function addClosed(ledger: Ledger, opened: number): Promise<number> {
  const sequence = ledger.nextSequence();
  const counts = { videoFrames: 25, audioFrames: 0, durationMs: 1000, sizeBytes: 5000 };
  const base = { path: `/media/cam${opened}.mp4`, variables: {}, startedMs: 1000 + opened, stoppedMs: 2000 };
  const report: ClosedSegmentReport = { ...base, ...counts, sequence, finish: "reserved", recovered: false, gaps: [], lost: null };
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
    for (let end = 0; end <= bytes.byteLength; end++) {
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
      expect((await again.closedSince(0)).entries.length).toBe(new Set(closedIn(folder)).size);
      expect(closedIn(folder).length).toBe(new Set(closedIn(folder)).size);
      for (const sequence of unclosed) expect(closedIn(folder)).toContain(sequence);
      await again.close();
    }
  });

  it("goes on in the old file where it cannot be rotated", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, 2000);
    // A folder stands where the rotated file wants to go.
    for (let sequence = 1; sequence < 30; sequence++) mkdirSync(join(folder, `ledger-${sequence}.log`, "in-the-way"), { recursive: true });
    const closed: number[] = [];
    for (let i = 0; i < 10; i++) closed.push(await addClosed(ledger, await addOpened(ledger)));
    await ledger.close();
    const text = readFileSync(join(folder, "ledger.log"), "utf8");
    expect(text.length).toBeGreaterThan(2000);
    expect(text.split("\n").filter((line) => line.includes('"closed"')).length).toBe(closed.length);
  });

  it("answers from rotated files too, and keeps no more than eight of them", async () => {
    const folder = newFolder();
    const ledger = await Ledger.open(folder, silentLogger, 1000);
    const closed: number[] = [];
    for (let i = 0; i < 10; i++) closed.push(await addClosed(ledger, await addOpened(ledger)));
    expect((await ledger.closedSince(0)).entries.map((entry) => entry.sequence)).toEqual(closed);
    for (let i = 0; i < 40; i++) await addClosed(ledger, await addOpened(ledger));
    await ledger.close();
    expect(readdirSync(folder).filter((name) => /^ledger-\d+\.log$/.test(name)).length).toBe(8);
  });
});
