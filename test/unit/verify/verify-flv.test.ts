// `reel verify` on FLV: sound files of two writers are sound, and every way to break one is named at its tag.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyFile } from "../../../src/verify/verify-file.js";
import { makeClip } from "../../support/clip.js";
import { ffprobe } from "../../support/ffprobe.js";
import { KernelRun } from "../../support/kernel-harness.js";
import { scratch } from "../../support/scratch.js";
import { makeAv } from "../../support/test-media.js";

const { changed, write } = scratch();
let whole: string;
let own: string;

beforeAll(async () => {
  whole = await makeClip({ seconds: 2, video: { bFrames: 2 } });
  const run = new KernelRun({ build: "release", container: "flv" });
  for (const frame of makeAv(run, 3000)) run.push(frame);
  own = write("own.flv", run.finish()[0]?.files[0] ?? Buffer.alloc(0));
});

interface Found {
  at: number;
  type: number;
  bytes: number;
}

function tags(bytes: Buffer): Found[] {
  const found: Found[] = [];
  for (let at = 13; at + 11 <= bytes.byteLength; at += 15 + bytes.readUIntBE(at + 1, 3))
    found.push({ at, type: bytes[at] ?? 0, bytes: bytes.readUIntBE(at + 1, 3) });
  return found;
}

/** The tag that `is`, with its number. */
function tag(bytes: Buffer, is: (found: Found) => boolean, ordinal = 0): Found & { index: number } {
  const match = tags(bytes).flatMap((found, index) => (is(found) ? [{ ...found, index }] : []))[ordinal];
  if (!match) throw new Error("no such tag");
  return match;
}
const numberOf = (bytes: Buffer, name: string): number => bytes.indexOf(name, 0, "latin1") + name.length + 1;

async function defectsOf(file: string): Promise<string[]> {
  return (await verifyFile(file)).defects.map((defect) => `${defect.path}: ${defect.message}`);
}

describe("a sound FLV", () => {
  it("is read as ffprobe reads it", async () => {
    const report = await verifyFile(whole);
    const probe = await ffprobe(whole);
    expect(report).toMatchObject({ container: "flv", isIndexInFront: null, defects: [], gaps: [] });
    expect(report.tracks.find((track) => track.kind === "video")).toMatchObject({
      codec: "h264",
      width: 320,
      height: 240,
      keyframes: 2,
      frames: probe.video?.packets.length,
    });
    expect(report.tracks.find((track) => track.kind === "audio")).toMatchObject({
      codec: "aac",
      sampleRate: 48000,
      channels: 2,
      frames: probe.audio?.packets.length,
    });
  });

  it("of our own writer is sound, its keyframe table included", async () => {
    const report = await verifyFile(own);
    expect(report.defects).toEqual([]);
    expect(report.tracks.map((track) => [track.kind, track.frames, track.keyframes])).toEqual([
      ["video", 75, 3],
      ["audio", 141, 141],
    ]);
  });
});

/** The same file with the headers of Enhanced RTMP v2, and without metadata. */
function extended(bytes: Buffer): Buffer {
  const parts = [bytes.subarray(0, 13)];
  for (const found of tags(bytes)) {
    if (found.type === 18) continue;
    const body = bytes.subarray(found.at + 11, found.at + 11 + found.bytes);
    const [first = 0, packetType = 0] = body;
    const isVideo = found.type === 9;
    const head = Buffer.of(isVideo ? 0x80 | (first & 0x70) | packetType : 0x90 | packetType);
    const time = isVideo && packetType === 1 ? body.subarray(2, 5) : Buffer.alloc(0);
    const data = Buffer.concat([head, Buffer.from(isVideo ? "avc1" : "mp4a"), time, body.subarray(isVideo ? 5 : 2)]);
    const header = Buffer.from(bytes.subarray(found.at, found.at + 11));
    header.writeUIntBE(data.byteLength, 1, 3);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(11 + data.byteLength);
    parts.push(header, data, size);
  }
  return Buffer.concat(parts);
}

describe("an FLV with extended headers", () => {
  it("is read as the same file with plain ones", async () => {
    const file = write("extended.flv", extended(readFileSync(own)));
    const [report, plain] = [await verifyFile(file), await verifyFile(own)];
    expect(report.defects).toEqual([]);
    const seen = ({ tracks }: typeof plain): unknown[] => tracks.map((track) => ({ ...track, sizeBytes: 0 }));
    expect(seen(report)).toEqual(seen(plain));
  });
});

/** The first video and audio of a file twice, each pair in a ManyTracks tag, the second as track 5. */
function doubled(bytes: Buffer, behind = Buffer.alloc(0)): Buffer {
  const parts = [bytes.subarray(0, 13)];
  for (const found of tags(bytes)) {
    if (found.type === 18) continue;
    const body = bytes.subarray(found.at + 11, found.at + 11 + found.bytes);
    const [first = 0, packetType = 0] = body;
    const isVideo = found.type === 9;
    const head = Buffer.of(isVideo ? 0x86 | (first & 0x70) : 0x95, 0x10 | packetType);
    const data = body.subarray(isVideo && packetType === 0 ? 5 : 2);
    const size = Buffer.alloc(3);
    size.writeUIntBE(data.byteLength, 0, 3);
    const track = (id: number): Buffer => Buffer.concat([Buffer.of(id), size, data]);
    const both = Buffer.concat([head, Buffer.from(isVideo ? "avc1" : "mp4a"), track(0), track(5), behind]);
    const header = Buffer.from(bytes.subarray(found.at, found.at + 11));
    header.writeUIntBE(both.byteLength, 1, 3);
    const previous = Buffer.alloc(4);
    previous.writeUInt32BE(11 + both.byteLength);
    parts.push(header, both, previous);
  }
  return Buffer.concat(parts);
}

describe("an FLV with multitrack tags", () => {
  it("has every track of them", async () => {
    const [report, plain] = [await verifyFile(write("doubled.flv", doubled(readFileSync(own)))), await verifyFile(own)];
    expect(report.defects).toEqual([]);
    expect(report.tracks.map(({ kind, frames, sizeBytes }) => [kind, frames, sizeBytes])).toEqual(
      [0, 0, 1, 1].map((i) => [plain.tracks[i]?.kind, plain.tracks[i]?.frames, plain.tracks[i]?.sizeBytes]),
    );
    for (const [i, gap] of report.gaps.entries()) expect(gap, `${i}`).toEqual(plain.gaps[i]);
  });

  it("names the bytes behind the last track of one, and a further track that is broken", async () => {
    const file = write("behind.flv", doubled(readFileSync(own), Buffer.alloc(2)));
    expect(await defectsOf(file)).toContain("/tag[0]: 2 bytes behind its last track");
    const broken = changed(write("doubled.flv", doubled(readFileSync(own))), (bytes) => {
      const found = tag(bytes, ({ type, bytes: size }) => type === 9 && size > 500, 1);
      // The first NAL unit of the second track.
      const size = bytes.readUIntBE(found.at + 11 + 7, 3);
      bytes.writeUInt32BE(0, found.at + 11 + 6 + 4 + size + 4 + 3);
      return bytes;
    });
    expect(await defectsOf(broken)).toContainEqual(expect.stringMatching(/: a NAL unit of 0 bytes at byte 0 of /));
  });
});

describe("a broken FLV", () => {
  it("names a tag that is no frame", async () => {
    const broken = changed(own, (bytes) => {
      const found = tag(bytes, ({ type }) => type === 9, 2);
      bytes[found.at + 12] = 9; // AVCPacketType
      return bytes;
    });
    expect(await defectsOf(broken)).toContainEqual(expect.stringMatching(/: is no frame and no sequence header$/));
  });

  it("names the tag the file ends in, wherever it ends", async () => {
    const bytes = readFileSync(own);
    const last = tags(bytes).length - 1;
    const stride = (tags(bytes)[last]?.bytes ?? 0) + 15;
    for (let lost = 1; lost < stride; lost++) {
      const left = stride - lost;
      const expected =
        left < 11
          ? `${left} bytes of its header: the file ends in it`
          : `${left} bytes of ${stride}: the file ends in it`;
      expect(await defectsOf(write("cut.flv", bytes.subarray(0, -lost)))).toContainEqual(`/tag[${last}]: ${expected}`);
    }
  });

  const cases: [string, (bytes: Buffer) => Buffer | undefined, RegExp][] = [
    ["another signature", (b) => void b.writeUInt8(2, 3), /^\/header: is not that of FLV version 1$/],
    [
      "a picture shown hours later",
      (b) => void b.writeIntBE(8_000_000, tag(b, ({ type, at }) => type === 9 && b[at + 12] === 1, 3).at + 13, 3),
      /^\/tag\[\d+\]: is shown 8000000 ms after it is decoded$/,
    ],
    ["flags that lie", (b) => void b.writeUInt8(1, 4), /^\/header: TypeFlags say no audio, the tags have some$/],
    ["a PreviousTagSize0", (b) => void b.writeUInt32BE(7, 9), /^\/header: a PreviousTagSize0 of 7$/],
    [
      "a PreviousTagSize that lies",
      (b) => void b.writeUInt32BE(1, (tags(b)[5]?.at ?? 0) - 4),
      /^\/tag\[4\]: the PreviousTagSize behind it says 1, it has \d+ bytes$/,
    ],
    [
      "a tag of no type",
      (b) => void b.writeUInt8(77, tags(b)[9]?.at ?? 0),
      /^\/tag\[9\]: no tag begins at byte \d+ \(type 77, StreamID 0\)/,
    ],
    [
      "a file size that lies",
      (b) => void b.writeDoubleBE(5, numberOf(b, "filesize")),
      /^\/tag\[0\]\/filesize: says 5 bytes, the file has \d+$/,
    ],
    [
      "a duration that lies",
      (b) => void b.writeDoubleBE(9.5, numberOf(b, "duration")),
      /^\/tag\[0\]\/duration: says 9500 ms, the last frame ends at [\d.]+ ms$/,
    ],
    [
      "a width that lies",
      (b) => void b.writeDoubleBE(1, numberOf(b, "width")),
      /^\/tag\[0\]\/width: says 1, the parameter sets say 320$/,
    ],
    [
      "tracks that lie",
      (b) => void b.writeUInt8(0, numberOf(b, "hasAudio")),
      /^\/tag\[0\]\/hasAudio: says false, the file has audio$/,
    ],
    [
      "a keyframe between tags",
      (b) => void b.writeDoubleBE(6000, numberOf(b, "filepositions") + 4 + 1 + 9),
      /^\/tag\[0\]\/keyframes\[1\]: points to byte 6000, where no tag begins$/,
    ],
    [
      "a keyframe past the end",
      (b) => void b.writeDoubleBE(1e9, numberOf(b, "filepositions") + 4 + 1 + 18),
      /^\/tag\[0\]\/keyframes\[2\]: points to byte 1000000000, where no tag begins$/,
    ],
    [
      "a keyframe at another time",
      (b) => void b.writeDoubleBE(0.5, numberOf(b, "\0\u0005times") + 4 + 1 + 9),
      /^\/tag\[0\]\/keyframes\[1\]: says 500 ms, its tag is at 1000 ms$/,
    ],
    [
      "a picture whose NAL units do not fill it",
      (b) => void b.writeUInt32BE(3, tag(b, (t) => t.type === 9, 4).at + 16),
      /^\/tag\[\d+\]: (a NAL unit of \d+ bytes at byte 7 of|\d+ bytes behind its last)/,
    ],
    [
      "a key frame that is none",
      (b) => void b.writeUInt8(0x17, tag(b, (t) => t.type === 9, 5).at + 11),
      /^\/tag\[\d+\]: is a key frame, but decoding cannot start there$/,
    ],
    [
      "an IDR that is no key frame",
      (b) => void b.writeUInt8(0x27, tag(b, (t) => t.type === 9, 26).at + 11),
      /^\/tag\[\d+\]: is an IDR, but no key frame$/,
    ],
    [
      "a time that goes back",
      (b) => void b.writeUIntBE(1, tag(b, (t) => t.type === 9, 10).at + 4, 3),
      /^\/tag\[\d+\]: decoding time goes back by 3\d\d ms$/,
    ],
    [
      "no sequence header",
      (b) =>
        cutTag(
          b,
          tag(b, (t) => t.type === 9),
        ),
      /^\/tag\[\d+\]: decoding cannot start with the first picture$/,
    ],
    [
      "metadata that is none",
      (b) => void b.writeUInt8(99, 13 + 11 + 13),
      /^\/tag\[0\]: metadata: value type 99 at byte 13$/,
    ],
  ];
  it.each(cases)("is named: %s", async (_, change, expected) => {
    expect(await defectsOf(changed(own, change))).toContainEqual(expect.stringMatching(expected));
  });

  it("never throws, whatever bytes it meets", async () => {
    const bytes = readFileSync(own);
    for (let at = 0; at < bytes.byteLength; at += 733) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0xff;
      await expect(verifyFile(write("flipped.flv", flipped)), `byte ${at}`).resolves.toBeDefined();
    }
  });
});

function cutTag(bytes: Buffer, found: Found): Buffer {
  return Buffer.concat([bytes.subarray(0, found.at), bytes.subarray(found.at + found.bytes + 15)]);
}
