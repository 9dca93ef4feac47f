// kill -9 at every instant of a deletion: afterwards a file is there, and the catalogue has it, or it is gone, and the
// catalogue says so. No orphan, no ghost.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import { Ledger } from "../../../src/catalog/ledger.js";
import { collect } from "../../support/collect.js";
import { effort } from "../../support/effort.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const local = (name: string): string => resolve(import.meta.dirname, "../../support", name);
const CHILD = ["--import", local("kill-at-deletion.mjs"), local("deletion-child.mjs")];
/** Before each of the calls that a deletion makes, and right behind it; torture tries those of the next, too. */
const INSTANTS = Array.from({ length: effort(13, 40) }, (_, i) => i / 2);
const SEGMENTS = effort(60, 200);
const START = Date.UTC(2026, 10, 27);

/** Recorded segments of a media folder, with their ledger and catalogue. */
beforeAll(async () => {
  mkdirSync(path("whole/media"), { recursive: true });
  const ledger = await Ledger.open(path("whole/state"), silentLogger);
  const catalog = await openCatalog("whole", ledger);
  for (let i = 0; i < SEGMENTS; i++) {
    const origin = { localStreamName: "cam1", configId: 1, outStreamId: 2, variables: {} };
    const file = { path: join(path("whole/media"), `cam1_${i}.ts`), container: "ts" as const, tracks: [] };
    const report = { ...origin, ...file, startedMs: START + i * 60_000, sequence: ledger.nextSequence() };
    await ledger.append({ type: "opened", report });
    writeFileSync(report.path, Buffer.alloc(188 * (i + 1)));
    const counts = { videoFrames: 25, audioFrames: 0, durationMs: 60_000, sizeBytes: 188 * (i + 1) };
    const end = { stoppedMs: report.startedMs + 60_000, finish: "none" as const, recovered: false, syncError: null };
    const closed = { ...report, ...counts, ...end, gaps: [], lost: null, sequence: ledger.nextSequence() };
    await ledger.append({ type: "closed", opened: report.sequence, report: closed });
  }
  await catalog.close();
  await ledger.close();
});

async function openCatalog(folder: string, ledger: Ledger): Promise<Catalog> {
  const catalog = await Catalog.open(path(`${folder}/state`), {
    ledger,
    mediaFolders: [path(`${folder}/media`)],
    logger: silentLogger,
  });
  catalog.start();
  await catalog.whenComplete();
  return catalog;
}

async function expectWhole(what: string): Promise<number> {
  const ledger = await Ledger.open(path("whole/state"), silentLogger);
  const told: string[] = [];
  const catalog = await Catalog.open(path("whole/state"), {
    ledger,
    mediaFolders: [path("whole/media")],
    logger: silentLogger,
  });
  catalog.onDeleted((report) => told.push(report.path));
  const unfinished = [...ledger.deleting.values()].map(({ report }) => report.path);
  catalog.start();
  await catalog.whenComplete();
  expect(told, `${what}: what the crash left is told`).toEqual(unfinished);
  const { segments } = await catalog.query({ limit: 1000 });
  expect(segments.length, what).toBe(SEGMENTS);
  const kept = segments.filter(({ state }) => state !== "deleted");
  expect(
    kept.filter(({ missing }) => missing),
    `${what}: no ghost`,
  ).toEqual([]);
  expect(readdirSync(path("whole/media")).sort(), `${what}: no orphan`).toEqual(
    kept.map((segment) => segment.path.slice(path("whole/media").length + 1)).sort(),
  );
  const entries = await collect(ledger.entriesAfter(0));
  const deleted = entries.flatMap((entry) => (entry.type === "deleted" ? [entry.opened] : []));
  expect(new Set(deleted).size, `${what}: each deletion once`).toBe(deleted.length);
  expect(deleted.length, what).toBe(SEGMENTS - kept.length);
  await catalog.close();
  await ledger.close();
  return kept.length;
}

it("a deletion that is killed leaves no orphan and no ghost", { timeout: INSTANTS.length * 20_000 }, async () => {
  let left = SEGMENTS;
  for (const instant of INSTANTS) {
    const env = { ...process.env, REEL_KILL_AT: `${instant}` };
    const { signal, stderr } = spawnSync(process.execPath, [...CHILD, path("whole/state"), path("whole/media")], {
      env,
      encoding: "utf8",
    });
    expect(signal, `${instant}: ${stderr}`).toBe("SIGKILL");
    const now = await expectWhole(`killed at ${instant}`);
    expect(now, `${instant}`).toBeLessThanOrEqual(left);
    left = now;
  }
  expect(left).toBeLessThan(SEGMENTS);
});
