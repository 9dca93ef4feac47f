// The finish of an MP4 on a disk without a free byte: what was reserved is there, what is not there loses nothing.
// Small tmpfs volumes, as root.

import { closeSync, openSync, readdirSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { fileFailure } from "../../src/container/file-failure.js";
import { alignReserve } from "../../src/container/mp4/file-head.js";
import { finishMp4 } from "../../src/container/mp4/finish.js";
import { allocateReserve, openMp4Journal } from "../../src/container/mp4/journal.js";
import { UNKNOWN_ORIGIN } from "../../src/container/segment-origin.js";
import { testModule } from "../support/kernel-harness.js";
import { recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { readMp4 } from "../support/mp4-reader.js";
import { ASC, AVCC, makeMedia } from "../support/test-media.js";
import { mountTmpfs, removeVolumes } from "../support/volumes.js";

const scratch = scratchFolder();
afterEach(removeVolumes);
afterAll(scratch.remove);

function record(finalPath: string, reserveBytes: number, durationMs: number): number {
  return recordJournal({ build: "release", finalPath, reserveBytes }, (run) =>
    makeMedia({
      durationMs,
      video: { config: run.addConfig("h264", AVCC) },
      audio: { config: run.addConfig("aac", ASC) },
    }),
  ).length;
}

/** Takes every block that is left. */
function fill(volume: string): string {
  const path = join(volume, "filler");
  const fd = openSync(path, "w");
  const block = Buffer.alloc(4096, 1);
  try {
    for (;;) writeSync(fd, block);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  } finally {
    closeSync(fd);
  }
  expect(statfsSync(volume).bavail).toBe(0);
  return path;
}

const finish = (path: string): ReturnType<typeof finishMp4> => finishMp4(path, { module: testModule("release") });

describe("on a full disk", () => {
  it("an index that fits into the reserve is written: a nearly full volume gave the reserve its blocks at the opening", async () => {
    const volume = join(scratch.path, "a");
    await mountTmpfs(volume, 2);
    const path = join(volume, "name.mp4");
    const frames = record(path, 60_000, 3000);
    fill(volume);
    const result = finish(path);
    expect(result.method).toBe("reserved");
    expect(result.videoFrames + result.audioFrames).toBe(frames);
    readMp4(path);
    expect(readdirSync(volume).sort()).toEqual(["filler", "name.mp4"]);
  });

  it("a reserve that is far too large is left as it is", async () => {
    const volume = join(scratch.path, "b");
    await mountTmpfs(volume, 3);
    const path = join(volume, "name.mp4");
    record(path, 1 << 20, 3000);
    fill(volume);
    expect(finish(path).method).toBe("reserved");
    expect(readMp4(path).sizes.free).toBeGreaterThan(64 * 1024);
    expect(readdirSync(volume).sort()).toEqual(["filler", "name.mp4"]);
  });

  it("an index that does not fit waits for room, with nothing lost", async () => {
    const volume = join(scratch.path, "c");
    await mountTmpfs(volume, 8);
    const path = join(volume, "name.mp4");
    const frames = record(path, 0, 30_000);
    const before = readdirSync(volume);
    const filler = fill(volume);
    for (let attempt = 0; attempt < 2; attempt++) {
      let code: string | undefined;
      try {
        finish(path);
      } catch (error) {
        ({ code } = fileFailure(error, path));
      }
      expect(code).toBe("diskFull");
      expect(readdirSync(volume).sort()).toEqual([...before, "filler"].sort());
    }
    rmSync(filler);
    const result = finish(path);
    expect(result.method).toBe("copied");
    expect(result.videoFrames + result.audioFrames).toBe(frames);
    readMp4(path);
  });
});

describe("the reserve", () => {
  it("is a hole where there is room, and gets its blocks when it is asked for", () => {
    const finalPath = join(scratch.path, "hole.mp4");
    const reserveBytes = 1 << 20;
    const journal = openMp4Journal({
      finalPath,
      reserveBytes,
      tracks: [],
      zero90k: 0,
      createdMs: 0,
      winQtCompat: true,
      lockPath: "",
      sequence: 0,
      origin: UNKNOWN_ORIGIN,
    });
    const allocated = (): number => statSync(`${finalPath}.mdat`).blocks * 512;
    const isRoomy = statfsSync(scratch.path).bavail * statfsSync(scratch.path).bsize > 2 ** 30;
    if (isRoomy) expect(allocated()).toBeLessThan(reserveBytes / 2);
    allocateReserve(journal.mdatFd, reserveBytes);
    closeSync(journal.mdatFd);
    expect(allocated()).toBeGreaterThanOrEqual(alignReserve(reserveBytes));
  });
});
