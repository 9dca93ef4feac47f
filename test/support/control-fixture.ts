// A control plane over a real recorder, in this process, on free ports and folders of its own. The wall clock stands
// still unless a test moves it, so that replies are the same bytes in every run.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientOptions, WebSocket } from "ws";
import { type Logger, silentLogger } from "../../src/base/logger.js";
import type { Timers } from "../../src/base/timers.js";
import { type ControlOptions, ControlPlane } from "../../src/control/control-plane.js";
import type { PullPort } from "../../src/control/pull/pull-port.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import type { InStream } from "../../src/stream/in-stream.js";
import type { SourceInfo } from "../../src/stream/source-info.js";
import { systemClock } from "../../src/time/units.js";
import { until } from "./until.js";

/** 2017-09-19T04:32:27.915Z, in ems-record-spec §6.2's log. */
export const WALL_MS = 1_505_795_547_915;

export const PUBLISHER: SourceInfo = {
  type: "INR",
  ip: "10.0.0.9",
  port: 50123,
  farIp: "10.0.0.9",
  farPort: 50123,
  nearIp: "10.0.0.1",
  nearPort: 1935,
};

export interface FixtureOptions {
  control?: ControlOptions;
  recorder?: RecorderOptions;
  pulls?: PullPort;
  timers?: Timers;
  logger?: Logger;
  /** Keep an earlier fixture's folders. */
  root?: string;
  /** Of the HTTP listener; any free one by default. */
  port?: number;
  /** A wall clock that goes. */
  realClock?: boolean;
}

export class ControlFixture {
  /** Ports of the listeners. */
  http = 0;
  json = 0;
  ascii = 0;
  #sockets = new Set<{ destroy(): void } | { terminate(): void }>();

  private constructor(
    readonly root: string,
    readonly recorder: Recorder,
    readonly control: ControlPlane,
    readonly clock: { nowMs: number },
  ) {}

  static async open(options: FixtureOptions = {}): Promise<ControlFixture> {
    const root = options.root ?? (await mkdtemp(join(tmpdir(), "reel-control-")));
    const time = { nowMs: WALL_MS };
    const clock = options.realClock ? systemClock : { wallMs: () => time.nowMs, monotonicMs: () => performance.now() };
    const recorder = await Recorder.open({
      mediaFolders: [join(root, "media")],
      stateFolder: join(root, "state"),
      workers: 1,
      arenaMib: 64,
      clock,
      ...options.recorder,
    });
    const { pulls, timers, logger = silentLogger } = options;
    try {
      const control = new ControlPlane({
        recorder,
        pulls,
        timers,
        logger,
        clock: recorder.clock,
        version: "9.8.7",
        options: { build: { ms: WALL_MS }, ...options.control },
      });
      const fixture = new ControlFixture(root, recorder, control, time);
      const listener = { host: "127.0.0.1", port: 0 };
      const http = control.createHttpListener({ ...listener, port: options.port ?? 0 });
      const json = control.createJsonListener("jsonCli", listener);
      const ascii = control.createHumanListener("asciiCli", listener);
      fixture.http = (await http.open()).port;
      fixture.json = (await json.open()).port;
      fixture.ascii = (await ascii.open()).port;
      control.start();
      return fixture;
    } catch (error) {
      await recorder.close();
      await rm(root, { recursive: true, force: true });
      throw error;
    }
  }

  /** Ends it; the folders stay where another fixture is to take them up. */
  async stop(): Promise<void> {
    this.control.stopAccepting();
    await this.recorder.close();
    await this.control.close();
    for (const socket of this.#sockets) "destroy" in socket ? socket.destroy() : socket.terminate();
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  /** A live stream without frames; `closeSource` ends it, as an ingest does. */
  publish(name: string, source: Partial<SourceInfo> = {}): InStream {
    const stream: InStream = this.recorder.streams.open(name, { ...PUBLISHER, ...source }, (reason) =>
      stream.end(reason),
    );
    return stream;
  }

  async tcp(port: number): Promise<TcpClient> {
    const socket = connect({ host: "127.0.0.1", port });
    this.#sockets.add(socket);
    await once(socket, "connect");
    return new TcpClient(socket);
  }

  async webSocket(options: ClientOptions = {}): Promise<WsClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.http}/ws`, options);
    this.#sockets.add(socket);
    const client = new WsClient(socket);
    await once(socket, "open");
    return client;
  }

  httpRequest(
    path: string,
    options: { method?: string; body?: string | Buffer; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const { method = "GET", body, headers = {} } = options;
      const request = httpRequest(
        { host: "127.0.0.1", port: this.http, path, method, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString(),
            }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Raw bytes both ways. */
export class TcpClient {
  received = Buffer.alloc(0);
  /** Sizes of the reads. */
  isEnded = false;
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on("data", (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on("error", () => {});
    socket.on("end", () => {
      this.isEnded = true;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  /** Takes the next length-prefixed reply, prefix included. */
  async reply(): Promise<Buffer> {
    await until(
      "a reply",
      () => this.received.byteLength >= 4 && this.received.byteLength >= 4 + this.received.readUInt32BE(0),
    );
    const size = 4 + this.received.readUInt32BE(0);
    const reply = this.received.subarray(0, size);
    this.received = this.received.subarray(size);
    return reply;
  }

  /** Takes all up to and including `end`. */
  async upTo(end: string): Promise<string> {
    const size = await until(`${JSON.stringify(end)}`, () =>
      this.received.includes(end) ? this.received.indexOf(end) + Buffer.byteLength(end) : undefined,
    );
    const text = this.received.subarray(0, size).toString();
    this.received = this.received.subarray(size);
    return text;
  }
}

export class WsClient {
  readonly messages: string[] = [];
  isClosed = false;
  closeCode = 0;

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => this.messages.push(String(data)));
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.isClosed = true;
      this.closeCode = code;
    });
  }

  async next(): Promise<string> {
    await until("a message", () => this.messages.length > 0);
    return this.messages.shift() ?? "";
  }

  /** Sends a command and takes its reply; for connections without a subscription. */
  async ask(message: string): Promise<string> {
    this.socket.send(message);
    return this.next();
  }
}
