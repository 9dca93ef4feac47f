// What is told of configs that cannot be shared: each cause once, however often it is tried.

import { afterEach, expect, it, vi } from "vitest";
import { type Logger, silentLogger } from "../../../src/base/logger.js";
import { SharedConfigs } from "../../../src/group/shared-configs.js";
import type { ConfigStore } from "../../../src/recording/config-store.js";

const store: ConfigStore = { get: () => undefined, put: async () => 1, watch: () => () => {} };

afterEach(() => void vi.useRealTimers());

it("tells each cause once, and tries on", async () => {
  vi.useFakeTimers();
  const warnings: string[] = [];
  const warn = ({ err }: { err: Error }): void => void warnings.push(err.message);
  const shared = new SharedConfigs([], store, store, { ...silentLogger, warn } as unknown as Logger);
  let tries = 0;
  shared.connect(async () => {
    throw new Error(++tries < 5 ? "no leader" : "no server");
  });
  await vi.advanceTimersByTimeAsync(8000);
  expect(tries).toBeGreaterThan(6);
  expect(warnings).toEqual(["no leader", "no server"]);
  await shared.close();
});
