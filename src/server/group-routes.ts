// Routes of a group: what one node answers over HTTP, any other does too, asked with `node=<name>`; with `node=all` the
// answers of all stand in one, and those who did not answer are named. Without `node` a route answers for its own node.
// Pages of all nodes have one cursor (group-cursor.ts).

import { ReelError } from "../base/reel-error.js";
import {
  jsonReply,
  type RouteDescription,
  type RouteHandler,
  type RouteModule,
  type RouteReply,
  type RouteRequest,
} from "../base/routes.js";
import type { GroupNode, GroupPort } from "../control/group/group-port.js";
import { joinExpositions } from "../metrics/joined-exposition.js";
import { joinCursors, parseCursors } from "./group-cursor.js";

const ASK_MS = 2000;
const ALL = "all";

/** A request as it goes to another node. */
interface Forwarded {
  readonly path: string;
  readonly query: string;
  readonly role: RouteRequest["role"];
}

/** An answer as it comes back. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Where people find the node that answers; missing where it does not say. */
  readonly url?: string;
}

/**
 * The modules again, with `node` in the query of those that are the group's. `url`: where other people find this node's
 * listener.
 */
export function groupRoutes(modules: readonly RouteModule[], group: GroupPort, url?: string): RouteModule[] {
  const shared = new Map<string, RouteHandler>();
  group.serve("route", async (body) => answerOf(shared, body as Forwarded, url));
  return modules.map((module) => ({
    name: module.name,
    routes: (register) =>
      module.routes((method, path, handler, description) => {
        if (!description?.isOfGroup) {
          register(method, path, handler, description);
          return;
        }
        shared.set(path, handler);
        register(method, path, (request) => route({ path, handler, ...description }, request, group), description);
      }),
  }));
}

async function answerOf(
  shared: ReadonlyMap<string, RouteHandler>,
  { path, query, role }: Forwarded,
  url: string | undefined,
): Promise<Answer> {
  const handler = shared.get(path);
  if (!handler) throw new ReelError("notFound", `this version has no ${path} for other nodes`);
  const base: Pick<RouteRequest, "base"> = url === undefined ? {} : { base: url.replace(/\/+$/, "") };
  const answer = plain(await handler({ ...requestOf(new URLSearchParams(query), role), ...base }));
  return { ...answer, ...(base.base !== undefined && { url: base.base }) };
}

interface SharedRoute extends Pick<RouteDescription, "merge"> {
  readonly path: string;
  readonly handler: RouteHandler;
}

async function route(
  { path, handler, merge }: SharedRoute,
  request: RouteRequest,
  group: GroupPort,
): Promise<RouteReply> {
  const query = new URLSearchParams(request.query);
  const name = query.get("node");
  query.delete("node");
  const here = (own: URLSearchParams): RouteReply | Promise<RouteReply> => handler({ ...request, query: own });
  if (name === null || name === group.nodeName) return here(query);
  const ask = async ({ number, isAlive }: GroupNode, of: URLSearchParams): Promise<Answer | undefined> => {
    const body: Forwarded = { path, query: of.toString(), role: request.role };
    return isAlive ? ((await group.ask(number, "route", body, ASK_MS)) as Answer | undefined) : undefined;
  };
  const nodes = group.nodes();
  if (name === ALL) {
    const cursors = parseCursors(query.get("cursor"));
    const asked = [...(cursors?.keys() ?? [group.nodeName, ...nodes.map((node) => node.name)])].map(async (one) => {
      const own = ofNode(query, cursors?.get(one));
      if (one === group.nodeName) return { node: one, answer: plain(await here(own)) };
      const node = nodes.find((candidate) => candidate.name === one);
      return { node: one, answer: node && (await ask(node, own)) };
    });
    return joined(await Promise.all(asked), merge);
  }
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) throw new ReelError("notFound", `there is no node ${name} in this group`);
  const answer = await ask(node, query);
  if (!answer) throw new ReelError("stuck", `node ${name} does not answer`);
  return answer;
}

/** JSON: each node's answer with its name. Metrics: one exposition, with a label. */
function joined(
  asked: readonly { node: string; answer: Answer | undefined }[],
  merge: RouteDescription["merge"],
): RouteReply {
  const answers = asked.flatMap(({ node, answer }) => (answer?.status === 200 ? [{ node, answer }] : []));
  const [first] = answers;
  if (first && !isJson(first.answer)) {
    const body = joinExpositions(answers.map(({ node, answer }) => ({ node, text: answer.body })));
    return { status: 200, headers: first.answer.headers, body };
  }
  const told = answers.flatMap(({ node, answer: { url, body } }) => {
    const value = parsed(body);
    return value !== undefined && (!merge || merge.takes(value)) ? [{ node, url, value }] : [];
  });
  const unanswered = asked.map(({ node }) => node).filter((name) => !told.some(({ node }) => node === name));
  if (merge) return jsonReply(200, { ...merge.all(told), unanswered });
  const nodes = told.map(({ node, url, value }) => ({ ...value, ...{ node, ...(url !== undefined && { url }) } }));
  const cursor = joinCursors(told);
  return jsonReply(200, { nodes, unanswered, ...(cursor !== undefined && { cursor }) });
}

function ofNode(query: URLSearchParams, cursor: string | undefined): URLSearchParams {
  const own = new URLSearchParams(query);
  if (cursor !== undefined) own.set("cursor", cursor);
  return own;
}

/** Undefined where it is no object. */
function parsed(body: string): object | undefined {
  try {
    const value = JSON.parse(body) as unknown;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isJson({ headers }: Answer): boolean {
  return headers["Content-Type"] === "application/json";
}

function requestOf(query: URLSearchParams, role: RouteRequest["role"]): RouteRequest {
  return { method: "GET", isHead: false, parameters: {}, query, headers: {}, role, body: "" };
}

/** Only routes that answer with a text are the group's. */
function plain({ status, headers = {}, body }: RouteReply): Answer {
  return { status, headers, body: String(body) };
}
