// npm run bench:finish -- --gigabytes 4
//
// What closing a large MP4 costs: from the moment its last frame is in `.mdat` to the finished file under its final name. Once with the index in the reserved space
// (chunkLength given), once without (the reserve is too small, a range is inserted or the file copied: the table says which). Beside it what ffmpeg pays to put the
// index in front of as large a file: `-c copy -movflags +faststart` less the same without. The sync that durability adds is told apart; the floor is a copy of the file.

import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Recorder } from "../src/recording/recorder.js";
import type { ClosedSegmentReport } from "../src/recording/recorder-events.js";
import { environment, formatTable, type Row, significant, writeResult } from "./measure/report.js";
import { timeProcess } from "./measure/timed-process.js";
import { countFrames } from "./media/count-frames.js";
import { feedFlv } from "./media/feed-flv.js";
import { type StoredStream, writeStoredFlv } from "./media/stored-stream.js";

const { values } = parseArgs({
  options: { gigabytes: { type: "string", default: "1" }, workload: { type: "string", default: "720p30" }, folder: { type: "string" } },
});
const folder = mkdtempSync(join(values.folder ?? tmpdir(), "reel-finish-"));
const RING_BYTES = 8 << 20;
const rows: Row[] = [];

try {
  const source = writeStoredFlv(join(folder, "source.flv"), values.workload, Number(values.gigabytes) * 1000);
  const warmUp = writeStoredFlv(join(folder, "warm-up.flv"), values.workload, 20);
  // Longer than the stream, so that nothing is cut; the reserve follows from it.
  const chunkLength = Math.ceil(source.seconds) + 60;
  rows.push(await finishWithReel("Reel, index in the reserve", source, warmUp, chunkLength, "none"));
  rows.push(await finishWithReel("Reel, no length given", source, warmUp, 0, "none"));
  rows.push(await finishWithReel("Reel, index in the reserve, synced", source, warmUp, chunkLength, "close"));
  rows.push(finishWithFfmpeg(source));
  rows.push(copyFloor(source));
  rmSync(source.path);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const env = environment();
console.log(`\n${values.gigabytes} GB of ${values.workload}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
console.log(formatTable(rows));
console.log(`\n${writeResult("finish", `npm run bench:finish -- ${process.argv.slice(2).join(" ")}`, rows)}`);

async function finishWithReel(title: string, source: StoredStream, warmUp: StoredStream, chunkLength: number, durability: "none" | "close"): Promise<Row> {
  const own = join(folder, "own");
  const recorder = await Recorder.open({
    mediaFolders: [join(own, "media")],
    stateFolder: join(own, "state"),
    ringBytes: RING_BYTES,
    maxRingBytes: RING_BYTES,
    durability,
    scheduler: { tickMs: 5, minBytes: RING_BYTES / 2 },
  });
  const finish = async (name: string, stored: StoredStream) => {
    await recorder.record({ localStreamName: name, pathToFile: name, type: "mp4", keepAlive: false, chunkLength });
    const stream = recorder.streams.open(name);
    const closed = once(recorder, "segmentClosed");
    await feedFlv(stream, stored.path);
    for (stream.refreshTail(); stream.ring.heldBytes > 0; stream.refreshTail()) await delay(5);
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    stream.end("end of file");
    const [segment] = (await closed) as [ClosedSegmentReport];
    const { user, system } = process.cpuUsage(cpu);
    return { segment, wallMs: performance.now() - startMs, cpuMs: (user + system) / 1000 };
  };
  try {
    await finish("warm", warmUp);
    const { segment, wallMs, cpuMs } = await finish("measured", source);
    const { videoFrames, audioFrames, complaint } = await countFrames(segment.path);
    if (videoFrames !== source.videoFrames || audioFrames !== source.audioFrames || complaint !== "")
      throw new Error(`${title}: ${videoFrames} + ${audioFrames} frames ${complaint}`);
    return {
      what: title,
      how: segment.finish,
      "wall ms": significant(wallMs),
      "CPU ms": significant(cpuMs),
      "file MB": Math.round(statSync(segment.path).size / 1e6),
    };
  } finally {
    await recorder.close();
    rmSync(own, { recursive: true, force: true });
  }
}

function finishWithFfmpeg(source: StoredStream): Row {
  const output = join(folder, "ffmpeg.mp4");
  const remux = (...flags: string[]) => {
    const cost = timeProcess("ffmpeg", ["-v", "error", "-nostdin", "-y", "-i", source.path, "-c", "copy", ...flags, output]);
    const sizeBytes = statSync(output).size;
    rmSync(output);
    return { wallMs: cost.wallSeconds * 1000, cpuMs: (cost.userSeconds + cost.systemSeconds) * 1000, sizeBytes };
  };
  const plain = remux();
  const front = remux("-movflags", "+faststart");
  return {
    what: "ffmpeg +faststart, less the same without",
    how: "copied",
    "wall ms": significant(front.wallMs - plain.wallMs),
    "CPU ms": significant(front.cpuMs - plain.cpuMs),
    "file MB": Math.round(front.sizeBytes / 1e6),
  };
}

function copyFloor(source: StoredStream): Row {
  const output = join(folder, "floor");
  const { userSeconds, systemSeconds, wallSeconds } = timeProcess("dd", [`if=${source.path}`, `of=${output}`, "bs=256k", "status=none"]);
  rmSync(output);
  return {
    what: "floor: a copy of the file",
    how: "",
    "wall ms": significant(wallSeconds * 1000),
    "CPU ms": significant((userSeconds + systemSeconds) * 1000),
    "file MB": Math.round(source.sizeBytes / 1e6),
  };
}
