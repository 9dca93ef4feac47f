// What a node tells of its streams, where the connection takes nothing.

import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { StreamNames, type StreamNamesParts } from "../../../src/group/stream-names.js";
import { until } from "../../support/until.js";

it("is told again where the connection refused it, and ends nothing", async () => {
  let told = 0;
  const connection = {
    isClosed: () => false,
    subscribe: () => ({ unsubscribe: () => undefined }),
    publish: () => {
      if (++told === 1) throw new Error("draining");
    },
  };
  const names = new StreamNames({
    nats: { connection },
    subjects: { names: (node: number) => `reel.test.names.${node}` },
    self: 1,
    members: { live: () => [], isAlive: () => false },
    live: () => ({ published: ["cam1"], pulled: [] }),
    onConflict: () => undefined,
    logger: silentLogger,
  } as unknown as StreamNamesParts);
  names.tick();
  await until("it was refused", () => told === 1);
  await until("it is told again", () => {
    if (told === 1) names.tick();
    return told > 1;
  });
  expect(told).toBeGreaterThan(1);
  names.close();
});
