// What keeps a preview from starting ends that preview, and nothing else.

import { afterEach, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { TRY_AGAIN } from "../../../src/preview/preview.js";
import { NOT_PREVIEWED, Previews } from "../../../src/preview/previews.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
afterEach(() => void vi.unstubAllEnvs());

it("tells its watcher where there is no room for temporary files, or nothing to show", async () => {
  vi.stubEnv("TMPDIR", path("gone"));
  const previews = new Previews({
    streams: 1,
    uriOf: (stream) => (stream === "cam" ? "rtsp://127.0.0.1:1/cam" : undefined),
    clock: { wallMs: () => 0, monotonicMs: () => 0 },
    logger: silentLogger,
  });
  const closed: [number, string][] = [];
  const peer = {
    bufferedBytes: 0,
    send: () => undefined,
    close: (code: number, why: string) => closed.push([code, why]),
  };
  previews.open("cam", peer)();
  previews.open("other", peer)();
  expect(closed).toEqual([
    [TRY_AGAIN, expect.stringContaining("ENOENT")],
    [NOT_PREVIEWED, expect.any(String)],
  ]);
  await previews.close();
});
