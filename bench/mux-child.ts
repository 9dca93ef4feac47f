// The child of bench:mux: records one stored FLV through an embedded recorder, as fast as the recorder takes it, and prints what the work cost beyond the start
// of the process. `mux-child.ts TYPE INPUT WARM-UP FOLDER`.

import { once } from "node:events";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { TRACK_AUDIO, TRACK_VIDEO } from "../src/abi/frame.js";
import { Recorder } from "../src/recording/recorder.js";
import type { ClosedSegmentReport } from "../src/recording/recorder-events.js";
import type { InStream } from "../src/stream/in-stream.js";
import type { ContainerName } from "../src/worker/container.js";
import { FLV_HEADER_BYTES } from "./media/flv-reader.js";

export interface MuxReport {
  cpuSeconds: number;
  wallSeconds: number;
  startCpuSeconds: number;
  path: string;
}

const READ_BYTES = 1 << 20;
const RING_BYTES = 8 << 20;
const AVC_HEADER_BYTES = 5;
const AAC_HEADER_BYTES = 2;

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
// A server has started its threads and compiled its code long before; the first recording is not the one that is measured.
await recordFile("warm", warmUp);
const startCpuSeconds = cpu();
const startedMs = performance.now();
const path = await recordFile("stored", input);
const report: MuxReport = { cpuSeconds: cpu() - startCpuSeconds, wallSeconds: (performance.now() - startedMs) / 1000, startCpuSeconds, path };
console.log(JSON.stringify(report));
await recorder.close();

/** Returns the path of the finished file. */
async function recordFile(name: string, from: string): Promise<string> {
  await recorder.record({ localStreamName: name, pathToFile: name, type, keepAlive: false });
  const stream = recorder.streams.open(name);
  const closed = once(recorder, "segmentClosed");
  await feed(stream, from);
  stream.end("end of file");
  const [segment] = (await closed) as [ClosedSegmentReport];
  return segment.path;
}

/** Reads the file in blocks and writes its frames to the stream; waits where the ring is full. */
async function feed(to: InStream, from: string): Promise<void> {
  const fd = openSync(from, "r");
  let held = Buffer.allocUnsafe(2 * READ_BYTES);
  let begin = 0;
  let end = 0;
  let position = FLV_HEADER_BYTES;
  for (;;) {
    if (begin > 0) held.copy(held, 0, begin, end);
    end -= begin;
    begin = 0;
    if (end + READ_BYTES > held.length) held = Buffer.concat([held.subarray(0, end)], held.length * 2);
    const got = readSync(fd, held, end, READ_BYTES, position);
    if (got === 0) break;
    position += got;
    end += got;
    while (end - begin >= 11 && end - begin >= 11 + held.readUIntBE(begin + 1, 3) + 4) {
      const bodyBytes = held.readUIntBE(begin + 1, 3);
      const timestampMs = held.readUIntBE(begin + 4, 3) + (held[begin + 7] as number) * 0x1000000;
      while (!writeTag(to, held[begin] as number, timestampMs, held.subarray(begin + 11, begin + 11 + bodyBytes))) await once(to, "room");
      begin += 11 + bodyBytes + 4;
    }
  }
  closeSync(fd);
}

/** False where the ring is full. */
function writeTag(to: InStream, tagType: number, timestampMs: number, body: Buffer): boolean {
  if (tagType === 9) {
    if (body[1] === 0) to.setDecoderConfig(TRACK_VIDEO, "h264", body.subarray(AVC_HEADER_BYTES));
    else return to.writeFrame(TRACK_VIDEO, body.subarray(AVC_HEADER_BYTES), timestampMs * 90, body.readIntBE(2, 3) * 90, (body[0] as number) >> 4 === 1);
  } else if (tagType === 8) {
    if (body[1] === 0) to.setDecoderConfig(TRACK_AUDIO, "aac", body.subarray(AAC_HEADER_BYTES));
    else return to.writeFrame(TRACK_AUDIO, body.subarray(AAC_HEADER_BYTES), timestampMs * 90, 0, true);
  }
  return true;
}
