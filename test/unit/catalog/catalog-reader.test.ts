// A page of the catalogue takes the memory of its own lines and of a few files, however many streams there are.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, it } from "vitest";
import { CatalogReader } from "../../../src/catalog/catalog-reader.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { fileNameOf, lineOf } from "../../../src/catalog/day-file.js";
import { nameCrcOf } from "../../../src/catalog/segment-lookup.js";
import { UNKNOWN_ORIGIN } from "../../../src/container/segment-origin.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const DAY = "2026-11-27";
const STREAMS = 60;
const LINES = 720;
const STEP_MS = 120_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const live = new Map<number, CatalogSegment>();
const reader = new CatalogReader(path("catalog"), live);
let fileBytes = 0;

function segment(stream: number, n: number): CatalogSegment {
  const startedMs = Date.parse(DAY) + n * STEP_MS + stream;
  return {
    ...{ ...UNKNOWN_ORIGIN, localStreamName: `cam${stream}`, id: stream * LINES + n + 1, state: "finished" },
    ...{ path: `/media/cam${stream}/${n}-${"x".repeat(200)}.mp4`, container: "mp4", tracks: [], startedMs },
    ...{ stoppedMs: startedMs + STEP_MS, durationMs: STEP_MS, sizeBytes: 1, videoFrames: 1, audioFrames: 0 },
    ...{ finish: "none", gaps: 0, lost: null },
  } as CatalogSegment;
}

/** What is held at most while the work is done. */
async function heldBytes(everyTurns: number, work: () => Promise<unknown>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let isDone = false;
  const done = work().finally(() => {
    isDone = true;
  });
  for (let turn = 0; !isDone; turn++) {
    await nextTurn();
    if (turn % everyTurns !== 0) continue;
    collectGarbage();
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  await done;
  return most;
}

beforeAll(() => {
  mkdirSync(join(path("catalog"), DAY), { recursive: true });
  for (let stream = 0; stream < STREAMS; stream++) {
    const lines = Array.from({ length: LINES }, (_, n) => lineOf(segment(stream, n))).join("");
    fileBytes = lines.length;
    writeFileSync(join(path("catalog"), DAY, fileNameOf(`cam${stream}`)), lines);
  }
});

describe("a page over all streams", () => {
  it("holds a few files at a time, also where several are asked for", async () => {
    const pages: number[] = [];
    const held = await heldBytes(8, () =>
      Promise.all(
        Array.from({ length: 8 }, async () => pages.push((await reader.read({ limit: 1 })).segments[0]?.id ?? 0)),
      ),
    );
    expect(pages).toEqual(new Array(8).fill(1));
    expect(held / fileBytes).toBeLessThan(STREAMS / 2);
  });

  it("has each segment once and in order, page by page, with what is in memory", async () => {
    live.set(LINES + 1, { ...segment(1, 0), state: "deleted" });
    live.set(1, { ...segment(0, 0), state: "growing" }); // behind what its file says
    const wanted = Array.from({ length: 150 }, (_, i) => segment(i % STREAMS, Math.floor(i / STREAMS)));
    const found: CatalogSegment[] = [];
    let cursor: string | undefined;
    while (found.length < wanted.length) {
      const page = await reader.read({ limit: 50, ...(cursor !== undefined && { cursor }) });
      found.push(...page.segments);
      cursor = page.cursor;
    }
    wanted[1] = { ...segment(1, 0), state: "deleted" };
    expect(found).toEqual(wanted);
    const { segments } = await reader.read({
      limit: 1,
      state: "finished",
      from: Date.parse(DAY) + 1,
      to: Date.parse(DAY) + 3,
    });
    expect(segments.map(({ id }) => id)).toEqual([1]);
    const deleted = await reader.read({ state: "deleted" });
    expect(deleted.segments.map(({ id }) => id)).toEqual([LINES + 1]);
    live.clear();
  });
});

it("look-ups wait for each other, too", async () => {
  const ids = Array.from({ length: 3 * STREAMS }, (_, i) => (i % STREAMS) * LINES + 500);
  const found: (number | undefined)[] = [];
  const held = await heldBytes(1, async () => {
    const all = ids.map((id, i) => reader.find(id, { day: DAY, nameCrc: nameCrcOf(fileNameOf(`cam${i % STREAMS}`)) }));
    for (const one of all) found.push((await one)?.id);
  });
  expect(found).toEqual(ids);
  expect(held / fileBytes).toBeLessThan(STREAMS / 2);
});
