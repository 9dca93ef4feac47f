// One timeline of files of several nodes, against a look at every millisecond.

import fc from "fast-check";
import { expect, it } from "vitest";
import { gapsOf, mergedTimeline, type TimelineFile } from "../../../src/playback/merged-timeline.js";
import { effort, seed } from "../../support/effort.js";

let sequence = 0;

function file(node: string, epoch: number | null, startMs: number, endMs: number, run = ++sequence): TimelineFile {
  return { node, epoch, sequence: ++sequence, configId: 1, outStreamId: run, startMs, endMs };
}

/** As `<from>-<to> <node><epoch>`, with what it fills and which nodes have it besides. */
function drawn(files: readonly TimelineFile[]): string[] {
  return mergedTimeline(files).map(({ startMs, endMs, file: { node, epoch }, fills, besides }) => {
    const filling = fills === undefined ? "" : ` fills ${fills}`;
    const also = besides.length === 0 ? "" : ` besides ${besides.map((other) => other.node).join()}`;
    return `${startMs}-${endMs} ${node}${epoch ?? ""}${filling}${also}`;
  });
}

it("shows the highest epoch, fills its gaps from the other, and says so", () => {
  const files = [file("a", 1, 0, 100_000), file("b", 2, 40_000, 60_000), file("b", 2, 70_000, 120_000)];
  expect(drawn(files)).toEqual([
    "0-40000 a1",
    "40000-60000 b2 besides a",
    "60000-70000 a1 fills 2",
    "70000-100000 b2 besides a",
    "100000-120000 b2",
  ]);
  expect(gapsOf(mergedTimeline(files), undefined, undefined)).toEqual([]);
});

it("calls nothing a fill before the higher epoch has begun, and names what nobody has", () => {
  const files = [file("a", 1, 1000, 5000), file("b", 2, 8000, 9000)];
  expect(drawn(files)).toEqual(["1000-5000 a1", "8000-9000 b2"]);
  expect(gapsOf(mergedTimeline(files), 0, 10_000)).toEqual([
    { startMs: 0, endMs: 1000 },
    { startMs: 5000, endMs: 8000 },
    { startMs: 9000, endMs: 10_000 },
  ]);
});

it("fills nothing between two files of one run, whose clocks are not one", () => {
  const run = ++sequence;
  const files = [file("a", 1, 0, 50_000), file("b", 2, 0, 9_900, run), file("b", 2, 10_000, 20_100, run)];
  files.push(file("b", 2, 20_000, 30_000, run), file("b", 2, 40_000, 50_000, run));
  expect(drawn(files)).toEqual([
    "0-10000 b2 besides a",
    "10000-20000 b2 besides a",
    "20000-30000 b2 besides a",
    "30000-40000 a1 fills 2",
    "40000-50000 b2 besides a",
  ]);
});

it("goes on with the node that it shows where a name was published at two", () => {
  const run = ++sequence;
  const files = [file("b", null, 0, 20_000, run), file("a", null, 5_000, 40_000), file("b", null, 20_000, 30_000, run)];
  expect(drawn(files)).toEqual(["0-5000 b", "5000-20000 b besides a", "20000-30000 b besides a", "30000-40000 a"]);
});

it("has every moment that a file holds once, in the highest epoch of those that hold it", () => {
  const END = 40;
  const files = fc.array(
    fc.record({
      node: fc.constantFrom("a", "b", "c"),
      epoch: fc.constantFrom(null, 1, 2, 3),
      startMs: fc.integer({ min: 0, max: END - 1 }),
      length: fc.integer({ min: 0, max: END }),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(files, (given) => {
      const all = given.map(({ node, epoch, startMs, length }) => file(node, epoch, startMs, startMs + length));
      const spans = mergedTimeline(all);
      for (let ms = 0; ms < 2 * END; ms++) {
        const held = all.filter(({ startMs, endMs }) => startMs <= ms && ms < endMs);
        const here = spans.filter(({ startMs, endMs }) => startMs <= ms && ms < endMs);
        expect(here).toHaveLength(Math.min(1, held.length));
        const [span] = here;
        if (!span) continue;
        const best = Math.max(...held.map(({ epoch }) => epoch ?? 0));
        expect(span.file.epoch ?? 0).toBe(best);
        expect(new Set(span.besides)).toEqual(new Set(held.filter(({ node }) => node !== span.file.node)));
        const begun = all
          .filter(({ startMs, endMs }) => startMs <= ms && endMs > startMs)
          .map(({ epoch }) => epoch ?? 0);
        const highest = Math.max(...begun);
        expect(span.fills).toBe(best > 0 && best < highest ? highest : undefined);
      }
    }),
    { numRuns: effort(60, 5000), seed },
  );
});
