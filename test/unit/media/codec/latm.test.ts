// LATM, read from elements that are made bit by bit: every form of a StreamMuxConfig that is recorded, and the names of
// those that are not.

import { describe, expect, it } from "vitest";
import { AudioMuxReader, copyFromBit, loasFrameSize } from "../../../../src/media/codec/aac/latm.js";
import { LatmCounter } from "../../../../src/media/codec/aac/latm-counter.js";
import { BitWriter } from "../../../support/bit-writer.js";
import {
  audioMuxElement,
  specificConfigHead as head,
  loas,
  type MuxSpec,
  putStreamMuxConfig,
} from "../../../support/latm.js";
import { usacSpecificConfig } from "../../../support/usac.js";

const LC = head(2).u(3, 0);
/** One pair in front, and room for a comment. */
const DESCRIBED = head(2, 0).u(3, 0).u(10, 3).u(4, 1).u(8, 0).u(2, 0).u(3, 0).u(4, 0).u(3, 0).u(5, 0x10).align();
const SBR_HEADER = (w: BitWriter): BitWriter => w.u(14, 9).u(2, 3).u(11, 5);
const CONFIGS: readonly [string, BitWriter, number][] = [
  ["AAC-LC", LC, 1024],
  ["AAC-LC of a rate that is written out", new BitWriter().u(5, 2).u(4, 15).u(24, 37800).u(4, 1).u(3, 0), 1024],
  ["AAC-LC that describes its channels", DESCRIBED.u(8, 2).u(16, 0x6869), 1024],
  ["HE-AAC", new BitWriter().u(5, 5).u(4, 6).u(4, 2).u(4, 3).u(5, 2).u(3, 0), 1024],
  ["HE-AAC v2", new BitWriter().u(5, 29).u(4, 6).u(4, 1).u(4, 3).u(5, 2).u(3, 0), 1024],
  ["AAC-LC of 960 samples behind a core coder", head(2).u(2, 3).u(14, 77).u(1, 0), 960],
  ["AAC Scalable", head(6).u(3, 0).u(3, 1), 1024],
  ["AAC-LD with resilience", head(23).u(3, 1).u(3, 5).u(1, 0).u(2, 0), 512],
  ["ER BSAC", head(22).u(3, 1).u(16, 0xabc).u(1, 0).u(2, 0), 1024],
  ["AAC-ELD of 480 samples", head(39).u(4, 8).u(1, 0).u(4, 0).u(2, 0), 480],
  ["AAC-ELD with SBR and extensions", eldWithExtensions(), 512],
  ["xHE-AAC", usacSpecificConfig({ lengthIndex: 1 }), 1024],
  ["xHE-AAC of 768 samples with an extension", usacSpecificConfig({ lengthIndex: 0, extensionBytes: 3 }), 768],
  ["xHE-AAC in stereo with SBR", usacWithEverything(), 2048],
];

function eldWithExtensions(): BitWriter {
  const w = SBR_HEADER(head(39).u(4, 0).u(1, 1).u(2, 1));
  w.u(4, 1).u(4, 3).u(24, 0x123456); // an extension of three bytes
  w.u(4, 2).u(4, 15).u(8, 5); // … of twenty
  for (let i = 0; i < 20; i++) w.u(8, i);
  return w.u(4, 0).u(2, 0);
}

/** SBR and MPS of a pair with all that may follow, an LFE, an extension element, three configuration extensions. */
function usacWithEverything(): BitWriter {
  const w = new BitWriter().u(5, 31).u(6, 10).u(4, 3).u(4, 0).u(5, 31).u(24, 48000).u(3, 3);
  w.u(5, 0).u(5, 3).u(15, 0x443); // channelConfigurationIndex 0: three bsOutputChannelPos
  w.u(4, 2); // three elements
  w.u(2, 1).u(2, 3).u(11, 0x2bd).u(2, 3).u(5, 9).u(6, 9); // ID_USAC_CPE, SbrConfig
  w.u(2, 2).u(6, 1).u(2, 2).u(4, 3).u(1, 1).u(5, 4).u(6, 5).u(1, 1); // stereoConfigIndex 2, Mps212Config
  w.u(2, 2); // ID_USAC_LFE
  w.u(2, 3).u(4, 15).u(8, 1).u(4, 2).u(1, 1).u(8, 255).u(16, 7).u(1, 0).u(16, 0x1234); // ID_USAC_EXT
  w.u(1, 1).u(2, 2); // three extensions
  return w.u(4, 0).u(4, 0).u(4, 1).u(4, 1).u(8, 0xa5).u(4, 15).u(8, 3).u(4, 2).u(16, 0xffff);
}

const MUXES: readonly [string, MuxSpec][] = [
  ["version 0", {}],
  ["version 1", { version: 1 }],
  ["three access units an element", { subFrames: 3 }],
  ["access units of one size", { payloadBytes: 20 + 77, subFrames: 2 }],
  ["other data", { otherDataBits: 700 }],
  ["other data in version 1, a checksum", { version: 1, otherDataBits: 13, hasCrc: true }],
];

function payloadsOf({ payloadBytes, subFrames = 1 }: MuxSpec, seed: number): Uint8Array[] {
  const sizeOf = (i: number): number => payloadBytes ?? [1, 254, 255, 300, 511][(seed + i) % 5] ?? 1;
  return Array.from({ length: subFrames }, (_, i) =>
    Uint8Array.from({ length: sizeOf(i) }, (_, at) => (at * 7 + i + seed) & 255),
  );
}

function readAll(reader: AudioMuxReader, bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: reader.payloads }, (_, i) => {
    const payload = new Uint8Array(reader.payloadBytes[i] ?? 0);
    copyFromBit(payload, 0, bytes, reader.payloadBit[i] ?? 0, payload.byteLength);
    return payload;
  });
}

describe.each(MUXES)("an element of %s", (_what, mux) => {
  it.each(CONFIGS)("has the access units and the configuration of %s", (_title, config, samplesPerFrame) => {
    const reader = new AudioMuxReader();
    for (let i = 0; i < 5; i++) {
      // The third repeats it, the others have that of the one before.
      const payloads = payloadsOf(mux, i);
      const element = audioMuxElement(payloads, i === 0 || i === 2 ? config : undefined, mux);
      const before = reader.config;
      // Behind three bytes, as in a LOAS frame.
      expect(reader.read(Buffer.concat([Buffer.alloc(3), element]), 3, 3 + element.byteLength)).toBe(true);
      if (i > 0) expect(reader.config).toBe(before);
      expect(readAll(reader, Buffer.concat([Buffer.alloc(3), element]))).toEqual(payloads);
    }
    expect(reader.config?.audioSpecificConfig).toEqual(config.bytes());
    expect(reader.config?.audio.samplesPerFrame).toBe(samplesPerFrame);
  });

  it("is none without its last byte, and changes nothing", () => {
    const reader = new AudioMuxReader();
    const element = audioMuxElement(payloadsOf({ ...mux, subFrames: mux.subFrames ?? 1 }, 3), LC, mux);
    const spare = Math.ceil(((mux.otherDataBits ?? 0) + 8) / 8);
    expect(reader.read(element, 0, element.byteLength - spare)).toBe(false);
    expect(reader.payloads).toBe(0);
    expect(reader.read(element, 0, element.byteLength)).toBe(true);
  });
});

describe("LATM that is not recorded", () => {
  it.each([
    ["of several programs", LC, { programs: 2 }],
    ["of several layers", LC, { layers: 2 }],
    ["with several clocks", LC, { isOnOneClock: false }],
    ["of a later version", LC, { version: 1, versionA: 1 }],
    ["with frame lengths of type 4", LC, { frameLengthType: 4 }],
    ["of audio object type 8", head(8).u(8, 0), {}],
    ["of audio object type 36", head(36).u(8, 0), { version: 1 }],
  ] as const)("%s is named, until another configuration comes", (what, config, mux) => {
    const reader = new AudioMuxReader();
    const payload = new Uint8Array(40);
    const refused = audioMuxElement([payload], config, mux);
    for (let i = 0; i < 2; i++) {
      expect(reader.read(refused, 0, refused.byteLength)).toBe(false);
      expect([reader.refused, reader.config]).toEqual([`AAC in LATM ${what}`, undefined]);
    }
    const next = audioMuxElement([payload], undefined);
    expect(reader.read(next, 0, next.byteLength)).toBe(false);
    const good = audioMuxElement([payload], LC);
    expect(reader.read(good, 0, good.byteLength)).toBe(true);
    expect(reader.refused).toBeUndefined();
    // What is damaged is not named, and what was in force stays.
    expect(reader.read(good, 0, 3)).toBe(false);
    expect(reader.read(next, 0, next.byteLength)).toBe(true);
  });
});

it("a configuration that comes beside the elements is as good", () => {
  const reader = new AudioMuxReader();
  const w = new BitWriter();
  putStreamMuxConfig(w, LC);
  reader.useConfig(w.bytes());
  const payload = Uint8Array.of(0x21, 1, 2, 3);
  const element = Buffer.concat([Buffer.of(payload.byteLength), payload]);
  expect(reader.read(element, 0, element.byteLength, false)).toBe(true);
  expect(readAll(reader, element)).toEqual([payload]);
  expect(() => reader.useConfig(Uint8Array.of(0x40))).toThrow("ends too early");
});

it("a LOAS header says how long the frame is", () => {
  expect(loasFrameSize(loas(new Uint8Array(0x1fff)), 0)).toBe(3 + 0x1fff);
  expect(loasFrameSize(loas(new Uint8Array(0)), 0)).toBe(0);
  expect(loasFrameSize(Uint8Array.of(0x56, 0xc0, 9), 0)).toBe(0);
  expect(loasFrameSize(Uint8Array.of(0x57, 0xe0, 9), 0)).toBe(0);
});

it.each([1, 2, 100, 5000])("frames are counted in pieces of %i bytes, what is none apart", (pieceBytes) => {
  const mux: MuxSpec = { subFrames: 2 };
  const frame = (isConfigured: boolean): Buffer =>
    loas(audioMuxElement(payloadsOf(mux, 1), isConfigured ? LC : undefined, mux));
  const bytes = Buffer.concat([Buffer.of(1, 2, 3), frame(true), frame(false), Buffer.of(0x56), frame(true)]);
  const counter = new LatmCounter();
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) counter.push(bytes.subarray(at, at + pieceBytes));
  const { frames, samples, strayBytes, sampleRate, channels } = counter;
  expect({ frames, samples, strayBytes, sampleRate, channels }).toEqual({
    ...{ frames: 6, samples: 6 * 1024, strayBytes: 4 },
    ...{ sampleRate: 48000, channels: 2 },
  });
});
