// npm run bench:storm -- --storm 500 --running 100 --vs nginx-rtmp
//
// What an outage ends with: many publishers connect within one second, to a server that already records others or (with
// --running 0) to one that has just been started. Of each server: how long a publisher waits until it is accepted, how
// long until the first bytes of its recording are in a file, whether every frame is there, the lag of the streams that
// ran before, and the CPU of the first ten seconds beside that of the time after.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { compareFrames, untilEpoch } from "./density-run.js";
import type { StreamAccount } from "./load/generator.js";
import { startLoad } from "./load/load.js";
import { OtherLoad } from "./measure/other-load.js";
import { treeUsage } from "./measure/process-tree.js";
import { environment, formatTable, median, quantile, type Row, significant, writeResult } from "./measure/report.js";
import { voidReasons } from "./measure/void-reasons.js";
import { LagProbe, type LagReport, openGrowth } from "./media/lag-probe.js";
import { type Contestant, contestants } from "./servers/all.js";
import type { RecordType, RunningServer } from "./servers/recording-server.js";

const { values } = parseArgs({
  options: {
    storm: { type: "string", default: "500" },
    running: { type: "string", default: "100" },
    "per-second": { type: "string", default: "500" },
    seconds: { type: "string", default: "25" },
    type: { type: "string", default: "mp4" },
    workload: { type: "string", default: "720p30" },
    vs: { type: "string", default: "" },
    only: { type: "string" },
    repeat: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    "chunk-size": { type: "string", default: "4096" },
  },
});

interface Waits {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

interface StormResult {
  server: string;
  streams: number;
  running: number;
  accepted: Waits;
  /** From the moment that a stream was accepted and its first frame sent. */
  firstBytes: Waits;
  withoutBytes: number;
  runningLag: LagReport | undefined;
  /** Of the whole server, per second of one stream, the streams that ran before included. */
  firstTenSeconds: number;
  afterwards: number;
  framesSent: number;
  framesFound: number;
  voidReasons: string[];
  faults: string[];
}

const STEADY_MS = 6000;
const FIRST_MS = 10_000;
const LOOK_MS = 50;
const WATCHED = 4;
/** The last stream begins so long after the first at worst, and what is measured behind must still have all of them. */
const LEAST_SECONDS = 20;

const storm = Number(values.storm);
const running = Number(values.running);
const seconds = Number(values.seconds);
if (seconds < LEAST_SECONDS) throw new Error(`--seconds ${values.seconds}: ${LEAST_SECONDS} at least`);

async function run({ server: contestant, type }: Contestant): Promise<StormResult> {
  const folder = mkdtempSync(join(tmpdir(), "reel-storm-"));
  const before = Array.from({ length: running }, (_, i) => `r${i}`);
  const wave = Array.from({ length: storm }, (_, i) => `s${i}`);
  const server = await contestant.start({ folder, streams: [...before, ...wave], type });
  try {
    return await measure(server, before, wave);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(server: RunningServer, before: string[], wave: string[]): Promise<StormResult> {
  const order = {
    port: server.port,
    app: server.app,
    workload: values.workload,
    seed: Number(values.seed),
    chunkBytes: Number(values["chunk-size"]),
  };
  const steady =
    before.length > 0 ? startLoad({ ...order, names: before, seconds: seconds + STEADY_MS / 1000 }) : undefined;
  const lag = new LagProbe();
  if (steady) {
    const { streams, lastStartEpochMs } = await steady.publishing;
    await untilEpoch(lastStartEpochMs + STEADY_MS);
    for (const account of streams.slice(0, WATCHED))
      lag.watch(() => {
        const file = server.growingFile(account.name);
        return file && openGrowth(file.kind, file.path);
      }, account.startEpochMs);
    lag.start(Date.now());
  }
  const others = new OtherLoad();
  others.start();
  const look = new FirstBytes(server, wave);
  const atStart = treeUsage(server.pid);
  const startEpochMs = Date.now();
  const load = startLoad({ ...order, names: wave, seconds, connectsPerSecond: Number(values["per-second"]) });
  load.publishing.catch(() => steady?.stop());
  const publishing = load.publishing.then(({ streams }) => streams);
  await delay(FIRST_MS);
  const afterFirst = treeUsage(server.pid);
  const secondEpochMs = Date.now();
  const runningLag = steady && lag.stop();
  const accounts = await publishing;
  await untilEpoch(Math.min(...accounts.map((account) => account.startEpochMs)) + 1000 * seconds - 500);
  const atEnd = treeUsage(server.pid);
  const endEpochMs = Date.now();
  look.stop();
  const otherCores = others.stop();
  const report = await load.done;
  const steadyReport = await steady?.done;
  await server.settled();
  const all = [...report.streams, ...(steadyReport?.streams ?? [])];
  const { framesSent, framesFound, faults } = await compareFrames(server, all);
  const cpu = (from: typeof atStart, to: typeof atStart, ms: number): number =>
    (1e6 * (to.userSeconds + to.systemSeconds - from.userSeconds - from.systemSeconds)) / (ms * all.length);
  const seen = report.streams.flatMap((account) => look.after(account));
  return {
    server: server.title,
    streams: wave.length,
    running: before.length,
    accepted: waits(report.streams.map(({ acceptedMs }) => acceptedMs)),
    firstBytes: waits(seen),
    withoutBytes: wave.length - seen.length,
    runningLag,
    firstTenSeconds: cpu(atStart, afterFirst, secondEpochMs - startEpochMs),
    afterwards: cpu(afterFirst, atEnd, endEpochMs - secondEpochMs),
    framesSent,
    framesFound,
    voidReasons: voidReasons(report, otherCores),
    faults,
  };
}

/** When the recording of each stream had its first bytes, to 50 ms, on the high side. */
class FirstBytes {
  readonly #seen = new Map<string, number>();
  readonly #missing: Set<string>;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly server: RunningServer,
    names: readonly string[],
  ) {
    this.#missing = new Set(names);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  after({ name, startEpochMs }: StreamAccount): number[] {
    const seen = this.#seen.get(name);
    return seen === undefined ? [] : [seen - startEpochMs];
  }

  #look(): void {
    for (const name of this.#missing) {
      const file = this.server.growingFile(name);
      if (!file || (statSync(file.path, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
      this.#missing.delete(name);
      this.#seen.set(name, performance.timeOrigin + performance.now());
    }
  }
}

function waits(values: readonly number[]): Waits {
  const sorted = Float64Array.from(values).sort();
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), maxMs: sorted.at(-1) ?? Number.NaN };
}

function toRow(runs: readonly StormResult[]): Row {
  const of = (pick: (run: StormResult) => number) => significant(median(runs.map(pick)));
  const three = (pick: (run: StormResult) => Waits | undefined) =>
    runs.every((one) => pick(one) === undefined)
      ? "–"
      : [
          of((one) => pick(one)?.p50Ms ?? Number.NaN),
          of((one) => pick(one)?.p99Ms ?? Number.NaN),
          of((one) => pick(one)?.maxMs ?? Number.NaN),
        ].join(" / ");
  return {
    server: (runs[0] as StormResult).server,
    "accepted p50 / p99 / max ms": three((one) => one.accepted),
    "first bytes ms": three((one) => one.firstBytes),
    "lag of those that ran ms": three((one) => one.runningLag),
    "first 10 s, ms / stream s": of((one) => one.firstTenSeconds),
    afterwards: of((one) => one.afterwards),
    "frames missing": of((one) => one.framesSent - one.framesFound),
  };
}

const names = values.only !== undefined ? values.only.split(",") : ["reel", ...values.vs.split(",").filter(Boolean)];
const field = contestants(names, values.type.split(",") as RecordType[]);
const runs: StormResult[][] = field.map(() => []);
for (let turn = 0; turn < Number(values.repeat); turn++)
  for (const [i, contestant] of field.entries()) {
    const result = await run(contestant);
    const { accepted, firstBytes, faults } = result;
    console.error(
      `${result.server}: accepted within ${accepted.maxMs.toFixed(0)} ms, first bytes within ${firstBytes.maxMs.toFixed(0)} ms, ${result.framesFound} of ${result.framesSent} frames`,
    );
    for (const reason of result.voidReasons) console.error(`  void: ${reason}`);
    for (const fault of faults.slice(0, 5)) console.error(`  ${fault}`);
    runs[i]?.push(result);
  }
const valid = runs.map((own) => own.filter((one) => one.voidReasons.length === 0)).filter((own) => own.length > 0);
const env = environment();
console.log(
  `\n${storm} streams at ${values["per-second"]} a second, beside ${running}, ${values.workload}, ${values.repeat} run(s) each; ${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`,
);
if (valid.length > 0) console.log(formatTable(valid.map(toRow)));
console.log(`\n${writeResult("storm", `npm run bench:storm -- ${process.argv.slice(2).join(" ")}`, runs)}`);
if (valid.length < field.length) process.exitCode = 1;
