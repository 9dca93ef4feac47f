// What nodes tell of their streams, where the connection takes nothing, and where much is followed by little.

import { gzipSync } from "node:zlib";
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

it("takes what another node told last, however much stood in the message before", async () => {
  let hear: ((error: null, message: { subject: string; data: Uint8Array }) => void) | undefined;
  const connection = {
    isClosed: () => true,
    subscribe: (_subject: string, { callback }: { callback: typeof hear }) => {
      hear = callback;
      return { unsubscribe: () => undefined };
    },
  };
  let told = 0;
  const names = new StreamNames({
    nats: { connection },
    subjects: { names: (node: number | string) => `reel.test.names.${node}` },
    self: 1,
    members: { live: () => [], isAlive: () => true },
    live: () => ({ published: ["cam1", "last"], pulled: [] }),
    onConflict: () => told++,
    logger: silentLogger,
  } as unknown as StreamNamesParts);
  const message = (published: string[], node: number | string = 2) => ({
    subject: `reel.test.names.${node}`,
    data: gzipSync(JSON.stringify({ published, pulled: [] })),
  });
  const many = Array.from({ length: 200_000 }, (_, i) => `${i}`);
  hear?.(null, message(["cam1"], "x"));
  hear?.(null, message([...many, "cam1"]));
  hear?.(null, message(["last"]));
  await until("it is known", () => {
    names.tick();
    return names.conflictsOf("last").length > 0;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  names.tick();
  expect([names.conflictsOf("cam1"), names.conflictsOf("last")]).toEqual([[], [2]]);
  names.close();
});
