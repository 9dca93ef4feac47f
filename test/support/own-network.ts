// A network of a test's own (`unshare --net`): nothing else listens there, so a server takes its default ports and the
// manual's commands run as they stand; addresses outside lead nowhere. Needs root, as the tests with small volumes do.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ProgramResult, runProgram } from "./run-program.js";

export class OwnNetwork {
  readonly #holder: ChildProcess;
  readonly #started = new Set<ChildProcess>();

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<OwnNetwork> {
    const hold = 'ip link set lo up && echo "open" && exec sleep infinity';
    const holder = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", hold], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [word] = await once(holder.stdout, "data");
    if (String(word) !== "open\n") throw new Error("the network could not be opened");
    return new OwnNetwork(holder);
  }

  /** The command line that runs a shell script inside. */
  #inside(script: string): readonly string[] {
    return [
      "setpriv",
      "--pdeathsig",
      "KILL",
      "nsenter",
      `--net=/proc/${this.#holder.pid}/ns/net`,
      "bash",
      "-ec",
      script,
    ];
  }

  /** Runs a shell script to its end. */
  run(script: string, options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<ProgramResult> {
    const [program = "", ...args] = this.#inside(script);
    return runProgram(program, args, options);
  }

  /** Starts one that runs on. `output` is what it has printed. */
  start(script: string, options: { cwd: string; env: NodeJS.ProcessEnv }): Running {
    const [program = "", ...args] = this.#inside(script);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
    this.#started.add(child);
    const running: Running = {
      output: "",
      hasEnded: false,
      interrupt: async () => {
        if (running.hasEnded || child.pid === undefined) return;
        process.kill(-child.pid, "SIGINT");
        await once(child, "close");
      },
    };
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes: Buffer) => {
        running.output += bytes.toString();
      });
    child.on("close", () => {
      running.hasEnded = true;
      this.#started.delete(child);
    });
    return running;
  }

  /** True where a client is connected to a port of 127.0.0.1. */
  hasConnection(port: number): boolean {
    const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const rows = readFileSync(`/proc/${this.#holder.pid}/net/tcp`, "utf8").split("\n");
    return rows.some((row) => row.trim().split(/\s+/)[1] === local && / 01 /.test(row));
  }

  /** Ends what still runs inside. */
  async close(): Promise<void> {
    const ended = [...this.#started].map((child) => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      return once(child, "close");
    });
    await Promise.all(ended);
    this.#holder.kill("SIGKILL");
  }
}

export interface Running {
  output: string;
  hasEnded: boolean;
  /** As Ctrl-C does, the processes that it started too. */
  interrupt(): Promise<void>;
}
