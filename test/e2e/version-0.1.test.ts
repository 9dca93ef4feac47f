// A state folder and media folder that version 0.1.0 left: one finished MP4, and a TS and an MP4 that grew when it was
// killed. Made on /srv/reel by 0.1.0 itself; the paths are put where the test is, with their checksums.

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { collect } from "../support/collect.js";
import { scratch } from "../support/scratch.js";

const { path } = scratch();
const FIXTURE = join(import.meta.dirname, "../fixtures/version-0.1");

function moved(file: string, root: string): void {
  const lines = readFileSync(file, "utf8").split("\n");
  const mended = lines.map((line) => {
    if (line === "") return line;
    const json = line.slice(9).replaceAll("/srv/reel", root);
    return `${crc32(json).toString(16).padStart(8, "0")} ${json}`;
  });
  writeFileSync(file, mended.join("\n"));
}

it("is taken up: the ledger is read, what was unfinished is recovered, and the catalogue knows all of it", async () => {
  const root = path("reel");
  const media = join(root, "media");
  cpSync(join(FIXTURE, "media"), media, { recursive: true });
  cpSync(join(FIXTURE, "state"), join(root, ".reel"), { recursive: true });
  for (const name of ["cam2.ts", "cam3.mp4.mdat", "cam3.mp4.track1", "cam3.mp4.track2"]) {
    writeFileSync(join(media, name), gunzipSync(readFileSync(join(media, `${name}.gz`))));
    rmSync(join(media, `${name}.gz`));
  }
  moved(join(root, ".reel", "ledger.log"), root);
  moved(join(media, "cam3.mp4.info"), root);
  const recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(root, ".reel"), workers: 1 });
  try {
    await recorder.whenRecovered();
    await recorder.whenCatalogued();
    expect(recorder.configs().map(({ config }) => [config.configId, config.localStreamName])).toEqual([
      [1, "cam1"],
      [2, "cam2"],
    ]);
    const closed: ClosedSegmentReport[] = await collect((await recorder.closedSince(0)).entries);
    // Version 0.1 did not write whose they are.
    const unknown = { localStreamName: "", configId: 0, outStreamId: 0 };
    expect(closed).toMatchObject([
      { ...unknown, path: join(media, "cam1.mp4"), sequence: 2, variables: { _site: "north" }, tracks: [] },
      { ...unknown, path: join(media, "cam2.ts"), recovered: true, tracks: [] },
      { ...unknown, path: join(media, "cam3.mp4"), recovered: true, tracks: [{ codec: "aac" }, { codec: "h264" }] },
    ]);
    for (const { path: file, videoFrames, audioFrames } of closed) {
      expect((await verifyFile(file)).defects).toEqual([]);
      expect(Math.min(videoFrames, audioFrames)).toBeGreaterThan(0);
    }
    // A power cut may have taken what 0.1 had told: sequences go on above that.
    expect(closed[1]?.sequence).toBeGreaterThan(1000);
    const { segments } = await recorder.catalog.query();
    expect(segments.map((segment) => [segment.path, segment.state, segment.missing])).toEqual([
      [join(media, "cam1.mp4"), "finished", undefined],
      [join(media, "cam2.ts"), "recovered", undefined],
      [join(media, "cam3.mp4"), "recovered", undefined],
    ]);
    expect(segments.map(({ id }) => id)).toEqual([1, 3, 4]);
  } finally {
    await recorder.close();
  }
  expect(readdirSync(media).sort()).toEqual(["cam1.mp4", "cam2.ts", "cam3.mp4"]);
});
