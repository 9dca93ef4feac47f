// npm run bench:group -- --cameras 50 --rounds 10 --nodes 3
//
// How long a group of recorders leaves a camera alone when its node is killed: three servers of NATS, the nodes and the
// cameras on this machine. Each round kills the node with the most cameras (SIGKILL), waits until all of its cameras
// play to another, and starts it again. A take-over ends with the PLAY of the next node. `frames without a reader` is
// what the camera would have sent meanwhile, at 25 a second, by its own count. Draws results/group.svg.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FakeCamera } from "../test/support/fake-camera.js";
import { NatsCluster } from "../test/support/nats-cluster.js";
import { Control, ReelProcess, stopServers } from "../test/support/reel-server.js";
import { until } from "../test/support/until.js";
import {
  environment,
  formatTable,
  median,
  type Row,
  resultsFolder,
  significant,
  writeResult,
} from "./measure/report.js";
import { svgPlot } from "./measure/svg-plot.js";

const FRAME_MS = 40;
const PATIENCE_MS = 120_000;

const { values } = parseArgs({
  options: {
    cameras: { type: "string", default: "50" },
    rounds: { type: "string", default: "10" },
    nodes: { type: "string", default: "3" },
  },
});

interface Node {
  readonly name: string;
  server: ReelProcess;
  control: Control;
}

interface Camera {
  readonly name: string;
  readonly camera: FakeCamera;
  unread: number;
}

const cluster = await NatsCluster.start();
const nodes: Node[] = [];
const cameras: Camera[] = [];
const sending = setInterval(() => {
  for (const each of cameras) {
    if (each.camera.playingCount === 0) each.unread++;
    each.camera.sendToPlaying();
  }
}, FRAME_MS);

async function startNode(name: string, root?: string): Promise<Node> {
  const group = { name: "bench", node: name, servers: cluster.urls };
  const server = await ReelProcess.start({ config: { group }, ...(root !== undefined && { root }) });
  return { name, server, control: await Control.connect(server) };
}

async function camerasOf({ name: node, control }: Node): Promise<string[]> {
  const list = (await control.succeed(`listInboundStreamNames node=${node}`)) as unknown as { name: string }[] | null;
  return (list ?? []).map(({ name }) => name);
}

async function untilAllPlay(): Promise<void> {
  await until("all cameras play", () => cameras.every(({ camera }) => camera.playingCount === 1), PATIENCE_MS);
}

/** Kills the fullest node; seconds until each of its cameras played again, and what they sent to nobody. */
async function killOne(): Promise<{ seconds: number[]; unread: number[] }> {
  const held = await Promise.all(nodes.map((node) => camerasOf(node)));
  const fullest = held.reduce((best, list, index) => (list.length > (held[best]?.length ?? 0) ? index : best), 0);
  const dead = nodes[fullest] as Node;
  const lost = cameras.filter(({ name }) => held[fullest]?.includes(name));
  for (const each of cameras) each.unread = 0;
  const killedMs = performance.now();
  await dead.server.kill();
  dead.control.close();
  await untilAllPlay();
  const seconds = lost.map(({ camera }) => ((camera.acceptedMs.at(-1) ?? Number.NaN) - killedMs) / 1000);
  Object.assign(dead, await startNode(dead.name, dead.server.root));
  return { seconds, unread: lost.map(({ unread }) => unread) };
}

try {
  for (let i = 0; i < Number(values.cameras); i++)
    cameras.push({ name: `cam${i + 1}`, camera: await FakeCamera.open(), unread: 0 });
  for (let i = 0; i < Number(values.nodes); i++) nodes.push(await startNode(`node${i + 1}`));
  const { control } = nodes[0] as Node;
  for (const { name, camera } of cameras) {
    await control.succeed(`record localStreamName=${name} pathToFile=${name} type=ts`);
    await control.succeed(`pullStream uri=${camera.url()} localStreamName=${name} forceTcp=1`);
  }
  await untilAllPlay();
  const rows: Row[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const { seconds, unread } = await killOne();
    rows.push({
      round,
      cameras: seconds.length,
      "take-over s, median": significant(median(seconds)),
      "longest s": significant(Math.max(...seconds)),
      "frames without a reader, most": Math.max(...unread),
    });
    console.error(JSON.stringify(rows.at(-1)));
  }
  const env = environment();
  console.log(`\n${env.cores} × ${env.cpu}, Linux ${env.kernel}, Node ${env.node}, ${env.commit}\n`);
  console.log(formatTable(rows));
  console.log(`\n${writeResult("group", `npm run bench:group -- ${process.argv.slice(2).join(" ")}`, rows)}`);
  const line = (name: string) => ({
    name,
    points: rows.map((row) => ({ x: Number(row.round), y: Number(row[name]) })),
  });
  const lines = [line("take-over s, median"), line("longest s")];
  const title = `seconds until a killed node's cameras (${values.cameras} in all, ${values.nodes} nodes) play to another`;
  writeFileSync(join(resultsFolder, "group.svg"), svgPlot("round", [{ title, lines }]));
} finally {
  clearInterval(sending);
  for (const { control } of nodes) control.close();
  await stopServers();
  for (const { camera } of cameras) await camera.close();
  await cluster.stop();
}
