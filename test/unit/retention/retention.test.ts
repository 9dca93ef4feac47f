// Retention on real files and folders with a real recorder; where it matters, the test says what a volume has free.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import type { RecordConfig } from "../../../src/recording/record-config.js";
import { Recorder } from "../../../src/recording/recorder.js";
import type { LookAt } from "../../../src/retention/folder-watch.js";
import { Retention, type RetentionSettings } from "../../../src/retention/retention.js";
import { LoopedSource } from "../../support/looped-source.js";
import { scratch } from "../../support/scratch.js";
import { TestClock } from "../../support/test-clock.js";
import { until } from "../../support/until.js";

const { path } = scratch();
const SIZE = 100;
const HOUR_MS = 3_600_000;
let rigs = 0;
let nextId = 1000;
const open = new Set<Rig>();

afterEach(async () => {
  for (const rig of open) await rig.close();
});

class Rig {
  readonly root = path(`rig${++rigs}`);
  readonly clock = new TestClock();
  recorder!: Recorder;
  retention!: Retention;

  async open(names: readonly string[] = ["media"]): Promise<this> {
    mkdirSync(this.root, { recursive: true });
    this.recorder = await Recorder.open({
      mediaFolders: names.map((name) => join(this.root, name)),
      stateFolder: join(this.root, "state"),
      workers: 1,
      logger: silentLogger,
    });
    await this.recorder.whenCatalogued();
    open.add(this);
    return this;
  }

  start(settings: RetentionSettings, lookAt?: LookAt): Retention {
    const parts = { recorder: this.recorder, settings, clock: this.clock, logger: silentLogger };
    this.retention = Retention.start({ ...parts, ...(lookAt && { lookAt }) });
    return this.retention;
  }

  async whenLoaded(): Promise<void> {
    await until("the catalogue is read", () => this.retention.isComplete);
  }

  folder(name = "media"): string {
    return realpathSync(join(this.root, name));
  }

  files(name = "media"): string[] {
    return readdirSync(this.folder(name))
      .filter((file) => file.endsWith(".ts"))
      .sort();
  }

  /** So many files of a second each, the last one has just ended; the i-th is <prefix><i>.ts. */
  async put(count: number, prefix: string, name = "media", agoMs = 0): Promise<CatalogSegment[]> {
    const segments: CatalogSegment[] = [];
    for (let i = 0; i < count; i++) {
      const stoppedMs = this.clock.wallMs() - agoMs - (count - 1 - i) * 1000;
      const file = join(this.folder(name), `${prefix}${String(i).padStart(3, "0")}.ts`);
      writeFileSync(file, Buffer.alloc(SIZE));
      segments.push({
        ...{ id: nextId++, state: "finished", path: file, container: "ts", tracks: [] },
        ...{ localStreamName: "cam", configId: 0, outStreamId: 0, variables: {} },
        ...{ startedMs: stoppedMs - 1000, stoppedMs, durationMs: 1000, sizeBytes: SIZE },
        ...{ videoFrames: 25, audioFrames: 0, finish: "none", gaps: 0, lost: null },
      });
    }
    for (const segment of segments) await this.recorder.catalog.append(segment);
    return segments;
  }

  async close(): Promise<void> {
    open.delete(this);
    await this.retention?.close();
    await this.recorder.close();
  }
}

/** Of Btrfs, which frees late. */
const BTRFS = 0x9123683e;

/** All folders on one volume, unless `volume` says otherwise. */
const lookOf =
  (freeBytes: (folder: string) => number, volume: (folder: string) => number = () => 1): LookAt =>
  async (folder) => ({ freeBytes: freeBytes(folder), sizeBytes: 1e9, volume: volume(folder), inode: 1, type: BTRFS });

describe("room on a volume", () => {
  it("is made by as many files as are missing, though nothing becomes free for ten seconds", async () => {
    const rig = await new Rig().open();
    await rig.put(100, "cam");
    const retention = rig.start(
      { freeBytes: 100 * SIZE },
      lookOf(() => 40 * SIZE),
    );
    await rig.whenLoaded();
    for (let second = 0; second < 10; second++) {
      await retention.run();
      rig.clock.nowMs += 1000;
    }
    expect(rig.files().length).toBe(40);
    expect(rig.files()[0]).toBe("cam060.ts");
  });

  it("is counted once for folders that share it, and the oldest of all go", async () => {
    const rig = await new Rig().open(["a", "b"]);
    await rig.put(10, "new", "a");
    await rig.put(10, "old", "b", HOUR_MS);
    const retention = rig.start(
      { freeBytes: 100 * SIZE },
      lookOf(() => 95 * SIZE),
    );
    await rig.whenLoaded();
    await retention.run();
    expect([rig.files("a").length, rig.files("b").length]).toEqual([10, 5]);
  });

  it("is made by its own files, though a folder of another volume lies in the folder", async () => {
    const rig = await new Rig().open(["media", "media/nas"]);
    await rig.put(20, "nas", "media/nas", HOUR_MS);
    await rig.put(20, "disk", "media");
    const isNas = (folder: string): boolean => folder.endsWith("nas");
    const retention = rig.start(
      { freeBytes: 100 * SIZE },
      lookOf(
        (folder) => (isNas(folder) ? 1000 : 97) * SIZE,
        (folder) => (isNas(folder) ? 2 : 1),
      ),
    );
    await rig.whenLoaded();
    await retention.run();
    expect([rig.files("media/nas").length, rig.files("media").length]).toEqual([20, 17]);
  });

  it("stops nobody where nobody runs: whoever comes may record", async () => {
    const rig = await new Rig().open();
    const retention = rig.start(
      { freeBytes: 1000 },
      lookOf(() => 300),
    );
    for (let i = 0; i < 5; i++) {
      await rig.whenLoaded();
      await retention.run();
      rig.clock.nowMs += 3000;
    }
    const config = { pathToFile: "cam", priority: 100 } as RecordConfig;
    expect(rig.recorder.admission(config)).toBeUndefined();
  });
});

describe("priorities", () => {
  it("are those of a whole volume: the lowest of all its folders is stopped first, and alone", async () => {
    const rig = await new Rig().open(["a", "b"]);
    let freeBytes = 5000;
    const retention = rig.start(
      { freeBytes: 1000 },
      lookOf(() => freeBytes),
    );
    await rig.whenLoaded();
    const sources = await Promise.all(
      [10, 90].map(async (priority) => {
        const name = `cam${priority}`;
        const pathToFile = join(rig.folder(priority === 10 ? "a" : "b"), name);
        await rig.recorder.record({ localStreamName: name, pathToFile, type: "ts", priority });
        return new LoopedSource(rig.recorder.streams.open(name));
      }),
    );
    const lowest = rig.recorder.configs().find(({ config }) => config.priority === 10)?.config.configId;
    for (const source of sources) await source.writeUpTo(2000);
    await until("both record", () => rig.recorder.outStreams().every(({ currentPath }) => currentPath !== undefined));
    const stopped: (readonly number[])[] = [];
    retention.on("step", ({ step, configIds }) => step === "stopLowest" && stopped.push(configIds));
    freeBytes = 300;
    await until("one is stopped", async () => {
      await retention.run();
      return stopped.length > 0;
    });
    expect(stopped.flat()).toEqual([lowest]);
    const running = rig.recorder.outStreams().filter(({ isStopped }) => !isStopped);
    expect(running.map(({ config }) => config.priority)).toEqual([90]);
    for (const { stream } of sources) stream.end("test");
    await until("all have ended", () => rig.recorder.outStreams().length === 0);
  });
});

describe("while the catalogue is not yet read", () => {
  it("nothing goes for room, bytes or number: the newest would go", async () => {
    const rig = await new Rig().open();
    await rig.put(20, "old", "media", HOUR_MS);
    let catalogued = (): void => {};
    const whole = new Promise<void>((resolve) => {
      catalogued = resolve;
    });
    rig.recorder.whenCatalogued = () => whole;
    const retention = rig.start(
      { freeBytes: 100 * SIZE, bytes: 1, segments: 15 },
      lookOf(() => 99 * SIZE),
    );
    await rig.put(1, "new");
    await retention.run();
    expect(rig.files().length).toBe(21);
    catalogued();
    await rig.whenLoaded();
    await retention.run();
    expect(rig.files()).toEqual([]);
  });

  it("it is read again where that has failed", async () => {
    const rig = await new Rig().open();
    await rig.put(5, "old");
    const query = vi.spyOn(rig.recorder.catalog, "query").mockRejectedValueOnce(new Error("EIO"));
    const retention = rig.start({ segments: 3 });
    await until("it was asked", () => query.mock.settledResults.some(({ type }) => type === "rejected"));
    await retention.run();
    expect(rig.files().length).toBe(5);
    rig.clock.nowMs += 60_000;
    await retention.run();
    await rig.whenLoaded();
    await retention.run();
    expect(rig.files().length).toBe(3);
  });

  it("and without a rule it is not read at all", async () => {
    const rig = await new Rig().open();
    await rig.put(5, "old");
    const query = vi.spyOn(rig.recorder.catalog, "query");
    const retention = rig.start({});
    await retention.run();
    expect(query).not.toHaveBeenCalled();
    expect(retention.isComplete).toBe(true);
  });
});

describe("files that are not there, or not Reel's", () => {
  it("are not called deleted while their volume is unmounted, and go when it is back", async () => {
    const rig = await new Rig().open();
    const segments = await rig.put(10, "cam");
    const retention = rig.start({ seconds: 3600 });
    await rig.whenLoaded();
    await retention.run();
    const media = rig.folder();
    renameSync(media, `${media}.away`);
    mkdirSync(media);
    rig.clock.nowMs += 2 * HOUR_MS;
    await retention.run();
    const states = await Promise.all(segments.map(async ({ id }) => (await rig.recorder.catalog.find(id))?.state));
    expect(new Set(states)).toEqual(new Set(["finished"]));
    rmSync(media, { recursive: true });
    renameSync(`${media}.away`, media);
    await until("they have expired", async () => {
      await retention.run();
      return rig.files().length === 0;
    });
    expect((await rig.recorder.catalog.find(segments[0]?.id ?? 0))?.state).toBe("deleted");
  });

  it("count for nothing where somebody has taken them away", async () => {
    const rig = await new Rig().open();
    const [first] = await rig.put(10, "cam");
    const retention = rig.start(
      { freeBytes: 100 * SIZE },
      lookOf(() => 98 * SIZE),
    );
    await rig.whenLoaded();
    rmSync(first?.path ?? "");
    await retention.run();
    expect(rig.files().length).toBe(7);
    expect((await rig.recorder.catalog.find(first?.id ?? 0))?.state).toBe("finished");
  });

  it("stay where Reel does not know that it has recorded them", async () => {
    const rig = new Rig();
    mkdirSync(join(rig.root, "media"), { recursive: true });
    const holiday = join(rig.root, "media", "holiday.mp4");
    writeFileSync(holiday, "of 2001");
    utimesSync(holiday, 1e9, 1e9);
    await rig.open();
    await rig.put(1, "cam", "media", 48 * HOUR_MS);
    const retention = rig.start({ seconds: 86_400, bytes: 1 });
    await rig.whenLoaded();
    await retention.run();
    expect((await rig.recorder.catalog.findByPath(join(rig.folder(), "holiday.mp4")))?.isEstimated).toBe(true);
    expect([existsSync(holiday), rig.files()]).toEqual([true, []]);
  });
});

it("keeps what is held though retention has ended, until the catalogue closes", async () => {
  const rig = await new Rig().open();
  const [segment] = (await rig.put(1, "cam")) as [CatalogSegment];
  const retention = rig.start({});
  retention.hold({ sequence: segment.id, reason: "evidence" });
  await retention.close();
  await expect(rig.recorder.catalog.delete(segment)).rejects.toMatchObject({ code: "held" });
  expect(existsSync(segment.path)).toBe(true);
});
