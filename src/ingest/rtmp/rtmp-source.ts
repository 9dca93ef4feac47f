// rtmp:// and rtmps:// as pulled sources: connects, plays, follows redirects and answers challenges, each of which is a
// connection of its own.

import net from "node:net";
import tls from "node:tls";
import { LogLimit } from "../../base/log-limit.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { FrameSink } from "../frame-sink.js";
import { PacedSocket } from "../sockets/paced-socket.js";
import { ReadLoop } from "../sockets/read-loop.js";
import type { Source, SourceConnection, SourceEvents, SourceParts, SourceRequest } from "../source.js";
import { answerAuth } from "./adobe-auth.js";
import { RtmpPlayConnection } from "./play-connection.js";
import type { PlayEnd } from "./play-session.js";
import { type PlayTarget, parsePlayTarget, redirectedTarget } from "./play-target.js";
import { ScratchBudget } from "./scratch.js";

/** A redirect and the two steps of a challenge, more than once. */
const MAX_CONNECTIONS = 8;
/** How long a socket rests between two reads, at most: as the publishers' do. */
const MAX_REST_MS = 150;
/** Half-received messages of all RTMP sources together. */
const MAX_SCRATCH_BYTES = 268_435_456;
const NOTES_PER_SECOND = 20;

export interface RtmpSourceOptions {
  /** Of rtmps: authorities beside the system's. */
  ca?: string | undefined;
}

export class RtmpSource implements Source {
  readonly schemes = ["rtmp", "rtmps"];
  readonly #budget = new ScratchBudget(MAX_SCRATCH_BYTES);
  readonly #notes: LogLimit;
  readonly #pulls = new Set<RtmpPull>();
  #loop: ReadLoop | undefined;

  constructor(
    private readonly parts: Pick<SourceParts, "arena" | "clock" | "logger">,
    private readonly options: RtmpSourceOptions = {},
  ) {
    this.#notes = new LogLimit(parts.clock, NOTES_PER_SECOND);
  }

  sourceType(): string {
    return "INR";
  }

  check(uri: URL): void {
    parsePlayTarget(uri);
  }

  open(request: SourceRequest, uri: URL, sink: FrameSink, events: SourceEvents): SourceConnection {
    const target = parsePlayTarget(uri);
    this.#loop ??= ReadLoop.create(this.parts.arena, MAX_REST_MS);
    const { arena, clock, logger } = this.parts;
    const pull: RtmpPull = new RtmpPull({
      arena,
      loop: this.#loop,
      budget: this.#budget,
      ca: this.options.ca,
      nowMs: () => clock.monotonicMs(),
      note: (note) =>
        this.#notes.pass((suppressed) => logger.info({ stream: request.localStreamName, suppressed }, note)),
      request,
      sink,
      events: {
        ...events,
        closed: (reason, isDenied) => {
          this.#pulls.delete(pull);
          events.closed(reason, isDenied);
        },
      },
    });
    this.#pulls.add(pull);
    pull.connect(target, "");
    return pull;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pulls].map((pull) => pull.gone()));
    this.#loop?.close();
    this.#loop = undefined;
  }
}

interface PullParts {
  arena: SourceParts["arena"];
  loop: ReadLoop;
  budget: ScratchBudget;
  ca: string | undefined;
  nowMs(): number;
  note(note: string): void;
  request: SourceRequest;
  sink: FrameSink;
  events: SourceEvents;
}

class RtmpPull implements SourceConnection {
  readonly flow: SourceConnection["flow"];
  readonly #parts: PullParts;
  #socket: net.Socket | undefined;
  #playing: RtmpPlayConnection | undefined;
  #connections = 0;
  #isClosed = false;
  #isGone = false;
  #cancelNext: (() => void) | undefined;
  #waiting: (() => void)[] = [];

  constructor(parts: PullParts) {
    this.#parts = parts;
    this.flow = { pause: () => this.#playing?.flow.pause(), resume: () => this.#playing?.flow.resume() };
  }

  connect(target: PlayTarget, authQuery: string): void {
    this.#connections++;
    const { host, port } = target;
    const servername = net.isIP(host) ? undefined : host;
    const { ca } = this.#parts;
    const socket = target.isSecure
      ? tls.connect({ host, port, ...(servername !== undefined && { servername }), ...(ca !== undefined && { ca }) })
      : net.connect({ host, port });
    this.#socket = socket;
    let end: PlayEnd = { reason: "closed" };
    const onError = (error: Error): void => {
      end = { reason: error.message };
    };
    socket.once("error", onError);
    socket.once(target.isSecure ? "secureConnect" : "connect", () => {
      socket.off("error", onError);
      this.#play(socket, target, authQuery, (reason) => {
        end = reason;
      });
    });
    socket.once("close", () => this.#onClosed(target, end));
  }

  /** What is complete is in the ring; nothing after. */
  close(): void {
    this.#isClosed = true;
    this.#playing?.close("closed");
    this.#socket?.destroy();
    if (!this.#cancelNext) return;
    this.#cancelNext();
    this.#end("closed", false);
  }

  /** Resolves when its last connection is gone. */
  gone(): Promise<void> {
    this.close();
    return this.#isGone ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #play(socket: net.Socket, target: PlayTarget, authQuery: string, over: (end: PlayEnd) => void): void {
    const { arena, loop, budget, request, sink, events, note, nowMs } = this.#parts;
    const query = authQuery === "" ? "" : `${target.app.includes("?") ? "&" : "?"}${authQuery}`;
    const play = {
      app: target.app + query,
      name: target.name,
      tcUrl: (request.tcUrl || target.tcUrl) + query,
      pageUrl: request.pageUrl,
      swfUrl: request.swfUrl,
      userAgent: request.emulateUserAgent,
      start: request.rangeStart,
      length: request.rangeEnd,
    };
    const host = {
      arena,
      scratchBudget: budget,
      sink,
      connected: () => events.connected({ ...addressesOf(socket), ...shownOf(play), reader: "rtmp" }),
      received: () => events.received(),
      note,
      over,
    };
    this.#playing = new RtmpPlayConnection(
      host,
      play,
      (consumer) => new PacedSocket(loop, socket, consumer, true),
      nowMs(),
    );
  }

  /** The connection is gone: the next one, or the end. */
  #onClosed(target: PlayTarget, end: PlayEnd): void {
    this.#playing = undefined;
    this.#socket = undefined;
    let { reason } = end;
    let isDenied = false;
    if (!this.#isClosed && this.#connections < MAX_CONNECTIONS) {
      const redirected = end.redirect === undefined ? undefined : redirectedTarget(target, end.redirect);
      if (redirected) {
        this.#next(() => this.connect(redirected, ""));
        return;
      }
      const auth = end.refusal === undefined ? undefined : answerAuth(end.refusal, target.user, target.password);
      const query = auth?.query;
      if (query !== undefined) {
        this.#next(() => this.connect(target, query));
        return;
      }
      reason = auth?.reason ?? reason;
      isDenied = auth !== undefined;
    }
    this.#end(reason, isDenied);
  }

  #next(connect: () => void): void {
    let isPlaced = false;
    const cancel = this.#parts.events.another(() => {
      isPlaced = true;
      this.#cancelNext = undefined;
      connect();
    });
    if (!isPlaced) this.#cancelNext = cancel;
  }

  #end(reason: string, isDenied: boolean): void {
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

/** The query of tcUrl may hold the answer to a challenge. */
function shownOf(play: { tcUrl: string; pageUrl: string; swfUrl: string; userAgent: string }): Partial<SourceInfo> {
  const { pageUrl, swfUrl, userAgent } = play;
  return { tcUrl: play.tcUrl.split("?", 1)[0] ?? "", pageUrl, swfUrl, userAgent };
}
