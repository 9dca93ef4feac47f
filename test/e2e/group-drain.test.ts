// A rolling restart of a group: every node is drained by `reel drain`, stopped and started again, and what the cameras
// sent meanwhile is in the files of all nodes together, without a hole.

import { afterAll, beforeAll, expect, it } from "vitest";
import { FakeCamera } from "../support/fake-camera.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { holesIn, numbersBelow } from "../support/numbered-frames.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const NAMES = ["a", "b"] as const;
const CAMERAS = 3;
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
  const group = { name: "test", node: name, servers: nats.urls, replicas: 1 };
  const server = await ReelProcess.start({ config: { group }, ...(root !== undefined && { root }) });
  return { name, server, control: await Control.connect(server) };
}

beforeAll(async () => {
  nats = await NatsCluster.start(1);
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
    await until("it is a member again", () => /a member of the group/.test(node.server.output));
  }
  clearInterval(sending);
  for (const { control } of nodes) moved.push(...control.of("pullMoved").map(({ payload }) => payload));
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
