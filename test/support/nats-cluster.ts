// Three real servers of NATS with JetStream, as one cluster on free ports of 127.0.0.1, with their stores in a temporary
// folder. They die with the test process (setpriv --pdeathsig); `stop` ends them and removes the folder.

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

  /** Resolves when JetStream has a leader. */
  static async start(): Promise<NatsCluster> {
    const folder = await mkdtemp(join(tmpdir(), "reel-nats-"));
    const ports = await Promise.all(Array.from({ length: 2 * SIZE }, () => freePort()));
    const routes = ports.slice(SIZE).map((port) => `nats://127.0.0.1:${port}`);
    const servers = ports.slice(0, SIZE).map((port, index) => {
      const name = `n${index + 1}`;
      const args = [
        ...["--addr", "127.0.0.1", "--port", String(port), "--server_name", name, "--cluster_name", "reel-test"],
        ...["--cluster", `nats://127.0.0.1:${ports[SIZE + index]}`, "--routes", routes.join(",")],
        ...["--jetstream", "--store_dir", join(folder, name)],
      ];
      return { name, port, args, ...run(args) };
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

  /** Until every node of the meta group is current, which the first stream needs. */
  async untilReady(): Promise<void> {
    const { connect } = await import("@nats-io/transport-node");
    const { jetstreamManager } = await import("@nats-io/jetstream");
    const connection = await connect({ servers: this.urls, waitOnFirstConnect: true, reconnectTimeWait: 50 });
    try {
      await until(
        "JetStream has a leader and three servers",
        async () => {
          try {
            const manager = await jetstreamManager(connection, { timeout: 1000 });
            await manager.streams.add({ name: "ready", subjects: ["ready"], num_replicas: SIZE });
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
