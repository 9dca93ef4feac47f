// The cameras' own process: an RTSP server (RFC 2326, interleaved TCP alone) with a camera under each path, every
// client of which gets a stream of its own from its PLAY on. Forked by bench/load/camera-farm.ts, which speaks to it by
// messages. It is light so that hundreds of cameras are a fraction of a core: a frame is one copy and one write.

import { createServer, type Server, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { Lateness } from "../measure/lateness.js";
import {
  AUDIO_CHANNEL,
  type CameraTemplate,
  cameraTemplate,
  goodbye,
  rateOf,
  stampFrame,
  VIDEO_CHANNEL,
} from "./camera-packets.js";
import { loadVariants, PERIOD_MS, WORKLOADS } from "./workload.js";

export interface FarmOrder {
  workload: string;
  seed: number;
}

/** One client that plays, or has played. */
export interface PlayAccount {
  camera: string;
  /** Unix milliseconds. */
  acceptedMs: number;
  playedMs: number;
  videoFrames: number;
  audioFrames: number;
  /** It left before its camera did. */
  hasLeft: boolean;
}

export interface FarmReport {
  plays: PlayAccount[];
  /** Unix milliseconds of every connection that was made, played or not. */
  acceptedMs: number[];
  lateP99Ms: number;
  lateMaxMs: number;
  /** Of the farm itself. */
  cpuSeconds: number;
}

export type FarmRequest =
  | { kind: "open"; order: FarmOrder }
  /** All connections are cut and none is taken any more. */
  | { kind: "cut" }
  | { kind: "back" }
  /** Every camera says goodbye. */
  | { kind: "finish" }
  | { kind: "report" };

export type FarmMessage =
  | { kind: "listening"; port: number }
  | { kind: "done" }
  | { kind: "report"; report: FarmReport }
  | { kind: "failed"; reason: string };

const TICK_MS = 4;
/** Players close at a goodbye; those that do not are closed. */
const GOODBYE_MS = 1500;
const BACKLOG = 1024;
const MAX_SSRC = 0xffffffff;

interface Play {
  account: PlayAccount;
  socket: Socket;
  template: CameraTemplate;
  startMs: number;
  lap: number;
  next: number;
  sequences: { video: number; audio: number };
  ssrc: number;
  isOpen: boolean;
}

class CameraFarm {
  readonly #templates: CameraTemplate[];
  #server: Server | undefined;
  #port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #plays: Play[] = [];
  readonly #acceptedMs: number[] = [];
  readonly #late = new Lateness();
  #ssrc = 1;

  constructor({ workload: name, seed }: FarmOrder) {
    const workload = WORKLOADS[name];
    if (!workload) throw new Error(`no workload ${name}; there are ${Object.keys(WORKLOADS).join(", ")}`);
    this.#templates = loadVariants(workload, seed).map(cameraTemplate);
    this.#tick();
  }

  async listen(): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port: this.#port, host: "127.0.0.1", backlog: BACKLOG }, resolve);
    });
    const address = server.address();
    this.#port = typeof address === "object" && address ? address.port : 0;
    return this.#port;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const isClosed = new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    for (const play of this.#plays) play.isOpen = false;
    // As a switch without power does, for whoever sends again: no goodbye.
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await isClosed;
  }

  async finish(): Promise<void> {
    for (const play of this.#plays) {
      if (!play.isOpen) continue;
      play.isOpen = false;
      play.socket.write(goodbye(VIDEO_CHANNEL, play.ssrc));
      play.socket.write(goodbye(AUDIO_CHANNEL, play.ssrc));
    }
    await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
    for (const socket of this.#sockets) socket.end();
  }

  report(): FarmReport {
    const { user, system } = process.cpuUsage();
    return {
      plays: this.#plays.map((play) => play.account),
      acceptedMs: this.#acceptedMs,
      lateP99Ms: this.#late.quantile(0.99),
      lateMaxMs: this.#late.maxMs,
      cpuSeconds: (user + system) / 1e6,
    };
  }

  #accept(socket: Socket): void {
    const acceptedMs = Date.now();
    this.#acceptedMs.push(acceptedMs);
    this.#sockets.add(socket);
    let text = "";
    let play: Play | undefined;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (play?.isOpen) play.account.hasLeft = true;
      if (play) play.isOpen = false;
    });
    socket.on("data", (bytes) => {
      // A receiver's reports come interleaved: no request begins with '$'.
      if (bytes[0] === 0x24) return;
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        play = this.#answer(socket, text.slice(0, end), acceptedMs) ?? play;
        text = text.slice(end + 4);
      }
    });
  }

  /** Returns what begins to play. */
  #answer(socket: Socket, head: string, acceptedMs: number): Play | undefined {
    const [, method = "", uri = ""] = /^(\w+) (\S+)/.exec(head) ?? [];
    const header = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
    const camera = new URL(uri).pathname.split("/")[1] ?? "";
    const template = this.#templates[Number(/\d+$/.exec(camera)?.[0] ?? 0) % this.#templates.length] as CameraTemplate;
    const reply = (lines: readonly string[], body = ""): void => {
      const length = body === "" ? [] : [`Content-Length: ${body.length}`];
      const first = ["RTSP/1.0 200 OK", `CSeq: ${header("CSeq")}`];
      socket.write([...first, ...lines, ...length, "", body].join("\r\n"));
    };
    const session = "Session: 1;timeout=60";
    if (method === "OPTIONS") reply(["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"]);
    else if (method === "DESCRIBE") reply([`Content-Base: ${uri}/`, "Content-Type: application/sdp"], template.sdp);
    else if (method === "SETUP") reply([session, `Transport: ${header("Transport")}`]);
    else reply([session]);
    if (method === "TEARDOWN") socket.end();
    return method === "PLAY" ? this.#play(socket, camera, template, acceptedMs) : undefined;
  }

  #play(socket: Socket, camera: string, template: CameraTemplate, acceptedMs: number): Play {
    const account = { camera, acceptedMs, playedMs: Date.now(), videoFrames: 0, audioFrames: 0, hasLeft: false };
    const play: Play = {
      account,
      socket,
      template,
      startMs: performance.now(),
      lap: 0,
      next: 0,
      sequences: { video: 0, audio: 0 },
      ssrc: this.#ssrc++ % MAX_SSRC,
      isOpen: true,
    };
    this.#plays.push(play);
    return play;
  }

  #tick(): void {
    for (const play of this.#plays) if (play.isOpen) this.#sendDue(play);
    setTimeout(() => this.#tick(), TICK_MS);
  }

  #sendDue(play: Play): void {
    const { template, socket, account, sequences, ssrc } = play;
    for (;;) {
      const frame = template.frames[play.next];
      if (!frame) {
        play.next = 0;
        play.lap++;
        continue;
      }
      const lateMs = performance.now() - (play.startMs + play.lap * PERIOD_MS + frame.atMs);
      if (lateMs < 0) return;
      this.#late.count(lateMs);
      const track = frame.isVideo ? "video" : "audio";
      const timestamp = frame.timestamp + (play.lap * PERIOD_MS * rateOf(frame.isVideo)) / 1000;
      const bytes = Buffer.allocUnsafe(frame.bytes.byteLength);
      sequences[track] = stampFrame(frame, bytes, sequences[track], timestamp, ssrc);
      socket.write(bytes);
      if (frame.isVideo) account.videoFrames++;
      else account.audioFrames++;
      play.next++;
    }
  }
}

let farm: CameraFarm | undefined;

async function handle(request: FarmRequest): Promise<FarmMessage> {
  if (request.kind === "open") farm = new CameraFarm(request.order);
  if (!farm) throw new Error("the farm is not open");
  switch (request.kind) {
    case "open":
    case "back":
      return { kind: "listening", port: await farm.listen() };
    case "cut":
      await farm.cut();
      return { kind: "done" };
    case "finish":
      await farm.finish();
      return { kind: "done" };
    case "report":
      return { kind: "report", report: farm.report() };
  }
}

process.on("message", (request: FarmRequest) => {
  handle(request)
    .catch((error: unknown): FarmMessage => ({ kind: "failed", reason: String(error) }))
    .then((message) => process.send?.(message));
});
process.once("disconnect", () => process.exit());
try {
  // A load that waits for a core behind what it loads would measure itself. Needs root; without it the lateness check
  // decides.
  setPriority(0, constants.priority.PRIORITY_HIGH);
} catch {
  // stays at the usual priority
}
