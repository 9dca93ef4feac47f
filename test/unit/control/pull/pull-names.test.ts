// Pull configs by the names of their streams: the one that came first has the name for as long as it is there.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLogger } from "../../../../src/base/logger.js";
import { PullConfigs } from "../../../../src/control/pull/pull-configs.js";
import type { PullPort, PullReport, PullSettings } from "../../../../src/control/pull/pull-port.js";
import { JsonConfigStore } from "../../../../src/recording/json-config-store.js";
import { systemClock } from "../../../../src/time/units.js";

const DISCONNECTED = 4;

it("knows the oldest config of a name, and none that is gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-pulls-"));
  try {
    const store = await JsonConfigStore.open(folder, silentLogger);
    const reports = new Map<number, PullReport>();
    const port: PullPort = {
      checkUri: () => undefined,
      start: ({ configId }, report) => void reports.set(configId, report),
      stop: () => {},
    };
    const pulls = new PullConfigs(port, store, systemClock, silentLogger, 10);
    const add = (configId: number, keepAlive: boolean): void => {
      const settings = { configId, uri: "rtsp://127.0.0.1/", localStreamName: "cam", keepAlive, saveToConfig: true };
      pulls.add(settings as PullSettings);
    };
    const named = (): number | undefined => pulls.named("cam")?.settings.configId;
    expect(named()).toBeUndefined();
    add(3, true);
    add(1, false);
    add(2, true);
    expect(named()).toBe(3);
    pulls.remove(3, "asked");
    expect(named()).toBe(1);
    // It ends by itself.
    reports.get(1)?.(DISCONNECTED, 0);
    expect(named()).toBe(2);
    pulls.remove(2, "asked");
    expect(named()).toBeUndefined();
    await store.flush();
  } finally {
    await rm(folder, { recursive: true });
  }
});
