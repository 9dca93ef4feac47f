// What a list answers that has no part yet: players take 404 for an end, and try again behind 503.

import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { RouteHandler, RouteRequest } from "../../../src/base/routes.js";
import { HlsRoutes } from "../../../src/playback/hls/hls-routes.js";

function firstListOf(isRecorded: boolean) {
  const catalog = { query: async () => ({ segments: [], cursor: undefined }) };
  const parts = { catalog, clock: { wallMs: () => 0 }, logger: silentLogger, stateFolder: "", firstPartMs: 1 };
  const routes = new HlsRoutes({ ...parts, isRecorded: () => isRecorded } as unknown as ConstructorParameters<
    typeof HlsRoutes
  >[0]);
  let list: RouteHandler | undefined;
  routes.routes((_method, path, handler) => {
    if (path.endsWith("index.m3u8")) list = handler;
  });
  const request = { parameters: { stream: "cam" }, query: new URLSearchParams("from=0") };
  return list?.(request as unknown as RouteRequest);
}

it("a stream that is being recorded asks to try again", () =>
  expect(firstListOf(true)).rejects.toMatchObject({ code: "stuck" }));

it("a stream that is not recorded has nothing", () =>
  expect(firstListOf(false)).rejects.toMatchObject({ code: "notFound" }));
