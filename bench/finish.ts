// npm run bench:finish -- --gibibytes 1,4 --repeat 3
//
// What closing a large MP4 costs: from the moment its last frame is in the journal to the finished file under its final
// name, in each of the four ways. Beside it `ffmpeg -c copy -movflags +faststart` on the same media, which is how an
// index comes to the front elsewhere, the same without faststart, and a plain copy. All in one run, one after the
// other, round after round, each on files that are written back; medians. The sync that durability adds is timed apart.

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { FinishMethod } from "../src/container/finish-method.js";
import { finishMp4 } from "../src/container/mp4/finish.js";
import { RepeatableJournal } from "./finish-journal.js";
import { environment, formatTable, median, type Row, significant, writeResult } from "./measure/report.js";
import { countFrames } from "./media/count-frames.js";
import { type StoredStream, writeStoredFlv } from "./media/stored-stream.js";

const { values } = parseArgs({
  options: {
    gibibytes: { type: "string", default: "1,4" },
    repeat: { type: "string", default: "3" },
    workload: { type: "string", default: "720p30" },
    folder: { type: "string" },
  },
});

const DAY_SECONDS = 86_400;
const FASTSTART = "ffmpeg -c copy +faststart";

interface Run {
  wallMs: number;
  /** Handed to write(2). */
  writtenBytes: number;
  syncMs: number;
}

interface Subject {
  what: string;
  how: string;
  runs: Run[];
}

interface Way {
  what: string;
  method: Exclude<FinishMethod, "none">;
  journal: RepeatableJournal;
}

const LEAST_GIBIBYTES = 0.5;
const rows: Row[] = [];
for (const gibibytes of values.gibibytes.split(",").map(Number)) {
  if (!(gibibytes >= LEAST_GIBIBYTES))
    throw new Error(`--gibibytes: ${LEAST_GIBIBYTES} at least; the index of a smaller recording fits every reserve`);
  const folder = mkdtempSync(join(values.folder ?? tmpdir(), "reel-finish-"));
  try {
    rows.push(...(await measure(folder, gibibytes)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const env = environment();
console.log(
  `\n${values.workload}, medians of ${values.repeat}; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
console.log(formatTable(rows));
console.log(`\n${writeResult("finish", `npm run bench:finish -- ${process.argv.slice(2).join(" ")}`, rows)}`);

async function measure(folder: string, gibibytes: number): Promise<Row[]> {
  const source = writeStoredFlv(join(folder, "source.flv"), values.workload, (gibibytes * 2 ** 30) / 1e6);
  const warmUp = recordJournal(writeStoredFlv(join(folder, "warm-up.flv"), values.workload, 20), folder, "warm-up", 0);
  // Longer than the stream, so that nothing is cut. The reserve follows from the length: right, that of a segment
  // without a length, and that of a whole day.
  const right = recordJournal(source, folder, "right", Math.ceil(source.seconds) + 60);
  const small = recordJournal(source, folder, "small", 0);
  const large = recordJournal(source, folder, "large", DAY_SECONDS);
  rmSync(source.path);
  const ways: Way[] = [
    { what: "Reel, the reserve fits", method: "reserved", journal: right },
    { what: "Reel, the reserve is too small", method: "inserted", journal: small },
    { what: "Reel, the reserve is far too large", method: "collapsed", journal: large },
    { what: "Reel, a volume that can move nothing", method: "copied", journal: small },
  ];
  const subjects = new Map<string, Subject>();
  const note = (what: string, how: string, run: Run): void => {
    const subject = subjects.get(what) ?? { what, how, runs: [] };
    subject.runs.push(run);
    subjects.set(what, subject);
  };
  // A server has compiled its kernel long before; the process' start is not what is measured.
  finishMp4(warmUp.path, { ownLockPath: warmUp.lockPath, durability: "none" });
  for (let round = 0; round < Number(values.repeat); round++) {
    for (const way of ways) {
      way.journal.restore();
      note(way.what, way.method, finish(way));
      if (round === 0) await verify(way, source);
      if (way.method === "reserved") measurePeers(way.journal.path, folder, note);
      way.journal.restore();
    }
    console.error(`${gibibytes} GiB: round ${round + 1} of ${values.repeat}`);
  }
  for (const journal of [right, small, large]) journal.remove();
  return toRows(gibibytes, [...subjects.values()]);
}

function recordJournal(source: StoredStream, folder: string, name: string, chunkLength: number): RepeatableJournal {
  const media = join(folder, name);
  mkdirSync(media);
  const child = join(import.meta.dirname, "finish-child.ts");
  const args = [source.path, `${source.videoFrames + source.audioFrames}`, media, name, `${chunkLength}`];
  const { signal, stderr } = spawnSync(process.execPath, ["--import", "tsx", child, ...args], { encoding: "utf8" });
  if (signal !== "SIGKILL") throw new Error(`recording ${name}: ${stderr}`);
  // With a chunkLength the name gets a number.
  const info = readdirSync(media).find((file) => file.endsWith(".info"));
  if (info === undefined) throw new Error(`recording ${name} left no journal`);
  const journal = new RepeatableJournal(join(media, info.slice(0, -".info".length)));
  journal.writeBack();
  return journal;
}

function finish({ what, method, journal }: Way): Run {
  const writtenBefore = bytesWritten();
  const startMs = performance.now();
  const result = finishMp4(journal.path, { ownLockPath: journal.lockPath, durability: "none", methods: [method] });
  const wallMs = performance.now() - startMs;
  if (result.method !== method) throw new Error(`${what}: ${result.method} instead of ${method}`);
  return { wallMs, writtenBytes: bytesWritten() - writtenBefore, syncMs: timeSync(journal.path) };
}

async function verify({ what, journal }: Way, source: StoredStream): Promise<void> {
  const { videoFrames, audioFrames, complaint } = await countFrames(journal.path);
  if (videoFrames === source.videoFrames && audioFrames === source.audioFrames && complaint === "") return;
  throw new Error(
    `${what}: ${videoFrames} + ${audioFrames} of ${source.videoFrames} + ${source.audioFrames} frames ${complaint}`,
  );
}

/** What others pay for the media that Reel has just finished: `input` is already written back. */
function measurePeers(input: string, folder: string, note: (what: string, how: string, run: Run) => void): void {
  const output = join(folder, "peer.mp4");
  const ffmpeg = (...flags: string[]) => [
    "ffmpeg",
    "-v",
    "error",
    "-nostdin",
    "-i",
    input,
    "-map",
    "0",
    "-c",
    "copy",
    ...flags,
    output,
  ];
  const peers = [
    { what: FASTSTART, how: "copied twice", command: ffmpeg("-movflags", "+faststart") },
    { what: "ffmpeg -c copy, index at the end", how: "copied", command: ffmpeg() },
    { what: "a plain copy", how: "copied", command: ["dd", `if=${input}`, `of=${output}`, "bs=1M", "status=none"] },
  ];
  for (const { what, how, command } of peers) {
    note(what, how, runPeer(command, output));
    rmSync(output);
  }
}

function runPeer(command: readonly string[], output: string): Run {
  // The shell's own account takes in that of the child it waited for (proc(5), /proc/PID/io).
  const script = '"$@" && cat /proc/$$/io';
  const startMs = performance.now();
  const io = execFileSync("bash", ["-c", script, "bash", ...command], { encoding: "utf8" });
  const wallMs = performance.now() - startMs;
  return { wallMs, writtenBytes: wcharOf(io), syncMs: timeSync(output) };
}

function timeSync(path: string): number {
  const fd = openSync(path, "r+");
  const startMs = performance.now();
  fdatasyncSync(fd);
  const syncMs = performance.now() - startMs;
  closeSync(fd);
  return syncMs;
}

function bytesWritten(): number {
  return wcharOf(readFileSync("/proc/self/io", "utf8"));
}

function wcharOf(io: string): number {
  return Number(/^wchar: (\d+)$/m.exec(io)?.[1] ?? Number.NaN);
}

function toRows(gibibytes: number, subjects: readonly Subject[]): Row[] {
  const wallMs = (subject: Subject) => median(subject.runs.map((run) => run.wallMs));
  const faststart = subjects.find((subject) => subject.what === FASTSTART);
  return subjects.map((subject) => ({
    GiB: gibibytes,
    what: subject.what,
    how: subject.how,
    "wall ms": significant(wallMs(subject)),
    "of faststart": faststart ? `${significant((100 * wallMs(subject)) / wallMs(faststart))} %` : "",
    "written MB": significant(median(subject.runs.map((run) => run.writtenBytes)) / 1e6),
    "sync ms": significant(median(subject.runs.map((run) => run.syncMs))),
    "wall ms, each": subject.runs.map((run) => significant(run.wallMs)).join(" "),
  }));
}
