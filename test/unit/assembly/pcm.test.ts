// PCM and G.711 in the muxers: linear samples in MP4, held against the tables of ITU-T G.711, and as they came in FLV.

import { describe, expect, it } from "vitest";
import { SAMPLE_FLAGS_OFFSET, SAMPLE_FRAME_LENGTH_SHIFT } from "../../../src/abi/mp4.js";
import type { CodecName } from "../../../src/media/codec/codec-entry.js";
import { pcmConfig } from "../../../src/media/codec/pcm/pcm-config.js";
import { BUILDS, type Build, KernelRun } from "../../support/kernel-harness.js";

const TRACK = 1;
const METADATA_AT = 13;
const PREVIOUS_TAG_BYTES = 4;
const TAG_HEADER_BYTES = 11;
const ALL_CODES = Uint8Array.from({ length: 256 }, (_, code) => code);

/** Decoder output values of Table 1a, times 8: by segment its first value, and the distance of those that follow. */
const A_LAW = { first: [1, 33, 66, 132, 264, 528, 1056, 2112], step: [2, 2, 4, 8, 16, 32, 64, 128], scale: 8 };
/** Of Table 2a, times 4. */
const MU_LAW = { first: [0, 33, 99, 231, 495, 1023, 2079, 4191], step: [2, 4, 8, 16, 32, 64, 128, 256], scale: 4 };

function fromTable({ first, step, scale }: typeof A_LAW, magnitude: number): number {
  const segment = magnitude >> 4;
  return ((first[segment] ?? 0) + (magnitude & 15) * (step[segment] ?? 0)) * scale;
}

const LINEAR: Readonly<Record<string, (code: number) => number>> = {
  pcma: (code) => (code >= 128 ? 1 : -1) * fromTable(A_LAW, (code ^ 0x55) & 127),
  pcmu: (code) => (code >= 128 ? 1 : -1) * fromTable(MU_LAW, ~code & 127),
  lpcm: (code) => (code - 128) * 256,
};

function record(
  build: Build,
  container: "mp4" | "flv",
  codec: CodecName,
  config: Uint8Array,
  payloads: readonly Uint8Array[],
): readonly Buffer[] {
  const run = new KernelRun({ container, build, hasVideo: false });
  const pointer = run.addConfig(codec, config);
  for (const [i, payload] of payloads.entries()) run.push({ track: TRACK, config: pointer, dts90k: i * 1800, payload });
  return run.finish()[0]?.files ?? [];
}

describe.each(BUILDS)("in MP4, %s build", (build) => {
  it.each(["pcma", "pcmu", "lpcm"] as const)("every code of 8 bits of %s becomes its linear sample", (codec) => {
    const files = record(build, "mp4", codec, pcmConfig(8000, 1, 8), [ALL_CODES, ALL_CODES.subarray(0, 3)]);
    const [media] = files;
    expect(media?.byteLength).toBe(2 * (256 + 3));
    const samples = Array.from({ length: 259 }, (_, i) => media?.readInt16LE(2 * i));
    const wanted = [...ALL_CODES, 0, 1, 2].map((code) => LINEAR[codec]?.(code));
    expect(samples.map((sample) => sample || 0)).toEqual(wanted.map((sample) => sample || 0));
  });

  it("samples of 16 bits stay as they are, and each frame says how long it is", () => {
    const payloads = [ALL_CODES, ALL_CODES.subarray(0, 40)];
    const files = record(build, "mp4", "lpcm", pcmConfig(44100, 2, 16), payloads);
    expect(files[0]).toEqual(Buffer.concat(payloads));
    const records = files[1 + TRACK] ?? Buffer.alloc(0);
    const lengths = [0, 1].map((i) => records.readUInt32LE(32 * i + SAMPLE_FLAGS_OFFSET) >>> SAMPLE_FRAME_LENGTH_SHIFT);
    expect(lengths).toEqual([64, 10]);
  });

  it("a frame of more samples than a record can say has the most that it can", () => {
    const files = record(build, "mp4", "pcma", pcmConfig(8000, 1, 8), [new Uint8Array(70_000)]);
    const flags = files[1 + TRACK]?.readUInt32LE(SAMPLE_FLAGS_OFFSET) ?? 0;
    expect(flags >>> SAMPLE_FRAME_LENGTH_SHIFT).toBe(0xffff);
  });
});

/** The tag behind the metadata, and the number that the metadata says of a name. */
function readFlv(file: Buffer): { body: Buffer; said: (name: string) => number } {
  const at = METADATA_AT + TAG_HEADER_BYTES + file.readUIntBE(METADATA_AT + 1, 3) + PREVIOUS_TAG_BYTES;
  const body = file.subarray(at + TAG_HEADER_BYTES, at + TAG_HEADER_BYTES + file.readUIntBE(at + 1, 3));
  return { body, said: (name) => file.readDoubleBE(file.indexOf(name) + name.length + 1) };
}

describe.each(BUILDS)("in FLV, %s build", (build) => {
  it.each([
    ["pcma", 8000, 1, 8, 0x72],
    ["pcma", 8000, 2, 8, 0x73],
    ["pcmu", 8000, 1, 8, 0x82],
    ["lpcm", 44100, 2, 16, 0x3f],
    ["lpcm", 22050, 1, 16, 0x3a],
    ["lpcm", 11025, 1, 8, 0x34],
    ["lpcm", 5512, 2, 16, 0x33],
  ] as const)("%s of %i Hz, %i channels, %i bits goes out as it came", (codec, rate, channels, bits, first) => {
    const files = record(build, "flv", codec, pcmConfig(rate, channels, bits), [ALL_CODES, ALL_CODES]);
    const { body, said } = readFlv(files[0] ?? Buffer.alloc(0));
    expect(body).toEqual(Buffer.concat([Buffer.of(first), ALL_CODES]));
    expect(said("audiocodecid")).toBe(first >> 4);
    expect(said("audiosamplesize")).toBe(codec === "lpcm" ? bits : 16);
    // To the end of the last frame, which is not as long as usual ones.
    expect(said("duration")).toBeCloseTo(0.02 + 256 / ((channels * bits) / 8) / rate, 3);
  });

  it.each([
    ["pcma", 16000],
    ["lpcm", 48000],
  ] as const)("%s of %i Hz has no number there", (codec, rate) => {
    const files = record(build, "flv", codec, pcmConfig(rate, 1, codec === "pcma" ? 8 : 16), [ALL_CODES]);
    expect(files[0] ?? Buffer.alloc(0)).toHaveLength(0);
  });
});
