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
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../../src/abi/frame.js";
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
import { ArenaViews } from "../../../src/arena/arena-views.js";
import { ownDescriptors } from "../../../src/container/own-descriptors.js";
import { UNKNOWN_ORIGIN } from "../../../src/container/segment-origin.js";
import { OUTPUT_BYTES } from "../../../src/container/segment-output.js";
import { outputAt } from "../../../src/container/segment-state.js";
import { DrainRecord, RECORD_SIZE, STEP_DONE } from "../../../src/worker/drain-record.js";
import type { FinishRequest } from "../../../src/worker/finish-task.js";
import { Pools } from "../../../src/worker/pools.js";
import { SAVED_SIZE } from "../../../src/worker/segment-snapshot.js";
import type { SyncItem } from "../../../src/worker/sync-task.js";
import { KernelRun } from "../../support/kernel-harness.js";
import { SLICE_I, SLICE_P, slice } from "../../support/pictures.js";
import { scratch } from "../../support/scratch.js";
import { AVCC, accessUnit } from "../../support/test-media.js";

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

  it("says that it is alive, gives its recording back, and leaves what it opened open when its thread ends", async () => {
    const run = new KernelRun({ build: "release", container: "ts" });
    const config = run.addConfig("h264", AVCC);
    for (let i = 0; i < 3; i++) {
      const payload = accessUnit([slice(i === 0 ? SLICE_I : SLICE_P, i, i === 0)]);
      run.push({ track: TRACK_VIDEO, config, dts90k: i * 3600, isRandomAccess: i === 0, payload });
    }
    const own = new Pools(run.arena, { workers: 1, spareThreads: 0 });
    const views = new ArenaViews(run.arena.memory);
    const [growing, record] = [run.arena.allocate(SEG_SIZE), run.arena.allocate(RECORD_SIZE)];
    for (let at = 0; at < SEG_OUTPUT_COUNT; at++) views.setU32(outputAt(growing, at) + SEG_OUTPUT_FD_OFFSET, -1);
    views.setU32(run.recording + REC_CLAIM_OFFSET, (5 << CLAIM_TICKET_SHIFT) | CLAIM_DISPATCHED);
    const at = join(folder, "cam.ts");
    const opening = { exclusive: true, winQtCompat: true, reserveBytes: 0, lockPath: "", sequence: 1 };
    const heartbeat = run.arena.allocate(64);
    const [result] = await own.drain({
      ...{ out: own.takeOutput(), outBytes: OUTPUT_BYTES, heartbeat, saved: run.arena.allocate(SAVED_SIZE) },
      items: [
        {
          ...{ recording: run.recording, record, segment: growing, path: at, isResumed: false, ticket: 5 },
          ...{ opening: { ...opening, origin: UNKNOWN_ORIGIN }, gaps: undefined },
        },
      ],
    });
    const { size } = statSync(at);
    expect(result).toMatchObject({ claimed: true, opened: true, writtenBytes: size, failure: undefined });
    expect(size).toBeGreaterThan(0);
    expect(views.u32(heartbeat)).toBe(2); // one kernel call, one write
    expect(views.u32(run.recording + REC_CLAIM_OFFSET)).toBe((5 << CLAIM_TICKET_SHIFT) | CLAIM_IDLE);
    expect(new DrainRecord(views, record).step).toBe(STEP_DONE);
    await own.close();
    const descriptors = ownDescriptors(at).map(({ fd }) => fd);
    expect(descriptors).toEqual([views.u32(outputAt(growing, 0) + SEG_OUTPUT_FD_OFFSET)]);
    open.push(...descriptors);
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
