// Three real servers of NATS with JetStream, as one cluster on free ports of 127.0.0.1, or a single one, with their
// stores in a temporary folder. They die with the test process (setpriv --pdeathsig); `stop` ends them and removes the
// folder.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./pull-fixture.js";
import { until } from "./until.js";

const SIZE = 3;

interface NatsServer {
  readonly name: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly args: readonly string[];
  child: ChildProcess;
  exited: Promise<unknown>;
}

export class NatsCluster {
  readonly #servers: NatsServer[];

  private constructor(
    private readonly folder: string,
    servers: NatsServer[],
  ) {
    this.#servers = servers;
  }

  /** Resolves when JetStream has a leader. `size`: 3 or 1. */
  static async start(size = SIZE): Promise<NatsCluster> {
    const folder = await mkdtemp(join(tmpdir(), "reel-nats-"));
    const ports = await Promise.all(Array.from({ length: 3 * size }, () => freePort()));
    const routes = ports.slice(size, 2 * size).map((port) => `nats://127.0.0.1:${port}`);
    const servers = ports.slice(0, size).map((port, index) => {
      const name = `n${index + 1}`;
      const monitorPort = ports[2 * size + index] as number;
      const args = [
        ...["--addr", "127.0.0.1", "--port", String(port), "--server_name", name],
        ...(size > 1 ? ["--cluster_name", "reel-test", "--routes", routes.join(",")] : []),
        ...(size > 1 ? ["--cluster", `nats://127.0.0.1:${ports[size + index]}`] : []),
        // A client knows the addresses that it was given, and no way around a relay.
        ...(size > 1 ? ["--no_advertise=true"] : []),
        ...["--jetstream", "--store_dir", join(folder, name), "--http_port", String(monitorPort)],
      ];
      return { name, port, monitorPort, args, ...run(args) };
    });
    const cluster = new NatsCluster(folder, servers);
    try {
      await cluster.untilReady();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get urls(): string[] {
    return this.#servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  /** What all servers have taken so far, of their clients and of each other. */
  async received(): Promise<{ messages: number; bytes: number }> {
    const told = await Promise.all(
      this.#servers.map(async ({ monitorPort }) => {
        const reply = await fetch(`http://127.0.0.1:${monitorPort}/varz`);
        return (await reply.json()) as { in_msgs: number; in_bytes: number };
      }),
    );
    return told.reduce(
      (sum, { in_msgs, in_bytes }) => ({ messages: sum.messages + in_msgs, bytes: sum.bytes + in_bytes }),
      { messages: 0, bytes: 0 },
    );
  }

  /** Until every node of the meta group is current, which the first stream needs. */
  async untilReady(): Promise<void> {
    const { connect } = await import("@nats-io/transport-node");
    const { jetstreamManager } = await import("@nats-io/jetstream");
    const connection = await connect({ servers: this.urls, waitOnFirstConnect: true, reconnectTimeWait: 50 });
    try {
      await until(
        "JetStream has a leader and all servers",
        async () => {
          try {
            const manager = await jetstreamManager(connection, { timeout: 1000 });
            await manager.streams.add({ name: "ready", subjects: ["ready"], num_replicas: this.#servers.length });
            return await manager.streams.delete("ready");
          } catch {
            return false;
          }
        },
        40_000,
      );
    } finally {
      await connection.close();
    }
  }

  async kill(index: number): Promise<void> {
    const server = this.#servers[index] as NatsServer;
    server.child.kill("SIGKILL");
    await server.exited;
  }

  /** As on a new disk: of a server that is killed. */
  async empty(index: number): Promise<void> {
    await rm(join(this.folder, (this.#servers[index] as NatsServer).name), { recursive: true, force: true });
  }

  restart(index: number): void {
    const server = this.#servers[index] as NatsServer;
    Object.assign(server, run(server.args));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((_, index) => this.kill(index)));
    await rm(this.folder, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): { child: ChildProcess; exited: Promise<unknown> } {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "nats-server", ...args], { stdio: "ignore" });
  return { child, exited: once(child, "close") };
}
