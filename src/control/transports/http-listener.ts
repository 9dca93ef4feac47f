// HTTP (ems-record-spec §1.4): registered routes first; then commands, by any method, behind any path prefix, status
// 200 for SUCCESS and FAIL alike; all else is 404, so that a probe of a path that is not there fails. One request per
// connection. The WebSocket channel shares the port (websocket-listener.ts). The guard stands in front of all of it.

import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "../../base/logger.js";
import type { RouteModule } from "../../base/routes.js";
import { COMMANDS, findCommand } from "../commands/command-table.js";
import type { Dispatch } from "../dispatch.js";
import { fail } from "../replies/reply.js";
import { ConnectionSlots, type SlotLimits } from "../security/connection-slots.js";
import type { Role } from "../security/credentials.js";
import { COOKIE } from "../security/login-sessions.js";
import { OWN_HEADER, type Passage, type Refusal, type RequestGuard, type Wish } from "../security/protection.js";
import { isHttpCommand, nearestPath, parseHttpCommand } from "./http-request.js";
import { addRoutes, type RouteConfig } from "./http-routes.js";
import type { ListenerAddress } from "./listen.js";
import { httpFormat } from "./reply-formats.js";

const MAX_BODY_BYTES = 64 * 1024;
/** This holds 16 KiB of parameters as percent-encoded base64, and the other headers. */
const MAX_HEADER_BYTES = 48 * 1024;
/** Clients of ours send a request at once; one in pieces is a stranger's, or on a very bad line. */
const HEADERS_TIMEOUT_MS = 5_000;
/** A handshake of TLS takes two round trips. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** A stream's name of 255 bytes, each as %XX. */
const MAX_PARAMETER_LENGTH = 3 * 255;
/** How often the two are looked at. */
const TIMEOUT_CHECK_MS = 1_000;
/** A connection is dropped when its client neither sends its request nor reads its reply for so long. */
const IDLE_MS = 30_000;

/** Of a registered route: it changes nothing. */
const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Errors of Node's parser that get a reason of their own. */
const CLIENT_ERRORS: Readonly<Record<string, { status: string; reason: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    reason: `A request has at most ${MAX_HEADER_BYTES} bytes before its body`,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    reason: `The headers of a request come within ${HEADERS_TIMEOUT_MS / 1000} s, all of it within ${REQUEST_TIMEOUT_MS / 1000} s`,
  },
};

/** Routes have no schemas; without this fastify loads two compilers for them, 100 modules at every start. */
const NO_SCHEMAS = { buildValidator: refuseSchema, buildSerializer: refuseSchema };

const NOT_FOUND = "Nothing is here. Commands are at /<command>?params=<base64>, and /help lists them";

export interface HttpListenerOptions {
  readonly logger: Logger;
  readonly routes?: readonly RouteModule[] | undefined;
  readonly idleMs?: number | undefined;
  readonly slots: SlotLimits;
  readonly tls?: HttpTls | undefined;
}

/** HTTPS instead of HTTP. */
export interface HttpTls {
  readonly pair: { readonly cert: Buffer; readonly key: Buffer };
  /** Gives later certificates to the server. */
  keepRenewed(server: HttpsServer): void;
}

export class HttpListener {
  readonly #app: FastifyInstance;
  readonly #slots: ConnectionSlots;
  readonly #isSecure: boolean;
  /** The paths of the routes. */
  readonly #routes: readonly string[];
  /** The sockets below TLS, by their two ends: they hold the slots, from before the handshake. */
  readonly #below = new Map<string, Socket>();
  /** The same, by the TLS sockets whose handshake is done. */
  readonly #belowSecured = new WeakMap<Duplex, Socket>();
  /** The first and only request of each connection. */
  readonly #requests = new WeakMap<Duplex, IncomingMessage>();
  /** Who sends the requests that may pass. */
  readonly #roles = new WeakMap<IncomingMessage, Role>();

  constructor(
    private readonly dispatch: Dispatch,
    /** Also of the WebSocket channel. */
    readonly guard: RequestGuard,
    { logger, routes = [], idleMs = IDLE_MS, slots, tls }: HttpListenerOptions,
  ) {
    const server = {
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    };
    // One type for both: fastify's differ in the server alone.
    const secure = (
      tls ? { https: { ...server, ...tls.pair, handshakeTimeout: HANDSHAKE_TIMEOUT_MS } } : { http: server }
    ) as { http: typeof server };
    const app: FastifyInstance = fastify({
      logger: false,
      bodyLimit: MAX_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionTimeout: idleMs,
      forceCloseConnections: true,
      schemaController: { compilersFactory: NO_SCHEMAS },
      routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAMETER_LENGTH },
      return503OnClosing: false,
      // Node's own refusal of a request without Host leaves room for a second one, which would be carried out and never
      // answered: it is refused here.
      ...secure,
      // Paths that the router cannot read are commands too.
      frameworkErrors: (_error, request, reply) =>
        void this.#answerGuarded(request as FastifyRequest, reply as FastifyReply),
      clientErrorHandler: (error, socket) => this.#refuseBytes(error, socket),
    });
    this.#app = app;
    tls?.keepRenewed(app.server as unknown as HttpsServer);
    this.#slots = new ConnectionSlots(slots);
    this.#isSecure = tls !== undefined;
    app.server.on("connection", (socket: Socket) => {
      if (this.#slots.admit(socket) && tls) this.#keepBelow(socket);
    });
    if (tls) app.server.on("secureConnection", (socket: Socket) => this.#keepSecured(socket));
    // A client that ends its side after the request (`printf … | nc`) still gets its reply. The types lack this
    // property of Node's server.
    (app.server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    app.addHook("onRequest", async (request, reply) => {
      if (!this.#isFirst(request)) return reply.hijack();
      const refusal = this.#refusalOf(request, wishOf(request));
      if (refusal) await sendRefusal(reply, refusal, request);
    });
    app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
      const reason =
        error.statusCode === 413 ? `A body has at most ${MAX_BODY_BYTES} bytes` : "The request cannot be read";
      await sendText(reply, error.statusCode ?? 500, httpFormat(undefined, fail(`Syntax error. ${reason}`)));
    });
    this.#routes = addRoutes(app, routes, {
      logger,
      roleOf: (request) => this.#roles.get(request) ?? "viewer",
    });
    app.setNotFoundHandler((request, reply) => this.#answer(request, reply));
  }

  /** For the WebSocket channel. */
  get server(): Server {
    return this.#app.server;
  }

  async open({ host, port }: ListenerAddress): Promise<ListenerAddress> {
    await this.#app.listen({ host, port });
    const { address, port: actual } = this.#app.server.address() as AddressInfo;
    return { host: address, port: actual };
  }

  /** True when a connection has had its request. */
  hasRequest(socket: Duplex): boolean {
    return this.#requests.has(socket);
  }

  stopAccepting(): void {
    this.#app.server.close();
  }

  async close(): Promise<void> {
    // A handshake that never ends would keep a stop waiting.
    for (const socket of this.#below.values()) socket.destroy();
    await this.#app.close();
  }

  #keepBelow(socket: Socket): void {
    const ends = endsOf(socket);
    this.#below.set(ends, socket);
    socket.once("close", () => {
      if (this.#below.get(ends) === socket) this.#below.delete(ends);
    });
  }

  #keepSecured(socket: Socket): void {
    const below = this.#below.get(endsOf(socket));
    if (below) this.#belowSecured.set(socket, below);
  }

  /** The connection closes after its first reply, so a request behind the first would be carried out without one. */
  #isFirst({ raw }: FastifyRequest): boolean {
    const isFirst = !this.#requests.has(raw.socket);
    if (isFirst) this.#requests.set(raw.socket, raw);
    return isFirst;
  }

  /** HTTP/1.1 asks for a Host (RFC 9112 §3.2). */
  #refusalOf({ raw }: FastifyRequest, wish: Wish): Refusal | BadRequest | undefined {
    if (raw.httpVersion === "1.1" && raw.headers.host === undefined)
      return { status: 400, reason: "Syntax error. The request has no Host header" };
    const found = this.check(raw, wish);
    if (!("role" in found)) return found;
    this.#roles.set(raw, found.role);
    return undefined;
  }

  /**
   * Says who sends a request or an upgrade, or why it is refused. One that may pass has proved itself: its connection
   * keeps its slot, unless everybody may have what it asks for.
   */
  check({ headers, socket, method }: IncomingMessage, wish: Wish): Passage | Refusal {
    const found = this.guard.check(headers, wish, method, socket.remoteAddress);
    const isProven = wish !== "page" && wish !== "login";
    if ("role" in found && (isProven || !this.guard.needsLogin))
      this.#slots.prove(this.#belowSecured.get(socket) ?? socket);
    return found;
  }

  /**
   * Answers bytes that are no request. Behind a whole request they are ignored, because its reply is already decided.
   */
  #refuseBytes(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#requests.get(socket)?.complete) return;
    // There is no answer before the end of the handshake, which may never come.
    if (this.#isSecure && !this.#belowSecured.has(socket)) {
      socket.destroy();
      return;
    }
    const body = httpFormat(
      undefined,
      fail(`Syntax error. ${CLIENT_ERRORS[error.code ?? ""]?.reason ?? "The request cannot be read"}`),
    );
    const status = CLIENT_ERRORS[error.code ?? ""]?.status ?? "400 Bad Request";
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
    if (socket.writable) socket.write(Buffer.concat([Buffer.from(head), body]));
    socket.destroySoon();
  }

  async #answerGuarded(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!this.#isFirst(request)) {
      reply.hijack();
      return;
    }
    const refusal = this.#refusalOf(request, "change");
    await (refusal ? sendRefusal(reply, refusal, request) : this.#answer(request, reply));
  }

  #hint(url: string): string {
    return nearestPath(
      url,
      COMMANDS.map(({ name }) => name),
      this.#routes,
    );
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const url = request.raw.url ?? "/";
    const body = typeof request.body === "string" ? request.body : "";
    if (!isHttpCommand(url, body, (name) => findCommand(name) !== undefined))
      return sendText(reply, 404, httpFormat(undefined, fail(NOT_FOUND + this.#hint(url))), "application/json");
    const parsed = parseHttpCommand(url, body);
    const answer = "failure" in parsed ? fail(parsed.failure) : await this.dispatch.execute(parsed.request);
    return sendText(reply, 200, httpFormat(undefined, answer));
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

function sendText(reply: FastifyReply, status: number, body: Buffer, type = "text/plain"): FastifyReply {
  return reply.code(status).header("Content-Type", type).header("Connection", "close").send(body);
}

interface BadRequest {
  status: 400;
  reason: string;
}

function wishOf({ is404, method, routeOptions }: FastifyRequest): Wish {
  const { access } = routeOptions.config as RouteConfig;
  return access ?? (!is404 && READS.has(method) ? "read" : "change");
}

const CHALLENGE = 'Basic realm="Reel", charset="UTF-8"';

/** The dashboard asks for credentials itself, in a page of its own. */
function isDashboard({ cookie, [OWN_HEADER]: own }: IncomingHttpHeaders): boolean {
  return own !== undefined || cookie?.includes(COOKIE) === true;
}

function sendRefusal(reply: FastifyReply, refusal: Refusal | BadRequest, { headers }: FastifyRequest): FastifyReply {
  const { status, reason } = refusal;
  if (status === 401 && !isDashboard(headers)) reply.header("WWW-Authenticate", CHALLENGE);
  if ("waitSeconds" in refusal) reply.header("Retry-After", refusal.waitSeconds);
  return sendText(reply, status, httpFormat(undefined, fail(reason)));
}

/**
 * Writes why an upgrade is refused, as plain HTTP, since there is no WebSocket yet. No page can answer a challenge: the
 * browser would ask for credentials itself, and keep them.
 */
export function refusalHead(
  { status, reason }: Refusal | { status: 404; reason: string },
  headers: IncomingHttpHeaders,
): string {
  const text = { 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests" }[status];
  const isPage = headers.origin !== undefined || isDashboard(headers);
  const challenge = status === 401 && !isPage ? `WWW-Authenticate: ${CHALLENGE}\r\n` : "";
  return `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/plain\r\n${challenge}Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`;
}

function refuseSchema(): never {
  throw new Error("no route has a schema");
}
