// The finish of an MP4 journal: every way to make the index fit, names and locks, and what it makes of journals that
// end anywhere.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { SAMPLE_FLAG_CHUNK_START, SAMPLE_FLAG_SYNC, SAMPLE_RECORD_SIZE } from "../../../../src/abi/mp4.js";
import { isLockHeld } from "../../../../src/base/file-lock.js";
import { ReelError } from "../../../../src/base/reel-error.js";
import { alignReserve, FTYP_SIZE, MDAT_HEADER_ROOM } from "../../../../src/container/mp4/file-head.js";
import { finishMp4 } from "../../../../src/container/mp4/finish.js";
import type { Mp4FinishOptions } from "../../../../src/container/mp4/finish-options.js";
import { appendFirstBatch, appendGap, openMp4Journal } from "../../../../src/container/mp4/journal.js";
import { appendLineTo } from "../../../../src/container/mp4/journal-info.js";
import { reserveFor } from "../../../../src/container/mp4/reserve.js";
import { UNKNOWN_ORIGIN } from "../../../../src/container/segment-origin.js";
import { OUTPUT_BYTES } from "../../../../src/container/segment-output.js";
import { BUILDS, type TestFrame, testModule } from "../../../support/kernel-harness.js";
import {
  AUDIO,
  CREATED_MS,
  type JournalOptions,
  recordJournal,
  scratchFolder,
  sizeOf,
  truncateFile,
  VIDEO,
  writeBareJournal,
} from "../../../support/mp4-journal.js";
import { readMp4 } from "../../../support/mp4-reader.js";
import { ASC, AVCC, makeMedia } from "../../../support/test-media.js";

const scratch = scratchFolder();
afterAll(scratch.remove);
let files = 0;
const newPath = (): string => join(scratch.path, `file${++files}.mp4`);

/** Whether this volume can insert and cut out ranges: then the finish must use it. */
const canShift = ((): boolean => {
  const path = join(scratch.path, "probe");
  writeFileSync(path, Buffer.alloc(65536));
  const { status } = spawnSync("fallocate", ["--insert-range", "--offset", "4096", "--length", "4096", path]);
  rmSync(path);
  return status === 0;
})();

function journal(
  options: Omit<JournalOptions, "build" | "finalPath"> & { durationMs?: number; finalPath?: string } = {},
): {
  path: string;
  frames: TestFrame[];
} {
  const finalPath = options.finalPath ?? newPath();
  const { durationMs = 2000 } = options;
  const frames = recordJournal({ ...options, build: "release", finalPath }, (run) =>
    makeMedia({
      durationMs,
      video: { config: run.addConfig("h264", AVCC) },
      audio: { config: run.addConfig("aac", ASC) },
    }),
  );
  return { path: finalPath, frames };
}

/** Finishes without waiting for the disk. */
function finish(path: string, options: Mp4FinishOptions = {}): ReturnType<typeof finishMp4> {
  return finishMp4(path, { durability: "none", module: testModule("release"), ...options });
}

/** The payloads of a finished file, by track and in order, against the frames. */
function expectFrames(path: string, frames: readonly TestFrame[]): void {
  const file = readMp4(path);
  const bytes = readFileSync(path);
  for (const [number, track] of [
    [VIDEO, file.video],
    [AUDIO, file.audio],
  ] as const) {
    const sent = frames.filter((frame) => frame.track === number);
    expect(track?.samples.length ?? 0).toBe(sent.length);
    for (const [i, sample] of (track?.samples ?? []).entries()) {
      expect(
        bytes.subarray(sample.offset, sample.offset + sample.sizeBytes).equals(sent[i]?.payload ?? new Uint8Array()),
        `sample ${i} of track ${number}`,
      ).toBe(true);
    }
  }
}

const leftovers = (path: string): string[] =>
  readdirSync(scratch.path).filter((name) => join(scratch.path, name).startsWith(`${path}.`));
const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof ReelError) return error.code;
    throw error;
  }
  return "none thrown";
};

describe("where the index goes", () => {
  it("into the reserve, with the rest of it free", () => {
    const { path, frames } = journal({ reserveBytes: 16_384 });
    const result = finish(path);
    expect(result).toMatchObject({ method: "reserved", path, createdMs: CREATED_MS, sequence: 7, lost: null });
    expect(readMp4(path).topLevel).toEqual(["ftyp", "moov", "free", "mdat"]);
    expect(result.sizeBytes).toBe(sizeOf(path));
    expect(result.bytesWritten).toBeLessThan(result.moovBytes + 64);
    expectFrames(path, frames);
    expect(leftovers(path)).toEqual([]);
  });

  it("between inserted blocks where the reserve is too small", () => {
    const { path, frames } = journal({ reserveBytes: 0, durationMs: 20_000 });
    const result = finish(path);
    expect(result.moovBytes).toBeGreaterThan(4096);
    expect(result.method).toBe(canShift ? "inserted" : "copied");
    expectFrames(path, frames);
    expect(leftovers(path)).toEqual([]);
  });

  it("in a copy where the volume cannot insert", () => {
    const { path, frames } = journal({ reserveBytes: 0, durationMs: 20_000 });
    const result = finish(path, { methods: ["copied"] });
    expect(result.method).toBe("copied");
    expect(readMp4(path).topLevel).toEqual(["ftyp", "moov", "mdat"]);
    expect(result.sizeBytes).toBe(sizeOf(path));
    expectFrames(path, frames);
    expect(leftovers(path)).toEqual([]);
  });

  it.each([
    { methods: undefined, method: "copied" }, // it is small: a copy costs less than fallocate(1)
    { methods: ["copied"] as const, method: "copied" },
    { methods: ["collapsed"] as const, method: "collapsed" },
  ])("with little left of a reserve that was far too large ($methods)", ({ methods, method }) => {
    if (!canShift && method === "collapsed")
      throw new Error(`${scratch.path} is on a volume without --collapse-range; set TMPDIR to one on ext4 or XFS`);
    const { path, frames } = journal({ reserveBytes: 1 << 20 });
    const result = finish(path, methods ? { methods } : {});
    expect(result.method).toBe(method);
    expect(readMp4(path).sizes.free ?? 0).toBeLessThan(64 * 1024);
    expectFrames(path, frames);
  });

  it("in the reserve, all the same, where nothing else is allowed", () => {
    const { path, frames } = journal({ reserveBytes: 1 << 20 });
    expect(finish(path, { methods: ["reserved"] }).method).toBe("reserved");
    expectFrames(path, frames);
  });

  it("by a layout that is stable where the blocks it inserts make stco co64", () => {
    const path = newPath();
    writeBareJournal({ finalPath: path, reserveBytes: 0 }, [
      {
        track: VIDEO,
        codec: "h264",
        config: AVCC,
        count: 3000,
        sample: (i, mediaPosition, into) => {
          // The last chunk begins just below 2^32, until the index in front of it pushes it across.
          const position = i === 2999 ? 2 ** 32 - 4096 : mediaPosition + i * 10;
          Object.assign(into, {
            position,
            bytes: 10,
            dts90k: i * 3600,
            flags: SAMPLE_FLAG_SYNC | SAMPLE_FLAG_CHUNK_START,
          });
        },
      },
    ]);
    const result = finish(path, { methods: ["reserved", "inserted"], dryRun: !canShift });
    expect(result.method).toBe("inserted");
    if (canShift) expect(readMp4(path).video?.chunkBox).toBe("co64");
  });

  it("is announced by a dry run, which changes nothing", () => {
    const { path } = journal({ reserveBytes: 0, durationMs: 20_000 });
    const before = readdirSync(scratch.path)
      .filter((name) => join(scratch.path, name).startsWith(path))
      .map((name) => readFileSync(join(scratch.path, name)));
    const dry = finish(path, { dryRun: true });
    const after = readdirSync(scratch.path)
      .filter((name) => join(scratch.path, name).startsWith(path))
      .map((name) => readFileSync(join(scratch.path, name)));
    expect(after.every((bytes, i) => bytes.equals(before[i] as Buffer))).toBe(true);
    const done = finish(path);
    expect({ ...dry, bytesWritten: 0 }).toEqual({ ...done, bytesWritten: 0 });
  });
});

describe("the name of the file", () => {
  it("is not taken from another file, and a second call with another name gives it", () => {
    const { path, frames } = journal();
    writeFileSync(path, "someone's");
    expect(codeOf(() => finish(path))).toBe("targetBusy");
    expect(readFileSync(path, "utf8")).toBe("someone's");
    const targetPath = newPath();
    expect(finish(path, { targetPath }).path).toBe(targetPath);
    expectFrames(targetPath, frames);
    expect(readFileSync(path, "utf8")).toBe("someone's");
    expect(leftovers(path)).toEqual([]);
  });

  it.each([
    { options: { overwrite: true }, recorded: false },
    { options: {}, recorded: true },
  ])("replaces an old file where it may ($recorded)", ({ options, recorded }) => {
    const { path, frames } = journal({ overwrite: recorded });
    writeFileSync(path, "old");
    finish(path, options);
    expectFrames(path, frames);
    expect(leftovers(path)).toEqual([]);
  });

  it("is recognised after a crash right behind it, whatever was removed already", () => {
    for (const removed of [[], [".track1"], [".track1", ".track2"], [".track1", ".track2", ".mdat"]]) {
      const { path, frames } = journal();
      // A copy of the journal, finished under the name of the first: what the first finish knows is then put back.
      const saved = new Map(leftovers(path).map((name) => [name, readFileSync(join(scratch.path, name))]));
      const done = finish(path);
      for (const [name, bytes] of saved) if (!name.endsWith(".mdat")) writeFileSync(join(scratch.path, name), bytes);
      appendLineTo(`${path}.info`, { type: "finished", target: path, result: done });
      linkSync(path, `${path}.mdat`);
      for (const suffix of removed) rmSync(`${path}${suffix}`);
      expect(finish(path)).toEqual(done);
      expectFrames(path, frames);
      expect(leftovers(path)).toEqual([]);
    }
  });
});

describe("a lock", () => {
  it("of a running server keeps others away, its own finish not", async () => {
    const lockPath = join(scratch.path, "server.lock");
    const { path, frames } = journal({ lockPath });
    const server = spawn("flock", ["--exclusive", lockPath, "sh", "-c", "echo held; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(server.stdout, "data");
    expect(isLockHeld(lockPath)).toBe(true);
    expect(codeOf(() => finish(path))).toBe("locked");
    expect(codeOf(() => finish(path, { dryRun: true }))).toBe("locked");
    finish(path, { ownLockPath: lockPath });
    expectFrames(path, frames);
    server.stdin.end();
    await once(server, "exit");
    expect(isLockHeld(lockPath)).toBe(false);
  });
});

describe("a journal that ends anywhere", () => {
  it("gives all whole records for a record file cut at every byte of its last records", () => {
    const { path, frames } = journal({ durationMs: 400 });
    const saved = new Map(leftovers(path).map((name) => [name, readFileSync(join(scratch.path, name))]));
    const audio = frames.filter((frame) => frame.track === AUDIO);
    const video = frames.filter((frame) => frame.track === VIDEO);
    for (let cut = 0; cut <= 2 * SAMPLE_RECORD_SIZE; cut++) {
      for (const [name, bytes] of saved) writeFileSync(join(scratch.path, name), bytes);
      truncateFile(`${path}.track1`, audio.length * SAMPLE_RECORD_SIZE - cut);
      const result = finish(path);
      const kept = audio.length - Math.ceil(cut / SAMPLE_RECORD_SIZE);
      expect(result.audioFrames).toBe(kept);
      expect(result.lost === null).toBe(cut === 0);
      expectFrames(path, [...video, ...audio.slice(0, kept)]);
      rmSync(path);
    }
  });

  it("stops at a record with any byte changed, and says what is lost", () => {
    const { path, frames } = journal({ durationMs: 400 });
    const saved = new Map(leftovers(path).map((name) => [name, readFileSync(join(scratch.path, name))]));
    const audio = frames.filter((frame) => frame.track === AUDIO);
    for (let byte = 0; byte < SAMPLE_RECORD_SIZE; byte++) {
      for (const [name, bytes] of saved) writeFileSync(join(scratch.path, name), bytes);
      const records = readFileSync(`${path}.track1`);
      const at = (audio.length - 3) * SAMPLE_RECORD_SIZE + byte;
      records[at] = (records[at] ?? 0) ^ (1 << (byte % 8));
      writeFileSync(`${path}.track1`, records);
      const result = finish(path);
      expect(result.audioFrames).toBe(audio.length - 3);
      expect(result.lost?.frames).toBe(3);
      expect(result.lost?.bytes).toBe(audio.slice(-3).reduce((sum, frame) => sum + frame.payload.byteLength, 0));
      expect(result.lost?.durationMs).toBeCloseTo(64, 0);
      rmSync(path);
    }
  });

  it("drops records that point past the end of the media, wherever it ends", () => {
    const { path, frames } = journal({ durationMs: 400 });
    const saved = new Map(leftovers(path).map((name) => [name, readFileSync(join(scratch.path, name))]));
    const size = sizeOf(`${path}.mdat`);
    const audio = frames.filter((frame) => frame.track === AUDIO);
    const video = frames.filter((frame) => frame.track === VIDEO);
    const lastBytes = audio.at(-1)?.payload.byteLength ?? 0;
    for (let cut = 1; cut <= lastBytes; cut++) {
      for (const [name, bytes] of saved) writeFileSync(join(scratch.path, name), bytes);
      truncateFile(`${path}.mdat`, size - cut);
      expect(finish(path).lost).toMatchObject({ frames: 1, bytes: lastBytes - cut });
      expectFrames(path, [...video, ...audio.slice(0, -1)]);
      rmSync(path);
    }
  });

  it("takes records of zeros for none", () => {
    const { path, frames } = journal({ durationMs: 400 });
    appendFileSync(`${path}.track2`, Buffer.alloc(5 * SAMPLE_RECORD_SIZE));
    expect(finish(path).lost).toEqual({ frames: 5, bytes: 0, durationMs: 0 });
    expectFrames(path, frames);
  });

  it("reads an .info cut at every byte of its last line", () => {
    const { path, frames } = journal({ durationMs: 400 });
    const whole = readFileSync(`${path}.info`);
    appendGap(path, { cause: "lag", dtsMs: 1, durationMs: 2, frames: 3, bytes: 4, track: null });
    const saved = new Map(leftovers(path).map((name) => [name, readFileSync(join(scratch.path, name))]));
    const size = sizeOf(`${path}.info`);
    for (let end = whole.byteLength; end <= size; end++) {
      for (const [name, bytes] of saved) writeFileSync(join(scratch.path, name), bytes);
      truncateFile(`${path}.info`, end);
      // The line that follows must not be lost to the torn one.
      appendGap(path, { cause: "heldBack" });
      const { gaps } = finish(path);
      expect(gaps.map((gap) => gap.cause)).toEqual(end >= size - 1 ? ["lag", "heldBack"] : ["heldBack"]);
      expectFrames(path, frames);
      rmSync(path);
    }
  });

  it("is left as it is where a power cut left zeros instead of its media", () => {
    const { path } = journal();
    const bytes = sizeOf(`${path}.mdat`);
    truncateFile(`${path}.mdat`, 0);
    truncateFile(`${path}.mdat`, bytes);
    const before = leftovers(path);
    expect(codeOf(() => finish(path))).toBe("corrupt");
    expect(leftovers(path)).toEqual(before);
  });

  it("is left as it is where its media is gone and its records are not", () => {
    const { path } = journal();
    truncateFile(`${path}.mdat`, 0);
    const before = leftovers(path);
    expect(codeOf(() => finish(path))).toBe("corrupt");
    expect(leftovers(path)).toEqual(before);
  });

  it("knows whether an announced shift happened", () => {
    if (!canShift)
      throw new Error(`${scratch.path} is on a volume without --insert-range; set TMPDIR to one on ext4 or XFS`);
    for (const happened of [false, true]) {
      const { path, frames } = journal({ reserveBytes: 0, durationMs: 20_000 });
      const plain = journal({ reserveBytes: 0, durationMs: 20_000 }).path;
      finish(plain);
      appendLineTo(`${path}.info`, { type: "shift", bytes: 8192, sizeBefore: sizeOf(`${path}.mdat`) });
      if (happened) spawnSync("fallocate", ["--insert-range", "--offset", "4096", "--length", "8192", `${path}.mdat`]);
      expect(finish(path).method).toBe("inserted");
      expectFrames(path, frames);
      expect(readMp4(path).topLevel).toEqual(["ftyp", "moov", "free", "mdat"]);
      if (!happened) expect(readFileSync(path).equals(readFileSync(plain))).toBe(true);
    }
    const { path } = journal({ reserveBytes: 0 });
    appendLineTo(`${path}.info`, { type: "shift", bytes: 8192, sizeBefore: sizeOf(`${path}.mdat`) - 1 });
    const before = readFileSync(`${path}.mdat`);
    expect(codeOf(() => finish(path))).toBe("corrupt");
    expect(readFileSync(`${path}.mdat`).equals(before)).toBe(true);
  });

  it("makes no file of a segment without a frame, and removes what there is", () => {
    const path = newPath();
    openMp4Journal({
      finalPath: path,
      reserveBytes: 0,
      tracks: [],
      zero90k: 0,
      createdMs: 0,
      winQtCompat: true,
      lockPath: "",
      sequence: 0,
      origin: UNKNOWN_ORIGIN,
    });
    expect(finish(path)).toMatchObject({ method: "none", path: null });
    expect(leftovers(path)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    [0, 1, 0, false],
    [SAMPLE_RECORD_SIZE - 1, OUTPUT_BYTES, 0, false],
    [SAMPLE_RECORD_SIZE - 1, OUTPUT_BYTES + 1, 0, true],
    [0, OUTPUT_BYTES, 1000, false],
    [0, 5_000_000, 5_000_000, false],
    [0, 5_000_001, 5_000_000, true],
    [SAMPLE_RECORD_SIZE, 1000, 0, true],
  ])(
    "with %i bytes of records and %i of media (%i noted) is the first batch, cut off by a kill, or is kept (%s)",
    (records, mediaBytes, noted, isKept) => {
      const { path } = journal({ durationMs: 400, reserveBytes: 65536 });
      if (noted > 0) appendFirstBatch(path, noted);
      for (const number of [1, 2]) truncateFile(`${path}.track${number}`, 0);
      truncateFile(`${path}.track2`, records); // of zeros: none that could be used
      truncateFile(`${path}.mdat`, FTYP_SIZE + alignReserve(65536) + MDAT_HEADER_ROOM + mediaBytes);
      const before = leftovers(path);
      const lost = { frames: 0, bytes: mediaBytes, durationMs: 0 };
      if (isKept) expect(codeOf(() => finish(path))).toBe("corrupt");
      else expect(finish(path)).toMatchObject({ method: "none", path: null, lost });
      expect(leftovers(path)).toEqual(isKept ? before : []);
      if (isKept) for (const name of before) rmSync(join(scratch.path, name));
    },
  );

  it("leaves untouched what cannot be recovered", () => {
    for (const damage of [
      (path: string) => writeFileSync(`${path}.info`, "nonsense\n"),
      (path: string) => rmSync(`${path}.mdat`),
      // Never to be taken for an empty one, whatever else is gone.
      (path: string) => rmSync(`${path}.track2`),
      (path: string) => [".mdat", ".track2"].map((suffix) => rmSync(path + suffix)),
      (path: string) => [".mdat", ".track1", ".track2"].map((suffix) => rmSync(path + suffix)),
    ]) {
      const { path } = journal({ durationMs: 400 });
      damage(path);
      const before = leftovers(path);
      expect(codeOf(() => finish(path))).toBe("corrupt");
      expect(leftovers(path)).toEqual(before);
      for (const name of before) renameSync(join(scratch.path, name), join(scratch.path, `set-aside-${name}`));
    }
    expect(codeOf(() => finish(newPath()))).toBe("notFound");
  });
});

describe("opening a journal", () => {
  it("touches no file that is there already, and leaves none of its own behind then", () => {
    for (const suffix of [".info", ".mdat", ".track1"]) {
      const path = newPath();
      writeFileSync(`${path}${suffix}`, "someone's");
      expect(codeOf(() => journal({ finalPath: path }))).toBe("targetBusy");
      expect(readFileSync(`${path}${suffix}`, "utf8")).toBe("someone's");
      expect(leftovers(path)).toEqual([`${path}${suffix}`.slice(scratch.path.length + 1)]);
    }
  });

  it("numbers audio 1 and video 2, a single medium 1", () => {
    const { path } = journal({ durationMs: 400 });
    expect(
      leftovers(path)
        .map((name) => name.slice(name.lastIndexOf(".")))
        .sort(),
    ).toEqual([".info", ".mdat", ".track1", ".track2"]);
    expect(sizeOf(`${path}.track1`) / SAMPLE_RECORD_SIZE).toBe(19);
    expect(sizeOf(`${path}.track2`) / SAMPLE_RECORD_SIZE).toBe(10);
  });

  it("reserves for the length of a segment, then by what the stream showed", () => {
    expect(reserveFor(0)).toBe(512 * 1024 + 4096 - 32);
    expect(reserveFor(600)).toBeGreaterThan(600 * 110 * 8);
    const rate = (tableBytes: number, durationMs = 60_000) => ({
      tableBytes: (tableBytes * durationMs) / 1000,
      durationMs,
    });
    expect(reserveFor(600, rate(300))).toBeLessThan(reserveFor(600));
    expect(reserveFor(600, rate(2000))).toBeGreaterThan(600 * 2000);
    for (const seconds of [0, 1, 60, 600, 86_400]) expect((reserveFor(seconds) + 32) % 4096).toBe(0);
  });
});

describe("the reserve", () => {
  // The index of a segment of two pictures: 1.2 kB of boxes and 80 bytes of entries in 40 ms.
  it.each([999_999, 86_400, 3600, 10])("of a chunk of %i s is not taken from a segment of two pictures", (seconds) => {
    expect(reserveFor(seconds, { tableBytes: 1280, durationMs: 40 })).toBe(reserveFor(seconds));
    expect(reserveFor(seconds)).toBeLessThanOrEqual(128 * 1024 * 1024 + 4096);
    expect(reserveFor(seconds)).toBeGreaterThanOrEqual(Math.min(seconds * 1100, 128 * 1024 * 1024));
  });

  it("never outgrows a free box, whatever a segment shows", () => {
    expect(reserveFor(999_999, { tableBytes: 1e9, durationMs: 10_000 })).toBe(reserveFor(999_999));
  });

  it("goes by the tables of an index, not by its fixed parts", () => {
    const { path } = journal({ durationMs: 20_000 });
    const { tableBytes, moovBytes, durationMs } = finish(path);
    expect(moovBytes - tableBytes).toBeGreaterThan(800);
    expect(moovBytes - tableBytes).toBeLessThan(1600);
    // 25 pictures and 47 audio frames a second.
    expect((tableBytes * 1000) / durationMs).toBeGreaterThan(72 * 4);
    expect((tableBytes * 1000) / durationMs).toBeLessThan(72 * 10);
  });
});

describe.each(BUILDS)("two builds, one file (%s)", (build) => {
  it("gives the bytes that the release build gives", () => {
    const a = journal({ durationMs: 4000 }).path;
    const b = journal({ durationMs: 4000 }).path;
    finish(a);
    finish(b, { module: testModule(build) });
    expect(readFileSync(b).equals(readFileSync(a))).toBe(true);
  });
});
