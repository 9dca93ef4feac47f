// npm run bench:muxers -- --seconds 2
//
// Muxers alone, in memory and on one thread: nothing is read, nothing is written, no frame waits. Reel's kernels beside
// FFmpeg 8's muxers (node-av, `npm ci --prefix test/peers`) and mediabunny (`npm install --prefix bench`), all with the
// frames of one workload. bench:ring has the parts of Reel besides, bench:mux the whole way from file to file.
//
// A kernel of Reel copies each frame out of the ring and makes the bytes of its container. FFmpeg stands there twice:
// called packet by packet from Node, which costs more than the muxer, and as the command line into /dev/null, less what
// it takes to read alone (`-f null`): there the median of CPU time, everywhere else the best time of some rounds.
// Nobody's finish is counted.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FrameBody, loadFrames, PERIOD_MS, WORKLOADS } from "./load/workload.js";
import { environment, formatTable, type Row, significant, writeResult } from "./measure/report.js";
import { timeProcess } from "./measure/timed-process.js";
import { KernelBench, payloadOf, type Timed } from "./media/kernel-bench.js";
import { type StoredStream, writeStoredFlv } from "./media/stored-stream.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    workload: { type: "string", default: "720p30" },
    repeat: { type: "string", default: "3" },
  },
});

const CONTAINERS = ["flv", "ts", "mp4"] as const;
type Container = (typeof CONTAINERS)[number];
const FFMPEG_NAMES = { flv: "flv", ts: "mpegts", mp4: "mp4" } as const;
const STORED_MEGABYTES = 100;
/** The command line's times are exact to a millisecond. */
const LARGE_MEGABYTES = 1000;
const TICK_SECONDS = 0.001;
const root = new URL("..", import.meta.url).pathname;

const chosen = WORKLOADS[values.workload];
if (!chosen) throw new Error(`no workload ${values.workload}; there are ${Object.keys(WORKLOADS).join(", ")}`);
const { headers, frames } = loadFrames(chosen, 1, 1);
const bench = new KernelBench(headers, frames);

function middle(rounds: number, once: () => Timed): Timed {
  const all = Array.from({ length: rounds }, once).sort((a, b) => a.seconds - b.seconds);
  return all[all.length >> 1] as Timed;
}

/** The best of some rounds: what the machine does besides only adds. */
async function best(rounds: number, once: () => Promise<Timed> | Timed): Promise<Timed> {
  let found: Timed | undefined;
  for (let round = 0; round < rounds; round++) {
    const timed = await once();
    if (!found || timed.bytes / timed.seconds > found.bytes / found.seconds) found = timed;
  }
  return found as Timed;
}

async function ffmpeg(container: Container, stored: string): Promise<Timed> {
  const { Demuxer, Muxer } = await import(join(root, "test/peers/node_modules/node-av/dist/index.js"));
  const input = Demuxer.openSync(stored);
  const packets = [];
  for (const packet of input.packetsSync()) if (packet) packets.push(packet.clone());
  // FFmpeg's own I/O into nothing: calls back into JavaScript would cost more than the muxer.
  const output = Muxer.openSync("/dev/null", { format: FFMPEG_NAMES[container], input });
  const streams = new Map<number, number>();
  for (const stream of input.streams) streams.set(stream.index, output.addStream(stream));
  const bytes = packets.reduce((sum, packet) => sum + packet.size, 0);
  const startMs = performance.now();
  for (const packet of packets) output.writePacketSync(packet, streams.get(packet.streamIndex));
  const seconds = (performance.now() - startMs) / 1000;
  output.closeSync();
  for (const packet of packets) packet.free();
  input.closeSync();
  return { bytes, frames: packets.length, seconds };
}

/** CPU time of the system's ffmpeg beyond that of reading. */
function commandLine(container: Container, stored: StoredStream): Timed {
  const cpu = (format: string): number => {
    const args = ["-v", "error", "-nostdin", "-y", "-i", stored.path, "-c", "copy", "-f", format, "/dev/null"];
    const { userSeconds, systemSeconds } = timeProcess("ffmpeg", args);
    return userSeconds + systemSeconds;
  };
  const seconds = Math.max(TICK_SECONDS, cpu(FFMPEG_NAMES[container]) - cpu("null"));
  return { bytes: stored.sizeBytes, frames: stored.videoFrames + stored.audioFrames, seconds };
}

async function mediabunny(container: Exclude<Container, "flv">): Promise<Timed> {
  const bunny = await import(join(root, "bench/node_modules/mediabunny/dist/bundles/mediabunny.mjs"));
  const format = container === "mp4" ? new bunny.Mp4OutputFormat({ fastStart: false }) : new bunny.MpegTsOutputFormat();
  const output = new bunny.Output({ format, target: new bunny.NullTarget() });
  const video = new bunny.EncodedVideoPacketSource("avc");
  const audio = new bunny.EncodedAudioPacketSource("aac");
  output.addVideoTrack(video, { frameRate: 30 });
  output.addAudioTrack(audio);
  await output.start();
  const header = (isVideo: boolean) => payloadOf(headers.find((one) => one.isVideo === isVideo) as FrameBody);
  const sps = header(true);
  const metadata = {
    video: {
      decoderConfig: {
        codec: `avc1.${sps.subarray(1, 4).toString("hex")}`,
        codedWidth: chosen?.video?.width,
        codedHeight: chosen?.video?.height,
        description: sps,
      },
    },
    audio: {
      decoderConfig: { codec: "mp4a.40.2", sampleRate: 48_000, numberOfChannels: 2, description: header(false) },
    },
  };
  const laps = Math.ceil((STORED_MEGABYTES * 1e6) / bench.periodBytes);
  const startMs = performance.now();
  for (let lap = 0; lap < laps; lap++) {
    for (const frame of frames) {
      const { isVideo, body, atMs } = frame;
      const isKey = !isVideo || (body[0] as number) >> 4 === 1;
      const at = (lap * PERIOD_MS + atMs) / 1000;
      const packet = new bunny.EncodedPacket(
        payloadOf(frame),
        isKey ? "key" : "delta",
        at,
        isVideo ? 1 / 30 : 1024 / 48_000,
      );
      await (isVideo ? video.add(packet, metadata.video) : audio.add(packet, metadata.audio));
    }
  }
  const seconds = (performance.now() - startMs) / 1000;
  await output.finalize();
  return { bytes: laps * bench.periodBytes, frames: laps * frames.length, seconds };
}

const folder = mkdtempSync(join(tmpdir(), "reel-muxers-"));
const rows: Row[] = [];
const add = (container: Container, muxer: string, { bytes, frames: count, seconds }: Timed): void => {
  rows.push({
    container,
    muxer,
    "GB / s": significant(bytes / 1e9 / seconds),
    "ns / frame": significant((1e9 * seconds) / count),
  });
};
try {
  const stored = writeStoredFlv(join(folder, "stored.flv"), values.workload, STORED_MEGABYTES);
  const large = writeStoredFlv(join(folder, "large.flv"), values.workload, LARGE_MEGABYTES);
  const rounds = Number(values.repeat);
  const hasPeers = existsSync(join(root, "test/peers/node_modules/node-av"));
  const hasBunny = existsSync(join(root, "bench/node_modules/mediabunny"));
  if (!hasPeers) console.error("left out, missing: node-av: npm ci --prefix test/peers");
  if (!hasBunny) console.error("left out, missing: mediabunny: npm install --prefix bench");
  for (const container of CONTAINERS) {
    add(container, "Reel, kernel", await best(rounds, () => bench.measure(container, Number(values.seconds))));
    add(
      container,
      "ffmpeg, less -f null",
      middle(rounds, () => commandLine(container, large)),
    );
    if (hasPeers) add(container, "FFmpeg 8, node-av", await best(rounds, () => ffmpeg(container, stored.path)));
    if (hasBunny && container !== "flv") add(container, "mediabunny", await best(rounds, () => mediabunny(container)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const env = environment();
console.log(
  `\nframes of ${values.workload}, best of ${values.repeat}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
console.log(formatTable(rows));
console.log(`\n${writeResult("muxers", `npm run bench:muxers -- ${process.argv.slice(2).join(" ")}`, rows)}`);
