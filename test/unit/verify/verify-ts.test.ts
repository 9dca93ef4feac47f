// `reel verify` on MPEG-TS: sound files of two writers are sound, and every way to break one is named at its packet.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../../src/abi/frame.js";
import { verifyFile } from "../../../src/verify/verify-file.js";
import { makeClip } from "../../support/clip.js";
import { ffprobe } from "../../support/ffprobe.js";
import { KernelRun } from "../../support/kernel-harness.js";
import { scratch } from "../../support/scratch.js";
import { makeAv } from "../../support/test-media.js";

const { changed, write } = scratch();
const PACKET = 188;
let whole: string;
let own: string;

beforeAll(async () => {
  whole = await makeClip({ seconds: 2, video: { bFrames: 2 }, format: "ts" });
  const run = new KernelRun({ build: "release", container: "ts" });
  for (const frame of makeAv(run, 3000)) run.push(frame);
  own = write("own.ts", run.finish()[0]?.files[0] ?? Buffer.alloc(0));
});

const pidOf = (bytes: Buffer, index: number): number => bytes.readUInt16BE(index * PACKET + 1) & 0x1fff;
const isStart = (bytes: Buffer, index: number): boolean => ((bytes[index * PACKET + 1] ?? 0) & 0x40) !== 0;

/** The nth packet that `is`. */
function packet(bytes: Buffer, is: (index: number) => boolean, ordinal = 0): number {
  let seen = 0;
  for (let index = 0; index * PACKET < bytes.byteLength; index++) if (is(index) && seen++ === ordinal) return index;
  throw new Error("no such packet");
}
const withoutPacket = (bytes: Buffer, index: number): Buffer =>
  Buffer.concat([bytes.subarray(0, index * PACKET), bytes.subarray((index + 1) * PACKET)]);

async function defectsOf(file: string): Promise<string[]> {
  return (await verifyFile(file)).defects.map((defect) => `${defect.path}: ${defect.message}`);
}

describe("a sound transport stream", () => {
  it("is read as ffprobe reads it", async () => {
    const report = await verifyFile(whole);
    const probe = await ffprobe(whole);
    expect(report).toMatchObject({ container: "ts", isIndexInFront: null, defects: [], gaps: [] });
    expect(report.tracks[0]).toMatchObject({ kind: "video", codec: "h264", width: 320, height: 240, keyframes: 2 });
    expect(report.tracks[1]).toMatchObject({ kind: "audio", codec: "aac", sampleRate: 48000, channels: 2 });
    expect(report.tracks.map((track) => track.frames)).toEqual([
      probe.video?.packets.length,
      probe.audio?.packets.length,
    ]);
    expect(report.tracks[0]?.firstPtsMs).toBeCloseTo((probe.video?.start90k ?? 0) / 90, 2);
  });

  it("of our own writer is sound", async () => {
    const report = await verifyFile(own);
    expect(report.defects).toEqual([]);
    expect(report.tracks.map((track) => [track.frames, track.isFirstFrameDecodable, track.isDtsMonotonic])).toEqual([
      [75, true, true],
      [141, true, true],
    ]);
  });

  it("that ends before a track has a frame is sound, which a note tells", async () => {
    const run = new KernelRun({ build: "release", container: "ts" });
    const frames = makeAv(run, 3000).filter(({ track }) => track === TRACK_VIDEO);
    for (const frame of frames) run.push(frame);
    const report = await verifyFile(write("early.ts", run.finish()[0]?.files[0] ?? Buffer.alloc(0)));
    expect(report.defects).toEqual([]);
    expect(report.notes).toEqual([{ path: "/", message: "the PMT lists a track (aac) that has no frames" }]);
    expect((await verifyFile(own)).notes).toEqual([]);
    const bytes = readFileSync(own);
    const tables = Array.from({ length: bytes.byteLength / PACKET }, (_, i) => i)
      .filter((i) => pidOf(bytes, i) < 0x100 || pidOf(bytes, i) > 0x110)
      .map((i) => bytes.subarray(i * PACKET, (i + 1) * PACKET));
    expect(await defectsOf(write("tables.ts", Buffer.concat(tables)))).toContain(
      "/: the PMT lists a track (h264) that has no frames",
    );
  });
});

describe("a broken transport stream", () => {
  it("names the packet the file ends in, wherever it ends", async () => {
    const bytes = readFileSync(own);
    const packets = bytes.byteLength / PACKET;
    for (let lost = 1; lost < PACKET; lost++) {
      const defects = await defectsOf(write("cut.ts", bytes.subarray(0, -lost)));
      expect(defects).toContainEqual(`/packet[${packets - 1}]: ${PACKET - lost} bytes of 188: the file ends in it`);
    }
  });

  it("names a dropped packet at the one behind it", async () => {
    const bytes = readFileSync(own);
    const middle = packet(bytes, (i) => pidOf(bytes, i) === 0x100 && !isStart(bytes, i), 7);
    const behind = packet(bytes, (i) => i > middle && pidOf(bytes, i) === 0x100) - 1;
    const defects = await defectsOf(write("dropped.ts", withoutPacket(bytes, middle)));
    expect(defects.some((defect) => defect.startsWith(`/packet[${behind}]: continuity_counter `))).toBe(true);
    expect(defects.some((defect) => / a PES packet of \d+ bytes has \d+$/.test(defect))).toBe(true);
  });

  it("takes a repeated packet, and not a third", async () => {
    const bytes = readFileSync(own);
    const index = packet(bytes, (i) => pidOf(bytes, i) === 0x100, 3);
    const one = bytes.subarray(index * PACKET, (index + 1) * PACKET);
    const repeat = (times: number): Buffer =>
      Buffer.concat([
        bytes.subarray(0, index * PACKET),
        ...Array.from({ length: times }, () => one),
        bytes.subarray(index * PACKET),
      ]);
    expect(await defectsOf(write("twice.ts", repeat(1)))).toEqual([]);
    expect(await defectsOf(write("thrice.ts", repeat(2)))).toContainEqual(
      expect.stringContaining(`/packet[${index + 2}]: continuity_counter `),
    );
  });

  it("names lost sync, and goes on behind it", async () => {
    const inserted = changed(own, (b) =>
      Buffer.concat([b.subarray(0, 20 * PACKET), Buffer.alloc(50, 1), b.subarray(20 * PACKET)]),
    );
    const report = await verifyFile(inserted);
    expect(report.defects).toEqual([
      { path: "/packet[20]", message: "has no sync byte; packets go on 50 bytes behind it" },
    ]);
    expect(report.tracks.map((track) => track.frames)).toEqual([75, 141]);
    const zeros = changed(own, (b) => Buffer.concat([b, Buffer.alloc(4096)]));
    expect(await defectsOf(zeros)).toEqual([
      `/packet[${readFileSync(own).byteLength / PACKET}]: has no sync byte; packets go on nowhere behind it`,
    ]);
  });

  it("names damaged tables, missing tables and media before them", async () => {
    const bytes = readFileSync(own);
    const pat = packet(bytes, (i) => pidOf(bytes, i) === 0);
    const crc = changed(own, (b) => void b.writeUInt8((b[pat * PACKET + 10] ?? 0) ^ 1, pat * PACKET + 10));
    expect(await defectsOf(crc)).toContainEqual(`/packet[${pat}]: a table: its CRC does not hold`);
    const isTable = (index: number): boolean => pidOf(bytes, index) === 0 || pidOf(bytes, index) === 0x1000;
    const media = Buffer.concat(
      Array.from({ length: bytes.byteLength / PACKET }, (_, i) =>
        isTable(i) ? Buffer.alloc(0) : bytes.subarray(i * PACKET, (i + 1) * PACKET),
      ),
    );
    const defects = await defectsOf(write("media.ts", media));
    expect(defects).toContainEqual("/packet[0]: media on PID 256 before a PMT lists it");
    expect(defects).toContainEqual("/: has no PAT");
  });

  it("names a PCR that comes late or goes back, and tables that come late", async () => {
    const bytes = readFileSync(own);
    const hasPcr = (i: number): boolean =>
      ((bytes[i * PACKET + 3] ?? 0) & 0x20) !== 0 &&
      (bytes[i * PACKET + 4] ?? 0) > 0 &&
      ((bytes[i * PACKET + 5] ?? 0) & 0x10) !== 0;
    const third = packet(bytes, hasPcr, 2);
    const late = changed(
      own,
      (b) => void b.writeUInt32BE(b.readUInt32BE(third * PACKET + 6) + 9000, third * PACKET + 6),
    );
    expect(await defectsOf(late)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(new RegExp(`^/packet\\[${third}\\]: the PCR comes 2\\d\\d(\\.\\d+)? ms after`)),
        expect.stringMatching(/: the PCR goes back by /),
      ]),
    );
    const kept = Array.from({ length: bytes.byteLength / PACKET }, (_, i) => i).filter(
      (i) => i < 4 || (pidOf(bytes, i) !== 0 && pidOf(bytes, i) !== 0x1000) || i > 300,
    );
    const defects = await defectsOf(
      write("sparse.ts", Buffer.concat(kept.map((i) => bytes.subarray(i * PACKET, (i + 1) * PACKET)))),
    );
    expect(defects.some((defect) => / the PAT comes \d+/.test(defect))).toBe(true);
  });

  it("names pictures that arrive after their time, go back, or cannot be decoded", async () => {
    const bytes = readFileSync(own);
    const picture = packet(bytes, (i) => pidOf(bytes, i) === 0x100 && isStart(bytes, i), 5);
    const at =
      picture * PACKET +
      4 +
      (((bytes[picture * PACKET + 3] ?? 0) & 0x20) !== 0 ? 1 + (bytes[picture * PACKET + 4] ?? 0) : 0);
    const dtsAt = at + ((bytes[at + 7] ?? 0) >> 6 === 3 ? 14 : 9);
    const early = changed(own, (b) => void b.writeUInt16BE(1, dtsAt + 1));
    const defects = await defectsOf(early);
    expect(defects).toContainEqual(
      expect.stringMatching(new RegExp(`^/packet\\[${picture}\\]: arrives [\\d.]+ ms after its decoding time`)),
    );
    expect(defects).toContainEqual(
      expect.stringMatching(new RegExp(`^/packet\\[${picture}\\]: decoding time goes back by `)),
    );
    const second = packet(bytes, (i) => pidOf(bytes, i) === 0x100 && isStart(bytes, i), 1);
    const tables = bytes.subarray(0, 2 * PACKET);
    const headless = await defectsOf(write("headless.ts", Buffer.concat([tables, bytes.subarray(second * PACKET)])));
    expect(headless).toContainEqual("/packet[2]: decoding cannot start with the first picture");
  });

  it("names what its ADTS frames do not cover", async () => {
    const bytes = readFileSync(own);
    const audio = packet(bytes, (i) => pidOf(bytes, i) === 0x101 && isStart(bytes, i), 4);
    const adts = bytes.indexOf(Buffer.of(0xff, 0xf1), audio * PACKET);
    expect(await defectsOf(changed(own, (b) => void b.writeUInt8(0, adts)))).toContainEqual(
      expect.stringMatching(new RegExp(`^/packet\\[${audio}\\]: \\d+ bytes belong to no ADTS frame`)),
    );
  });

  it("never throws, whatever bytes it meets", async () => {
    const bytes = readFileSync(own);
    for (let at = 0; at < 40 * PACKET; at += 11) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0xff;
      await expect(verifyFile(write("flipped.ts", flipped)), `byte ${at}`).resolves.toBeDefined();
    }
  });

  it("reports media that never came as a gap, not as a defect", async () => {
    const run = new KernelRun({ build: "release", container: "ts" });
    for (const frame of makeAv(run, 3000)) if (frame.dts90k < 90_000 || frame.dts90k >= 180_000) run.push(frame);
    const report = await verifyFile(write("gap.ts", run.finish()[0]?.files[0] ?? Buffer.alloc(0)));
    expect(report.defects).toEqual([]);
    expect(report.gaps.map((gap) => [gap.track, Math.round(gap.missingMs / 100)])).toEqual(
      expect.arrayContaining([
        [0, 10],
        [1, 10],
      ]),
    );
  });
});
