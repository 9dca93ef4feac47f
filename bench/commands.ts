// npm run bench:commands -- --count 5000
//
// How many commands a server takes over its WebSocket, one after the other and many under way at once, and what each
// costs it. With record configs in place, since that is what listConfig and a busy control room walk through.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { silentLogger } from "../src/base/logger.js";
import { RuleList } from "../src/recording/rules/rule-list.js";
import { startLoad } from "./load/load.js";
import { treeUsage } from "./measure/process-tree.js";
import { environment, formatTable, quantile, type Row, significant, writeResult } from "./measure/report.js";
import { type CommandChannel, startReel } from "./servers/reel.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    configs: { type: "string", default: "200" },
    live: { type: "string", default: "0" },
  },
});
const UNDER_WAY = 64;
/**
 * A server compiles a command's code while it serves the first thousand; until then its p99 is two to three times as
 * long.
 */
const WARM_UP = 1000;
/** --live N: so many streams are published meanwhile. */
const LOAD_SECONDS = 90;
const count = Number(values.count);
const configs = Array.from({ length: Number(values.configs) }, (_, i) => `waiting${i}`);

const folder = mkdtempSync(join(tmpdir(), "reel-commands-"));
const server = await startReel({ folder, streams: configs, type: "mp4", recordArgs: "keepAlive=1" });
const rows: Row[] = [];
try {
  const { commands, pid } = server;
  const live = Number(values.live);
  const names = Array.from({ length: live }, (_, i) => `live${i}`);
  const load =
    live > 0
      ? startLoad({
          port: server.port,
          app: server.app,
          names,
          workload: "720p30",
          seconds: LOAD_SECONDS,
          seed: 1,
          chunkBytes: 4096,
        })
      : undefined;
  await load?.publishing;
  const work: {
    title: string;
    run: (i: number) => Promise<unknown>;
    share: number;
    after?: (reply: unknown) => Promise<unknown>;
  }[] = [
    { title: "version", run: () => commands.send("version"), share: 1 },
    {
      title: "isStreamRunning",
      run: (i) => commands.send(`isStreamRunning localStreamName=waiting${i % configs.length}`),
      share: 1,
    },
    { title: `listConfig (${configs.length} configs)`, run: () => commands.send("listConfig"), share: 0.1 },
    {
      title: "record",
      run: (i) => record(commands, i),
      share: 0.5,
      after: (reply: unknown) => remove(commands, String(reply)),
    },
  ];
  for (const { run, after } of work) {
    for (let i = 0; i < WARM_UP; i++) {
      const reply = await run(count + i);
      await after?.(reply);
    }
  } // warm-up: code compiled, folders seen
  for (const { title, run, share, after } of work) {
    for (const underWay of [1, UNDER_WAY])
      rows.push(await measure(title, run, after, Math.max(100, Math.round(count * share)), underWay, pid));
  }
  load?.stop();
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
rows.push(measureRules(1000, 100));
const env = environment();
console.log(`\n${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
console.log(formatTable(rows));
console.log(`\n${writeResult("commands", `npm run bench:commands -- ${process.argv.slice(2).join(" ")}`, rows)}`);

function record(commands: CommandChannel, i: number): Promise<string> {
  return commands.send(`record localStreamName=never${i} pathToFile=never${i} type=ts keepAlive=1`);
}

/** What a stream costs that opens: all rules are asked, half globs and half expressions, and the last one matches. */
function measureRules(streams: number, rules: number): Row {
  const store = { get: () => undefined, put: async () => 1, watch: () => () => {} };
  let ids = 1;
  const list = new RuleList(store, [], () => ids++, silentLogger, Date.now);
  for (let i = 0; i < rules; i++) {
    const isLast = i === rules - 1;
    const pattern = isLast ? "site/*/camera-*" : i % 2 ? `site/*/door-${i}-*` : `/^site/[0-9]+/gate-${i}-[0-9]+$/`;
    list.add({ pattern, pathToFile: "{stream}/%Y-%m-%d/%H%M%S" });
  }
  const names = Array.from({ length: streams }, (_, i) => `site/${i % 40}/camera-${i}`);
  const rounds = 50;
  const latenciesMs = new Float64Array(streams * rounds);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < latenciesMs.length; i++) {
    const askedMs = performance.now();
    if (list.matching(names[i % streams] as string).length !== 1) throw new Error("no rule has matched");
    latenciesMs[i] = performance.now() - askedMs;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  latenciesMs.sort();
  return {
    command: `(a stream opens: ${rules} rules, ${streams} streams)`,
    "under way": 1,
    "per s": Math.round(latenciesMs.length / seconds),
    "p50 ms": significant(quantile(latenciesMs, 0.5)),
    "p99 ms": significant(quantile(latenciesMs, 0.99)),
    "server CPU µs each": significant((user + system) / latenciesMs.length, 2),
  };
}

/** Not timed: so that the number of configs stays what the title says. */
async function remove(commands: CommandChannel, reply: string): Promise<void> {
  await commands.send(`removeConfig id=${/"?configId"?:\s*(\d+)/.exec(reply)?.[1] ?? ""}`);
}

async function measure(
  title: string,
  run: (i: number) => Promise<unknown>,
  after: ((reply: unknown) => Promise<unknown>) | undefined,
  times: number,
  underWay: number,
  pid: number,
): Promise<Row> {
  const latenciesMs = new Float64Array(times);
  const usageBefore = treeUsage(pid);
  const startedMs = performance.now();
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < times; i = next++) {
      const sentMs = performance.now();
      const reply = await run(i);
      latenciesMs[i] = performance.now() - sentMs;
      await after?.(reply);
    }
  };
  await Promise.all(Array.from({ length: underWay }, lane));
  const seconds = (performance.now() - startedMs) / 1000;
  const usageAfter = treeUsage(pid);
  const cpuSeconds =
    usageAfter.userSeconds + usageAfter.systemSeconds - usageBefore.userSeconds - usageBefore.systemSeconds;
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
