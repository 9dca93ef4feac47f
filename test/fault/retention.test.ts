// Retention on a volume that is too small: the oldest files go, the newest stay, no recording suffers, and where a
// stranger takes the room, every step of the ladder is told.

import { readdirSync, statfsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import type { DeletedSegmentReport } from "../../src/catalog/segment-report.js";
import { Recorder } from "../../src/recording/recorder.js";
import { Retention } from "../../src/retention/retention.js";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { LoopedSource } from "../support/looped-source.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";
import { mountTmpfs, removeVolumes } from "../support/volumes.js";

const MIB = 1024 * 1024;
const VOLUME_MIB = 512;
const STREAMS = 20;
/** In the short run rules leave less of the volume, so that it is full soon. */
const USED_MIB = effort(16, 400);
const MEDIA_MS = effort(14_000, 600_000);
/** Times as fast as cameras: deleted bytes are waited for by the clock, while what is written hides that they came. */
const SPEED = effort(Number.POSITIVE_INFINITY, 4);
/** So that nobody waits for drains. */
const scheduler = { maxAgeMs: 100, tickMs: 20 };
const folders: string[] = [];

afterEach(async () => {
  await stopPublishers();
  await removeVolumes();
  await stopServers();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const freeOf = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

describe("retention under load", () => {
  it("deletes the oldest files of twenty streams, keeps the newest, and no recording fails", {
    timeout: effort(120_000, 900_000),
  }, async () => {
    const root = await mkdtemp(join(tmpdir(), "reel-retention-"));
    folders.push(root);
    const media = join(root, "media");
    await mountTmpfs(media, VOLUME_MIB);
    const recorder = await Recorder.open({ mediaFolders: [media], stateFolder: join(root, "state"), scheduler });
    const minimumBytes = (VOLUME_MIB - USED_MIB) * MIB;
    const settings = { freeBytes: minimumBytes };
    const retention = Retention.start({ recorder, settings, clock: recorder.clock, logger: silentLogger });
    const failures: string[] = [];
    recorder.on("segmentFailed", ({ path, error }) => failures.push(`${path}: ${error}`));
    const deleted: DeletedSegmentReport[] = [];
    recorder.on("segmentDeleted", (report) => deleted.push(report));
    const steps: string[] = [];
    retention.on("step", ({ step }) => steps.push(step));
    const types = ["mp4", "ts", "flv"] as const;
    const sources = await Promise.all(
      Array.from({ length: STREAMS }, async (_, i) => {
        const name = `cam${i}`;
        await recorder.record({ localStreamName: name, pathToFile: name, type: types[i % 3] ?? "ts", chunkLength: 2 });
        return new LoopedSource(recorder.streams.open(name));
      }),
    );
    let least = Number.POSITIVE_INFINITY;
    const beganMs = performance.now();
    for (let upToMs = 1000; upToMs <= MEDIA_MS; upToMs += 1000) {
      await delay(beganMs + upToMs / SPEED - performance.now());
      await Promise.all(sources.map((source) => source.writeUpTo(upToMs)));
      await until("it is in files", () => recorder.outStreams().every(({ lagMs }) => lagMs < 1000));
      least = Math.min(least, freeOf(media));
      await retention.run();
    }
    for (const source of sources) source.stream.end("test");
    await until("all recordings have ended", () => recorder.outStreams().length === 0);
    await until("the minimum is free", async () => {
      await retention.run();
      return freeOf(media) >= minimumBytes;
    });
    expect(failures).toEqual([]);
    expect(least, "the volume never came near its end").toBeGreaterThan(minimumBytes / 2);
    expect(steps).toEqual(["deleteExpired", "deleteOldest"]);
    expect(deleted.length).toBeGreaterThan(STREAMS);
    expect(new Set(deleted.map(({ cause }) => cause))).toEqual(new Set(["freeSpace"]));
    const { segments } = await recorder.catalog.query({ limit: 10_000 });
    const kept = segments.filter(({ state }) => state === "finished");
    expect(kept.filter(({ missing }) => missing)).toEqual([]);
    expect(readdirSync(media).sort()).toEqual(kept.map(({ path }) => path.slice(media.length + 1)).sort());
    for (const [stream, newest] of newestOf(deleted))
      for (const segment of kept.filter(({ localStreamName }) => localStreamName === stream))
        expect(segment.stoppedMs, segment.path).toBeGreaterThanOrEqual(newest);
    // Every stream keeps its newest files.
    expect(new Set(kept.map(({ localStreamName }) => localStreamName)).size).toBe(STREAMS);
    await retention.close();
    await recorder.close();
  });
});

function newestOf(deleted: readonly DeletedSegmentReport[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { localStreamName, stoppedMs } of deleted)
    newest.set(localStreamName, Math.max(newest.get(localStreamName) ?? 0, stoppedMs ?? 0));
  return newest;
}

/** The machine may be busy: publishers and server are processes of their own. */
const eventually: typeof until = (what, condition) => until(what, condition, 90_000);

describe("a volume that a stranger fills", () => {
  it("deletes, then stops the lowest priority, then all; and all go on when there is room", {
    timeout: 400_000,
  }, async () => {
    const root = await mkdtemp(join(tmpdir(), "reel-ladder-"));
    folders.push(root);
    await mountTmpfs(join(root, "media"), VOLUME_MIB);
    const server = await ReelProcess.start({ root, config: { retention: { freeBytes: 200 * MIB } } });
    const control = await Control.connect(server);
    const clip = await makeClip({ seconds: 4 });
    const priorities = [10, 50, 90];
    for (const priority of priorities)
      await control.succeed(
        `record localStreamName=cam${priority} pathToFile=cam${priority} type=ts chunkLength=1 priority=${priority}`,
      );
    for (const priority of priorities)
      publishWithFfmpeg({ url: server.rtmpUrl(`cam${priority}`), input: clip, loops: -1 });
    await eventually("each stream has a closed file", () =>
      priorities.every((priority) =>
        control.of("recordChunkClosed").some(({ payload }) => payload.localStreamName === `cam${priority}`),
      ),
    );
    const evidence = String(control.of("recordChunkClosed")[0]?.payload.file);
    const listed = (await control.succeed("listSegments limit=1000")) as unknown as {
      segments: { id: number; file: string }[];
    };
    const id = listed.segments.find(({ file }) => file === evidence)?.id;
    await control.succeed(`hold sequence=${id} reason=evidence`);

    const fill = (freeMib: number): Promise<unknown> =>
      runProgram("fallocate", [
        "-l",
        `${Math.floor(freeOf(server.media) / MIB) - freeMib}M`,
        `${server.media}/b${freeMib}`,
      ]);
    const steps = (): string[] => control.of("retentionStep").map(({ payload }) => String(payload.step));
    await fill(150);
    await eventually("the oldest are deleted", () => steps().includes("deleteOldest"));
    await eventually(
      "nothing but the held file is left",
      () => readdirSync(server.media).filter((name) => name.endsWith(".ts")).length <= 1 + 2 * priorities.length,
    );
    expect(steps()).toEqual(["deleteExpired", "deleteOldest"]);
    await fill(90);
    await eventually("the lowest priority is stopped", () => steps().includes("stopLowest"));
    await fill(40);
    await eventually("all are stopped", () => steps().includes("stopAll"));
    const stopped = control.of("retentionStep").filter(({ payload }) => payload.step === "stopLowest");
    expect(stopped[0]?.payload.configIds).toEqual([1]);
    expect(new Set(steps())).toEqual(new Set(["deleteExpired", "deleteOldest", "stopLowest", "stopAll"]));
    await eventually("no recording runs", async () => {
      const { data } = await control.send("serverStatus");
      return (data as { recordings: { outStreamId: number }[] }).recordings.every(
        ({ outStreamId }) => outStreamId === 0,
      );
    });
    const refused = await control.send("record localStreamName=cam90 pathToFile=more");
    expect(refused).toMatchObject({ status: "FAIL", description: expect.stringMatching(/retention keeps free/) });

    const before = control.of("recordChunkCreated").length;
    for (const name of ["b150", "b90", "b40"]) await rm(join(server.media, name));
    await eventually("it has its room again", () => steps().at(-1) === "ok");
    await eventually("all go on", () =>
      priorities.every((priority) =>
        control
          .of("recordChunkCreated")
          .slice(before)
          .some(({ payload }) => payload.localStreamName === `cam${priority}`),
      ),
    );
    await eventually("what they missed is told", () => {
      const told = new Set(control.of("recordGap").map(({ payload }) => payload.localStreamName));
      return priorities.every((priority) => told.has(`cam${priority}`));
    });
    expect(readdirSync(server.media)).toContain(evidence.slice(server.media.length + 1));
    expect(control.of("segmentDeleted").map(({ payload }) => payload.cause)).toContain("freeSpace");
    const deletion = await control.send("retention dryRun=1");
    expect(deletion).toMatchObject({ status: "SUCCESS", data: { isComplete: true } });
  });
});
