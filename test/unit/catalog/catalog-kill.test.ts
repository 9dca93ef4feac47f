// kill -9 during an append: what was acknowledged is there, and what was torn hides nothing behind it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { CatalogReader } from "../../../src/catalog/catalog-reader.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { SegmentLookup } from "../../../src/catalog/segment-lookup.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const CHILD = resolve(import.meta.dirname, "../../support/catalog-child.mjs");
const RUNS = process.env.REEL_TORTURE ? 60 : 3;
/** A day of the calendar: the segments of 60 runs reach into the next year. */
const DAY = /^202[67]-\d\d-\d\d$/;
const SEED = Number(process.env.REEL_SEED ?? 20261127);

/** A generator of its own, so that a seed gives the same moments everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

it(`loses nothing that was acknowledged (seed ${SEED})`, { timeout: RUNS * 10_000 }, async () => {
  const next = random(SEED);
  const acknowledged: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const child: ChildProcess = spawn(process.execPath, [CHILD, path("catalog"), `${run * 1e6 + 1}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    const wanted = 50 + Math.floor(next() * 2000);
    child.stdout?.on("data", (bytes: Buffer) => {
      output += bytes.toString();
      if (output.length > wanted * 8) child.kill("SIGKILL");
    });
    await once(child, "close");
    const lines = output.split("\n");
    lines.pop(); // torn by the kill
    acknowledged.push(...lines.map(Number));
  }
  expect(acknowledged.length).toBeGreaterThan(RUNS * 50);
  const reader = new CatalogReader(path("catalog"), new Map<number, CatalogSegment>());
  const found = new Set<number>();
  let cursor: string | undefined;
  do {
    const page = await reader.read({ limit: 10_000, ...(cursor !== undefined && { cursor }) });
    for (const segment of page.segments) {
      expect(segment.path).toBe(`/media/${segment.id}.ts`);
      found.add(segment.id);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
  const lookup = new SegmentLookup(path("catalog"));
  const lost: number[] = [];
  for (const id of acknowledged) {
    const [byPath] = await lookup.idsOf(`/media/${id}.ts`);
    if (byPath !== id || (await lookup.placeOf(id))?.day.match(DAY) == null) lost.push(id);
  }
  expect(lost).toEqual([]);
  const [last = 0] = acknowledged.slice(-1);
  const place = await lookup.placeOf(last);
  expect(place && (await reader.find(last, place))?.path).toBe(`/media/${last}.ts`);
});
