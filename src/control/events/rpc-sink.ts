// Events as HTTP POSTs of JSON, one each, strictly in order (ems-record-spec §6.1): no request begins before the one in
// front of it is sent. A receiver that answers gets them over one connection that is kept alive, each after the answer
// to the last, so its name is looked up once. EMS's own Web UI never answers: after ANSWER_PATIENCE_MS without an
// answer the next request takes a connection of its own as soon as the system has the last one, until an answer comes
// promptly again. When all connections are in use, the oldest whose request is sent is closed. What cannot be sent
// waits in a bounded queue; beyond it events are dropped and counted.

import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock } from "../../time/units.js";
import type { Value } from "../replies/reply.js";
import type { BusEvent } from "./event-bus.js";
import type { EventSink } from "./event-sink.js";
import type { EventType } from "./event-types.js";

const USER_AGENT = "EvoStream Media Server (www.evostream.com)";
const MAX_QUEUE = 1000;
const MAX_IN_FLIGHT = 32;
const TIMEOUT_MS = 3000;
/**
 * How long the next event waits for the answer to the last. An answer from the other side of the world takes 300 ms.
 */
const ANSWER_PATIENCE_MS = 400;

export interface RpcSinkOptions {
  readonly url: string;
  readonly types: ReadonlySet<EventType>;
  readonly customData: Value;
}

interface Post {
  readonly request: ClientRequest;
  isSent: boolean;
}

export class RpcSink implements EventSink {
  readonly types: ReadonlySet<EventType>;
  readonly #url: URL;
  readonly #auth: string | undefined;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #customData: Value;
  readonly #logger: Logger;
  readonly #limit: LogLimit;
  readonly #queue: BusEvent[] = [];
  /** In the order in which they were begun. */
  readonly #inFlight = new Set<Post>();
  /** No other request begins before this one is sent. */
  #front: Post | undefined;
  /** True while the receiver answers promptly: then the next request waits for its answer. */
  #isAnswering = true;
  #onProgress: (() => void) | undefined;
  /** Events that could not be queued. */
  dropped = 0;
  /** Posts that failed or were refused. */
  failed = 0;

  /** Throws ReelError `badArgument` where the URL cannot be used. */
  constructor(options: RpcSinkOptions, clock: Clock, logger: Logger) {
    this.types = options.types;
    this.#customData = options.customData;
    this.#logger = logger;
    this.#limit = new LogLimit(clock, 1);
    if (!URL.canParse(options.url)) throw new ReelError("badArgument", "eventLogger: the url of an RPC sink is no URL");
    this.#url = new URL(options.url);
    if (this.#url.protocol !== "http:" && this.#url.protocol !== "https:")
      throw new ReelError("badArgument", "eventLogger: the url of an RPC sink is http or https");
    const { username, password } = this.#url;
    this.#agent = new (this.#url.protocol === "https:" ? HttpsAgent : HttpAgent)({
      keepAlive: true,
      maxFreeSockets: 1,
    });
    this.#auth = username === "" ? undefined : `${decodeUserInfo(username)}:${decodeUserInfo(password)}`;
  }

  get queued(): number {
    return this.#queue.length;
  }

  deliver(event: BusEvent): void {
    if (this.#queue.length >= MAX_QUEUE) {
      this.dropped++;
      this.#warn("events are dropped: their receiver does not take them");
      return;
    }
    this.#queue.push(event);
    this.#pump();
  }

  async close(deadlineMs: number): Promise<void> {
    const isOut = (): boolean => this.#queue.length === 0 && [...this.#inFlight].every((post) => post.isSent);
    if (!isOut()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.#onProgress = () => {
          if (!isOut()) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.dropped += this.#queue.length;
    if (this.#queue.length > 0)
      this.#logger.warn({ events: this.#queue.length, host: this.#url.host }, "the server stops with events unsent");
    this.#queue.length = 0;
    for (const post of this.#inFlight) post.request.destroy();
    this.#agent.destroy();
  }

  #pump(): void {
    while (!this.#front && this.#queue.length > 0 && (this.#inFlight.size < MAX_IN_FLIGHT || this.#giveUpOldest())) {
      const event = this.#queue.shift();
      if (event) this.#post(Buffer.from(event.serialize(this.#customData)));
    }
  }

  /** Stops waiting for the answer to the oldest request that is sent. */
  #giveUpOldest(): boolean {
    for (const post of this.#inFlight) {
      if (!post.isSent) continue;
      this.#inFlight.delete(post);
      post.request.destroy();
      return true;
    }
    return false;
  }

  #post(body: Buffer): void {
    const isKept = this.#isAnswering;
    const request = this.#open(body.byteLength, isKept);
    const post: Post = { request, isSent: false };
    this.#inFlight.add(post);
    this.#front = post;
    const timer = setTimeout(() => request.destroy(new Error("no answer in time")), TIMEOUT_MS);
    let patience: NodeJS.Timeout | undefined;
    request.on("finish", () => {
      post.isSent = true;
      if (isKept) {
        patience = setTimeout(() => {
          this.#isAnswering = false;
          this.#leaveFront(post);
        }, ANSWER_PATIENCE_MS);
        this.#onProgress?.();
      } else {
        const sentAtMs = performance.now();
        request.once("response", () => {
          this.#isAnswering ||= performance.now() - sentAtMs < ANSWER_PATIENCE_MS;
        });
        this.#leaveFront(post);
      }
    });
    request.on("response", (response) => {
      if ((response.statusCode ?? 0) >= 400) this.#fail(`the receiver of events answers ${response.statusCode}`);
      response.on("error", () => {});
      response.resume();
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(patience);
      // The receiver closed the kept connection while this request went out. An event that arrives twice is better than
      // one that never does.
      if (request.reusedSocket && this.#front === post && (error.code === "ECONNRESET" || error.code === "EPIPE")) {
        this.#inFlight.delete(post);
        this.#agent.destroy();
        this.#post(body);
        return;
      }
      // A request that was sent counts as delivered, whatever its answer.
      if (!post.isSent) this.#fail("the receiver of events cannot be reached");
    });
    request.on("close", () => {
      clearTimeout(timer);
      clearTimeout(patience);
      this.#inFlight.delete(post);
      // The agent takes the connection back after this call returns.
      process.nextTick(() => this.#leaveFront(post));
    });
    request.end(body);
  }

  #open(bytes: number, isKept: boolean): ClientRequest {
    const send = this.#url.protocol === "https:" ? httpsRequest : httpRequest;
    const { hostname, port, pathname, search } = this.#url;
    return send({
      method: "POST",
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port,
      path: pathname + search,
      auth: this.#auth,
      agent: isKept ? this.#agent : false,
      headers: {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Content-Length": bytes,
        Connection: isKept ? "keep-alive" : "close",
      },
    });
  }

  /** Begins the next request. */
  #leaveFront(post: Post): void {
    if (this.#front === post) this.#front = undefined;
    this.#progress();
  }

  #progress(): void {
    this.#pump();
    this.#onProgress?.();
  }

  #fail(message: string): void {
    this.failed++;
    this.#warn(message);
  }

  /** Names the host alone, because the rest of the URL may hold secrets. */
  #warn(message: string): void {
    this.#limit.pass((suppressed) =>
      this.#logger.warn({ host: this.#url.host, dropped: this.dropped, failed: this.failed, suppressed }, message),
    );
  }
}

function decodeUserInfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ReelError("badArgument", "eventLogger: a % in the user or password of an RPC sink's url is written %25");
  }
}
