// The dashboard's files over a build that fails, comes late and is replaced below a running server.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import type { RouteHandler, RouteReply } from "../../../src/base/routes.js";
import { dashboardRoutes } from "../../../src/web/dashboard-routes.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();

function rig(name: string) {
  const folder = path(name);
  const handlers = new Map<string, RouteHandler>();
  dashboardRoutes(pathToFileURL(`${folder}/`)).routes((_method, at, handler) => handlers.set(at, handler));
  const ask = async (file: string): Promise<RouteReply> => {
    const handler = handlers.get(file === "/" ? "/" : "/dashboard/*") as RouteHandler;
    const headers = { "accept-encoding": "gzip" };
    return handler({
      ...{ method: "GET", isHead: false, parameters: { "*": file }, query: new URLSearchParams(), headers },
      ...{ role: "viewer", body: "" },
    });
  };
  const text = async (file: string) => gunzipSync((await ask(file)).body as Buffer).toString();
  const build = (script: string) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(`${folder}/dashboard`, { recursive: true });
    writeFileSync(`${folder}/index.html`, `<script src="/dashboard/${script}">`);
    writeFileSync(`${folder}/dashboard/${script}`, "run()");
    writeFileSync(`${folder}/dashboard/icon.svg`, "<svg/>");
  };
  return { folder, ask, text, build };
}

it("those whose names change with what is in them are kept by browsers, and no others", async () => {
  const { ask, build } = rig("cached");
  build("index-AcM_-b9q.js");
  const kept = async (file: string) => (await ask(file)).headers?.["Cache-Control"]?.includes("immutable");
  expect([await kept("index-AcM_-b9q.js"), await kept("icon.svg"), await kept("/")]).toEqual([true, false, false]);
});

it("a build that is replaced below a running server is served to its end", async () => {
  const { ask, text, build } = rig("replaced");
  build("index-11111111.js");
  expect(await text("/")).toContain("index-11111111.js");
  build("index-22222222.js");
  expect(await text("index-11111111.js")).toBe("run()");
  expect((await ask("index-22222222.js")).status).toBe(404);
});

it("what is not there, or cannot be read, is looked for again", async () => {
  const { folder, ask, text, build } = rig("late");
  expect(await ask("/")).toMatchObject({ status: 404, body: expect.stringContaining("npm run build") });
  // A folder in a file's place: its read fails.
  mkdirSync(`${folder}/index.html`, { recursive: true });
  await expect(ask("/")).rejects.toThrow("EISDIR");
  build("index-33333333.js");
  expect(await text("/")).toContain("index-33333333.js");
});
