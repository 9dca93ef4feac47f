// A group with many configs: real servers of NATS, Reels, a source of 64 kb/s sound for each pull, and record configs
// that wait for streams that nobody sends. Under torture ten thousand record configs and a thousand pulls at five nodes
// with three servers, one node of which is killed; `npm test` has a small one, and its kills in group-faults.test.ts.

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { effort, isTorture } from "../support/effort.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { SoundServer } from "../support/sound-server.js";
import { until } from "../support/until.js";

const SERVERS = effort(1, 3);
const NODES = effort(2, 5);
const PULLS = effort(20, 1000);
const WAITING = effort(300, 9000);
const REST_MS = effort(200, 20_000);
const PATIENCE_MS = 240_000;
/** Issue's bound; a busy machine may take longer, and only torture has it for itself. */
const CONVERGED_MS = 10_000;
/** Ids from here on are those of a node that could claim none. */
const CUT_OFF_FROM = 2 ** 31;
/** To look costs a node something too. */
const LOOK_MS = 200;
const COMMANDS_AT_ONCE = 64;

interface Node {
  readonly name: string;
  server: ReelProcess;
  control: Control;
}

let cluster: NatsCluster;
let sound: SoundServer;
const nodes: Node[] = [];
const names = Array.from({ length: PULLS }, (_, index) => `sound${index}`);
const measured: Record<string, number> = {};

async function startNode(name: string, root?: string): Promise<Node> {
  const group = { name: "scale", node: name, servers: cluster.urls, replicas: SERVERS, joinSeconds: 0 };
  const server = await ReelProcess.start({ config: { group, workers: 1 }, ...(root !== undefined && { root }) });
  const control = await Control.connect(server, false);
  await control.succeed("subscribe events=recordChunkCreated");
  return { name, server, control };
}

/** Sends commands to one node, some at once. */
async function tellAll(control: Control, commands: readonly string[]): Promise<void> {
  const left = commands.values();
  const tell = async (): Promise<void> => {
    for (const command of left) await control.succeed(command);
  };
  await Promise.all(Array.from({ length: COMMANDS_AT_ONCE }, tell));
}

/** Streams of which a node has begun a file. */
function recordedBy({ control }: Node): Set<unknown> {
  return new Set(control.of("recordChunkCreated").map(({ payload }) => payload.localStreamName));
}

async function metric({ server }: Node, name: string): Promise<number> {
  const text = await (await fetch(`http://${server.addresses.http}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

/** It has every config. */
async function untilKnown(node: Node): Promise<void> {
  await until(
    `${node.name} has every config`,
    async () => {
      await delay(LOOK_MS);
      const records = await metric(node, "reel_record_configs");
      return records === WAITING + PULLS && (await metric(node, "reel_pull_configs")) === PULLS;
    },
    PATIENCE_MS,
  );
}

const isAlone = (name: string): boolean => sound.playingOf(name) === 1;

function note(what: string, sinceMs: number): void {
  measured[what] = Math.round(performance.now() - sinceMs);
  if (isTorture) process.stdout.write(`${what}: ${measured[what]}\n`);
}

beforeAll(async () => {
  cluster = await NatsCluster.start(SERVERS);
  sound = await SoundServer.open();
  nodes.push(...(await Promise.all(Array.from({ length: NODES }, (_, index) => startNode(`n${index}`)))));
}, 120_000);

afterAll(async () => {
  if (isTorture) console.log(JSON.stringify(measured));
  for (const { control } of nodes) control.close();
  await stopServers();
  await sound?.close();
  await cluster?.stop();
});

/** Of all nodes. */
async function cpuMs(): Promise<number> {
  const asked = nodes.map(async ({ server }) => {
    const reply = await fetch(`http://${server.addresses.http}/api/server`);
    return ((await reply.json()) as { cpuMs: number }).cpuMs;
  });
  return (await Promise.all(asked)).reduce((sum, ms) => sum + ms, 0);
}

it("brings all configs to all nodes, and each pull to one", async () => {
  const [{ control }] = nodes as [Node];
  const beganMs = performance.now();
  const waiting = Array.from({ length: WAITING }, (_, index) => `nobody${index}`);
  const record = (name: string): string => `record localStreamName=${name} pathToFile=${name} type=flv`;
  await tellAll(control, [...waiting, ...names].map(record));
  await tellAll(
    control,
    names.map((name) => `pullStream uri=${sound.url(name)} localStreamName=${name} forceTcp=1`),
  );
  note("all told, ms", beganMs);
  for (const node of nodes) await untilKnown(node);
  note("all at every node, ms", beganMs);
  await until("each pull runs at one node", () => names.every(isAlone), PATIENCE_MS);
  note("all placed, ms", beganMs);
  await until("all are recorded", () => new Set(nodes.flatMap((n) => [...recordedBy(n)])).size === PULLS, PATIENCE_MS);
  note("all recorded, ms", beganMs);
});

it("lists all configs at any node, each under an id that the group has claimed", async () => {
  for (const { control, server } of nodes) {
    const askedMs = performance.now();
    const { data, description } = await control.send("listConfig");
    note("a list of all configs, ms", askedMs);
    expect(description).toBe("Run-time configuration");
    const { record, pull } = data as Record<"record" | "pull", { configId: number }[]>;
    expect([record.length, pull.length]).toEqual([WAITING + PULLS, PULLS]);
    const routeMs = performance.now();
    const route = await fetch(`http://${server.addresses.http}/api/configs?node=all`);
    const told = (await route.json()) as { nodes: unknown[]; unanswered: string[] };
    note("the dashboard's list of all configs, ms", routeMs);
    expect([told.nodes.length, told.unanswered]).toEqual([NODES, []]);
    expect(Math.max(...[...record, ...pull].map(({ configId }) => configId))).toBeLessThan(CUT_OFF_FROM);
  }
});

it("says little where nothing changes", async () => {
  const cpuBefore = await cpuMs();
  const before = await cluster.received();
  const beganMs = performance.now();
  await delay(REST_MS);
  const after = await cluster.received();
  const seconds = (performance.now() - beganMs) / 1000;
  measured["% of a core, each node in rest"] = Math.round(((await cpuMs()) - cpuBefore) / seconds / NODES / 10);
  measured["messages a second in rest"] = Math.round((after.messages - before.messages) / seconds);
  measured["bytes a second in rest"] = Math.round((after.bytes - before.bytes) / seconds);
  expect(names.every(isAlone)).toBe(true);
});

it.runIf(isTorture)("records elsewhere what a killed node had", async () => {
  const had = await Promise.all(nodes.map((node) => metric(node, "reel_group_own_pulls")));
  const dead = nodes[had.indexOf(Math.max(...had))] as Node;
  const others = nodes.filter((node) => node !== dead);
  const lost = [...recordedBy(dead)] as string[];
  const killedMs = performance.now();
  await dead.server.kill();
  await until(
    "each is recorded elsewhere",
    () => {
      const there = new Set(others.flatMap((node) => [...recordedBy(node)]));
      return lost.every((name) => there.has(name));
    },
    PATIENCE_MS,
  );
  note("recorded elsewhere after a kill, ms", killedMs);
  await until("each pull runs at one node", () => names.every(isAlone), PATIENCE_MS);
  expect(measured["recorded elsewhere after a kill, ms"]).toBeLessThan(CONVERGED_MS);
  const restartedMs = performance.now();
  Object.assign(dead, await startNode(dead.name, dead.server.root));
  await until("it is a member", () => /a member of the group/.test(dead.server.output), PATIENCE_MS);
  await untilKnown(dead);
  note("started again with all configs, ms", restartedMs);
  // It had them before, and others have them now.
  expect(await metric(dead, "reel_group_own_pulls")).toBe(0);
  expect(names.every(isAlone)).toBe(true);
});
