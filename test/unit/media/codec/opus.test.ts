// Opus: identification headers, what a packet says of its length, control headers of MPEG-TS in any split.

import { describe, expect, it } from "vitest";
import { OpusControlHeader } from "../../../../src/media/codec/opus/control-header.js";
import { OpusCounter } from "../../../../src/media/codec/opus/opus-counter.js";
import { opusHeadOf, parseOpusHead } from "../../../../src/media/codec/opus/opus-head.js";
import { opusPacketChannels, opusPacketSamples } from "../../../../src/media/codec/opus/opus-packet.js";
import { KernelRun } from "../../../support/kernel-harness.js";
import { makeMedia, OPUS_HEAD } from "../../../support/test-media.js";

describe("an identification header", () => {
  it("tells channels and clock", () => {
    expect(parseOpusHead(OPUS_HEAD)).toMatchObject({ channels: 2, sampleRate: 48000, samplesPerFrame: 960 });
  });

  it.each([
    ["that ends too early", OPUS_HEAD.subarray(0, 18)],
    ["of another magic", OPUS_HEAD.map((byte, i) => (i === 4 ? 0x54 : byte))],
    ["of a later version", OPUS_HEAD.map((byte, i) => (i === 8 ? 0x10 : byte))],
    ["without channels", OPUS_HEAD.map((byte, i) => (i === 9 ? 0 : byte))],
    ["of three channels without a mapping", OPUS_HEAD.map((byte, i) => (i === 9 ? 3 : byte))],
    ["whose mapping is missing", OPUS_HEAD.map((byte, i) => (i === 18 ? 1 : byte))],
    ["that maps to an output that is not there", Uint8Array.of(...OPUS_HEAD.with(18, 1), 1, 1, 0, 2)],
    ["with more coupled streams than streams", Uint8Array.of(...OPUS_HEAD.with(18, 1), 1, 2, 0, 1)],
  ])("%s is refused", (_what, bytes) => {
    expect(() => parseOpusHead(bytes)).toThrow(expect.objectContaining({ code: "badConfig" }));
  });

  it("of a channel configuration code is one that can be read", () => {
    for (let code = 0; code <= 8; code++) {
      const head = opusHeadOf(code, 312);
      expect(parseOpusHead(head ?? new Uint8Array(0)).channels).toBe(code || 2);
      expect(Buffer.from(head ?? []).readUInt16LE(10)).toBe(312);
    }
    expect(opusHeadOf(9, 0)).toBeUndefined();
  });

  it("of dual mono has one coupled stream, and every code comes out of a transport stream as it went in", () => {
    expect(opusHeadOf(0, 0)?.subarray(18)).toEqual(Buffer.of(255, 1, 1, 0, 1));
    for (let code = 0; code <= 8; code++) {
      const run = new KernelRun({ build: "release", container: "ts" });
      const config = run.addConfig("opus", opusHeadOf(code, 312) ?? new Uint8Array(0));
      for (const frame of makeMedia({ durationMs: 100, audio: { config } })) run.push(frame);
      const file = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
      expect(file.includes(Buffer.of(0x7f, 2, 0x80, code)), `code ${code}`).toBe(true);
    }
  });
});

describe("a packet", () => {
  // RFC 6716 Table 2: config → frame size in ms.
  it.each([
    [0, 10],
    [3, 60],
    [11, 60],
    [12, 10],
    [15, 20],
    [16, 2.5],
    [19, 20],
    [31, 20],
  ])("of config %i has frames of %d ms", (config, ms) => {
    expect(opusPacketSamples(config << 3, 0)).toBe(ms * 48);
    expect(opusPacketSamples((config << 3) | 1, 0)).toBe(ms <= 60 ? 2 * ms * 48 : 0);
    expect(opusPacketSamples((config << 3) | 3, 0x80 | 2)).toBe(2 * ms * 48);
  });

  it("longer than 120 ms is none", () => {
    expect(opusPacketSamples((3 << 3) | 3, 3)).toBe(0);
    expect(opusPacketSamples((31 << 3) | 3, 6)).toBe(5760);
  });

  it("tells mono from stereo", () => {
    expect([opusPacketChannels(0x78), opusPacketChannels(0x7c)]).toEqual([1, 2]);
  });
});

/** An access unit as ffmpeg's muxer writes it, with a start trim or without. */
function controlled(packet: Uint8Array, startTrim = 0): Uint8Array {
  const sizes = [...Array<number>(Math.floor(packet.byteLength / 255)).fill(255), packet.byteLength % 255];
  const trim = startTrim > 0 ? [startTrim >> 8, startTrim & 255] : [];
  return Uint8Array.of(0x7f, startTrim > 0 ? 0xf0 : 0xe0, ...sizes, ...trim, ...packet);
}

describe("a control header", () => {
  it("says sizes beyond 255 and a trim", () => {
    const header = new OpusControlHeader();
    const bytes = controlled(new Uint8Array(600).fill(0x7c), 312);
    expect(header.parse(bytes, 0, bytes.byteLength)).toBe(1);
    expect(header).toMatchObject({ headerBytes: 7, packetBytes: 600, startTrim: 312 });
    for (let end = 0; end < 7; end++) expect(header.parse(bytes, 0, end)).toBe(-1);
    expect(header.parse(Uint8Array.of(0x7f, 0xc0, 1), 0, 3)).toBe(0);
  });

  it("is found in every split of a stream, and what is none is counted", () => {
    const stray = Uint8Array.of(1, 2, 3);
    const packets = [1, 255, 600, 40].map((size) => controlled(new Uint8Array(size).fill(0x7c), size === 1 ? 312 : 0));
    const stream = Buffer.concat([packets[0] ?? stray, stray, ...packets.slice(1)]);
    for (const step of [1, 2, 3, 7, 300, stream.byteLength]) {
      const counter = new OpusCounter();
      for (let at = 0; at < stream.byteLength; at += step) counter.push(stream.subarray(at, at + step));
      expect(counter, `${step}`).toMatchObject({ frames: 4, samples: 4 * 960, strayBytes: 3, channels: 2 });
    }
  });
});
