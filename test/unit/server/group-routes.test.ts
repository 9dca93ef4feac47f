// Routes asked for all nodes of a group, where a node answers what this version does not know.

import { expect, it } from "vitest";
import { jsonReply, type RouteHandler, type RouteModule } from "../../../src/base/routes.js";
import type { GroupPort } from "../../../src/control/group/group-port.js";
import { groupRoutes } from "../../../src/server/group-routes.js";

/** What the route of that module answers of all nodes. */
async function askAll(module: RouteModule, group: GroupPort, query: Record<string, string> = {}): Promise<unknown> {
  let handler: RouteHandler | undefined;
  for (const { routes } of groupRoutes([module], group))
    routes((_method, _path, given) => {
      handler = given;
    });
  const reply = await handler?.({
    ...{ method: "GET", isHead: false, parameters: {}, headers: {}, role: "owner", body: "" },
    query: new URLSearchParams({ node: "all", ...query }),
  } as Parameters<RouteHandler>[0]);
  return JSON.parse(String(reply?.body));
}

/** What the other node's answer is to be. */
function ask(body: string, merge: boolean): Promise<unknown> {
  const module: RouteModule = {
    name: "test",
    routes: (register) =>
      register("GET", "/api/test", () => jsonReply(200, { told: [1] }), {
        ...{ summary: "", query: {}, answers: {}, isOfGroup: true },
        ...(merge && {
          merge: {
            takes: (value: unknown) => Array.isArray((value as { told?: unknown }).told),
            all: (answers: readonly { value: unknown }[]) => ({
              all: answers.flatMap(({ value }) => (value as { told: number[] }).told),
            }),
          },
        }),
      }),
  };
  const group = {
    nodeName: "a",
    nodes: () => [{ number: 2, name: "b", isAlive: true, hasLeft: false }],
    ask: async () => ({ status: 200, headers: { "Content-Type": "application/json" }, body }),
    serve: () => undefined,
  } as unknown as GroupPort;
  return askAll(module, group);
}

it.each([
  ["that is whole", '{"told":[2]}', true, { all: [1, 2], unanswered: [] }],
  ["of another shape", '{"told":7}', true, { all: [1], unanswered: ["b"] }],
  ["that is no JSON", "{", true, { all: [1], unanswered: ["b"] }],
  ["that is no JSON, beside others", "{", false, { nodes: [{ told: [1], node: "a" }], unanswered: ["b"] }],
])("take an answer %s for what it is", async (_what, body, merge, wanted) => {
  expect(await ask(body, merge)).toEqual(wanted);
});

const PAGE = 2;
const FILES: Record<string, number[]> = { a: [1, 2, 3], "b,=": [4, 5, 6, 7, 8], c: [9], d: [] };

/** A page of a node's files. */
function page(node: string, query: URLSearchParams): object {
  const from = Number(query.get("cursor") ?? 0);
  const files = FILES[node] ?? [];
  return { files: files.slice(from, from + PAGE), cursor: from + PAGE < files.length ? String(from + PAGE) : null };
}

/** Asks for one page of all nodes. `down`: it does not answer any more. */
async function askPage(cursor: string | undefined, down: readonly string[] = []): Promise<Record<string, unknown>> {
  const module: RouteModule = {
    name: "test",
    routes: (register) =>
      register("GET", "/api/test", ({ query }) => jsonReply(200, page("a", query)), {
        ...{ summary: "", query: {}, answers: {}, isOfGroup: true },
      }),
  };
  const others = ["b,=", "c", "d"];
  const group = {
    nodeName: "a",
    nodes: () => others.map((name, index) => ({ number: index + 2, name, isAlive: true, hasLeft: false })),
    ask: async (number: number, _what: string, { query }: { query: string }) => {
      const name = others[number - 2] as string;
      const body = JSON.stringify(page(name, new URLSearchParams(query)));
      return down.includes(name) ? undefined : { status: 200, headers: { "Content-Type": "application/json" }, body };
    },
    serve: () => undefined,
  } as unknown as GroupPort;
  return (await askAll(module, group, { ...(cursor !== undefined && { cursor }) })) as Record<string, unknown>;
}

it("shows all that all nodes have over pages with one cursor, and asks nobody again who has no more", async () => {
  const shown: Record<string, number[]> = {};
  const asked: number[] = [];
  let cursor: string | undefined;
  do {
    const { nodes, unanswered, cursor: next } = await askPage(cursor);
    expect(unanswered).toEqual([]);
    const told = nodes as { node: string; files: number[] }[];
    asked.push(told.length);
    for (const { node, files } of told) shown[node] = [...(shown[node] ?? []), ...files];
    cursor = (next as string | null) ?? undefined;
  } while (cursor !== undefined);
  expect(shown).toEqual(FILES);
  expect(asked).toEqual([4, 2, 1]);
});

it("names a node that is silent at a later page, and ends without it", async () => {
  const { cursor } = await askPage(undefined);
  const second = await askPage(String(cursor), ["b,="]);
  expect(second).toMatchObject({ unanswered: ["b,="], cursor: null });
  expect(await askPage("gone=1")).toEqual({ nodes: [], unanswered: ["gone"] });
});

it.each(["a", "a=", "=1", "a=1,", "a=1=2", "%=1"])("refuses %s as a cursor of all nodes", async (cursor) => {
  await expect(askPage(cursor)).rejects.toMatchObject({ code: "badArgument" });
});
