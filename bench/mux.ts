// npm run bench:mux -- --megabytes 500 --repeat 5
//
// A stored FLV through Reel's ring and muxers into each container, beside `ffmpeg -c copy` of the same file and beside
// the floor: a plain read and write of as many bytes. All take turns; the table shows medians of CPU time. The start of
// a process (Node, the modules; ffmpeg's own) is told apart: a server pays it once.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { environment, formatTable, median, significant, writeResult } from "./measure/report.js";
import { timeProcess } from "./measure/timed-process.js";
import { countFrames } from "./media/count-frames.js";
import { type StoredStream, writeStoredFlv } from "./media/stored-stream.js";
import type { MuxReport } from "./mux-child.js";

const TYPES = { mp4: "mp4", ts: "mpegts", flv: "flv" } as const;
type Type = keyof typeof TYPES;
/** Enough to start every thread and compile every path: after 20 MB the compiler was still at work (0.02 s of it). */
const WARM_UP_MEGABYTES = 100;

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "500" },
    repeat: { type: "string", default: "3" },
    workload: { type: "string", default: "720p30" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "reel-mux-"));
const child = fileURLToPath(new URL("mux-child.ts", import.meta.url));

interface Turn {
  reel: MuxReport & { wholeCpuSeconds: number };
  ffmpegCpuSeconds: number;
  ffmpegWallSeconds: number;
  outputBytes: number;
}

try {
  const source = writeStoredFlv(join(folder, "source.flv"), values.workload, Number(values.megabytes));
  const tiny = writeStoredFlv(join(folder, "tiny.flv"), values.workload, 0.5);
  const warmUp = writeStoredFlv(join(folder, "warm-up.flv"), values.workload, WARM_UP_MEGABYTES);
  const turns: Record<Type, Turn[]> = { mp4: [], ts: [], flv: [] };
  const floors: number[] = [];
  const ffmpegStarts: number[] = [];
  copyAll(source.path); // the first touch of the page cache is dearer: not counted
  for (let turn = 0; turn < Number(values.repeat); turn++) {
    floors.push(copyAll(source.path));
    ffmpegStarts.push(remuxWithFfmpeg(tiny.path, "ts").cpuSeconds);
    for (const type of Object.keys(TYPES) as Type[]) turns[type].push(await muxBoth(source, warmUp, type));
  }
  report(source, turns, median(floors), median(ffmpegStarts));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function muxBoth(source: StoredStream, warmUp: StoredStream, type: Type): Promise<Turn> {
  const own = join(folder, "own");
  const whole = timeProcess(process.execPath, [...process.execArgv, child, type, source.path, warmUp.path, own]);
  const reel = JSON.parse(whole.stdout) as MuxReport;
  await expectFrames(reel.path, source);
  const outputBytes = statSync(reel.path).size;
  rmSync(own, { recursive: true, force: true });
  const ffmpeg = remuxWithFfmpeg(source.path, type);
  return {
    reel: { ...reel, wholeCpuSeconds: whole.userSeconds + whole.systemSeconds },
    ffmpegCpuSeconds: ffmpeg.cpuSeconds,
    ffmpegWallSeconds: ffmpeg.wallSeconds,
    outputBytes,
  };
}

function remuxWithFfmpeg(input: string, type: Type): { cpuSeconds: number; wallSeconds: number } {
  const output = join(folder, `ffmpeg.${type}`);
  const { userSeconds, systemSeconds, wallSeconds } = timeProcess("ffmpeg", [
    "-v",
    "error",
    "-nostdin",
    "-y",
    "-i",
    input,
    "-c",
    "copy",
    "-f",
    TYPES[type],
    output,
  ]);
  rmSync(output);
  return { cpuSeconds: userSeconds + systemSeconds, wallSeconds };
}

/** The floor: as many bytes read and written, 256 KiB at a time. */
function copyAll(input: string): number {
  const output = join(folder, "floor");
  const { userSeconds, systemSeconds } = timeProcess("dd", [`if=${input}`, `of=${output}`, "bs=256k", "status=none"]);
  rmSync(output);
  return userSeconds + systemSeconds;
}

/** What is fast must also be right. */
async function expectFrames(path: string, source: StoredStream): Promise<void> {
  const { videoFrames, audioFrames, complaint } = await countFrames(path);
  if (videoFrames !== source.videoFrames || audioFrames !== source.audioFrames || complaint !== "") {
    throw new Error(
      `${path} holds ${videoFrames} + ${audioFrames} frames of ${source.videoFrames} + ${source.audioFrames}: ${complaint}`,
    );
  }
}

function report(
  source: StoredStream,
  turns: Record<Type, Turn[]>,
  floorSeconds: number,
  ffmpegStartSeconds: number,
): void {
  const rows = (Object.keys(TYPES) as Type[]).map((type) => {
    const of = (pick: (turn: Turn) => number) => median(turns[type].map(pick));
    const reel = of((turn) => turn.reel.cpuSeconds);
    const ffmpeg = of((turn) => turn.ffmpegCpuSeconds) - ffmpegStartSeconds;
    return {
      container: type,
      "Reel CPU s": significant(reel),
      "ffmpeg CPU s": significant(ffmpeg),
      ratio: significant(reel / ffmpeg),
      "floor CPU s": significant(floorSeconds),
      "Reel GB / CPU s": significant(source.sizeBytes / 1e9 / reel),
      "ffmpeg GB / CPU s": significant(source.sizeBytes / 1e9 / ffmpeg),
      "Reel wall s": significant(of((turn) => turn.reel.wallSeconds)),
      "ffmpeg wall s": significant(of((turn) => turn.ffmpegWallSeconds)),
      "start: Reel / ffmpeg CPU s": `${significant(of((turn) => turn.reel.wholeCpuSeconds - turn.reel.cpuSeconds))} / ${significant(ffmpegStartSeconds)}`,
    };
  });
  const env = environment();
  console.log(
    `\n${(source.sizeBytes / 1e6).toFixed(0)} MB of ${values.workload} (${source.seconds.toFixed(0)} s), medians of ${values.repeat}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
  );
  console.log(formatTable(rows));
  console.log(
    `\n${writeResult("mux", `npm run bench:mux -- ${process.argv.slice(2).join(" ")}`, { source: withoutPath(source), turns: withoutPaths(turns), floorSeconds, ffmpegStartSeconds })}`,
  );
}

/** Scratch files of this machine are nobody's business. */
function withoutPath<T extends { path: string }>({ path: _, ...rest }: T): Omit<T, "path"> {
  return rest;
}

function withoutPaths(turns: Record<Type, Turn[]>): Record<string, object[]> {
  return Object.fromEntries(
    Object.entries(turns).map(([type, list]) => [
      type,
      list.map((turn) => ({ ...turn, reel: withoutPath(turn.reel) })),
    ]),
  );
}
