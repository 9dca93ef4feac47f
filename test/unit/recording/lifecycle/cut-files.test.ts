// What becomes of the files of an unchunked recording that was cut, while it goes on.

import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../../../src/catalog/segment-report.js";
import { openRecorder, publish } from "../../../support/open-recorder.js";
import { until } from "../../../support/until.js";

it("the first one may be deleted, though the recording keeps its name from others", async () => {
  const recorder = await openRecorder();
  const closed: ClosedSegmentReport[] = [];
  recorder.on("segmentClosed", (report) => closed.push(report));
  await recorder.record({ localStreamName: "cam", pathToFile: "cam", type: "ts" });
  const source = await publish(recorder, "cam", 2000);
  const current = (): string | undefined => recorder.outStreams()[0]?.currentPath;
  await until("it has a file", () => current() !== undefined);
  recorder.cutOutStream(recorder.outStreams()[0]?.id as number);
  await source.writeUpTo(6000);
  await until("the first file is closed, and it is in the next", () => closed.length === 1 && current() !== undefined);
  const path = closed[0]?.path as string;
  const segment = await recorder.catalog.findByPath(path);
  if (!segment) throw new Error("the catalogue does not have the first file");
  await until("it is deleted", () =>
    recorder.catalog.delete(segment).then(
      () => true,
      () => false,
    ),
  );
  expect(existsSync(path)).toBe(false);
  const other = await recorder.record({ localStreamName: "other", pathToFile: "cam", type: "ts" });
  expect(other.computedPathToFile).not.toBe("cam.ts");
});
