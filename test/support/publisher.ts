// ffmpeg as a publisher: a process of its own that sends a file to a server. Each dies with the test process whatever
// happens to it (a kill signal set by `setpriv --pdeathsig`), and `stopPublishers` in an afterEach ends what a failed
// test left.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface PublishOptions {
  /** `rtmp://127.0.0.1:PORT/live/cam1`. */
  url: string;
  /** The file to send. */
  input: string;
  /** At the speed of its clock (`-re`), as a camera would; else as fast as the server takes it. Default: true. */
  realtime?: boolean;
  /** Times the speed of its clock. Default: 1. */
  speed?: number;
  /** Times the file is repeated after the first; -1 = for ever. Default: 0. */
  loops?: number;
  /** Between input and output; default `-c copy`. */
  args?: readonly string[];
  /** The output's muxer; default `flv`. */
  format?: string;
}

export interface PublisherExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

const running = new Set<Publisher>();

export class Publisher {
  readonly exited: Promise<PublisherExit>;
  #child: ChildProcess;
  #stderr = "";

  constructor(args: readonly string[]) {
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", "ffmpeg", ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr?.on("data", (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString()).slice(-16384);
    });
    running.add(this);
    this.exited = once(this.#child, "close").then(([code, signal]) => {
      running.delete(this);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stderr: this.#stderr };
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("ffmpeg could not be started");
    return pid;
  }

  /** Ends the stream in order: ffmpeg says goodbye to the server. */
  stop(): Promise<PublisherExit> {
    this.#child.kill("SIGINT");
    return this.exited;
  }

  /** `kill -9`: the connection just closes. */
  kill(): Promise<PublisherExit> {
    this.#child.kill("SIGKILL");
    return this.exited;
  }

  /** Stops sending with the connection open, as a hung encoder does, and `thaw` goes on. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }
}

export function publishWithFfmpeg({
  url,
  input,
  realtime = true,
  speed = 1,
  loops = 0,
  args = ["-c", "copy"],
  format = "flv",
}: PublishOptions): Publisher {
  const inputArgs = [
    ...(realtime ? ["-readrate", `${speed}`] : []),
    ...(loops !== 0 ? ["-stream_loop", `${loops}`] : []),
    "-i",
    input,
  ];
  return new Publisher(["-v", "error", "-nostdin", ...inputArgs, ...args, "-f", format, url]);
}

/** For afterEach, or for afterAll where tests run side by side: ends whatever still publishes. */
export async function stopPublishers(): Promise<void> {
  await Promise.all([...running].map((publisher) => publisher.kill()));
}
