// What the density benchmark needs of a server: to be started on a free port with a folder to record into, to name its
// process, and to say which file holds which stream. Each peer is a file of its own beside this one.

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export type RecordType = "mp4" | "ts" | "flv";

export interface StartOptions {
  /** Empty; for recordings, configuration and logs alike. */
  folder: string;
  streams: readonly string[];
  type: RecordType;
}

export interface RunningServer {
  /** With its version and what of its configuration matters. */
  title: string;
  pid: number;
  port: number;
  app: string;
  /** False where its files are bytes as they came, which nobody can count frames in. */
  hasFrames?: boolean;
  /** The finished files of a stream, oldest first. */
  filesOf(stream: string): string[];
  /**
   * The file that grows while a stream is recorded, for the lag from send to disk; undefined where it is not there yet.
   */
  growingFile(stream: string): { path: string; kind: "flv" | "ts" | "mp4-journal" } | undefined;
  /** Resolves when every recording is a finished file, after the publishers have left. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface RecordingServer {
  name: string;
  /** The types that it records. */
  types: readonly RecordType[];
  /** What is missing to run it, with the command that installs it. */
  missing(): string | undefined;
  start(options: StartOptions): Promise<RunningServer>;
}

/** A process that dies with the harness, however that ends. */
export class ServerProcess {
  readonly pid: number;
  #child: ChildProcess;
  #output = "";
  #exited: Promise<unknown>;

  constructor(program: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) {
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString()).slice(-4096);
      });
    }
    this.#exited = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.pid === undefined) throw new Error(`${program} could not be started`);
    this.pid = this.#child.pid;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it has. */
  get ended(): Promise<unknown> {
    return this.#exited;
  }

  get output(): string {
    return this.#output;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM", deadlineMs = 15_000): Promise<void> {
    if (this.hasExited) return;
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), deadlineMs);
    await this.#exited;
    clearTimeout(timer);
  }
}

export async function waitFor(
  what: string,
  server: ServerProcess,
  condition: () => boolean,
  deadlineMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (server.hasExited) throw new Error(`${what}: the server has ended: ${server.output}`);
    if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms: ${server.output}`);
    await delay(25);
  }
}

/** For servers that cannot be told to take any free port. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/**
 * Resolves when no file below the folder has grown for half a second: for servers that do not say when they are done.
 */
export async function untilQuiet(folder: string, deadlineMs = 20_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  let last = -1;
  for (let bytes = sizeBelow(folder); bytes !== last && performance.now() < endMs; bytes = sizeBelow(folder)) {
    last = bytes;
    await delay(500);
  }
}

function sizeBelow(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
