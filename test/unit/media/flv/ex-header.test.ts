// Extended headers of Enhanced RTMP v2, byte by byte from the standard.

import { describe, expect, it } from "vitest";
import { AvTag, TAG_DECODER_CONFIG, TAG_FRAME, TAG_IGNORED, TAG_METADATA } from "../../../../src/media/flv/av-tag.js";
import { ExHeader } from "../../../../src/media/flv/ex-header.js";

const CODED_FRAMES = 1;

function bytesOf(...parts: (number | string)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))));
}

interface Part {
  packetType: number;
  fourCc: string;
  trackId: number;
  data: string;
}

/** undefined: the header is damaged. */
function partsOf(kind: "video" | "audio", bytes: Uint8Array): Part[] | undefined {
  const ex = new ExHeader();
  if (!ex.parse(kind === "video", bytes, 0, bytes.byteLength)) return undefined;
  const parts: Part[] = [];
  do {
    const fourCc = Buffer.alloc(4);
    fourCc.writeUInt32BE(ex.fourCc);
    const data = Buffer.from(bytes.subarray(ex.start, ex.end)).toString("latin1");
    parts.push({ packetType: ex.packetType, fourCc: fourCc.toString("latin1"), trackId: ex.trackId, data });
  } while (ex.nextPart());
  return parts;
}

function nanosOf(bytes: Uint8Array): number {
  const ex = new ExHeader();
  expect(ex.parse(true, bytes, 0, bytes.byteLength)).toBe(true);
  return ex.nanoOffset;
}

const NANO_TYPE = 0;
const THREE_BYTES = 2;

describe("an extended header", () => {
  it.each([
    ["one track", "video", bytesOf(0x91, "hvc1data"), [[1, "hvc1", 0, "data"]]],
    ["OneTrack of video", "video", bytesOf(0x96, 0x01, "av01", 3, "data"), [[1, "av01", 3, "data"]]],
    ["OneTrack of audio", "audio", bytesOf(0x95, 0x00, "Opus", 1, "data"), [[0, "Opus", 1, "data"]]],
    [
      "ManyTracks, one of them empty",
      "video",
      bytesOf(0x96, 0x11, "hvc1", 0, 0, 0, 3, "abc", 1, 0, 0, 0, 2, 0, 0, 1, "z"),
      [
        [1, "hvc1", 0, "abc"],
        [1, "hvc1", 1, ""],
        [1, "hvc1", 2, "z"],
      ],
    ],
    [
      "ManyTracksManyCodecs",
      "audio",
      bytesOf(0x95, 0x21, "mp4a", 0, 0, 0, 2, "aa", "Opus", 7, 0, 0, 1, "o"),
      [
        [1, "mp4a", 0, "aa"],
        [1, "Opus", 7, "o"],
      ],
    ],
    ["ModEx in front of Multitrack", "video", bytesOf(0x97, 0, 9, 0x16, 0x03, "hvc1", 1, "d"), [[3, "hvc1", 1, "d"]]],
    ["two ModEx", "audio", bytesOf(0x97, 0, 9, 0x17, 1, 9, 9, 0x11, "mp4ad"), [[1, "mp4a", 0, "d"]]],
  ] as const)("is read: %s", (_name, kind, bytes, expected) => {
    const parts = expected.map(([packetType, fourCc, trackId, data]) => ({ packetType, fourCc, trackId, data }));
    expect(partsOf(kind, bytes)).toEqual(parts);
  });

  it("has an offset in nanoseconds, whatever size ModEx has, below a millisecond", () => {
    const offset = [0x07, 0xa1, 0x1f]; // 499999
    expect(nanosOf(bytesOf(0x97, THREE_BYTES, ...offset, (NANO_TYPE << 4) | CODED_FRAMES, "hvc1d"))).toBe(499_999);
    const long = bytesOf(0x97, 255, 1, 3, ...offset, ..."x".repeat(257), CODED_FRAMES, "hvc1d");
    expect(nanosOf(long)).toBe(499_999);
    expect(nanosOf(bytesOf(0x97, THREE_BYTES, 255, 255, 255, CODED_FRAMES, "hvc1d"))).toBe(999_999);
    expect(nanosOf(bytesOf(0x97, THREE_BYTES, ...offset, 0x10 | CODED_FRAMES, "hvc1d"))).toBe(0);
  });

  it.each([
    ["ends in its FourCC", bytesOf(0x91, "hvc")],
    ["ends in ModEx", bytesOf(0x97, 5, 0, 0)],
    ["ends in a long ModEx", bytesOf(0x97, 255, 0)],
    ["has nothing behind ModEx", bytesOf(0x97, 0, 0)],
    ["ends in front of the multitrack type", bytesOf(0x96)],
    ["is multitrack in multitrack", bytesOf(0x96, 0x06, "hvc1", 0, "d")],
    ["has a multitrack type that there is not", bytesOf(0x96, 0x31, "hvc1", 0, 0, 0, 1, "d")],
    ["has a track that reaches past the end", bytesOf(0x96, 0x11, "hvc1", 0, 0, 0, 5, "abcd")],
  ])("is damaged where it %s", (_name, bytes) => {
    expect(partsOf("video", bytes)).toBeUndefined();
  });

  it("gives the parts in front of one that is damaged", () => {
    const bytes = bytesOf(0x96, 0x11, "hvc1", 0, 0, 0, 1, "a", 1, 0, 0, 9, "b");
    expect(partsOf("video", bytes)?.map(({ data }) => data)).toEqual(["a"]);
  });
});

describe("the tag of a multitrack message", () => {
  it("tells codec, time and payload of every track", () => {
    const bytes = bytesOf(
      0x96,
      0x21,
      "avc1",
      0,
      0,
      0,
      4,
      0,
      0,
      40,
      "a",
      "nope",
      1,
      0,
      0,
      1,
      "n",
      "avc1",
      2,
      0,
      0,
      3,
      0,
      0,
      0,
    );
    const tag = new AvTag();
    tag.parseVideo(bytes, 0, bytes.byteLength);
    expect(tag).toMatchObject({ kind: TAG_FRAME, trackId: 0, compositionTimeMs: 40, isKey: true });
    expect(bytes.toString("latin1", tag.headerBytes, tag.end)).toBe("a");
    expect(tag.next(bytes, 0)).toBe(true);
    expect(tag).toMatchObject({ trackId: 1, codec: undefined, unsupported: "FourCC nope" });
    expect(tag.next(bytes, 0)).toBe(true);
    expect(tag).toMatchObject({ trackId: 2, compositionTimeMs: 0, headerBytes: bytes.byteLength });
    expect(tag.next(bytes, 0)).toBe(false);
  });

  it("wants the whole message for several tracks and ModEx alone", () => {
    const wants = [0x96, 0x97, 0x91, 0x17, 0x27].map((first) => AvTag.wantsWhole("video", first));
    expect(wants).toEqual([true, true, false, false, false]);
    expect([0x95, 0x97, 0x96, 0xaf, 0x75].map((first) => AvTag.wantsWhole("audio", first))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it.each([
    ["SequenceStart", 0x90, TAG_DECODER_CONFIG],
    ["SequenceEnd", 0x92, TAG_IGNORED],
    ["Metadata", 0xd4, TAG_METADATA],
    ["MPEG2TSSequenceStart", 0x95, TAG_IGNORED],
    ["a command", 0xd1, TAG_IGNORED],
  ])("is what its packet type says: %s", (_name, first, kind) => {
    const bytes = bytesOf(first, "avc1", 1, 2, 3, 4);
    const tag = new AvTag();
    tag.parseVideo(bytes, 0, bytes.byteLength);
    expect(tag.kind).toBe(kind);
  });
});
