// npm run bench:demux -- --megabytes 200 --repeat 5
//
// A stored transport stream through Reel's demuxer, alone and into an in-stream's ring, beside mux.js (in this process
// too) and beside ffmpeg demuxing it to nowhere (a process of its own, its start told apart). All take turns; the table
// shows medians of CPU time. Every side's frames are counted.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Arena } from "../src/arena/arena.js";
import { silentLogger } from "../src/base/logger.js";
import { FrameSink } from "../src/ingest/frame-sink.js";
import type { AccessUnitSink } from "../src/ingest/mpegts/access-unit.js";
import { TsDemuxer } from "../src/ingest/mpegts/ts-demuxer.js";
import { RandomAccessRule } from "../src/stream/random-access-rule.js";
import { StreamRegistry } from "../src/stream/stream-registry.js";
import { systemClock } from "../src/time/units.js";
import { environment, formatTable, median, significant, writeResult } from "./measure/report.js";
import { timeProcess } from "./measure/timed-process.js";
import { writeStoredFlv } from "./media/stored-stream.js";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "200" },
    repeat: { type: "string", default: "5" },
    workload: { type: "string", default: "720p30" },
  },
});
/** What a socket's read gives. */
const CHUNK_BYTES = 64 * 1024;
const SOURCE = { type: "INTS", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

/** Demuxes all; returns the frames found. */
type Demux = (bytes: Uint8Array) => number;

const arena = new Arena();
let streamId = 0;
const registry = new StreamRegistry(
  arena,
  systemClock,
  { ringBytes: 512 * 1024, maxRingBytes: 64 << 20, lagLimitMs: 2000 },
  () => ++streamId,
);

function pushAll(demuxer: TsDemuxer, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) demuxer.push(bytes.subarray(at, at + CHUNK_BYTES));
  demuxer.end();
  demuxer.free();
}

function demuxOnly(bytes: Uint8Array): number {
  let frames = 0;
  const sink: AccessUnitSink = {
    randomAccess: new RandomAccessRule(),
    decoderConfig: () => true,
    accessUnit: () => {
      frames++;
    },
    describeTrack: () => {},
    withdrawTrack: () => {},
    setUnrecorded: () => {},
    loss: () => {
      throw new Error("the stream is whole, and the demuxer reports a loss");
    },
  };
  pushAll(new TsDemuxer(sink, arena, silentLogger), bytes);
  return frames;
}

function demuxIntoRing(bytes: Uint8Array): number {
  const flow = { pause: () => {}, resume: () => {} };
  const sink = new FrameSink({
    arena,
    open: () => registry.open(`bench${streamId}`, SOURCE, () => {}),
    flow: () => flow,
  });
  pushAll(new TsDemuxer(sink, arena, silentLogger), bytes);
  const frames = sink.stream?.statistics.reduce((sum, track) => sum + track.frames, 0) ?? 0;
  sink.end("done", true);
  return frames;
}

/** The elementary part of mux.js's pipeline, without its MP4 muxer; undefined where it is not installed. */
function muxJs(): Demux | undefined {
  interface Stage {
    pipe(next: Stage): Stage;
    push(bytes: Uint8Array): void;
    flush(): void;
    on(event: "data", listener: (data: { nalUnitType?: string; type?: string }) => void): void;
  }
  try {
    const require = createRequire(new URL("package.json", import.meta.url));
    const m2ts = require("mux.js/lib/m2ts/m2ts.js") as Record<
      "TransportPacketStream" | "TransportParseStream" | "ElementaryStream",
      new () => Stage
    >;
    const { H264Stream } = require("mux.js/lib/codecs/h264.js") as { H264Stream: new () => Stage };
    const Adts = require("mux.js/lib/codecs/adts.js") as new () => Stage;
    return (bytes) => {
      let frames = 0;
      const packets = new m2ts.TransportPacketStream();
      const elementary = new m2ts.ElementaryStream();
      const h264 = new H264Stream();
      const adts = new Adts();
      packets.pipe(new m2ts.TransportParseStream()).pipe(elementary);
      elementary.pipe(h264);
      elementary.pipe(adts);
      // It gives NAL units, not access units: each picture of this workload has one slice, and a delimiter in front.
      h264.on("data", (unit) => {
        if (unit.nalUnitType === "access_unit_delimiter_rbsp") frames++;
      });
      adts.on("data", () => {
        frames++;
      });
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) packets.push(bytes.subarray(at, at + CHUNK_BYTES));
      packets.flush();
      return frames;
    };
  } catch {
    return undefined;
  }
}

function cpuSeconds(demux: Demux, bytes: Uint8Array, frames: number): number {
  const before = process.cpuUsage();
  const found = demux(bytes);
  const { user, system } = process.cpuUsage(before);
  if (found !== frames) throw new Error(`${demux.name} found ${found} frames of ${frames}`);
  return (user + system) / 1e6;
}

const folder = mkdtempSync(join(tmpdir(), "reel-demux-"));
try {
  const flv = writeStoredFlv(join(folder, "source.flv"), values.workload, Number(values.megabytes));
  const tiny = writeStoredFlv(join(folder, "tiny.flv"), values.workload, 0.5);
  const toTs = (from: string, to: string): string => {
    const path = join(folder, to);
    spawnSync("ffmpeg", ["-v", "error", "-nostdin", "-i", from, "-c", "copy", "-f", "mpegts", path], {
      stdio: "inherit",
    });
    return path;
  };
  const path = toTs(flv.path, "source.ts");
  const tinyPath = toTs(tiny.path, "tiny.ts");
  const bytes = readFileSync(path);
  const frames = flv.videoFrames + flv.audioFrames;
  const ffmpegSeconds = (input: string): number => {
    const { userSeconds, systemSeconds } = timeProcess("ffmpeg", [
      "-v",
      "error",
      "-nostdin",
      "-i",
      input,
      "-c",
      "copy",
      "-f",
      "null",
      "-",
    ]);
    return userSeconds + systemSeconds;
  };
  const peer = muxJs();
  const seconds: Record<string, number[]> = {
    "Reel, access units": [],
    "Reel, into the ring": [],
    ffmpeg: [],
    ...(peer && { "mux.js": [] }),
  };
  const starts: number[] = [];
  // compiled before it counts
  for (const demux of [demuxOnly, demuxIntoRing, ...(peer ? [peer] : [])]) demux(bytes.subarray(0, 188 * 100_000));
  for (let turn = 0; turn < Number(values.repeat); turn++) {
    seconds["Reel, access units"]?.push(cpuSeconds(demuxOnly, bytes, frames));
    seconds["Reel, into the ring"]?.push(cpuSeconds(demuxIntoRing, bytes, frames));
    if (peer) seconds["mux.js"]?.push(cpuSeconds(peer, bytes, frames));
    seconds.ffmpeg?.push(ffmpegSeconds(path));
    starts.push(ffmpegSeconds(tinyPath));
  }
  const own = median(seconds["Reel, into the ring"] ?? []);
  const rows = Object.entries(seconds).map(([name, all]) => {
    const cpu = median(all) - (name === "ffmpeg" ? median(starts) : 0);
    return {
      demuxer: name,
      "CPU s": significant(cpu),
      "GB / CPU s": significant(bytes.length / 1e9 / cpu),
      "CPU, Reel into the ring = 1": significant(cpu / own),
    };
  });
  const env = environment();
  console.log(
    `\n${(bytes.length / 1e6).toFixed(0)} MB of ${values.workload}, ${frames} frames, medians of ${values.repeat}; ${env.cores} × ${env.cpu}, Node ${env.node}, ${env.commit}\n`,
  );
  console.log(formatTable(rows));
  if (!peer) console.log("\nmux.js is not installed: npm install --prefix bench");
  console.log(
    `\n${writeResult("demux", `npm run bench:demux -- ${process.argv.slice(2).join(" ")}`, { sizeBytes: bytes.length, frames, seconds, starts })}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
