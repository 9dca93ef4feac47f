// Commands at any node of a group: lists are of all nodes, what concerns a stream goes to the node that has it, and a
// node that does not answer is named.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { DashboardBrowser } from "../support/dashboard-browser.js";
import { FakeCamera } from "../support/fake-camera.js";
import { publishLooped } from "../support/looped-publisher.js";
import { NatsCluster } from "../support/nats-cluster.js";
import { Control, ReelProcess, type Reply, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

const NAMES = ["a", "b", "c"] as const;
const FRAME_MS = 40;
const CLIP = join(import.meta.dirname, "../../assets/clip.flv");
const STREAM_ID_SHIFT = 2 ** 32;

interface Listed {
  readonly name: string;
  readonly node: string;
  readonly uniqueId: number;
  readonly type: string;
  readonly conflict?: string[];
  readonly outStreamsUniqueIds?: number[] | null;
}

let nats: NatsCluster;
let camera: FakeCamera;
let sending: NodeJS.Timeout;
const servers: ReelProcess[] = [];
const controls: Control[] = [];

beforeAll(async () => {
  nats = await NatsCluster.start(1);
  camera = await FakeCamera.open();
  sending = setInterval(() => camera.sendToPlaying(), FRAME_MS);
  for (const node of NAMES) {
    const group = { name: "test", node, url: `http://${node}.example`, servers: nats.urls, replicas: 1 };
    const server = await ReelProcess.start({ config: { group } });
    servers.push(server);
    controls.push(await Control.connect(server));
  }
  const [first] = controls as [Control];
  await first.succeed(`pullStream uri=${camera.url()} localStreamName=cam1 forceTcp=1`);
  await first.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts");
  await until("it is recorded", () => owner() !== undefined);
});

afterAll(async () => {
  clearInterval(sending);
  for (const control of controls) control.close();
  await stopServers();
  await camera.close();
  await nats?.stop();
});

/** Which node records. */
function owner(): number | undefined {
  const index = controls.findIndex((control) =>
    control.of("recordChunkCreated").some(({ payload }) => payload.localStreamName === "cam1"),
  );
  return index < 0 ? undefined : index;
}

/** A node that does not have the stream. */
function other(): Control {
  return controls[((owner() as number) + 1) % NAMES.length] as Control;
}

async function listed(control: Control): Promise<Listed[]> {
  return (await control.succeed("listStreams")) as unknown as Listed[];
}

it("lists the streams of all nodes at each, with the node and ids that name it", async () => {
  const node = NAMES[owner() as number] as string;
  for (const control of controls) {
    const streams = await listed(control);
    expect(streams.map((stream) => [stream.node, stream.name])).toEqual([
      [node, "cam1"],
      [node, "cam1"],
    ]);
    for (const { uniqueId } of streams) expect(Math.floor(uniqueId / STREAM_ID_SHIFT)).toBeGreaterThan(0);
    expect(await control.succeed("getStreamsCount")).toEqual({ streamCount: 2 });
    expect(await control.succeed("isStreamRunning localStreamName=cam1")).toEqual({ Running: true });
  }
});

it("keeps every number of a stream object on its way between nodes", async () => {
  const [{ uniqueId }] = (await listed(other())) as [Listed];
  const params = Buffer.from(`id=${uniqueId}`).toString("base64");
  const { addresses } = servers[controls.indexOf(other())] as ReelProcess;
  // As it comes, since JSON.parse rounds.
  const forwarded = await (await fetch(`http://${addresses.http}/getStreamInfo?params=${params}`)).text();
  // codecNumeric has 64 bits, times have four decimals.
  expect(forwarded).toMatch(/"codecNumeric":\d{19}/);
  expect(forwarded).toMatch(/"creationTimestamp":\d+\.\d{4}/);
});

it("shows each config once, with the state and the name of the node that runs it", async () => {
  const node = NAMES[owner() as number];
  const data = (await other().succeed("listConfig")) as Record<"pull" | "record", Record<string, unknown>[]>;
  for (const section of ["pull", "record"] as const) {
    expect(data[section]).toHaveLength(1);
    expect(data[section][0]).toMatchObject({ node, status: { current: { description: "Streaming" } } });
  }
  const id = data.pull[0]?.configId;
  expect(await other().succeed(`getConfigInfo id=${id}`)).toMatchObject({
    node,
    status: { current: { description: "Streaming" } },
  });
});

it("cuts and shuts down at the node that has the stream, by name and by id", async () => {
  const at = controls[owner() as number] as Control;
  const cut = await other().succeed("cut localStreamName=cam1");
  expect(cut).toMatchObject([{ localStreamName: "cam1" }]);
  await until("the file is cut", () => at.of("recordChunkClosed").length > 0);
  const node = NAMES[owner() as number];
  for (const type of ["recordChunkCreated", "recordChunkClosed"] as const)
    expect(at.of(type)[0]?.payload).toMatchObject({ node, epoch: 1 });
  const [{ outStreamId }] = cut as unknown as [{ outStreamId: number }];
  await other().succeed(`shutdownStream id=${outStreamId} permanently=0`);
  const [closed] = await at.wait("outStreamClosed");
  expect(closed?.payload.uniqueId).toBe(outStreamId);
  await at.wait("outStreamCreated", 2);
  expect(await other().send("shutdownStream localStreamName=nobody")).toMatchObject({
    status: "FAIL",
    description: "Stream no longer available",
  });
});

it("removes a config that one node alone has, at any", async () => {
  const [first, second] = controls as [Control, Control];
  const { configId } = await first.succeed("record localStreamName=once pathToFile=once type=ts keepAlive=0");
  expect(await second.succeed(`removeConfig id=${configId}`)).toMatchObject({ configId });
  expect((await first.send(`getConfigInfo id=${configId}`)).status).toBe("FAIL");
});

it("carries out at the node that is named, and knows no other", async () => {
  const [first] = controls as [Control];
  const status = (await first.succeed("serverStatus node=c")) as { server: { pid: number } };
  expect(status.server.pid).toBe(servers[2]?.pid);
  expect(await first.send("serverStatus node=d")).toMatchObject({
    status: "FAIL",
    description: "There is no node d in this group; known are a, b, c",
  });
});

it("answers over HTTP for one node or all", async () => {
  const index = owner() as number;
  const { addresses } = servers[controls.indexOf(other())] as ReelProcess;
  const get = async (path: string): Promise<string> => (await fetch(`http://${addresses.http}${path}`)).text();
  const own = JSON.parse(await get("/api/streams")) as { streams: unknown[] };
  expect(own.streams).toEqual([]);
  const one = JSON.parse(await get(`/api/streams?node=${NAMES[index]}`)) as { streams: { name: string }[] };
  expect(one.streams.map(({ name }) => name)).toEqual(["cam1"]);
  const all = JSON.parse(await get("/api/streams?node=all")) as { nodes: { node: string; streams: unknown[] }[] };
  expect(all).toMatchObject({ unanswered: [] });
  expect(new Map(all.nodes.map(({ node, streams }) => [node, streams.length])).get(NAMES[index] as string)).toBe(1);
  expect(all.nodes.map(({ node }) => node).sort()).toEqual(NAMES);
  const { nodes } = JSON.parse(await get("/api/recordings?node=all")) as {
    nodes: { node: string; recordings: { node: string; epoch: number; links: { self: string } }[] }[];
  };
  const told = JSON.parse(await get("/api/server?node=all")) as { nodes: { node: string; pid: number }[] };
  expect(new Map(told.nodes.map(({ node, pid }) => [node, pid]))).toEqual(
    new Map(NAMES.map((node, place) => [node, servers[place]?.pid])),
  );
  const theirs = nodes.find(({ node }) => node === NAMES[index])?.recordings ?? [];
  expect(theirs[0]).toMatchObject({ node: NAMES[index], epoch: 1 });
  expect(theirs[0]?.links.self).toMatch(new RegExp(`^http://${NAMES[index]}\\.example/api/recordings/\\d+$`));
  const metrics = await get("/metrics?node=all");
  expect(metrics.match(/^reel_group_nodes\{node="[abc]"\} 3$/gm)).toHaveLength(3);
  expect(metrics.match(/^# TYPE reel_group_nodes gauge$/gm)).toHaveLength(1);
  expect(JSON.parse(await get("/api/streams?node=d"))).toEqual({ error: "there is no node d in this group" });
});

/** In the dashboard of the third node: streams with their node and whose name they have. */
async function expectShown(rows: readonly (readonly [string, string, string])[]): Promise<void> {
  const browser = await DashboardBrowser.open(`http://${servers[2]?.addresses.http}/`);
  try {
    const page = await browser.visit("#/now");
    for (const [name, node, also] of rows) {
      const row = page
        .getByRole("row")
        .filter({ has: page.getByRole("link", { name, exact: true }) })
        .filter({ has: page.getByText(node, { exact: true }) });
      await row.waitFor();
      if (also !== "") await row.getByText(also).waitFor();
      const href = node === "c" ? `#/streams/${name}` : `http://${node}.example/#/streams/${name}`;
      expect(await row.getByRole("link", { name, exact: true }).getAttribute("href")).toBe(href);
    }
    await page.getByLabel("Node").selectOption("b");
    await page.getByText(/^\d of \d streams$/).waitFor();
    const left = rows.filter(([, node]) => node === "b").map(([name]) => name);
    expect(await page.getByRole("row").getByRole("link").allTextContents()).toEqual(left);
    expect(browser.complaints).toEqual([]);
  } finally {
    await browser.close();
  }
}

it("shows a name that is published at two nodes at each, and both record it", async () => {
  const [first, second, third] = controls as [Control, Control, Control];
  const [at1, at2] = servers as [ReelProcess, ReelProcess, ReelProcess];
  await third.succeed("record localStreamName=twice pathToFile=twice type=ts");
  for (const node of NAMES)
    await until("every node has the config", async () =>
      JSON.stringify(await third.succeed(`listConfig node=${node}`)).includes('"twice"'),
    );
  const tags = [...parseFlvFile(await readFile(CLIP))];
  const over = [false, false];
  const publishing = [at1, at2].map((at, index) =>
    publishLooped(at.rtmpUrl("twice"), tags, () => over[index] as boolean),
  );
  const mine = (control: Control): unknown[] => control.of("streamConflict").map(({ payload }) => payload);
  await until("both tell it", () => [first, second].every((control) => mine(control).length > 0));
  expect(mine(first)).toMatchObject([{ localStreamName: "twice", node: "a", nodes: ["b"] }]);
  expect(mine(second)).toMatchObject([{ localStreamName: "twice", node: "b", nodes: ["a"] }]);
  expect(mine(third)).toEqual([]);
  const shown = async (): Promise<string[]> =>
    (await listed(third))
      .filter(({ name, type }) => name === "twice" && type.startsWith("IN"))
      .map(({ node, conflict = [] }) => `${node}: ${conflict.join()}`)
      .sort();
  expect(await shown()).toEqual(["a: b", "b: a"]);
  const recorded = (control: Control): boolean =>
    control
      .of("recordChunkCreated")
      .some(({ payload }) => payload.localStreamName === "twice" && !("epoch" in payload));
  await until("both record it", () => recorded(first) && recorded(second));
  await expectShown([
    ["cam1", NAMES[owner() as number] as string, ""],
    ["twice", "a", "also at b"],
    ["twice", "b", "also at a"],
  ]);
  over[1] = true;
  await publishing[1];
  await until("it is over", async () => (await shown()).join() === "a: ");
  over[0] = true;
  await publishing[0];
  await until("nothing is left of it", async () => (await listed(third)).every(({ name }) => name !== "twice"));
});

it("lists what it knows and names the node that does not answer, and the one that is dead", async () => {
  const [mute] = NAMES.map((_, index) => index).filter((index) => index !== owner()) as [number];
  const asked = controls[NAMES.findIndex((_, index) => index !== mute)] as Control;
  process.kill(servers[mute]?.pid as number, "SIGSTOP");
  const reply = (await asked.send("listStreams")) as Reply & { unanswered?: string[] };
  expect(reply).toMatchObject({ status: "SUCCESS", unanswered: [NAMES[mute]] });
  expect(reply.description).toBe(`Available streams (no answer from ${NAMES[mute]})`);
  expect(reply.data).toHaveLength(2);
  await servers[mute]?.kill();
});
