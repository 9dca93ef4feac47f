// Routes asked for all nodes of a group, where a node answers what this version does not know.

import { expect, it } from "vitest";
import { jsonReply, type RouteHandler, type RouteModule } from "../../../src/base/routes.js";
import type { GroupPort } from "../../../src/control/group/group-port.js";
import { groupRoutes } from "../../../src/server/group-routes.js";

/** What the other node's answer is to be. */
function ask(body: string, merge: boolean): Promise<{ body: unknown }> {
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
  let handler: RouteHandler | undefined;
  for (const { routes } of groupRoutes([module], group))
    routes((_method, _path, given) => {
      handler = given;
    });
  const query = new URLSearchParams("node=all");
  return Promise.resolve(
    handler?.({ method: "GET", isHead: false, parameters: {}, query, headers: {}, role: "owner", body: "" }),
  ) as Promise<{ body: unknown }>;
}

it.each([
  ["that is whole", '{"told":[2]}', true, { all: [1, 2], unanswered: [] }],
  ["of another shape", '{"told":7}', true, { all: [1], unanswered: ["b"] }],
  ["that is no JSON", "{", true, { all: [1], unanswered: ["b"] }],
  ["that is no JSON, beside others", "{", false, { nodes: [{ told: [1], node: "a" }], unanswered: ["b"] }],
])("take an answer %s for what it is", async (_what, body, merge, wanted) => {
  expect(JSON.parse(String((await ask(body, merge)).body))).toEqual(wanted);
});
