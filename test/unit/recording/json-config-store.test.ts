// The file of configs: who may read it, what it holds, what happens when it cannot be written.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { StoredSection } from "../../../src/recording/config-store.js";
import { JsonConfigStore } from "../../../src/recording/json-config-store.js";
import { Recorder } from "../../../src/recording/recorder.js";
import { SectionWriter } from "../../../src/recording/section-writer.js";
import { until } from "../../support/until.js";

/** As version 0.1 wrote it. */
const VERSION_0_1 = `{
  "format": 1,
  "nextConfigId": 9,
  "record": [
    {"localStreamName":"cam1","pathToFile":"cam1","type":"mp4","overwrite":false,"keepAlive":true,"chunkLength":60,"waitForIDR":true,"winQtCompat":true,"dateFolderStructure":false,"hasAudio":true,"preset":0,"variables":{"_a":"b"},"configId":3}
  ],
  "pull": [
    {"configId":4,"uri":"rtsp://u:p@h/a","localStreamName":"p","keepAlive":true,"variables":{}}
  ]
}
`;

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
    await store.put("pull", [{ uri: "rtsp://u:p@h" }], "absent");
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
      await store.put("record", [{ configId: 1 }], "absent");
      await store.flush();
      expect(saved()).toMatchObject({ record: [{ configId: 1 }] });
    } finally {
      chmod.mockRestore();
    }
  });

  it("holds every section as it was set last, one config a line", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    const configs = [{ configId: 1, name: 'a"\n' }, { configId: 2 }];
    await store.put("record", configs, "absent");
    await store.put("nextConfigId", 7, "absent");
    await store.put("empty", [], "absent");
    await store.flush();
    await store.put("record", configs.slice(1), 1);
    await store.flush();
    expect(saved()).toEqual({ format: 1, record: [{ configId: 2 }], nextConfigId: 7, empty: [] });
    expect(readFileSync(path, "utf8")).toBe(
      '{\n  "format": 1,\n  "record": [\n    {"configId":2}\n  ],\n  "nextConfigId": 7,\n  "empty": []\n}\n',
    );
    expect((await JsonConfigStore.open(folder, silentLogger)).get("record")).toEqual({
      value: [{ configId: 2 }],
      revision: 1,
    });
  });

  it("is written by itself once the disk takes it again", async () => {
    const warnings: string[] = [];
    const store = await JsonConfigStore.open(folder, {
      ...silentLogger,
      warn: (_context, message) => void warnings.push(String(message)),
    });
    mkdirSync(`${path}.new`);
    await store.put("record", [{ configId: 1 }], "absent");
    await until("the failure", () => warnings.length > 0);
    rmdirSync(`${path}.new`);
    await until("the file", () => statSync(path, { throwIfNoEntry: false }) !== undefined);
    expect(saved()).toMatchObject({ record: [{ configId: 1 }] });
    await store.flush();
  });

  it("does not keep a stop waiting where it cannot be written", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    mkdirSync(`${path}.new`);
    await store.put("record", [], "absent");
    await store.flush();
    rmdirSync(`${path}.new`);
  });

  it("is put by creation and by revision; what another has written is a conflict, and stays", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    expect(store.get("record")).toBeUndefined();
    await expect(store.put("record", ["early"], 1)).rejects.toMatchObject({ code: "conflict" });
    expect(await store.put("record", ["a"], "absent")).toBe(1);
    await expect(store.put("record", ["again"], "absent")).rejects.toMatchObject({ code: "conflict" });
    expect(await store.put("record", ["b"], 1)).toBe(2);
    await expect(store.put("record", ["late"], 1)).rejects.toMatchObject({
      code: "conflict",
      context: { section: "record" },
    });
    expect(store.get("record")).toEqual({ value: ["b"], revision: 2 });
    await store.flush();
    expect(saved()).toEqual({ format: 1, record: ["b"] });
  });

  it("tells who watches a section of every write of it, until they stop", async () => {
    const store = await JsonConfigStore.open(folder, silentLogger);
    const seen: StoredSection[] = [];
    const stop = store.watch("record", (stored) => seen.push(stored));
    await store.put("record", ["a"], "absent");
    await store.put("pull", [], "absent");
    await store.put("record", ["b"], 1);
    await store.put("record", ["lost"], 1).catch(() => {});
    stop();
    await store.put("record", ["c"], 2);
    expect(seen).toEqual([
      { value: ["a"], revision: 1 },
      { value: ["b"], revision: 2 },
    ]);
    await store.flush();
  });

  it("of version 0.1 is read, and written so that 0.1 reads it", async () => {
    writeFileSync(path, VERSION_0_1);
    const recorder = await Recorder.open({
      mediaFolders: [join(folder, "media")],
      stateFolder: folder,
      workers: 1,
      arenaMib: 64,
    });
    try {
      expect(recorder.configs().map(({ config }) => [config.configId, config.localStreamName])).toEqual([[3, "cam1"]]);
      expect(recorder.store.get("pull")?.value).toEqual([
        expect.objectContaining({ configId: 4, localStreamName: "p" }),
      ]);
      expect(recorder.nextConfigId()).toBe(9);
    } finally {
      await recorder.close();
    }
    expect(readFileSync(path, "utf8")).toBe(VERSION_0_1.replace('"nextConfigId": 9', '"nextConfigId": 10'));
  });
});

describe("the writer of a section", () => {
  it("stores the newest value, one at a time, also where another has written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reel-store-"));
    try {
      const store = await JsonConfigStore.open(folder, silentLogger);
      const writer = new SectionWriter(store, "record", silentLogger);
      const seen: unknown[] = [];
      store.watch("record", ({ value }) => seen.push(value));
      for (const value of ["a", "b", "c"]) writer.write(value);
      await writer.whenIdle();
      expect(seen).toEqual(["a", "c"]);
      await store.put("record", "another's", 2);
      writer.write("d");
      await writer.whenIdle();
      expect(store.get("record")).toEqual({ value: "d", revision: 4 });
      await store.flush();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
