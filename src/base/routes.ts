// Routes of the HTTP listener beside the commands. Any room may bring some: a module names its paths and answers them,
// and knows neither the listener nor its library. Host, Origin and credentials are checked in front of every route.

import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";

export type RouteMethod = "GET" | "POST" | "PUT" | "DELETE";

export interface RouteRequest {
  /** Parts of the path that the route leaves open (`/segments/:id`), decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RouteReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer | Readable;
}

export type RouteHandler = (request: RouteRequest) => RouteReply | Promise<RouteReply>;

/** For the reference (docs/http.md, docs/openapi.json). */
export interface RouteDescription {
  readonly summary: string;
  /** What each status means. */
  readonly answers: Readonly<Record<number, string>>;
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
