// Puts route modules on the HTTP listener's app. Routes do not know its library; only this file does.

import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import {
  ERROR_STATUS,
  jsonReply,
  type RouteAccess,
  type RouteHandler,
  type RouteMethod,
  type RouteModule,
  type RouteReply,
  type RouteRequest,
} from "../../base/routes.js";

/** The methods that the router knows. A route answers those it does not serve with 405. */
const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];

/** Where commands are POSTed, too. */
const ROOT = "/";

/** What the listener knows of a route's request. */
export interface RouteConfig {
  readonly access?: RouteAccess | undefined;
}

export interface RouteSetting {
  readonly logger: Logger;
  /** Who sends a request that may pass. */
  readonly roleOf: (request: IncomingMessage) => RouteRequest["role"];
}

/** Hands back the paths. Throws ReelError `badArgument` if two modules want the same path and method. */
export function addRoutes(app: FastifyInstance, modules: readonly RouteModule[], setting: RouteSetting): string[] {
  const owners = new Map<string, string>();
  const served = new Map<string, Set<HTTPMethods>>();
  for (const module of modules)
    module.routes((method, path, handler, description) => {
      const key = `${method} ${path.replace(/(?<=.)\/$/, "")}`;
      const owner = owners.get(key);
      if (owner !== undefined)
        throw new ReelError("badArgument", `${key} is a route of ${owner} and of ${module.name}`);
      owners.set(key, module.name);
      const methods = withHead(method);
      served.set(path, new Set([...(served.get(path) ?? []), ...methods]));
      app.route({
        method: methods,
        url: path,
        config: { access: description?.access } satisfies RouteConfig,
        handler: answerWith(handler, module.name, setting),
        exposeHeadRoute: false,
      });
    });
  for (const [path, methods] of served) if (path !== ROOT) refuseOthers(app, path, methods);
  return [...served.keys()];
}

function withHead(method: RouteMethod): HTTPMethods[] {
  return method === "GET" ? ["GET", "HEAD"] : [method];
}

function refuseOthers(app: FastifyInstance, path: string, served: ReadonlySet<HTTPMethods>): void {
  const allow = [...served, "OPTIONS"].join(", ");
  const others = METHODS.filter((method) => !served.has(method));
  app.route({
    method: others,
    url: path,
    handler: async (request, reply) => {
      reply.header("Allow", allow);
      if (request.method === "OPTIONS") return send(reply, { status: 204, body: "" });
      return send(reply, jsonReply(405, { error: `${request.method} is not served here` }));
    },
  });
}

function answerWith(
  handler: RouteHandler,
  module: string,
  { logger, roleOf }: RouteSetting,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async ({ raw, method, params, body }, reply) => {
    const mark = raw.url?.indexOf("?") ?? -1;
    try {
      const answer = await handler({
        method: method === "HEAD" ? "GET" : (method as RouteMethod),
        isHead: method === "HEAD",
        parameters: params as Readonly<Record<string, string>>,
        query: new URLSearchParams(mark < 0 ? "" : raw.url?.slice(mark + 1)),
        headers: raw.headers,
        address: raw.socket.remoteAddress,
        role: roleOf(raw),
        body: typeof body === "string" ? body : "",
      });
      return send(reply, answer);
    } catch (error) {
      const status = error instanceof ReelError ? ERROR_STATUS[error.code] : undefined;
      if (status !== undefined) return send(reply, jsonReply(status, { error: (error as ReelError).message }));
      logger.warn(
        { err: error, module, path: raw.url?.slice(0, mark < 0 ? undefined : mark) },
        "a route failed inside",
      );
      return send(reply, jsonReply(500, { error: "The server's log says what failed" }));
    }
  };
}

function send(reply: FastifyReply, { status, headers = {}, body }: RouteReply): FastifyReply {
  return reply
    .code(status)
    .headers({ Connection: "close", "Cache-Control": "no-store", ...headers })
    .send(body);
}
