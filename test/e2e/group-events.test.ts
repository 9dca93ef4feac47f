// Events of all nodes on the group's stream: a file that is closed is told once, whoever recorded it, whether its node
// was killed while it grew or before it could tell, and a consumer goes on where it was.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectNats, type Nats } from "../../src/group/nats-connection.js";
import { FakeCamera } from "../support/fake-camera.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const FRAME_MS = 40;

interface Told {
  /** Of the stream. */
  readonly place: number;
  readonly node: string;
  readonly type: string;
  readonly payload: { file?: string; sequence?: number; recovered?: boolean; localStreamName?: string };
}

interface Node {
  readonly name: string;
  server: ReelProcess;
  control: Control;
}

let cluster: NatsCluster;
let nats: Nats;
let camera: FakeCamera;
let sending: NodeJS.Timeout;
const nodes: Node[] = [];

async function startNode(name: string, root?: string): Promise<Node> {
  const group = { name: "test", node: name, servers: cluster.urls, replicas: 1 };
  const server = await ReelProcess.start({ config: { group }, ...(root !== undefined && { root }) });
  return { name, server, control: await Control.connect(server) };
}

/** What stands on the stream behind `place`, until `isEnough`. */
async function readAfter(place: number, isEnough: (told: readonly Told[]) => boolean): Promise<Told[]> {
  const told: Told[] = [];
  const start = { deliver_policy: "by_start_sequence", opt_start_seq: place + 1 } as const;
  const consumer = await until("NATS answers", () =>
    nats.jetstream.consumers.get("REEL_test_events", start).catch(() => undefined),
  );
  const messages: ConsumerMessages = await consumer.consume({
    callback: (message: JsMsg) => void told.push(toldOf(message)),
  });
  await until("enough is told", () => isEnough(told)).catch((error: unknown) => {
    const shown = told.map(({ place, node, type, payload }) => `${place} ${node} ${type} ${payload.sequence}`);
    throw new Error(`${String(error)}: ${shown.join("; ")}`);
  });
  messages.stop();
  return told;
}

function toldOf(message: JsMsg): Told {
  return { place: message.seq, ...message.json<Omit<Told, "place">>() };
}

const closings = (told: readonly Told[]): Told[] => told.filter(({ type }) => type === "recordChunkClosed");

function owner(): Node | undefined {
  return nodes.find(({ control }) => control.of("recordChunkCreated").length > 0);
}

beforeAll(async () => {
  cluster = await NatsCluster.start(1);
  nats = await connectNats({ name: "test", servers: cluster.urls }, "consumer");
  camera = await FakeCamera.open();
  sending = setInterval(() => camera.sendToPlaying(), FRAME_MS);
  for (const name of ["a", "b"]) nodes.push(await startNode(name));
  const [{ control }] = nodes as [Node];
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts");
  await control.succeed(`pullStream uri=${camera.url()} localStreamName=cam1 forceTcp=1`);
  await until("it is recorded", () => owner());
});

afterAll(async () => {
  clearInterval(sending);
  for (const { control } of nodes) control.close();
  await nats?.connection.close();
  await stopServers();
  await camera.close();
  await cluster?.stop();
});

it("tells each closed file once over a take-over, a recovery and a time without NATS", async () => {
  const first = owner() as Node;
  await first.control.succeed("cut localStreamName=cam1");
  const before = await readAfter(0, (told) => closings(told).length === 1);
  expect(closings(before)).toMatchObject([
    { node: first.name, payload: { localStreamName: "cam1", recovered: false } },
  ]);
  const seen = before.at(-1)?.place as number;
  // Killed while its second file grows; the other node records, and this one finishes that file when it is back.
  await until("the second file grows", () => first.control.of("recordChunkCreated").length === 2);
  await first.server.kill();
  first.control.close();
  const second = nodes.find((node) => node !== first) as Node;
  await until("the other records", () => second.control.of("recordChunkCreated").length > 0);
  Object.assign(first, await startNode(first.name, first.server.root));
  // What is closed while there is no NATS is told when it is back.
  await until("the file is finished", async () => {
    const { segments } = (await first.control.succeed("listSegments")) as { segments: { state: string }[] };
    return segments.filter(({ state }) => state === "finished" || state === "recovered").length === 2;
  });
  await cluster.kill(0);
  await second.control.succeed(`cut localStreamName=cam1 node=${second.name}`);
  await second.control.wait("recordChunkClosed");
  cluster.restart(0);
  const after = await readAfter(seen, (told) => closings(told).length >= 2 && told.some(isSecondCut));
  // It resumed: nothing that it had comes again.
  expect(Math.min(...after.map(({ place }) => place))).toBe(seen + 1);
  const all = closings([...before, ...after]);
  const keys = all.map(({ node, payload }) => `${node} ${payload.sequence} ${payload.file}`);
  expect(new Set(keys).size).toBe(keys.length);
  expect(all.filter(({ payload }) => payload.recovered)).toMatchObject([{ node: first.name }]);
  expect(all.filter(({ node }) => node === first.name)).toHaveLength(2);
  expect(after.some(({ type, node }) => type === "pullMoved" && node === second.name)).toBe(true);

  function isSecondCut({ type, node }: Told): boolean {
    return type === "recordChunkClosed" && node === second.name;
  }
});

it("does not tell again what it has told, also where its node forgot that", async () => {
  const told = await readAfter(0, (all) => closings(all).length >= 3);
  const [node] = nodes as [Node];
  await node.server.stop();
  node.control.close();
  const kept = join(node.server.root, "state", "group", "configs.json");
  const sections = JSON.parse(await readFile(kept, "utf8")) as { published: number };
  expect(sections.published).toBeGreaterThan(0);
  await writeFile(kept, JSON.stringify({ ...sections, published: 0 }));
  Object.assign(node, await startNode(node.name, node.server.root));
  const again = await readAfter(0, (all) =>
    all.some(({ place, type }) => place > (told.at(-1)?.place ?? 0) && type === "serverStarted"),
  );
  const keys = closings(again).map(({ node: name, payload }) => `${name} ${payload.sequence}`);
  expect(new Set(keys).size).toBe(keys.length);
  await until("it has put all of its ledger again", async () => {
    const { published } = JSON.parse(await readFile(kept, "utf8")) as { published: number };
    return published >= sections.published;
  });
});
