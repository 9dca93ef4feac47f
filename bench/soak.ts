// npm run bench:soak -- --minutes 20
//
// Steady load with churn, and whether anything grows. In cycles: some streams run all the time and are cut every few
// seconds; others come and go with their record configs, in all containers; configs are added to live streams and
// removed again. At the end of each cycle the churn is over, only the steady streams are left, and memory, threads,
// descriptors and temporary files are counted. The run fails where the later half of the cycles needs more than the
// earlier.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Load, startLoad } from "./load/load.js";
import { seededRandom } from "./load/workload.js";
import { treeUsage } from "./measure/process-tree.js";
import { environment, formatTable, median, type Row, significant, writeResult } from "./measure/report.js";
import { countFrames } from "./media/count-frames.js";
import { waitFor } from "./servers/recording-server.js";
import { type RunningReel, startReel } from "./servers/reel.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    steady: { type: "string", default: "20" },
    churn: { type: "string", default: "20" },
    "cycle-seconds": { type: "string", default: "60" },
    workload: { type: "string", default: "720p30" },
    seed: { type: "string", default: "1" },
  },
});

const CUT_SECONDS = 5;
const TYPES = ["mp4", "ts", "flv"] as const;
/** The steady recordings of the end of a cycle: what all cycles have in common. */
const QUIET_MS = 4000;
/** Resident memory may differ by this between halves: the garbage collector's mood. */
const MEMORY_SLACK_MIB = 12;
/** Threads of a pool come and go with the load, each with a few descriptors of its own (epoll, events, pipes). */
const THREADS_SLACK = 2;
const DESCRIPTORS_SLACK = 10;
/** Compiled code and its feedback; the record configs of a wave that has just ended. */
const HEAP_SLACK_MIB = 2;
const MIB = 2 ** 20;
const ARENA_COUNTER = fileURLToPath(new URL("measure/arena-count.mjs", import.meta.url));

interface Sample {
  minute: number;
  residentMiB: number;
  threads: number;
  descriptors: number;
  /** In use: rings, recordings, segments, output buffers. */
  arenaBlocks: number;
  arenaMiB: number;
  /** Of the main thread, after a collection. */
  heapMiB: number;
  /** Files that are not final, of the steady streams. */
  unfinished: number;
  filesMade: number;
  cpuMsPerStreamSecond: number;
}

/** What arena-count.mjs writes. */
interface InsideCount {
  blocks: number;
  usedBytes: number;
  heapBytes: number;
}

const random = seededRandom(Number(values.seed));
const cycles = Math.max(4, Math.round((Number(values.minutes) * 60) / Number(values["cycle-seconds"])));
const folder = mkdtempSync(join(tmpdir(), "reel-soak-"));
const steadyNames = Array.from({ length: Number(values.steady) }, (_, i) => `steady${i}`);
const samples: Sample[] = [];
const faults: string[] = [];
let filesMade = 0;

const arenaCount = join(folder, "arena.json");
const server = await startReel({
  folder,
  streams: [],
  type: "mp4",
  nodeArgs: ["--expose-gc", "--import", ARENA_COUNTER],
  env: { ARENA_COUNT_FILE: arenaCount },
});
const loads = new Set<Load>();
try {
  for (const [i, name] of steadyNames.entries()) {
    await server.commands.send(
      `record localStreamName=${name} pathToFile=${name} type=${TYPES[i % TYPES.length]} chunkLength=${CUT_SECONDS} keepAlive=1`,
    );
  }
  const steady = publish(steadyNames, cycles * Number(values["cycle-seconds"]) + 30);
  await steady.publishing;
  const startedMs = performance.now();
  for (let cycle = 0; cycle < cycles; cycle++) {
    const before = treeUsage(server.pid);
    const beforeMs = performance.now();
    await churn(server, cycle, Number(values["cycle-seconds"]) * 1000 - QUIET_MS);
    await delay(Math.max(0, startedMs + (cycle + 1) * Number(values["cycle-seconds"]) * 1000 - performance.now()));
    const now = treeUsage(server.pid);
    const cpuMs = 1000 * (now.userSeconds + now.systemSeconds - before.userSeconds - before.systemSeconds);
    const streamSeconds = ((performance.now() - beforeMs) / 1000) * (steadyNames.length + Number(values.churn) / 2);
    const arena = await countInside();
    await inspectFiles(server);
    samples.push({
      minute: significant((performance.now() - startedMs) / 60_000),
      residentMiB: significant(now.residentBytes / MIB, 4),
      threads: now.threads,
      descriptors: now.descriptors,
      arenaBlocks: arena.blocks,
      arenaMiB: significant(arena.usedBytes / MIB, 4),
      heapMiB: significant(arena.heapBytes / MIB, 4),
      unfinished: readdirSync(server.media).filter((name) => name.endsWith(".mdat")).length,
      filesMade,
      cpuMsPerStreamSecond: significant(cpuMs / streamSeconds),
    });
    console.error(JSON.stringify(samples.at(-1)));
  }
} finally {
  for (const load of loads) load.stop();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
conclude();

function publish(names: readonly string[], seconds: number): Load {
  const load = startLoad({
    port: server.port,
    app: server.app,
    names: [...names],
    workload: values.workload,
    seconds,
    seed: Math.floor(random() * 2 ** 31),
    chunkBytes: 4096,
  });
  loads.add(load);
  load.done.finally(() => loads.delete(load)).catch(() => {});
  return load;
}

/**
 * Waves of streams that live for a part of the cycle, recorded by configs from before, during and after their coming.
 */
async function churn(to: RunningReel, cycle: number, lastsMs: number): Promise<void> {
  const endMs = performance.now() + lastsMs;
  const waveSize = Math.max(1, Math.floor(Number(values.churn) / 2));
  for (let wave = 0; endMs - performance.now() > 12_000; wave++) {
    const names = Array.from({ length: waveSize }, (_, i) => `churn${cycle}x${wave}x${i}`);
    const configOf = (name: string, type: string) =>
      `record localStreamName=${name} pathToFile=${name} type=${type} keepAlive=0 chunkLength=${random() < 0.5 ? 0 : 2} overwrite=1`;
    for (const name of names.filter((_, i) => i % 2 === 0)) await to.commands.send(configOf(name, pick(TYPES)));
    const seconds = Math.min(5 + random() * 15, (endMs - performance.now()) / 1000 - 6);
    const load = publish(names, seconds);
    await load.publishing;
    for (const name of names.filter((_, i) => i % 2 === 1)) await to.commands.send(configOf(name, pick(TYPES)));
    const extra = pick(steadyNames);
    const reply = await to.commands.send(
      `record localStreamName=${extra} pathToFile=extra${cycle}x${wave} type=${pick(TYPES)} keepAlive=1`,
    );
    await load.done;
    await to.commands.send(`removeConfig id=${configIdOf(reply)}`);
  }
}

async function countInside(): Promise<InsideCount> {
  rmSync(arenaCount, { force: true });
  process.kill(server.pid, "SIGUSR2");
  await waitFor("the arena is counted", server.process, () => existsSync(arenaCount));
  return JSON.parse(readFileSync(arenaCount, "utf8")) as InsideCount;
}

function pick<T>(choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)] as T;
}

function configIdOf(reply: string): number {
  const id = /"?configId"?:\s*(\d+)/.exec(reply)?.[1];
  if (id === undefined) throw new Error(`no configId in ${reply}`);
  return Number(id);
}

/** Reads a few of the cycle's finished files back and removes all of them: a soak must not fill the disk. */
async function inspectFiles(of: RunningReel): Promise<void> {
  const growing = new Set(readdirSync(of.media).map((name) => name.replace(/\.(info|mdat|track\d+)$/, "")));
  const finished = readdirSync(of.media).filter(
    (name) =>
      /\.(mp4|ts|flv)$/.test(name) && Date.now() - statSync(join(of.media, name)).mtimeMs > (CUT_SECONDS + 2) * 1000,
  );
  for (const name of finished.filter((_, i) => i % Math.ceil(finished.length / 5) === 0)) {
    const { videoFrames, complaint } = await countFrames(join(of.media, name));
    if (videoFrames === 0 || complaint !== "") faults.push(`${name}: ${videoFrames} video frames ${complaint}`);
  }
  for (const name of finished) if (!growing.has(`${name}.mdat`)) rmSync(join(of.media, name));
  filesMade += finished.length;
}

function conclude(): void {
  const middle = Math.floor(samples.length / 2);
  // The first cycle fills pools and compiles code.
  const [early, late] = [samples.slice(1, middle + 1), samples.slice(middle + 1)];
  const most = (values: number[]) => Math.max(...values);
  const grows = (what: keyof Sample, of: (values: number[]) => number, slack: number): string[] => {
    const [from, to] = [of(early.map((sample) => sample[what])), of(late.map((sample) => sample[what]))];
    return to > from + slack ? [`${what} grew from ${from} to ${to}`] : [];
  };
  const growth = [
    ...grows("residentMiB", median, MEMORY_SLACK_MIB),
    ...grows("threads", most, THREADS_SLACK),
    ...grows("descriptors", most, DESCRIPTORS_SLACK),
    // A steady stream that is just being cut has the old segment and the new one.
    ...grows("arenaBlocks", median, steadyNames.length / 2),
    ...grows("heapMiB", median, HEAP_SLACK_MIB),
    ...grows("unfinished", most, 0),
  ];
  const env = environment();
  console.log(
    `\n${values.steady} steady streams cut every ${CUT_SECONDS} s, about ${values.churn} that come and go; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
  );
  console.log(formatTable(samples as unknown as Row[]));
  console.log(growth.length + faults.length === 0 ? "\nflat" : `\n${[...growth, ...faults].join("\n")}`);
  console.log(
    writeResult("soak", `npm run bench:soak -- ${process.argv.slice(2).join(" ")}`, { samples, growth, faults }),
  );
  if (growth.length + faults.length > 0) process.exitCode = 1;
}
