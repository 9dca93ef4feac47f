// The tracks of an in-stream: up to eight, numbered, each of one kind. No number says a kind.

import { describe, expect, it } from "vitest";
import { MAX_TRACKS } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import type { Gap } from "../../../src/stream/gap.js";
import { InStream } from "../../../src/stream/in-stream.js";
import { packLanguage } from "../../../src/stream/track.js";
import { TestClock } from "../../support/test-clock.js";
import { ASC, AVCC, AVCC_OTHER } from "../../support/test-media.js";

const SOURCE = { type: "INR", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };

function makeStream(): InStream {
  const options = { ringBytes: 1 << 16, maxRingBytes: 1 << 20, lagLimitMs: 1000 };
  return new InStream(1, "cam1", SOURCE, new Arena(), new TestClock(), options, () => {});
}

describe("tracks of an in-stream", () => {
  it("are numbered as they are added, up to eight", () => {
    const stream = makeStream();
    const numbers = Array.from({ length: MAX_TRACKS }, () => stream.addTrack({ kind: "audio" }));
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(() => stream.addTrack({ kind: "audio" })).toThrow(expect.objectContaining({ code: "badInput" }));
    expect(() => stream.setDecoderConfig(MAX_TRACKS, "aac", ASC)).toThrow(
      expect.objectContaining({ code: "badInput" }),
    );
  });

  it("have the kind of their first configuration, for ever", () => {
    const stream = makeStream();
    stream.setDecoderConfig(0, "aac", ASC);
    expect(stream.kindOf(0)).toBe("audio");
    expect(() => stream.setDecoderConfig(0, "h264", AVCC)).toThrow(expect.objectContaining({ code: "badInput" }));
    const data = stream.addTrack({ kind: "data" });
    expect(() => stream.setDecoderConfig(data, "aac", ASC)).toThrow(expect.objectContaining({ code: "badInput" }));
  });

  it("start and cut recordings by the first video track, whatever its number", () => {
    const stream = makeStream();
    stream.setDecoderConfig(0, "aac", ASC);
    expect(stream.hasVideo).toBe(false);
    stream.setDecoderConfig(5, "h264", AVCC);
    expect(stream.mainVideo).toBe(5);
    stream.setDecoderConfig(3, "h264", AVCC_OTHER);
    expect(stream.mainVideo).toBe(3);
  });

  it("settle the stream when video, audio and every track that was announced are there", () => {
    const stream = makeStream();
    const [video, english, german] = [
      stream.addTrack({ kind: "video" }),
      stream.addTrack({ kind: "audio", language: "eng" }),
      stream.addTrack({ kind: "audio", language: "deu", label: "Deutsch" }),
    ] as const;
    stream.setDecoderConfig(video, "h264", AVCC);
    stream.setDecoderConfig(english, "aac", ASC);
    expect(stream.settled).toBe(false);
    stream.setDecoderConfig(german, "aac", ASC);
    expect(stream.settled).toBe(true);
    expect(stream.tracks[german]).toEqual({
      number: 2,
      kind: "audio",
      codec: "aac",
      language: "deu",
      label: "Deutsch",
    });
    // The same bytes in another language are another block: the language is in it.
    expect(stream.config(german)?.pointer).not.toBe(stream.config(english)?.pointer);
  });

  it("settle the stream at once where the source has described all, and the last one has its configuration or goes", () => {
    const video = makeStream();
    video.describeTrack(0, { kind: "video" });
    video.tracksAreNamed();
    expect(video.settled).toBe(false);
    video.setDecoderConfig(0, "h264", AVCC);
    expect(video.settled).toBe(true);
    const both = makeStream();
    both.describeTrack(0, { kind: "video" });
    both.describeTrack(1, { kind: "audio" });
    both.tracksAreNamed();
    both.setDecoderConfig(0, "h264", AVCC);
    expect(both.settled).toBe(false);
    both.withdrawTrack(1);
    expect(both.settled).toBe(true);
    const none = makeStream();
    none.tracksAreNamed();
    expect(none.settled).toBe(false);
  });

  it("that are described anew have the new language, in their next configuration too", () => {
    const stream = makeStream();
    stream.describeTrack(1, { kind: "audio", language: "eng", label: "English" });
    stream.setDecoderConfig(1, "aac", ASC);
    const before = stream.config(1)?.pointer;
    stream.describeTrack(1, { kind: "audio", language: "deu" });
    expect(stream.tracks).toEqual([{ number: 1, kind: "audio", codec: "aac", language: "deu", label: undefined }]);
    stream.setDecoderConfig(1, "aac", ASC);
    expect(stream.config(1)?.language).toBe("deu");
    expect(stream.config(1)?.pointer).not.toBe(before);
  });

  it("that come late are reported by their kind, not their number", () => {
    const stream = makeStream();
    const gaps: Gap[] = [];
    stream.on("gap", (gap) => gaps.push(gap));
    stream.settle();
    stream.setDecoderConfig(3, "aac", ASC);
    // Nothing has come so far, so that nothing of it is missing.
    expect(gaps).toEqual([]);
    stream.writeFrame(3, Uint8Array.of(1), 0, 0, true);
    stream.setDecoderConfig(0, "aac", ASC);
    stream.setDecoderConfig(4, "h264", AVCC);
    expect(gaps.map(({ cause, track }) => [cause, track])).toEqual([
      ["lateTrack", "audio"],
      ["lateTrack", "video"],
    ]);
  });

  it("pack a language as MP4 has it, and none where it is no code", () => {
    expect(packLanguage("und")).toBe(0x55c4);
    expect([undefined, "", "en", "ENG", "e n"].map(packLanguage)).toEqual([0, 0, 0, 0, 0]);
  });
});
