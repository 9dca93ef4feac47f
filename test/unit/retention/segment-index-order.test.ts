// The index in order of age, whatever comes and goes: nothing is sorted that comes at the end.

import fc from "fast-check";
import { expect, it } from "vitest";
import type { SegmentCatalog } from "../../../src/catalog/catalog.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { byAge } from "../../../src/retention/retention-plan.js";
import { SegmentIndex } from "../../../src/retention/segment-index.js";

it("is oldest first and holds what is there, whoever still looks at an earlier answer", () => {
  const step = fc.record({ isAdded: fc.boolean(), file: fc.nat(8), stoppedMs: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let add: (segment: CatalogSegment) => void = () => {};
      const index = new SegmentIndex(
        {
          onClosed: (listener: typeof add) => {
            add = listener;
            return () => {};
          },
          onDeleted: () => () => {},
        } as unknown as SegmentCatalog,
        () => {},
      );
      const there = new Map<string, number>();
      let earlier: readonly { id: number }[] = [];
      let seen: number[] = [];
      steps.forEach(({ isAdded, file, stoppedMs }, id) => {
        const path = `/media/${file}.ts`;
        const segment = { id, path, localStreamName: "cam", configId: 1, startedMs: 0, stoppedMs, sizeBytes: 1 };
        if (isAdded) {
          add(segment as CatalogSegment);
          there.set(path, id);
        } else {
          index.forget({ ...segment, id: there.get(path) ?? -1 });
          there.delete(path);
        }
        expect(earlier.slice(0, seen.length).map((one) => one.id)).toEqual(seen);
        if (id % 3 !== 0) return;
        const sorted = index.sorted();
        expect(sorted).toEqual([...sorted].sort(byAge));
        expect(sorted.map((one) => one.id).sort()).toEqual([...there.values()].sort());
        earlier = sorted;
        seen = sorted.map((one) => one.id);
      });
    }),
  );
});
