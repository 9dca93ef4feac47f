// A real server in a process of its own, with folders of its own, and a plain WebSocket client for it. The server dies
// with the test process (setpriv --pdeathsig); `stopServers` in an afterEach (an afterAll where tests run
// side by side) ends what a failed test left and removes its folders.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { WebSocket } from "ws";
import { INGEST_WORKERS } from "./effort.js";
import { TEST_CERTIFICATE } from "./test-certificate.js";
import { until } from "./until.js";

export interface Reply {
  data: unknown;
  description: string;
  status: "SUCCESS" | "FAIL";
  responseId?: string;
}

export interface ReelEvent {
  id: number;
  type: string;
  timestamp: number;
  payload: Record<string, unknown>;
}

export interface ServerOptions {
  /** Keep using the folders of an earlier server. */
  root?: string;
  media?: string;
  args?: readonly string[];
  config?: Record<string, unknown>;
  /** Run the server through this program (`setpriv --bounding-set=…`). */
  prefix?: readonly string[];
}

const CLI = resolve(import.meta.dirname, "../../dist/cli/reel.js");
const running = new Set<ReelProcess>();
const roots = new Set<string>();

export class ReelProcess {
  #child: ChildProcess;
  #output = "";
  #isSecure = false;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  addresses: Record<string, string> & { pid?: number } = {};

  private constructor(
    readonly root: string,
    readonly media: string,
    command: readonly string[],
  ) {
    const [program, ...args] = command as [string, ...string[]];
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], cwd: root });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString()).slice(-200_000);
      });
    }
    running.add(this);
    this.exited = once(this.#child, "close").then(([code, signal]) => {
      running.delete(this);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  static async start(options: ServerOptions = {}): Promise<ReelProcess> {
    const root = options.root ?? (await mkdtemp(join(tmpdir(), "reel-test-")));
    roots.add(root);
    const media = options.media ?? join(root, "media");
    await mkdir(media, { recursive: true });
    const ready = join(root, `ready-${Math.floor(performance.now() * 1000)}.json`);
    const args = ["--media", media, "--state", join(root, "state"), "--ready-file", ready, "--log-level", "info"];
    for (const listener of ["http", "json-cli", "ascii-cli", "rtmp", "rtsp"]) args.push(`--${listener}`, "127.0.0.1:0");
    const config = { ...(INGEST_WORKERS > 0 && { ingest: { workers: INGEST_WORKERS } }), ...options.config };
    if (Object.keys(config).length > 0) await writeFile(join(root, "reel.json"), JSON.stringify(config));
    const server = new ReelProcess(root, media, [
      "setpriv",
      "--pdeathsig",
      "KILL",
      ...(options.prefix ?? []),
      process.execPath,
      CLI,
      "serve",
      ...args,
      ...(options.args ?? []),
    ]);
    server.#isSecure = options.config?.tls !== undefined;
    let exit: unknown;
    void server.exited.then((result) => {
      exit = result;
    });
    server.addresses = await until("the server is ready", async () => {
      if (exit) throw new Error(`the server ended: ${JSON.stringify(exit)}\n${server.output}`);
      const text = await readFile(ready, "utf8").catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as Record<string, string>);
    });
    return server;
  }

  get pid(): number {
    return this.#child.pid as number;
  }
  get output(): string {
    return this.#output;
  }
  get wsUrl(): string {
    return `${this.#isSecure ? "wss" : "ws"}://${this.addresses.http}/ws`;
  }
  rtmpUrl(name: string): string {
    return `rtmp://${this.addresses.rtmp}/live/${name}`;
  }
  file(name: string): string {
    return join(this.media, name);
  }

  /** SIGTERM: drains, finishes, exits. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.#child.kill("SIGTERM");
    return this.exited;
  }

  kill(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.#child.kill("SIGKILL");
    return this.exited;
  }
}

/** Commands and events over one WebSocket. Replies come in the order of the commands. */
export class Control {
  #socket: WebSocket;
  #waiting: ((reply: Reply) => void)[] = [];
  readonly events: ReelEvent[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (bytes) => {
      const message = JSON.parse(String(bytes)) as Reply & ReelEvent;
      if (message.type !== undefined && message.payload !== undefined) this.events.push(message);
      else this.#waiting.shift()?.(message);
    });
  }

  static async connect(server: ReelProcess, subscribe = true, token?: string): Promise<Control> {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const socket = new WebSocket(server.wsUrl, { headers, ca: TEST_CERTIFICATE });
    await once(socket, "open");
    const control = new Control(socket);
    if (subscribe) await control.succeed("subscribe");
    return control;
  }

  send(command: string): Promise<Reply> {
    const reply = new Promise<Reply>((resolve) => this.#waiting.push(resolve));
    this.#socket.send(command);
    return reply;
  }

  /** The reply's data; throws where the status is FAIL. */
  async succeed(command: string): Promise<Record<string, unknown>> {
    const reply = await this.send(command);
    if (reply.status !== "SUCCESS") throw new Error(`${command}: ${reply.description}`);
    return reply.data as Record<string, unknown>;
  }

  of(type: string): ReelEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Waits until `count` events of a type have come. */
  async wait(type: string, count = 1, deadlineMs = 30_000): Promise<ReelEvent[]> {
    return until(`${count} × ${type}`, () => (this.of(type).length >= count ? this.of(type) : undefined), deadlineMs);
  }

  close(): void {
    this.#socket.close();
  }
}

/** For afterEach, or for afterAll where tests run side by side. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.kill()));
  for (const root of roots) await rm(root, { recursive: true, force: true });
  roots.clear();
}
