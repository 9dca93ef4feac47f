// The child of bench:finish: records one stored FLV to MP4 as a server would, and kills itself when the last frame is
// in the journal and before anything closes it. What it leaves is the state from which every finish starts.
// `finish-child.ts INPUT FRAMES FOLDER NAME CHUNK-LENGTH`.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SAMPLE_RECORD_SIZE } from "../src/abi/mp4.js";
import { Recorder } from "../src/recording/recorder.js";
import { feedFlv } from "./media/feed-flv.js";

const RING_BYTES = 8 << 20;

const [input, frames, folder, name, chunkLength] = process.argv.slice(2) as [string, string, string, string, string];
const recorder = await Recorder.open({
  mediaFolders: [folder],
  stateFolder: join(folder, `${name}.state`),
  ringBytes: RING_BYTES,
  maxRingBytes: RING_BYTES,
  durability: "none",
  scheduler: { tickMs: 5, minBytes: RING_BYTES / 2 },
});
await recorder.record({
  localStreamName: name,
  pathToFile: name,
  type: "mp4",
  keepAlive: false,
  chunkLength: Number(chunkLength),
});
const stream = recorder.streams.open(name);
await feedFlv(recorder.arena, stream, input);
// A frame's record follows its media.
while (recordedFrames() < Number(frames)) await delay(5);
process.kill(process.pid, "SIGKILL");

function recordedFrames(): number {
  const files = readdirSync(folder).filter((file) => /\.track\d$/.test(file));
  return files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0) / SAMPLE_RECORD_SIZE;
}
