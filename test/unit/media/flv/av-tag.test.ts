// Headers of audio and video messages: FLV 10.1 §E.4.2, §E.4.3 and Enhanced RTMP v2.

import { describe, expect, it } from "vitest";
import {
  AvTag,
  TAG_DAMAGED,
  TAG_DECODER_CONFIG,
  TAG_FRAME,
  TAG_IGNORED,
  TAG_METADATA,
  TAG_UNSUPPORTED,
} from "../../../../src/media/flv/av-tag.js";

function parse(kind: "video" | "audio", ...parts: (number | string)[]): AvTag {
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))));
  const tag = new AvTag();
  if (kind === "video") tag.parseVideo(bytes, 0, bytes.byteLength);
  else tag.parseAudio(bytes, 0, bytes.byteLength);
  return tag;
}

const MINUS_TWO = [0xff, 0xff, 0xfe];
const MORE = [0, 0, 0, 0];

describe("the header of a message", () => {
  it.each([
    ["AVC key frame", parse("video", 0x17, 1, ...MINUS_TWO, ...MORE), TAG_FRAME, 5, true, -2],
    ["AVC frame", parse("video", 0x27, 1, 0, 0, 7, ...MORE), TAG_FRAME, 5, false, 7],
    ["AVC sequence header", parse("video", 0x17, 0, 0, 0, 0, ...MORE), TAG_DECODER_CONFIG, 5, true, 0],
    ["AAC frame", parse("audio", 0xaf, 1, ...MORE), TAG_FRAME, 2, false, 0],
    ["AAC sequence header", parse("audio", 0xaf, 0, ...MORE), TAG_DECODER_CONFIG, 2, false, 0],
    ["extended frame", parse("video", 0xa1, "avc1", ...MINUS_TWO, ...MORE), TAG_FRAME, 8, false, -2],
    ["extended frame without time", parse("video", 0x93, "avc1", ...MORE), TAG_FRAME, 5, true, 0],
    ["extended sequence header", parse("video", 0x90, "avc1", ...MORE), TAG_DECODER_CONFIG, 5, true, 0],
    ["extended audio, which has no composition time", parse("audio", 0x91, "mp4a", ...MORE), TAG_FRAME, 5, false, 0],
  ] as const)("is read: %s", (_name, tag, kind, headerBytes, isKey, compositionTimeMs) => {
    expect(tag).toMatchObject({ kind, headerBytes, isKey, compositionTimeMs });
    expect(tag.codec).toBeDefined();
  });

  it.each([
    ["end of sequence", parse("video", 0x17, 2), TAG_IGNORED],
    ["a command of the server", parse("video", 0x57, 1), TAG_IGNORED],
    ["extended metadata", parse("video", 0x94, "avc1", 2), TAG_METADATA],
    ["nothing", parse("video"), TAG_DAMAGED],
    ["no composition time", parse("video", 0x17, 1, 0), TAG_DAMAGED],
    ["no packet type of AAC", parse("audio", 0xaf), TAG_DAMAGED],
    ["an unknown packet type", parse("video", 0x17, 9, 0, 0, 0), TAG_DAMAGED],
    ["half a FourCC", parse("video", 0x91, "av"), TAG_DAMAGED],
    ["a codec without an entry", parse("video", 0x24, ...MORE), TAG_UNSUPPORTED],
    ["a codec of the other kind", parse("audio", 0x91, "avc1", ...MORE), TAG_UNSUPPORTED],
  ] as const)("holds no frame: %s", (_name, tag, kind) => {
    expect(tag.kind).toBe(kind);
  });

  it("of a codec that is not recorded still tells a key frame", () => {
    expect(parse("video", 0x14, 1)).toMatchObject({ kind: TAG_UNSUPPORTED, isKey: true });
    expect(parse("video", 0x91, "nope", 1)).toMatchObject({ kind: TAG_UNSUPPORTED, isKey: true });
  });
});
