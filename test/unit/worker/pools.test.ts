// The tasks of the finish pool, in its own threads, on segments that are made by hand: what a sync covers, what becomes
// of a failed finish, a recovery and a move; and what the pools say of themselves.

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CLAIM_DISPATCHED,
  CLAIM_IDLE,
  CLAIM_RUNNING,
  CLAIM_TICKET_SHIFT,
  REC_CLAIM_OFFSET,
  REC_SIZE,
} from "../../../src/abi/recording.js";
import {
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_SIZE,
} from "../../../src/abi/segment.js";
import { Arena } from "../../../src/arena/arena.js";
import { OUTPUT_BYTES } from "../../../src/container/segment-output.js";
import { outputAt } from "../../../src/container/segment-state.js";
import { RECORD_SIZE } from "../../../src/worker/drain-record.js";
import type { FinishRequest } from "../../../src/worker/finish-task.js";
import { Pools } from "../../../src/worker/pools.js";
import { SAVED_SIZE } from "../../../src/worker/segment-snapshot.js";
import type { SyncItem } from "../../../src/worker/sync-task.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const folder = path("media");
const arena = new Arena();
const pools = new Pools(arena, { workers: 2, spareThreads: 3 });
afterAll(() => pools.close());

let segment: number;
const open: number[] = [];
beforeEach(() => {
  mkdirSync(folder);
  segment = arena.allocate(SEG_SIZE);
  for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
    arena.view.setInt32(outputAt(segment, output) + SEG_OUTPUT_FD_OFFSET, -1, true);
});
afterEach(() => {
  for (const fd of open.splice(0)) if (isOpen(fd)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** A file as an output of the segment. */
function output(number: number, at: string, flags = "w+"): number {
  const fd = openSync(at, flags);
  open.push(fd);
  arena.view.setInt32(outputAt(segment, number) + SEG_OUTPUT_FD_OFFSET, fd, true);
  return fd;
}

const item = (over: Partial<SyncItem> = {}): SyncItem => ({
  ...{ segment, container: "ts", path: join(folder, "cam.ts"), withMedia: true, files: 0, infoBytes: 0 },
  ...over,
});

describe("a sync", () => {
  it("says which files it has covered", async () => {
    output(0, join(folder, "cam.ts"));
    expect(await pools.sync([item()])).toEqual([{ files: 1, infoBytes: 0, failure: undefined }]);
    output(2, join(folder, "other"));
    expect((await pools.sync([item()]))[0]?.files).toBe(2);
  });

  it("of a journal says how much of `.info` it has covered", async () => {
    output(0, join(folder, "cam.mp4.mdat"));
    const mp4 = { container: "mp4", path: join(folder, "cam.mp4") } as const;
    writeFileSync(join(folder, "cam.mp4.info"), "eleven byte");
    expect((await pools.sync([item(mp4)]))[0]).toEqual({ files: 1, infoBytes: 11, failure: undefined });
  });

  it("fails for good where the media cannot be synced, unless only names were asked for", async () => {
    output(0, "/dev/null"); // fdatasync(2) answers EINVAL
    const [withMedia, names] = await pools.sync([item(), item({ withMedia: false })]);
    expect(withMedia).toMatchObject({ files: 0, infoBytes: 0, failure: { code: "notDurable", path: item().path } });
    expect(names).toEqual({ files: 1, infoBytes: 0, failure: undefined });
  });

  it("syncs the descriptor that stands in the last output too, and a descriptor 0", async () => {
    output(SEG_OUTPUT_COUNT - 1, "/dev/null");
    expect((await pools.sync([item()]))[0]?.failure?.code).toBe("notDurable");
    arena.view.setInt32(outputAt(segment, SEG_OUTPUT_COUNT - 1) + SEG_OUTPUT_FD_OFFSET, -1, true);
    arena.view.setInt32(outputAt(segment, 0) + SEG_OUTPUT_FD_OFFSET, 0, true);
    expect((await pools.sync([item({ withMedia: false })]))[0]?.files).toBe(1);
  });

  it("syncs the folder once there is a new file in it, and then no more", async () => {
    output(0, join(folder, "cam.ts"));
    // A folder that is none cannot be opened as one.
    const nowhere = join(folder, "cam.ts", "below.ts");
    const [first, known] = await pools.sync([item({ path: nowhere }), item({ path: nowhere, files: 1 })]);
    expect(first?.failure).toMatchObject({ errno: "ENOTDIR" });
    expect(known).toEqual({ files: 1, infoBytes: 0, failure: undefined });
  });

  it("syncs `.info` where it has grown, and follows no link in its place", async () => {
    output(0, join(folder, "cam.mp4.mdat"));
    symlinkSync("/dev/null", join(folder, "cam.mp4.info"));
    const mp4 = { container: "mp4", path: join(folder, "cam.mp4") } as const;
    expect((await pools.sync([item(mp4)]))[0]?.failure?.code).toBe("badPath");
  });

  it("of a segment that has just been closed, or whose `.info` has gone with it, is no failure", async () => {
    const fd = output(0, join(folder, "cam.ts"));
    closeSync(fd);
    const gone = item({ container: "mp4", path: join(folder, "gone.mp4") });
    expect((await pools.sync([item({ files: 1 }), gone])).map(({ failure }) => failure)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("that fails does not keep others of its task from being synced", async () => {
    output(0, join(folder, "cam.ts"));
    const results = await pools.sync([item({ path: join(folder, "cam.ts", "below.ts") }), item()]);
    expect(results.map(({ failure }) => failure?.errno)).toEqual(["ENOTDIR", undefined]);
  });
});

describe("a drain", () => {
  it("leaves alone what was taken back before its thread came to it", async () => {
    const recording = arena.allocate(REC_SIZE);
    const claim = (recording + REC_CLAIM_OFFSET) >>> 2;
    const record = arena.allocate(RECORD_SIZE);
    const place = { recording, record, segment, path: join(folder, "cam.ts"), isResumed: false };
    const item = { ...place, ticket: 5, opening: undefined, gaps: undefined };
    const out = pools.takeOutput();
    const batch = { out, outBytes: OUTPUT_BYTES, heartbeat: arena.allocate(64), saved: arena.allocate(SAVED_SIZE) };
    const running = (5 << CLAIM_TICKET_SHIFT) | CLAIM_RUNNING;
    const later = (6 << CLAIM_TICKET_SHIFT) | CLAIM_DISPATCHED;
    for (const state of [CLAIM_IDLE, CLAIM_RUNNING, running, later]) {
      arena.i32[claim] = state;
      const [result] = await pools.drain({ ...batch, items: [item] });
      expect(result).toMatchObject({ claimed: false, opened: false, writtenBytes: 0, failure: undefined });
      expect(arena.i32[claim]).toBe(state);
    }
    pools.releaseOutput(out);
  });
});

describe("a finish", () => {
  const request = (over: Partial<FinishRequest>): FinishRequest => ({
    ...{ container: "ts", segment, path: join(folder, "cam.ts"), targetPath: join(folder, "cam.ts"), overwrite: false },
    isLost: false,
    ...{ sync: true, out: pools.takeOutput(), outBytes: OUTPUT_BYTES, lockPath: "" },
    ...over,
  });

  it("that fails closes the descriptors all the same, and says why", async () => {
    writeFileSync(join(folder, "cam.ts"), "x");
    const fd = output(0, join(folder, "cam.ts"), "r"); // cannot be cut to its size
    arena.setI64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET, 1);
    const result = await pools.finish(request({}));
    expect(result).toEqual({
      ...{ finish: "none", sizeBytes: 0, tableBytes: 0, isEmpty: false },
      failure: {
        code: "io",
        errno: "EINVAL",
        path: join(folder, "cam.ts"),
        message: expect.stringContaining("EINVAL"),
      },
    });
    expect(isOpen(fd)).toBe(false);
  });

  it("reports the first failure where closing fails as well", async () => {
    writeFileSync(join(folder, "cam.ts"), "x");
    const fd = output(0, join(folder, "cam.ts"));
    arena.setI64(outputAt(segment, 0) + SEG_OUTPUT_POSITION_OFFSET, 1);
    closeSync(fd);
    expect((await pools.finish(request({}))).failure?.errno).toBe("EBADF");
  });

  it("of a journal that is gone, without descriptors, says so", async () => {
    const mp4 = {
      container: "mp4",
      segment: 0,
      path: join(folder, "cam.mp4"),
      targetPath: join(folder, "cam.mp4"),
    } as const;
    expect((await pools.finish(request(mp4))).failure?.code).toBe("notFound");
  });
});

describe("what a crash left", () => {
  it("and is gone has its failure, and nothing in it", async () => {
    const at = join(folder, "gone.ts");
    expect(await pools.recover({ container: "ts", path: at, targetPath: at, lockPath: "" })).toEqual({
      ...{
        path: undefined,
        finish: "none",
        sizeBytes: 0,
        modifiedMs: 0,
        videoFrames: 0,
        audioFrames: 0,
        durationMs: 0,
      },
      ...{ lost: null, gaps: [], createdMs: 0, origin: undefined, tracks: [] },
      failure: { code: "notFound", path: at, message: `${at} is gone`, errno: undefined },
    });
  });

  it("gets another name, or keeps its own and says why", async () => {
    writeFileSync(join(folder, "a.ts"), "x");
    const [from, to] = [join(folder, "a.ts"), join(folder, "b.ts")];
    expect(await pools.move({ container: "ts", from, to, lockPath: "" })).toEqual({ path: to, failure: undefined });
    expect(existsSync(to)).toBe(true);
    const nowhere = join(folder, "missing", "c.ts");
    expect(await pools.move({ container: "ts", from: to, to: nowhere, lockPath: "" })).toMatchObject({
      path: undefined,
      failure: { path: to, errno: "ENOENT" },
    });
    expect(readdirSync(folder)).toEqual(["b.ts"]);
  });
});

describe("the pools", () => {
  it("say how many threads they have, what waits, and what is done", async () => {
    const values = (): Record<string, number> =>
      Object.fromEntries(pools.collect().map(({ name, labels, value }) => [`${name} ${labels?.pool}`, value]));
    const before = values();
    expect(before).toMatchObject({
      "reel_pool_threads drain": 2,
      "reel_pool_waiting_tasks drain": 0,
      "reel_pool_waiting_tasks finish": 0,
    });
    expect(before["reel_pool_threads finish"]).toBeGreaterThanOrEqual(1);
    await pools.sync([]);
    expect(values()["reel_pool_tasks_total finish"]).toBe((before["reel_pool_tasks_total finish"] ?? 0) + 1);
  });

  it("use a buffer again, and give all back to the arena at the end", async () => {
    const own = new Arena();
    const other = new Pools(own, { workers: 1, spareThreads: 0 });
    const first = other.takeOutput();
    const second = other.takeOutput();
    expect(second).not.toBe(first);
    other.releaseOutput(first);
    expect(other.takeOutput()).toBe(first);
    other.releaseOutput(first);
    other.releaseOutput(second);
    await Promise.all([other.close(), other.close()]);
    expect(own.stats().blocks).toBe(0);
  });
});
