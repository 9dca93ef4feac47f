// A group under faults: three servers of NATS, Reels that reach each of them through relays of their own, and cameras
// whose pictures are numbered and whose clock is kept, so that what is missing can be held against what they sent.

import type { Nats } from "../../src/group/nats-connection.js";
import { connectNats } from "../../src/group/nats-connection.js";
import { FakeCamera } from "./fake-camera.js";
import { NatsCluster } from "./nats-cluster.js";
import { holesIn, numbersBelow } from "./numbered-frames.js";
import { Control, type ReelEvent, ReelProcess, stopServers } from "./reel-server.js";
import { TcpRelay } from "./tcp-relay.js";
import { until } from "./until.js";

export const FRAME_MS = 40;
const SEND_MS = 10;
const GROUP = "faults";
const PATIENCE_MS = 120_000;

export interface RigNode {
  readonly name: string;
  readonly relays: readonly TcpRelay[];
  server: ReelProcess;
  control: Control;
  /** Of its earlier runs. */
  told: ReelEvent[];
  isDead: boolean;
}

export interface RigCamera {
  readonly name: string;
  readonly camera: FakeCamera;
}

export interface Hole {
  readonly startMs: number;
  readonly endMs: number;
}

export class GroupRig {
  readonly nodes: RigNode[] = [];
  readonly cameras: RigCamera[] = [];
  hasKilled = false;
  /** When each picture was sent, by the wall clock; all cameras send together. */
  readonly sentMs: number[] = [];
  readonly #beganMs = performance.now();
  readonly #beganWallMs = Date.now();
  readonly #sending: NodeJS.Timeout;
  #admin: Nats | undefined;

  private constructor(readonly nats: NatsCluster) {
    this.#sending = setInterval(() => this.#send(), SEND_MS);
  }

  static async open(nodes: number, cameras: number): Promise<GroupRig> {
    const rig = new GroupRig(await NatsCluster.start());
    try {
      for (let index = 0; index < cameras; index++)
        rig.cameras.push({ name: `cam${index}x`, camera: await FakeCamera.open({ isNumbered: true }) });
      for (let index = 0; index < nodes; index++) rig.nodes.push(await rig.#newNode(`node${index}`));
      const { control } = rig.nodes[0] as RigNode;
      for (const { name, camera } of rig.cameras) {
        await control.succeed(`record localStreamName=${name} pathToFile=${name} type=ts`);
        await control.succeed(`pullStream uri=${camera.url()} localStreamName=${name} forceTcp=1`);
      }
      await rig.untilAlone();
      await until("all have files", () => rig.told("recordChunkCreated").length >= cameras, PATIENCE_MS);
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  /** All that nodes have told, over their restarts. */
  told(type: string): ReelEvent[] {
    return this.nodes.flatMap(({ told, control }) => [
      ...told.filter((event) => event.type === type),
      ...control.of(type),
    ]);
  }

  /** Until each camera has exactly one reader. */
  async untilAlone(): Promise<void> {
    await until(
      "each camera has one reader",
      () => this.cameras.every(({ camera }) => camera.playingCount === 1),
      PATIENCE_MS,
    );
  }

  /** Connections that each camera has had. */
  connections(): number[] {
    return this.cameras.map(({ camera }) => camera.connectionCount);
  }

  /** The cameras that a node has, by what it says. */
  async camerasOf({ name, control }: RigNode): Promise<string[]> {
    const list = (await control.succeed(`listInboundStreamNames node=${name}`)) as unknown as { name: string }[] | null;
    return (list ?? []).map((stream) => stream.name).sort();
  }

  /** The node with the most cameras, and which. */
  async fullest(): Promise<{ node: RigNode; held: string[] }> {
    const held = await Promise.all(this.nodes.map((node) => (node.isDead ? [] : this.camerasOf(node))));
    const most = Math.max(...held.map(({ length }) => length));
    const index = held.findIndex(({ length }) => length === most);
    return { node: this.nodes[index] as RigNode, held: held[index] as string[] };
  }

  /** The fullest node takes what the others have, without a gap. Resolves with it. */
  async gather(): Promise<{ node: RigNode; held: string[] }> {
    const { node } = await this.fullest();
    const others = this.nodes.filter((other) => other !== node && !other.isDead);
    // One after the other: none takes what another one gives.
    for (const other of others) await this.drain(other);
    for (const { control, name } of others) await control.succeed(`drain off=1 node=${name}`);
    return { node, held: await this.camerasOf(node) };
  }

  /** Until a node has given its pulls to others. */
  async drain({ control, name }: RigNode): Promise<void> {
    await until(
      "it has given its pulls away",
      async () => {
        const { isDone, kept } = (await control.succeed(`drain node=${name}`)) as { isDone: boolean; kept: unknown[] };
        if (kept.length > 0) throw new Error(`${name} kept ${JSON.stringify(kept)}`);
        return isDone;
      },
      PATIENCE_MS,
    );
  }

  async kill(node: RigNode): Promise<void> {
    node.isDead = true;
    this.hasKilled = true;
    await node.server.kill();
    node.control.close();
  }

  /** Starts a node again that has ended; resolves when it has its files and knows the others. */
  async restart(node: RigNode): Promise<void> {
    node.told = [...node.told, ...node.control.events];
    const { server, control } = await this.#start(node.name, node.relays, node.server.root);
    Object.assign(node, { server, control, isDead: false });
    await until("it is a member again", () => /a member of the group/.test(node.server.output), PATIENCE_MS);
  }

  /** Until other nodes have files of cameras that a node had. `count`: recordChunkCreated told before. */
  async untilRecorded(names: readonly string[], since: readonly ReelEvent[]): Promise<void> {
    const before = new Set(since);
    const have = (): Set<unknown> =>
      new Set(this.told("recordChunkCreated").flatMap((e) => (before.has(e) ? [] : [e.payload.localStreamName])));
    await until("all are recorded elsewhere", () => names.every((name) => have().has(name)), PATIENCE_MS);
  }

  /** The server of NATS that leads the stream of claims. */
  async claimLeader(): Promise<number> {
    this.#admin ??= await connectNats({ name: GROUP, servers: this.nats.urls }, "rig");
    const { manager } = this.#admin;
    return until(
      "the claims have a leader",
      async () => {
        const info = await manager.streams.info(`REEL_${GROUP}_claims`).catch(() => undefined);
        const leader = info?.cluster?.leader;
        return leader ? { index: Number(leader.slice(1)) - 1 } : undefined;
      },
      PATIENCE_MS,
    ).then(({ index }) => index);
  }

  /** What /api/timeline of all nodes says that nobody has of a stream. */
  async gapsOf(name: string): Promise<{ gaps: Hole[]; overlaps: number }> {
    const [{ server }] = this.nodes as [RigNode];
    const reply = await fetch(`http://${server.addresses.http}/api/timeline?stream=${name}&node=all`);
    const { gaps, spans } = (await reply.json()) as {
      gaps: { start: string; end: string }[];
      spans: { besides: unknown[] }[];
    };
    const ms = gaps.map(({ start, end }) => ({ startMs: Date.parse(start), endMs: Date.parse(end) }));
    return { gaps: ms, overlaps: spans.filter(({ besides }) => besides.length > 0).length };
  }

  /** What the files of all nodes lack of a camera, by the times at which it was sent. Of nodes that have ended. */
  async holesOf(name: string): Promise<(Hole & { missing: number })[]> {
    const numbers = await numbersBelow(
      this.nodes.map(({ server }) => server.media),
      name,
    );
    if (numbers.length === 0) throw new Error(`${name}: no file has a picture`);
    return holesIn(numbers).map(({ after, missing }) => ({
      startMs: this.sentMs[after + 1] as number,
      endMs: this.sentMs[after + missing + 1] as number,
      missing,
    }));
  }

  async stopNodes(): Promise<void> {
    clearInterval(this.#sending);
    for (const { server, control } of this.nodes) {
      await server.stop();
      control.close();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sending);
    for (const { control, relays } of this.nodes) {
      control.close();
      for (const relay of relays) relay.close();
    }
    await stopServers();
    for (const { camera } of this.cameras) await camera.close();
    await this.#admin?.connection.close();
    await this.nats.stop();
  }

  /** By the clock, not by the timer: a camera's clock does not go slower where this process is busy. */
  #send(): void {
    const elapsedMs = performance.now() - this.#beganMs;
    while (this.sentMs.length * FRAME_MS <= elapsedMs) {
      this.sentMs.push(this.#beganWallMs + elapsedMs);
      for (const { camera } of this.cameras) camera.sendToPlaying();
    }
  }

  async #newNode(name: string): Promise<RigNode> {
    const ports = this.nats.urls.map((url) => Number(new URL(url).port));
    const relays = await Promise.all(ports.map((port) => TcpRelay.open(port)));
    return { name, relays, told: [], isDead: false, ...(await this.#start(name, relays)) };
  }

  async #start(name: string, relays: readonly TcpRelay[], root?: string) {
    const servers = relays.map(({ port }) => `nats://127.0.0.1:${port}`);
    const group = { name: GROUP, node: name, servers, joinSeconds: 0 };
    const server = await ReelProcess.start({ config: { group }, ...(root !== undefined && { root }) });
    return { server, control: await Control.connect(server) };
  }
}
