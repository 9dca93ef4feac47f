// The file of configs: who may read it, what it holds, what happens when it cannot be written.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { JsonConfigStore } from "../../../src/recording/config-store.js";
import { until } from "../../support/until.js";

describe("the file of configs", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "reel-store-"));
    path = join(folder, "configs.json");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const saved = (): unknown => JSON.parse(readFileSync(path, "utf8"));

  it("can be read by nobody else: sources have passwords", async () => {
    writeFileSync(`${path}.new`, "left by a crash");
    chmodSync(`${path}.new`, 0o644);
    const store = await JsonConfigStore.open(folder, silentLogger);
    store.set("pull", [{ uri: "rtsp://u:p@h" }]);
    await store.flush();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is written where the file system knows no modes", async () => {
    const probe = await open(join(folder, "probe"), "w");
    const chmod = vi
      .spyOn(Object.getPrototypeOf(probe), "chmod")
      .mockRejectedValue(Object.assign(new Error("EPERM"), { code: "EPERM" }));
    await probe.close();
    try {
      const store = await JsonConfigStore.open(folder, silentLogger);
      store.set("record", [{ configId: 1 }]);
      await store.flush();
      expect(saved()).toMatchObject({ record: [{ configId: 1 }] });
    } finally {
      chmod.mockRestore();
    }
  });

  it("holds every section as it was set last, one config a line", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    const configs = [{ configId: 1, name: 'a"\n' }, { configId: 2 }];
    store.set("record", configs);
    store.set("nextConfigId", 7);
    store.set("empty", []);
    await store.flush();
    store.set("record", configs.slice(1));
    await store.flush();
    expect(saved()).toEqual({ format: 1, record: [{ configId: 2 }], nextConfigId: 7, empty: [] });
    expect(readFileSync(path, "utf8")).toBe(
      '{\n  "format": 1,\n  "record": [\n    {"configId":2}\n  ],\n  "nextConfigId": 7,\n  "empty": []\n}\n',
    );
    expect((await JsonConfigStore.open(folder, silentLogger)).get("record")).toEqual([{ configId: 2 }]);
  });

  it("is written by itself once the disk takes it again", async () => {
    const warnings: string[] = [];
    const store = await JsonConfigStore.open(folder, {
      ...silentLogger,
      warn: (_context, message) => void warnings.push(String(message)),
    });
    mkdirSync(`${path}.new`);
    store.set("record", [{ configId: 1 }]);
    await until("the failure", () => warnings.length > 0);
    rmdirSync(`${path}.new`);
    await until("the file", () => statSync(path, { throwIfNoEntry: false }) !== undefined);
    expect(saved()).toMatchObject({ record: [{ configId: 1 }] });
    await store.flush();
  });

  it("does not keep a stop waiting where it cannot be written", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    mkdirSync(`${path}.new`);
    store.set("record", []);
    await store.flush();
    rmdirSync(`${path}.new`);
  });
});
