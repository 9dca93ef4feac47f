// npm run bench:commands -- --count 5000
//
// How many commands a server takes over its WebSocket, one after the other and many under way at once, and what each costs it. With record configs in place, since
// that is what listConfig and a busy control room walk through.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { treeUsage } from "./measure/process-tree.js";
import { environment, formatTable, quantile, type Row, significant, writeResult } from "./measure/report.js";
import { type CommandChannel, startReel } from "./servers/reel.js";

const { values } = parseArgs({ options: { count: { type: "string", default: "5000" }, configs: { type: "string", default: "200" } } });
const UNDER_WAY = 64;
const count = Number(values.count);
const configs = Array.from({ length: Number(values.configs) }, (_, i) => `waiting${i}`);

const folder = mkdtempSync(join(tmpdir(), "reel-commands-"));
const server = await startReel({ folder, streams: configs, type: "mp4", recordArgs: "keepAlive=1" });
const rows: Row[] = [];
try {
  const { commands, pid } = server;
  const work: { title: string; run: (i: number) => Promise<unknown>; share: number }[] = [
    { title: "version", run: () => commands.send("version"), share: 1 },
    { title: "isStreamRunning", run: (i) => commands.send(`isStreamRunning localStreamName=waiting${i % configs.length}`), share: 1 },
    { title: `listConfig (${configs.length} configs)`, run: () => commands.send("listConfig"), share: 0.1 },
    { title: "record + removeConfig", run: (i) => recordAndRemove(commands, i), share: 0.2 },
  ];
  for (const { run } of work) for (let i = 0; i < 200; i++) await run(count + i); // warm-up: code compiled, folders seen
  for (const { title, run, share } of work) {
    for (const underWay of [1, UNDER_WAY]) rows.push(await measure(title, run, Math.max(100, Math.round(count * share)), underWay, pid));
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
const env = environment();
console.log(`\n${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
console.log(formatTable(rows));
console.log(`\n${writeResult("commands", `npm run bench:commands -- ${process.argv.slice(2).join(" ")}`, rows)}`);

async function recordAndRemove(commands: CommandChannel, i: number): Promise<void> {
  const reply = await commands.send(`record localStreamName=never${i} pathToFile=never${i} type=ts keepAlive=1`);
  await commands.send(`removeConfig id=${/"?configId"?:\s*(\d+)/.exec(reply)?.[1] ?? ""}`);
}

async function measure(title: string, run: (i: number) => Promise<unknown>, times: number, underWay: number, pid: number): Promise<Row> {
  const latenciesMs = new Float64Array(times);
  const before = treeUsage(pid);
  const startedMs = performance.now();
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < times; i = next++) {
      const sentMs = performance.now();
      await run(i);
      latenciesMs[i] = performance.now() - sentMs;
    }
  };
  await Promise.all(Array.from({ length: underWay }, lane));
  const seconds = (performance.now() - startedMs) / 1000;
  const after = treeUsage(pid);
  const cpuSeconds = after.userSeconds + after.systemSeconds - before.userSeconds - before.systemSeconds;
  latenciesMs.sort();
  return {
    command: title,
    "under way": underWay,
    "per s": Math.round(times / seconds),
    "p50 ms": significant(quantile(latenciesMs, 0.5)),
    "p99 ms": significant(quantile(latenciesMs, 0.99)),
    "server CPU µs each": significant((1e6 * cpuSeconds) / times, 2),
  };
}
