// Appends to a catalogue until it is killed, and says on standard output which segments were acknowledged.

import { writeSync } from "node:fs";
import { silentLogger } from "../../dist/base/logger.js";
import { DayWriter } from "../../dist/catalog/day-writer.js";
import { SegmentLookup } from "../../dist/catalog/segment-lookup.js";

const [folder = "", from = "0"] = process.argv.slice(2);
const writer = new DayWriter(folder, new SegmentLookup(folder), silentLogger);
const START = Date.UTC(2026, 10, 27);
const LANES = 20;

async function lane(first) {
  for (let id = first; ; id += LANES) {
    const startedMs = START + id * 100;
    await writer.append({
      ...{ localStreamName: `cam${id % 7}`, configId: 1, outStreamId: 2, variables: {}, id, state: "finished" },
      ...{ path: `/media/${id}.ts`, container: "ts", tracks: [], startedMs, stoppedMs: startedMs + 100 },
      ...{ durationMs: 100, sizeBytes: 188, videoFrames: 1, audioFrames: 0, finish: "none", gaps: 0, lost: null },
    });
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: LANES }, (_, i) => lane(Number(from) + i)));
