// A rolling restart of a group: every node is drained by `reel drain`, stopped and started again, and what the cameras
// sent meanwhile is in the files of all nodes together, without a hole.

import { afterAll, beforeAll, expect, it } from "vitest";
import { effort, isTorture } from "../support/effort.js";
import { FakeCamera } from "../support/fake-camera.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { holesIn, numbersBelow } from "../support/numbered-frames.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

/** Torture: three nodes, on three servers of NATS. */
const NAMES = isTorture ? ["a", "b", "c"] : ["a", "b"];
const CAMERAS = effort(3, 12);
const FRAME_MS = 40;

interface Node {
  readonly name: string;
  server: ReelProcess;
  control: Control;
}

let nats: NatsCluster;
let cameras: FakeCamera[] = [];
let sending: NodeJS.Timeout;
const nodes: Node[] = [];
/** pullMoved of all nodes, over their restarts. */
const moved: Record<string, unknown>[] = [];

async function startNode(name: string, root?: string): Promise<Node> {
  const url = `http://${name}.example:8080/`;
  const group = { name: "test", node: name, url, servers: nats.urls, replicas: effort(1, 3) };
  const server = await ReelProcess.start({ config: { group }, ...(root !== undefined && { root }) });
  return { name, server, control: await Control.connect(server) };
}

beforeAll(async () => {
  nats = await NatsCluster.start(effort(1, 3));
  cameras = await Promise.all(Array.from({ length: CAMERAS }, () => FakeCamera.open({ isNumbered: true })));
  sending = setInterval(() => {
    for (const camera of cameras) camera.sendToPlaying();
  }, FRAME_MS);
  for (const name of NAMES) nodes.push(await startNode(name));
  const [{ control }] = nodes as [Node];
  for (const [index, camera] of cameras.entries()) {
    await control.succeed(`record localStreamName=cam${index} pathToFile=cam${index} type=ts`);
    await control.succeed(`pullStream uri=${camera.url()} localStreamName=cam${index} forceTcp=1`);
  }
  await until(
    "all are recorded",
    () => nodes.flatMap((node) => node.control.of("recordChunkCreated")).length === CAMERAS,
  );
});

afterAll(async () => {
  clearInterval(sending);
  for (const { control } of nodes) control.close();
  await stopServers();
  for (const camera of cameras) await camera.close();
  await nats?.stop();
});

interface Timeline {
  readonly spans: Span[];
  readonly gaps: unknown[];
  readonly unanswered: string[];
}

interface Span {
  readonly node: string;
  readonly epoch: number;
  readonly fills: number | null;
  readonly besides: { readonly node: string; readonly epoch: number }[];
  readonly links: { readonly media: string; readonly clip: string };
}

async function ask<T>({ server }: Node, path: string): Promise<T> {
  return (await (await fetch(`http://${server.addresses.http}${path}`)).json()) as T;
}

/** Both nodes' files as one, at each node: the higher epoch is shown from where it begins, and the other is named. */
async function expectOneTimeline(stream: string): Promise<void> {
  for (const node of nodes) {
    const { spans, gaps, unanswered } = await ask<Timeline>(node, `/api/timeline?stream=${stream}&node=all`);
    expect({ gaps, unanswered }).toEqual({ gaps: [], unanswered: [] });
    const holders = new Set(spans.map((span) => span.node));
    expect([...holders].every((name) => NAMES.includes(name))).toBe(true);
    expect(holders.size).toBeGreaterThan(1);
    const epochs = spans.map(({ epoch }) => epoch);
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
    expect(new Set(epochs).size).toBeGreaterThan(1);
    const both = spans.filter(({ besides }) => besides.length > 0);
    expect(both.length).toBeGreaterThan(0);
    for (const { node, epoch, besides, fills } of both) {
      expect(besides).toMatchObject([{ epoch: epoch - 1 }]);
      expect(besides[0]?.node).not.toBe(node);
      expect(fills).toBeNull();
    }
    for (const { node: name, links } of spans) {
      const base = name === node.name ? "/" : `http://${name}.example:8080/`;
      expect(links.media).toMatch(new RegExp(`^${base}media/${stream}`));
      expect(links.clip).toMatch(new RegExp(`^${base}api/clip\\?stream=${stream}`));
    }
  }
}

it("restarts every node in turn, and no picture is missing in the files of all", async () => {
  for (const node of nodes) {
    const reel = ["dist/cli/reel.js", "drain", "--url", node.server.wsUrl];
    const drained = await runProgram(process.execPath, reel);
    expect(drained).toMatchObject({ code: 0 });
    expect(await node.control.succeed(`listInboundStreamNames node=${node.name}`)).toBeNull();
    await node.server.stop();
    node.control.close();
    moved.push(...node.control.of("pullMoved").map(({ payload }) => payload));
    Object.assign(node, await startNode(node.name, node.server.root));
    await until("it is a member again, and knows the other one", async () => {
      const { unanswered, nodes: answers } = await ask<{ unanswered: string[]; nodes: unknown[] }>(
        node,
        "/api/server?node=all",
      );
      return unanswered.length === 0 && answers.length === NAMES.length;
    });
  }
  clearInterval(sending);
  for (const { control } of nodes) moved.push(...control.of("pullMoved").map(({ payload }) => payload));
  for (const index of cameras.keys()) await expectOneTimeline(`cam${index}`);
  for (const { server } of nodes) await server.stop();
  const folders = nodes.map(({ server }) => server.media);
  for (const index of cameras.keys()) {
    const numbers = await numbersBelow(folders, `cam${index}`);
    expect(numbers.length).toBeGreaterThan(50);
    expect(holesIn(numbers)).toEqual([]);
  }
  // Each camera went at least from a to b or from b to a, both recorded it meanwhile, and that was told.
  expect(moved.length).toBeGreaterThanOrEqual(CAMERAS);
  for (const move of moved) expect(move).toMatchObject({ cause: "handedOver", silentMs: null });
  for (const { overlapMs } of moved) expect(overlapMs).toBeGreaterThan(0);
});
