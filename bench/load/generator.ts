// The load's own process: publishes N paced streams and keeps an account of how well it did. Forked by
// bench/load/load.ts, which speaks to it by messages.
//
// One timer serves all streams: every few milliseconds each stream's due frames are written, each frame with a write of
// its own as an encoder does. Lateness is the time from a frame's due moment to the write; where the server does not
// take bytes, they queue here, which is the server's account (`backlogBytes`).

import type { Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Lateness } from "../measure/lateness.js";
import { BurstTemplate } from "./bursts.js";
import { closePublisher, openPublisher } from "./rtmp-publisher.js";
import { buildTemplates, type LoadTemplate, PERIOD_MS, seededRandom, WORKLOADS } from "./workload.js";

export interface LoadOrder {
  port: number;
  app: string;
  names: string[];
  workload: string;
  seconds: number;
  seed: number;
  chunkBytes: number;
  /** A storm: so many connect in a second, and each begins with its first frame when it is accepted. */
  connectsPerSecond?: number;
  /** Of each stream one write every so many milliseconds (bursts.ts) instead of one a frame. */
  burstMs?: number;
  /** Streams begin one after the other within this time; all are connected before. */
  rampMs?: number;
}

export interface StreamAccount {
  name: string;
  /** Wall time, Unix milliseconds, at which media time 0 was due. */
  startEpochMs: number;
  /** From the first byte to NetStream.Publish.Start; of a storm, else 0. */
  acceptedMs: number;
  videoFrames: number;
  audioFrames: number;
  bytes: number;
  /** The connection ended before its time. */
  failure: string | null;
}

export interface LoadReport {
  streams: StreamAccount[];
  lateP50Ms: number;
  lateP99Ms: number;
  lateMaxMs: number;
  maxBacklogBytes: number;
  cpuSeconds: number;
}

export type GeneratorMessage =
  | { kind: "publishing"; streams: StreamAccount[]; lastStartEpochMs: number }
  | { kind: "done"; report: LoadReport }
  | { kind: "failed"; reason: string };

const TICK_MS = 4;
const CONNECTS_AT_ONCE = 16;

interface LiveStream {
  account: StreamAccount;
  socket: Socket;
  template: LoadTemplate;
  bursts: BurstTemplate | undefined;
  /** Media time up to which it has sent, where it sends in bursts. */
  sentMs: number;
  startMs: number;
  endMs: number;
  lap: number;
  next: number;
  hasVideo: boolean;
  hasAudio: boolean;
  isOpen: boolean;
}

class Generator {
  #order: LoadOrder;
  #streams: LiveStream[] = [];
  readonly #bursts = new Map<LoadTemplate, BurstTemplate>();
  #late = new Lateness();
  #maxBacklogBytes = 0;
  #done: (report: LoadReport) => void = () => {};
  #isConnecting = true;

  constructor(order: LoadOrder) {
    this.#order = order;
  }

  /** Connects everything, then starts the streams at seeded phases of one period. */
  async run(onPublishing: (streams: StreamAccount[], lastStartEpochMs: number) => void): Promise<LoadReport> {
    const { names, workload: workloadName, seed, chunkBytes } = this.#order;
    const workload = WORKLOADS[workloadName];
    if (!workload) throw new Error(`no workload ${workloadName}; there are ${Object.keys(WORKLOADS).join(", ")}`);
    const templates = buildTemplates(workload, seed, chunkBytes);
    if (this.#order.burstMs !== undefined)
      for (const template of templates) this.#bursts.set(template, new BurstTemplate(template, PERIOD_MS));
    const random = seededRandom(seed + 1);
    const begin = (i: number, socket: Socket, startMs: number, acceptedMs = 0): void => {
      const name = names[i] as string;
      this.#begin(name, socket, templates[i % templates.length] as LoadTemplate, startMs, acceptedMs);
    };
    const { connectsPerSecond } = this.#order;
    if (connectsPerSecond !== undefined) await this.#storm(names, connectsPerSecond, begin);
    else {
      const sockets = await this.#connectAll(names);
      const beginMs = performance.now() + 200;
      const stepMs = (this.#order.rampMs ?? 0) / names.length;
      for (const [i, socket] of sockets.entries()) begin(i, socket, beginMs + i * stepMs + random() * PERIOD_MS);
    }
    onPublishing(
      this.#streams.map((stream) => stream.account),
      Math.max(...this.#streams.map(({ account }) => account.startEpochMs)),
    );
    this.#isConnecting = false;
    if (connectsPerSecond === undefined) this.#tick();
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  #begin(name: string, socket: Socket, template: LoadTemplate, startMs: number, acceptedMs: number): void {
    const account: StreamAccount = {
      name,
      startEpochMs: performance.timeOrigin + startMs,
      acceptedMs,
      videoFrames: 0,
      audioFrames: 0,
      bytes: 0,
      failure: null,
    };
    const endMs = startMs + this.#order.seconds * 1000;
    const place = { sentMs: 0, lap: 0, next: 0, hasVideo: false, hasAudio: false, isOpen: true };
    const bursts = this.#bursts.get(template);
    const stream: LiveStream = { account, socket, template, bursts, startMs, endMs, ...place };
    socket.on("error", (error) => this.#lose(stream, error.message));
    socket.on("close", () => this.#lose(stream, "closed by the server"));
    socket.write(template.opening);
    this.#streams.push(stream);
  }

  /** All connect at their moments; each sends from the moment it is accepted. One that is refused ends the run. */
  async #storm(
    names: readonly string[],
    connectsPerSecond: number,
    begin: (i: number, socket: Socket, startMs: number, acceptedMs: number) => void,
  ): Promise<void> {
    const { port, app, chunkBytes } = this.#order;
    const sinceMs = performance.now();
    this.#tick();
    await Promise.all(
      names.map(async (name, i) => {
        await delay(Math.max(0, sinceMs + (i * 1000) / connectsPerSecond - performance.now()));
        const connectMs = performance.now();
        const socket = await openPublisher({ port, app, name, chunkBytes });
        const nowMs = performance.now();
        begin(i, socket, nowMs, nowMs - connectMs);
      }),
    );
  }

  async #connectAll(names: readonly string[]): Promise<Socket[]> {
    const { port, app, chunkBytes } = this.#order;
    const sockets: Socket[] = new Array(names.length);
    let next = 0;
    const lane = async () => {
      for (let i = next++; i < names.length; i = next++)
        sockets[i] = await openPublisher({ port, app, name: names[i] as string, chunkBytes });
    };
    await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, lane));
    return sockets;
  }

  #tick(): void {
    let isAnyOpen = this.#isConnecting;
    for (const stream of this.#streams) {
      if (!stream.isOpen) continue;
      if (stream.bursts) this.#sendBurst(stream, stream.bursts);
      else this.#sendDue(stream);
      isAnyOpen ||= stream.isOpen;
    }
    if (isAnyOpen) setTimeout(() => this.#tick(), TICK_MS);
    else void this.#finish();
  }

  #sendDue(stream: LiveStream): void {
    const { events } = stream.template;
    for (;;) {
      const event = events[stream.next];
      if (!event) {
        stream.next = 0;
        stream.lap++;
        continue;
      }
      const dueMs = stream.startMs + stream.lap * PERIOD_MS + event.atMs;
      const nowMs = performance.now();
      if (dueMs >= stream.endMs) {
        this.#close(stream);
        return;
      }
      if (dueMs > nowMs) return;
      this.#late.count(nowMs - dueMs);
      const isFirst = event.isVideo ? !stream.hasVideo : !stream.hasAudio;
      stream.socket.write(isFirst ? event.first : event.message);
      if (event.isVideo) {
        stream.hasVideo = true;
        stream.account.videoFrames++;
      } else {
        stream.hasAudio = true;
        stream.account.audioFrames++;
      }
      stream.account.bytes += event.payloadBytes;
      this.#noteBacklog(stream);
      stream.next++;
    }
  }

  /** The bursts that are due; a burst is late by what it is late as a whole. */
  #sendBurst(stream: LiveStream, bursts: BurstTemplate): void {
    const { burstMs = 0 } = this.#order;
    const lengthMs = stream.endMs - stream.startMs;
    for (;;) {
      const untilMs = Math.min(lengthMs, stream.sentMs + burstMs);
      const lateMs = performance.now() - (stream.startMs + untilMs);
      if (lateMs < 0) return;
      this.#late.count(lateMs);
      const { parts, videoFrames, audioFrames, payloadBytes, lap, next } = bursts.take(
        stream.lap,
        stream.next,
        untilMs,
      );
      for (const part of parts) stream.socket.write(part);
      stream.account.videoFrames += videoFrames;
      stream.account.audioFrames += audioFrames;
      stream.account.bytes += payloadBytes;
      this.#noteBacklog(stream);
      Object.assign(stream, { lap, next, sentMs: untilMs });
      if (untilMs < lengthMs) continue;
      this.#close(stream);
      return;
    }
  }

  #noteBacklog({ socket }: LiveStream): void {
    if (socket.writableLength > this.#maxBacklogBytes) this.#maxBacklogBytes = socket.writableLength;
  }

  #close(stream: LiveStream): void {
    stream.isOpen = false;
    closePublisher(stream.socket, stream.account.name, this.#order.chunkBytes);
  }

  #lose(stream: LiveStream, reason: string): void {
    if (!stream.isOpen) return;
    stream.isOpen = false;
    stream.account.failure = reason;
  }

  /** Waits until the server has taken every byte, then reports. */
  async #finish(): Promise<void> {
    const closed = this.#streams.map(({ socket }) =>
      socket.closed ? undefined : new Promise((resolve) => socket.once("close", resolve)),
    );
    const timeout = setTimeout(() => {
      for (const { socket } of this.#streams) socket.destroy();
    }, 20_000);
    await Promise.all(closed);
    clearTimeout(timeout);
    const { user, system } = process.cpuUsage();
    this.#done({
      streams: this.#streams.map((stream) => stream.account),
      lateP50Ms: this.#late.quantile(0.5),
      lateP99Ms: this.#late.quantile(0.99),
      lateMaxMs: this.#late.maxMs,
      maxBacklogBytes: this.#maxBacklogBytes,
      cpuSeconds: (user + system) / 1e6,
    });
  }
}

/** Resolves when it is on its way: what is not is lost where the process ends. */
const send = (message: GeneratorMessage): Promise<void> =>
  new Promise((resolve) => process.send?.(message, () => resolve()));

process.once("message", (order: LoadOrder) => {
  try {
    // A generator that waits for a core behind the server it loads would measure itself. Needs root; without it the
    // lateness check decides.
    setPriority(0, constants.priority.PRIORITY_HIGH);
  } catch {
    // stays at the usual priority
  }
  new Generator(order)
    .run((streams, lastStartEpochMs) => void send({ kind: "publishing", streams, lastStartEpochMs }))
    .then((report) => send({ kind: "done", report }))
    .catch((error: unknown) => send({ kind: "failed", reason: String(error) }))
    .finally(() => process.disconnect());
});
