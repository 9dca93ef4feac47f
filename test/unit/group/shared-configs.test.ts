// Configs of several nodes in a bucket of a real server of NATS: what a node lost, could not use or removed, another
// node's value under the same id, and a server that comes back with nothing.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Logger, silentLogger } from "../../../src/base/logger.js";
import { connectNats, type Nats } from "../../../src/group/nats-connection.js";
import { SharedConfigs } from "../../../src/group/shared-configs.js";
import { GroupSubjects } from "../../../src/group/subjects.js";
import { JsonConfigStore } from "../../../src/recording/json-config-store.js";
import { SectionWriter } from "../../../src/recording/section-writer.js";
import { NatsCluster } from "../../support/nats-cluster.js";
import { until } from "../../support/until.js";

interface Config {
  readonly configId: number;
  readonly path: string;
}

/** A node: configs in a store as a room keeps them, and its part of the group. */
class Node {
  static async start(folder: string, nats: Nats, { canUse = true } = {}): Promise<Node> {
    const store = await JsonConfigStore.open(join(folder, "state"), silentLogger);
    const own = await JsonConfigStore.open(join(folder, "group"), silentLogger);
    return new Node(store, own, nats, canUse);
  }
  readonly warnings: string[] = [];
  readonly #configs: Map<number, Config>;
  readonly #writer: SectionWriter;
  readonly shared: SharedConfigs;

  private constructor(
    readonly store: JsonConfigStore,
    readonly own: JsonConfigStore,
    nats: Nats,
    canUse: boolean,
  ) {
    const stored = (store.get("record")?.value ?? []) as Config[];
    this.#configs = new Map(canUse ? stored.map((config) => [config.configId, config]) : []);
    this.#writer = new SectionWriter(store, "record", silentLogger);
    const warn = (_: object, message: string): void => void this.warnings.push(message);
    const section = {
      name: "record",
      idOf: (config: object) => (config as Config).configId,
      ids: () => this.ids,
      isShared: () => true,
      adopt: (config: unknown) => {
        if (!canUse) throw new Error("no room for it");
        this.add(config as Config);
      },
      remove: (configId: number) => this.remove(configId),
    };
    this.shared = new SharedConfigs([section], store, own, { ...silentLogger, warn } as Logger);
    this.shared.connect(() => nats.bucket(subjects.configBucket, 1));
  }

  get ids(): number[] {
    return [...this.#configs.keys()].toSorted((a, b) => a - b);
  }
  path(configId: number): string | undefined {
    return this.#configs.get(configId)?.path;
  }
  add(config: Config): void {
    this.#configs.set(config.configId, config);
    this.#writer.write([...this.#configs.values()]);
  }
  remove(configId: number): void {
    this.#configs.delete(configId);
    this.#writer.write([...this.#configs.values()]);
  }
  async has(...ids: number[]): Promise<void> {
    await until(`it has ${ids.join()}`, () => this.ids.join() === ids.join());
  }
  async stop(): Promise<void> {
    await this.shared.close();
    await this.#writer.whenIdle();
    await this.store.flush();
    await this.own.flush();
  }
}

let subjects: GroupSubjects;
let server: NatsCluster;
let nats: Nats;
let folder: string;
let group = 0;
const nodes = new Set<Node>();

beforeAll(async () => {
  server = await NatsCluster.start(1);
  nats = await connectNats({ name: "test", servers: server.urls }, "test");
});
afterAll(async () => {
  await nats?.connection.close();
  await server?.stop();
});
beforeEach(async () => {
  subjects = new GroupSubjects(`g${++group}`);
  folder = await mkdtemp(join(tmpdir(), "reel-shared-"));
});
afterEach(async () => {
  for (const node of nodes) await node.stop();
  nodes.clear();
  await rm(folder, { recursive: true, force: true });
});

async function start(name: string, options: { canUse?: boolean } = {}): Promise<Node> {
  const node = await Node.start(join(folder, name), nats, options);
  nodes.add(node);
  return node;
}

async function stop(node: Node): Promise<void> {
  nodes.delete(node);
  await node.stop();
}

/** A flush of a connection that is gone rejects. */
async function connected(): Promise<void> {
  await until("it is connected again", async () => {
    return nats.connection.flush().then(
      () => true,
      () => false,
    );
  });
}

async function keys(): Promise<string> {
  const found: string[] = [];
  const bucket = await nats.bucket(subjects.configBucket, 1);
  for await (const key of await bucket.keys()) found.push(key);
  return found.toSorted().join();
}

it("gives a config that a node has lost back to it, whichever file it lost", async () => {
  const a = await start("a");
  let b = await start("b");
  a.add({ configId: 1, path: "x" });
  await b.has(1);
  for (const [lost, configId] of [
    ["state", 2],
    ["group", 3],
  ] as const) {
    await stop(b);
    await rm(join(folder, "b", lost), { recursive: true });
    b = await start("b");
    await b.has(...a.ids);
    // What it tells the group comes after all that it had to say of the lost ones.
    b.add({ configId, path: "y" });
    await until("the other one has it", () => a.ids.includes(configId));
    await b.has(...a.ids);
    expect(a.ids).toHaveLength(configId);
  }
});

it("leaves a config to the others that this node cannot use, also over its restarts", async () => {
  const a = await start("a");
  const b = await start("b", { canUse: false });
  a.add({ configId: 1, path: "x" });
  await until("it is refused", () => b.warnings.some((message) => /cannot be used here/.test(message)));
  await stop(b);
  const again = await start("b", { canUse: false });
  again.add({ configId: 2, path: "y" });
  await a.has(1, 2);
  await stop(again);
  const able = await start("b");
  await able.has(1, 2);
  // What its store has and it cannot read any more goes from its store alone.
  await stop(able);
  const unable = await start("b", { canUse: false });
  unable.add({ configId: 3, path: "z" });
  await a.has(1, 2, 3);
  unable.remove(3);
  await a.has(1, 2);
  expect(await keys()).toBe("record.1,record.2");
});

it("removes everywhere what was removed at a node, also while nobody could be told", async () => {
  const a = await start("a");
  const b = await start("b");
  a.add({ configId: 1, path: "x" });
  a.add({ configId: 2, path: "x" });
  a.add({ configId: 3, path: "x" });
  await b.has(1, 2, 3);
  b.remove(1);
  await a.has(2, 3);
  await server.kill(0);
  b.remove(2);
  await stop(b);
  await stop(a);
  server.restart(0);
  const other = await start("a");
  await until("it is read", () => other.ids.length === 2);
  const again = await start("b");
  await other.has(3);
  expect(again.ids).toEqual([3]);
});

it("keeps one's own config where another node has one of that id", async () => {
  const a = await start("a");
  a.add({ configId: 1, path: "of a" });
  await until("it stands there", async () => (await keys()) === "record.1");
  const b = await start("b");
  b.add({ configId: 1, path: "of b" });
  await until("it is told", () => b.warnings.some((message) => /has the id of another one/.test(message)));
  b.add({ configId: 2, path: "y" });
  await a.has(1, 2);
  expect([a.path(1), b.path(1)]).toEqual(["of a", "of b"]);
  expect([1, 2, 3].map((id) => b.shared.hasId(id))).toEqual([true, true, false]);
  a.remove(1);
  a.remove(2);
  await b.has(1);
  expect(b.path(1)).toBe("of b");
});

it("gives all that it has to servers that come back with nothing, running or started anew", async () => {
  const a = await start("a");
  const b = await start("b");
  a.add({ configId: 1, path: "x" });
  await b.has(1);
  await stop(b);
  await server.kill(0);
  await server.empty(0);
  server.restart(0);
  await connected();
  const again = await start("b");
  a.shared.reconnected();
  a.add({ configId: 2, path: "y" });
  await again.has(1, 2);
  expect(await keys()).toBe("record.1,record.2");
  again.remove(1);
  await a.has(2);
});

it("creates none that was removed while others had their turn", async () => {
  const a = await start("a");
  a.add({ configId: 1, path: "x" });
  await until("it is in the bucket", async () => (await keys()) === "record.1");
  // Those at once are under way two turns later, and the last is not among them.
  for (let configId = 2; configId <= 201; configId++) a.add({ configId, path: "x" });
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  a.remove(201);
  const b = await start("b");
  await b.has(...Array.from({ length: 200 }, (_, index) => index + 1));
  a.add({ configId: 202, path: "x" });
  await b.has(...Array.from({ length: 200 }, (_, index) => index + 1), 202);
  expect(a.ids).not.toContain(201);
});
