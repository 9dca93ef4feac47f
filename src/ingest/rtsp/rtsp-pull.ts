// One attempt to pull an RTSP source: a connection, or several where the server sends us elsewhere, or sends no
// datagrams.

import net from "node:net";
import tls from "node:tls";
import type { Arena } from "../../arena/arena.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { Millis } from "../../time/units.js";
import type { Flow, FrameSink } from "../frame-sink.js";
import type { StagingBudget } from "../mpegts/staging.js";
import { RtpSession } from "../rtp/rtp-session.js";
import { PacedSocket } from "../sockets/paced-socket.js";
import type { ReadLoop } from "../sockets/read-loop.js";
import type { SourceConnection, SourceEvents, SourceRequest } from "../source.js";
import { Authentication } from "./authentication.js";
import { RtspPlayConnection } from "./play-connection.js";
import type { DialogEnd } from "./play-dialog.js";
import { type PlayTarget, redirectedTarget } from "./play-target.js";

const MAX_CONNECTIONS = 8;

export interface PullParts {
  readonly arena: Arena;
  readonly budget: StagingBudget;
  readonly loop: ReadLoop;
  readonly ca: string | undefined;
  nowMs(): Millis;
  note(note: string): void;
  readonly request: SourceRequest;
  readonly sink: FrameSink;
  readonly events: SourceEvents;
  /** Undefined where UDP is to be asked for. */
  whyTcp(): string | undefined;
  wantTcp(why: string): void;
}

export class RtspPull implements SourceConnection {
  readonly #parts: PullParts;
  #playing: RtspPlayConnection | undefined;
  /** While it connects. */
  #connecting: net.Socket | undefined;
  #cancelNext: (() => void) | undefined;
  #connections = 0;
  #isClosed = false;
  #isGone = false;
  #isPlain = true;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: PullParts) {
    this.#parts = parts;
  }

  get flow(): Flow | undefined {
    return this.#playing?.flow;
  }

  connect(target: PlayTarget, isPlain: boolean): void {
    if (this.#isClosed) {
      this.#end("closed");
      return;
    }
    this.#isPlain = isPlain;
    this.#connections++;
    const { host, port, isSecure } = target;
    const servername = net.isIP(host) ? undefined : host;
    const { ca } = this.#parts;
    const socket = isSecure
      ? tls.connect({ host, port, ...(servername !== undefined && { servername }), ...(ca !== undefined && { ca }) })
      : net.connect({ host, port });
    this.#connecting = socket;
    let reason = "closed";
    const onError = (error: Error): void => {
      reason = error.message;
    };
    socket.once("error", onError);
    const onClose = (): void => this.#onGone(target, { reason });
    socket.once("close", onClose);
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      socket.off("error", onError);
      socket.off("close", onClose);
      this.#connecting = undefined;
      this.#play(socket, target);
    });
  }

  tick(): void {
    this.#playing?.tick();
  }

  /** What is complete is in the ring; nothing after. */
  close(): void {
    this.#isClosed = true;
    this.#playing?.close("closed");
    this.#connecting?.destroy();
    if (!this.#cancelNext) return;
    this.#cancelNext();
    this.#end("closed");
  }

  fail(reason: string): void {
    this.#isClosed = true;
    this.#end(reason);
    this.close();
  }

  /** Resolves when its last connection is gone. */
  gone(): Promise<void> {
    this.close();
    return this.#isGone ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #play(socket: net.Socket, target: PlayTarget): void {
    const { request, events, nowMs, note, loop, arena, budget, sink, whyTcp } = this.#parts;
    const ends = addressesOf(socket);
    let end: DialogEnd = { reason: "closed" };
    const why = whyTcp();
    const isTcp = why !== undefined;
    const reader = `rtsp, over ${isTcp ? `TCP (${why})` : "UDP"}`;
    this.#playing = new RtspPlayConnection(
      {
        nowMs,
        note,
        random: Math.random,
        isTcp,
        isSecure: target.isSecure,
        nearIp: ends.nearIp ?? "",
        farIp: ends.farIp ?? "",
        connected: () => events.connected({ ...ends, userAgent: request.emulateUserAgent, reader }),
        received: () => events.received(),
        openSession: (described, identity) =>
          new RtpSession(
            described.map(({ media }) => media),
            sink,
            {
              arena,
              budget,
              note,
              isReordering: !isTcp,
              whyTransport: why,
              ownSsrc: identity.ssrc,
              cname: identity.cname,
            },
          ),
        over: (over) => {
          end = over;
        },
      },
      {
        uri: target.requestUri,
        userAgent: request.emulateUserAgent,
        rangeStart: request.rangeStart,
        rangeLength: request.rangeEnd,
      },
      new Authentication(target.user, target.password, target.mayShowPassword),
      (consumer) => {
        const paced = new PacedSocket(loop, socket, consumer, this.#isPlain || target.isSecure);
        paced.onceClosed(() => this.#onGone(target, end));
        return paced;
      },
    );
  }

  /** The connection is gone: the next one, or the end. */
  #onGone(target: PlayTarget, end: DialogEnd): void {
    this.#playing = undefined;
    this.#connecting = undefined;
    if (!this.#isClosed && this.#connections < MAX_CONNECTIONS) {
      if (end.needsTcp && this.#parts.whyTcp() === undefined) {
        this.#parts.wantTcp(end.reason);
        this.#parts.note(`${end.reason}: asking for TCP`);
        this.#next(target);
        return;
      }
      const redirected = end.redirect === undefined ? undefined : redirectedTarget(target, end.redirect);
      if (redirected) {
        this.#next(redirected);
        return;
      }
    }
    this.#end(end.reason, end.isDenied);
  }

  #next(target: PlayTarget): void {
    let isPlaced = false;
    const cancel = this.#parts.events.another(() => {
      isPlaced = true;
      this.#cancelNext = undefined;
      this.connect(target, this.#isPlain);
    });
    if (!isPlaced) this.#cancelNext = cancel;
  }

  #end(reason: string, isDenied = false): void {
    if (this.#isGone) return;
    this.#isClosed = true;
    this.#isGone = true;
    this.#cancelNext = undefined;
    this.#parts.events.closed(reason, isDenied);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function addressesOf(socket: net.Socket): Partial<SourceInfo> {
  const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = socket;
  const far = { farIp: remoteAddress, farPort: remotePort };
  return { ip: localAddress, port: localPort, nearIp: localAddress, nearPort: localPort, ...far };
}
