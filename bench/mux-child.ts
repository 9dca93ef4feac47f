// The child of bench:mux: records one stored FLV through an embedded recorder, as fast as the recorder takes it, and
// prints what the work cost beyond the start of the process. `mux-child.ts TYPE INPUT WARM-UP FOLDER`.

import { once } from "node:events";
import { join } from "node:path";
import type { ClosedSegmentReport } from "../src/catalog/segment-report.js";
import type { ContainerName } from "../src/container/table.js";
import { Recorder } from "../src/recording/recorder.js";
import { feedFlv } from "./media/feed-flv.js";

export interface MuxReport {
  cpuSeconds: number;
  wallSeconds: number;
  startCpuSeconds: number;
  path: string;
}

const RING_BYTES = 1 << 20;

const [type, input, warmUp, folder] = process.argv.slice(2) as [ContainerName, string, string, string];
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const recorder = await Recorder.open({
  mediaFolders: [join(folder, "media")],
  stateFolder: join(folder, "state"),
  ringBytes: RING_BYTES,
  maxRingBytes: RING_BYTES,
  durability: "none",
  scheduler: { tickMs: 5, minBytes: RING_BYTES / 2 },
});
// A server has started its threads and compiled its code long before; the first recording is not the one that is
// measured.
await recordFile("warm", warmUp);
const startCpuSeconds = cpu();
const startedMs = performance.now();
const path = await recordFile("stored", input);
const report: MuxReport = {
  cpuSeconds: cpu() - startCpuSeconds,
  wallSeconds: (performance.now() - startedMs) / 1000,
  startCpuSeconds,
  path,
};
console.log(JSON.stringify(report));
await recorder.close();

/** Returns the path of the finished file. */
async function recordFile(name: string, from: string): Promise<string> {
  await recorder.record({ localStreamName: name, pathToFile: name, type, keepAlive: false });
  const stream = recorder.streams.open(name);
  const closed = once(recorder, "segmentClosed");
  await feedFlv(recorder.arena, stream, from);
  stream.end("end of file");
  const [segment] = (await closed) as [ClosedSegmentReport];
  return segment.path;
}
