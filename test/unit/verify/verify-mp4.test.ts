// `reel verify` on MP4: sound files of two writers are sound, and every way to break one is named at its place.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { finishMp4 } from "../../../src/container/mp4/finish.js";
import { verifyFile } from "../../../src/verify/verify-file.js";
import { makeClip } from "../../support/clip.js";
import { ffprobe } from "../../support/ffprobe.js";
import { testModule } from "../../support/kernel-harness.js";
import { recordJournal } from "../../support/mp4-journal.js";
import { runProgram } from "../../support/run-program.js";
import { scratch } from "../../support/scratch.js";
import { makeAv } from "../../support/test-media.js";

const { path, changed, write } = scratch();
const CLIP = { seconds: 2, video: { bFrames: 2 } } as const;
const STBL = "/moov/trak[0]/mdia/minf/stbl";
let whole: string;

beforeAll(async () => {
  whole = path("whole.mp4");
  await runProgram("ffmpeg", [
    "-v",
    "error",
    "-y",
    "-i",
    await makeClip({ ...CLIP, format: "mp4" }),
    "-c",
    "copy",
    "-movflags",
    "+faststart",
    whole,
  ]);
});

/** The payload of a box, behind its header: the first of its type, or the nth. */
function box(bytes: Buffer, type: string, ordinal = 0): number {
  let at = -1;
  for (let i = 0; i <= ordinal; i++) at = bytes.indexOf(type, at + 1, "latin1");
  if (at < 0) throw new Error(`no ${type}`);
  return at + 4;
}

async function defectsOf(file: string): Promise<string[]> {
  return (await verifyFile(file)).defects.map((defect) => `${defect.path}: ${defect.message}`);
}

describe("a sound MP4", () => {
  it("may show its only picture later than decoding it takes", async () => {
    const single = path("single.mp4");
    const encode = ["-vf", "trim=end_frame=3", "-c:v", "libx264", "-bf", "2", "-an", path("three.mp4")];
    await runProgram("ffmpeg", ["-v", "error", "-y", "-i", whole, ...encode]);
    await runProgram("ffmpeg", ["-v", "error", "-y", "-i", path("three.mp4"), "-c", "copy", "-frames:v", "1", single]);
    const bytes = readFileSync(single);
    const mediaTime = bytes.readInt32BE(box(bytes, "elst") + 12);
    expect(mediaTime).toBeGreaterThan(bytes.readUInt32BE(box(bytes, "mdhd") + 16));
    expect(await defectsOf(single)).toEqual([]);
  });

  it("is read as ffprobe reads it", async () => {
    const report = await verifyFile(whole);
    const probe = await ffprobe(whole);
    expect(report).toMatchObject({ container: "mp4", isIndexInFront: true, defects: [], defectCount: 0, gaps: [] });
    const [video, audio] = report.tracks;
    expect(video).toMatchObject({
      kind: "video",
      codec: "h264",
      width: 320,
      height: 240,
      keyframes: 2,
      frames: 50,
      firstPtsMs: 0,
      lastPtsMs: 1960,
      durationMs: 2000,
    });
    expect(video?.frames).toBe(probe.video?.packets.length);
    expect(video?.keyframes).toBe(probe.video?.packets.filter((packet) => packet.isKey).length);
    expect(audio).toMatchObject({
      kind: "audio",
      codec: "aac",
      sampleRate: 48000,
      channels: 2,
      isFirstFrameDecodable: true,
      isDtsMonotonic: true,
    });
    expect(audio?.frames).toBe(probe.audio?.packets.length);
    expect(video?.sizeBytes).toBe(probe.video?.packets.reduce((sum, packet) => sum + packet.sizeBytes, 0));
    expect(Math.abs(report.durationMs - probe.durationMs)).toBeLessThan(25);
  });

  it("of our own writer is sound", async () => {
    const finalPath = path("own.mp4");
    const frames = recordJournal({ build: "release", finalPath }, (run) => makeAv(run, 4000));
    finishMp4(finalPath, { durability: "none", module: testModule("release") });
    const report = await verifyFile(finalPath);
    expect(report.defects).toEqual([]);
    expect(report.isIndexInFront).toBe(true);
    expect(report.tracks.map((track) => track.frames)).toEqual([
      frames.filter((frame) => frame.track === 0).length,
      frames.filter((frame) => frame.track === 1).length,
    ]);
    expect(report.tracks.every((track) => track.isFirstFrameDecodable && track.isDtsMonotonic)).toBe(true);
  });

  it("with its index at the end is sound, and says so", async () => {
    const report = await verifyFile(await makeClip({ ...CLIP, format: "mp4" }));
    expect(report.defects).toEqual([]);
    expect(report.isIndexInFront).toBe(false);
  });
});

describe("a broken MP4", () => {
  const cases: [string, (bytes: Buffer) => Buffer | undefined, string][] = [
    ["ftyp is gone", (b) => b.subarray(b.readUInt32BE(0)), "/: has no ftyp"],
    [
      "a sample more than there are sizes",
      (b) => void b.writeUInt32BE(51, box(b, "stsz") + 8),
      `${STBL}/stsz: says 51 entries, has room for 50`,
    ],
    [
      "a run of times is shorter",
      (b) => void b.writeUInt32BE(49, box(b, "stts") + 8),
      `${STBL}/stts: has times for 49 samples of 50`,
    ],
    [
      "a run of times is empty",
      (b) => void b.writeUInt32BE(0, box(b, "stts") + 8),
      `${STBL}/stts[0]: a run of no samples`,
    ],
    [
      "times that go back",
      (b) => void b.writeUInt32BE(2 ** 32 - 512, box(b, "stts") + 12),
      `${STBL}/stts[0]: a sample_delta of 4294966784 reads as a step back`,
    ],
    ["an offset run is longer", (b) => void b.writeUInt32BE(100, box(b, "ctts") + 8), `${STBL}/ctts: has offsets for `],
    [
      "a sync sample past the end",
      (b) => void b.writeUInt32BE(51, box(b, "stss") + 12),
      `${STBL}/stss[1]: sample_number 51 of 50 samples`,
    ],
    [
      "sync samples that fall",
      (b) => void b.writeUInt32BE(1, box(b, "stss") + 12),
      `${STBL}/stss[1]: sample_number 1 is not behind 1`,
    ],
    [
      "a sync sample that is none",
      (b) => void b.writeUInt32BE(25, box(b, "stss") + 12),
      "/moov/trak[0]/sample[24]: is a sync sample, but decoding cannot start there",
    ],
    [
      "a lost sync sample",
      (b) => void b.writeUInt32BE(25, box(b, "stss") + 12),
      "/moov/trak[0]/sample[25]: is an IDR, but no sync sample",
    ],
    [
      "a first chunk that is not the first",
      (b) => void b.writeUInt32BE(2, box(b, "stsc") + 8),
      `${STBL}/stsc[0]: the first run begins with chunk 2`,
    ],
    ["a chunk outside mdat", (b) => void b.writeUInt32BE(16, box(b, "stco") + 8), `${STBL}/stco[0]: bytes 16 to `],
    [
      "a chunk past the end",
      (b) => void b.writeUInt32BE(b.byteLength - 4, box(b, "stco") + 12),
      `${STBL}/stco[1]: bytes `,
    ],
    [
      "a chunk on top of another",
      (b) => void b.writeUInt32BE(b.readUInt32BE(box(b, "stco") + 8) + 1, box(b, "stco") + 12),
      `${STBL}/stco[1]: begins `,
    ],
    [
      "a media duration that lies",
      (b) => void b.writeUInt32BE(999_999, box(b, "mdhd") + 16),
      "/moov/trak[0]/mdia/mdhd: says a duration of 999999",
    ],
    [
      "a movie duration that lies",
      (b) => void b.writeUInt32BE(60_000, box(b, "mvhd") + 16),
      "/moov/mvhd: says a duration of 60000",
    ],
    [
      "a track duration that lies",
      (b) => void b.writeUInt32BE(1, box(b, "tkhd") + 20),
      "/moov/trak[0]/tkhd: says a duration of 1",
    ],
    [
      "two tracks of one number",
      (b) => void b.writeUInt32BE(1, box(b, "tkhd", 1) + 12),
      "/moov/trak[1]/tkhd: track_ID 1 is taken",
    ],
    [
      "an edit behind the media",
      (b) => void b.writeInt32BE(2 ** 30, box(b, "elst") + 12),
      "/moov/trak[0]/edts/elst[0]: a media_time of 1073741824",
    ],
    [
      "a timescale of 0",
      (b) => void b.writeUInt32BE(0, box(b, "mdhd") + 12),
      "/moov/trak[0]/mdia/mdhd: a timescale of 0",
    ],
    ["a box that leaves its parent", (b) => void b.writeUInt32BE(0xffff, box(b, "stsc") - 8), `${STBL}/stsc: ends `],
    [
      "a box without a size",
      (b) => void b.writeUInt32BE(3, box(b, "stsc") - 8),
      `${STBL}/stsc: a size of 3 bytes is less than its header`,
    ],
    ["a box of another name", (b) => void b.write("xxxx", box(b, "stsz") - 4, "latin1"), `${STBL}: has no stsz`],
    [
      "a picture size that lies",
      (b) => void b.writeUInt16BE(640, box(b, "avc1", 1) + 24),
      `${STBL}/stsd/avc1: says 640 × 240, its parameter sets say 320 × 240`,
    ],
    [
      "an avcC that is none",
      (b) => void b.writeUInt8(9, box(b, "avcC")),
      `${STBL}/stsd/avc1: H.264 decoder configuration: configurationVersion 9`,
    ],
    [
      "zeros for a picture",
      (b) => void b.fill(0, b.readUInt32BE(box(b, "stco") + 8), b.readUInt32BE(box(b, "stco") + 8) + 64),
      "/moov/trak[0]/sample[0]: a NAL unit of 0 bytes",
    ],
    ["bytes behind the last box", (b) => Buffer.concat([b, Buffer.from("abc")]), "/: 3 bytes behind the last box"],
    [
      "a file that was never finished",
      (b) => void b.write("skip", box(b, "moov") - 4, "latin1"),
      "/: has no moov: it was never finished",
    ],
  ];
  it.each(cases)("is named: %s", async (_, change, expected) => {
    expect((await defectsOf(changed(whole, change))).filter((defect) => defect.startsWith(expected))).toHaveLength(1);
  });

  it("is named wherever it is cut off", async () => {
    const bytes = readFileSync(whole);
    const cuts = [
      ...Array.from({ length: 40 }, (_, i) => bytes.byteLength - 1 - i),
      ...Array.from({ length: 40 }, (_, i) => Math.floor((bytes.byteLength * i) / 40) + 20),
    ];
    for (const cut of cuts) {
      const defects = await defectsOf(write("cut.mp4", bytes.subarray(0, cut)));
      expect(defects.length, `cut to ${cut} bytes`).toBeGreaterThan(0);
    }
    expect(await defectsOf(write("cut.mp4", bytes.subarray(0, -1)))).toContainEqual(
      "/mdat: ends 1 bytes past the end of the file",
    );
  });

  it("never throws, whichever byte of its index is flipped", async () => {
    const bytes = readFileSync(whole);
    const end = box(bytes, "mdat");
    for (let at = 0; at < end; at += 7) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0xff;
      await expect(verifyFile(write("flipped.mp4", flipped)), `byte ${at}`).resolves.toBeDefined();
    }
  });
});

describe("a file that is no recording", () => {
  it("is refused with the reason", async () => {
    await expect(verifyFile(path("nowhere.mp4"))).rejects.toMatchObject({ code: "notFound", message: "no such file" });
    await expect(verifyFile(write("empty.mp4", Buffer.alloc(0)))).rejects.toMatchObject({
      code: "corrupt",
      message: "is empty",
    });
    await expect(verifyFile(write("text.txt", Buffer.from("x".repeat(500))))).rejects.toMatchObject({
      code: "corrupt",
    });
    await expect(verifyFile(path("."))).rejects.toMatchObject({ code: "io" });
  });
});
