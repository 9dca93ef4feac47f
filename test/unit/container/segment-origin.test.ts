// What a file's ledger entries say of its origin, also those of earlier versions.

import { expect, it } from "vitest";
import { segmentOf } from "../../../src/catalog/catalog-segment.js";
import { lineOf, parseLine } from "../../../src/catalog/ledger-entry.js";
import type { SegmentReport } from "../../../src/catalog/segment-report.js";

const REPORT: SegmentReport = {
  ...{ localStreamName: "cam", configId: 7, outStreamId: 2 ** 32 + 1, variables: {}, sequence: 3 },
  ...{ path: "/media/cam.ts", container: "ts", tracks: [], startedMs: 1000 },
};

it("keeps the node and the epoch of a file through ledger and catalogue, and reads entries without them", () => {
  const marked = parseLine(lineOf({ type: "opened", report: { ...REPORT, node: "a", epoch: 4 } }).trimEnd());
  expect(marked && segmentOf(marked)).toMatchObject({ id: 3, node: "a", epoch: 4 });
  const published = parseLine(lineOf({ type: "opened", report: { ...REPORT, node: "a" } }).trimEnd());
  expect(published && Object.keys(segmentOf(published))).toContain("node");
  expect(published && Object.keys(segmentOf(published))).not.toContain("epoch");
  const earlier = parseLine(lineOf({ type: "opened", report: REPORT }).trimEnd());
  expect(earlier && Object.keys(segmentOf(earlier))).not.toContain("node");
  expect(earlier && segmentOf(earlier)).toMatchObject({ id: 3, localStreamName: "cam", configId: 7 });
});
