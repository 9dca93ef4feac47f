// The harness's side of the cameras: forks their process and asks it, one request at a time.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FarmMessage, FarmOrder, FarmReport, FarmRequest } from "./camera-farm-process.js";

export class CameraFarm {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async open(order: FarmOrder): Promise<CameraFarm> {
    const child = fork(fileURLToPath(new URL("camera-farm-process.ts", import.meta.url)));
    const message = await ask(child, { kind: "open", order });
    if (message.kind !== "listening") throw new Error(`the cameras said ${message.kind}`);
    return new CameraFarm(message.port, child);
  }

  url(camera: string): string {
    return `rtsp://127.0.0.1:${this.port}/${camera}`;
  }

  async cut(): Promise<void> {
    await ask(this.child, { kind: "cut" });
  }

  async back(): Promise<void> {
    await ask(this.child, { kind: "back" });
  }

  /** Resolves when every camera has said goodbye and ended its connections. */
  async finish(): Promise<void> {
    await ask(this.child, { kind: "finish" });
  }

  async report(): Promise<FarmReport> {
    const message = await ask(this.child, { kind: "report" });
    if (message.kind !== "report") throw new Error(`the cameras said ${message.kind}`);
    return message.report;
  }

  stop(): void {
    this.child.kill("SIGKILL");
  }
}

async function ask(child: ChildProcess, request: FarmRequest): Promise<FarmMessage> {
  const waiting = new AbortController();
  const { signal } = waiting;
  child.send(request);
  try {
    const [message] = (await Promise.race([
      once(child, "message", { signal }),
      once(child, "exit", { signal }).then(() => [{ kind: "failed", reason: "their process has ended" }]),
    ])) as [FarmMessage];
    if (message.kind === "failed") throw new Error(`the cameras: ${message.reason}`);
    return message;
  } finally {
    waiting.abort();
  }
}
