// Routes of the HTTP listener beside the commands. Any room may bring some: a module names its paths and answers them,
// and knows neither the listener nor its library. Host, Origin and credentials are checked in front of every route.

import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { ErrorCode } from "./reel-error.js";

export type RouteMethod = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Who may ask a route, where it is not viewers by GET and the owner by the others: `page`: everybody, also by a link of
 * another site, since the answer is the same wherever Reel runs; `login`: everybody but other sites.
 */
export type RouteAccess = "page" | "login";

export interface RouteRequest {
  /** GET also for HEAD: what is answered has no body then, but the same headers. */
  readonly method: RouteMethod;
  /** The body is not sent: a stream that is costly to make can be left out. */
  readonly isHead: boolean;
  /** Parts of the path that the route leaves open (`/segments/:id`), decoded; `*` is all that follows (`/files/*`). */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The far one of the connection: a proxy's, where one stands between. */
  readonly address?: string | undefined;
  /**
   * What links of the answer begin with: this node's own address, where another node of its group asks; missing where
   * the client is here.
   */
  readonly base?: string;
  /** Viewers are shown nothing that is secret. */
  readonly role: "owner" | "viewer";
  readonly body: string;
}

export interface RouteReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | Readable;
}

/** Answers of a route for a request that is wrong, by the error's code; others are 500. */
export const ERROR_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  badArgument: 400,
  badName: 400,
  badPath: 403,
  notFound: 404,
  held: 409,
  targetBusy: 409,
  notWritable: 409,
  limit: 413,
  notCarried: 415,
  stuck: 503,
};

export type RouteHandler = (request: RouteRequest) => RouteReply | Promise<RouteReply>;

/** For the reference (docs/http.md, docs/openapi.json). */
export interface RouteDescription {
  readonly summary: string;
  /** What each parameter of the query means. */
  readonly query?: Readonly<Record<string, string>>;
  /** What each status means. */
  readonly answers: Readonly<Record<number, string>>;
  readonly access?: RouteAccess;
  /** A GET with a text as its answer and no open part in its path: in a group any node answers it for any other. */
  readonly isOfGroup?: boolean;
  /** Makes one answer of those of all nodes; without it they stand beside each other. */
  readonly merge?: {
    /** Nodes of other versions may answer otherwise: they count as unanswered. */
    takes(value: unknown): boolean;
    all(answers: readonly NodeAnswer[]): object;
  };
}

/** What a node of a group has answered, its JSON read. */
export interface NodeAnswer {
  readonly node: string;
  readonly value: unknown;
}

/** A path begins with a slash; one at its end makes no difference. GET answers HEAD too. */
export type RegisterRoute = (
  method: RouteMethod,
  path: string,
  handler: RouteHandler,
  description?: RouteDescription,
) => void;

export interface RouteModule {
  /** In log lines and errors. */
  readonly name: string;
  /** Called once, before the listener opens. */
  routes(register: RegisterRoute): void;
}

export function jsonReply(status: number, value: unknown): RouteReply {
  return { status, headers: { "Content-Type": "application/json" }, body: `${JSON.stringify(value)}\n` };
}
