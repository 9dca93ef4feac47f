// The codec table and its half in the muxers: two languages, one set of answers.

import { describe, expect, it } from "vitest";
import { CODEC_COUNT, CONFIG_BYTES_OFFSET, CONFIG_CODEC_OFFSET } from "../../../../src/abi/decoder-config.js";
import { ARENA_BASE, Arena } from "../../../../src/arena/arena.js";
import { instantiateKernel, type Kernel } from "../../../../src/arena/kernel.js";
import type { CodecEntry, CodecName } from "../../../../src/media/codec/codec-entry.js";
import {
  CODECS,
  codecOfFlv,
  codecOfFourCc,
  codecOfName,
  codecOfNumber,
  codecOfSampleEntry,
  codecOfStream,
  flvMetadataId,
  framingOfStream,
} from "../../../../src/media/codec/table.js";
import { storeDecoderConfig } from "../../../../src/stream/decoder-config.js";
import { BUILDS, testModule } from "../../../support/kernel-harness.js";
import {
  AC3_FRAME,
  ASC,
  AV1C,
  AVCC,
  accessUnit,
  DAC3,
  DEC3,
  EAC3_FRAME,
  FLAC_CONFIG,
  G711_CONFIG,
  H265_TRAIL,
  HVCC,
  h265NalUnit,
  LPCM_CONFIG,
  MP2_CONFIG,
  MP2_FRAME,
  MP3_CONFIG,
  MP3_FRAME,
  NAL_SLICE,
  nalUnit,
  OPUS_HEAD,
  VPCC,
} from "../../../support/test-media.js";

interface TableKernel extends Kernel {
  mp4SampleEntryType(codec: number): number;
  tsStreamType(config: number): number;
  tsScan(config: number, payload: number, size: number): bigint;
  flvCodecId(config: number): number;
  flvFourCc(config: number): number;
  flvPrefixSize(config: number, trackId: number): number;
  flvPayloadSize(config: number, payload: number, size: number): number;
}

const SAMPLES: Readonly<Record<CodecName, { config: Uint8Array; accessUnit: Uint8Array }>> = {
  h264: { config: AVCC, accessUnit: accessUnit([nalUnit(NAL_SLICE, 40)]) },
  h265: { config: HVCC, accessUnit: accessUnit([h265NalUnit(H265_TRAIL, 40)]) },
  aac: { config: ASC, accessUnit: new Uint8Array(40).fill(0x21) },
  opus: { config: OPUS_HEAD, accessUnit: new Uint8Array(40).fill(0x7c) },
  av1: { config: AV1C, accessUnit: new Uint8Array(40).fill(0x32) },
  vp9: { config: VPCC, accessUnit: new Uint8Array(40).fill(0x86) },
  vp8: { config: VPCC, accessUnit: new Uint8Array(40).fill(0x11) },
  mp3: { config: MP3_CONFIG, accessUnit: MP3_FRAME },
  mp2: { config: MP2_CONFIG, accessUnit: MP2_FRAME },
  ac3: { config: DAC3, accessUnit: AC3_FRAME },
  eac3: { config: DEC3, accessUnit: EAC3_FRAME },
  flac: { config: FLAC_CONFIG, accessUnit: new Uint8Array(40) },
  lpcm: { config: LPCM_CONFIG, accessUnit: new Uint8Array(40) },
  pcma: { config: G711_CONFIG, accessUnit: new Uint8Array(40) },
  pcmu: { config: G711_CONFIG, accessUnit: new Uint8Array(40) },
};
const ALL: readonly CodecEntry[] = Object.values(CODECS);

/** The number of a box type; 0 where there is none. */
function boxType(type: string | undefined): number {
  return type === undefined ? 0 : Buffer.from(type, "latin1").readUInt32BE();
}

describe("codec table", () => {
  it("has one entry for every number of the ABI, each under its own name", () => {
    expect(ALL.map((codec) => codec.number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: CODEC_COUNT }, (_, i) => i + 1),
    );
    for (const [name, codec] of Object.entries(CODECS)) expect(codec.name).toBe(name);
  });

  it("finds a codec again by everything that files say of it", () => {
    for (const codec of ALL) {
      expect(codecOfNumber(codec.number)).toBe(codec);
      expect(codecOfName(codec.name)).toBe(codec);
      if (codec.ts) {
        // Of MPEG audio only the frames say which.
        const { streamType, registration, framing } = codec.ts;
        expect(framingOfStream({ streamType, registration, descriptorTags: [] })).toBe(framing);
        for (const { streamType, framing } of codec.ts.otherStreamTypes)
          expect(framingOfStream({ streamType, registration: "", descriptorTags: [] })).toBe(framing);
        if (codec.ts.descriptorTag !== null)
          expect(codecOfStream({ streamType: 6, registration: "", descriptorTags: [codec.ts.descriptorTag] })).toBe(
            codec,
          );
      }
      if (codec.flv) {
        if (codec.flv.codecId !== null) expect(codecOfFlv(codec.kind, codec.flv.codecId)).toBe(codec);
        if (codec.flv.fourCc !== "")
          expect(codecOfFourCc(codec.kind, Buffer.from(codec.flv.fourCc).readUInt32BE())).toBe(codec);
      }
      for (const type of [codec.mp4?.sampleEntry, ...(codec.mp4?.otherSampleEntries ?? [])])
        if (type)
          expect(codecOfSampleEntry(type, codec.mp4?.objectTypes[0])?.mp4?.sampleEntry).toBe(codec.mp4?.sampleEntry);
    }
  });
});

describe.each(BUILDS)("codec table of the muxers, %s build", (build) => {
  const arena = new Arena();
  const kernel = instantiateKernel<TableKernel>(testModule(build), arena.memory, ARENA_BASE);

  it.each(ALL)("answers as the table does for $name", (codec) => {
    expect(kernel.mp4SampleEntryType(codec.number) >>> 0).toBe(boxType(codec.mp4?.sampleEntry));
    const { pointer } = storeDecoderConfig(arena, codec.name, SAMPLES[codec.name].config);
    expect(kernel.tsStreamType(pointer)).toBe(codec.ts?.streamType ?? 0);
    expect(kernel.flvCodecId(pointer) >>> 0).toBe(codec.flv ? flvMetadataId(codec.flv) : 0);
    expect(kernel.flvFourCc(pointer) >>> 0).toBe(boxType(codec.flv?.fourCc || undefined));
  });

  it.each(ALL)("has a writer for $name in every container that can carry it", (codec) => {
    const sample = SAMPLES[codec.name];
    const { pointer } = storeDecoderConfig(arena, codec.name, sample.config);
    const payload = arena.allocate(sample.accessUnit.byteLength);
    arena.u8.set(sample.accessUnit, payload);
    const size = sample.accessUnit.byteLength;
    expect(Number(BigInt.asUintN(32, kernel.tsScan(pointer, payload, size)))).toBe(codec.ts ? size : 0);
    expect(kernel.flvPrefixSize(pointer, 0) > 0).toBe(codec.flv !== null);
    expect(kernel.flvPrefixSize(pointer, 1)).toBeGreaterThanOrEqual(kernel.flvPrefixSize(pointer, 0));
    expect(kernel.flvPayloadSize(pointer, payload, size)).toBe(codec.flv ? size : 0);
  });

  it("knows no form for a codec that is not in the ABI", () => {
    for (const number of [0, CODEC_COUNT + 1]) {
      expect(kernel.mp4SampleEntryType(number)).toBe(0);
      const config = arena.allocate(CONFIG_BYTES_OFFSET);
      arena.u32[(config + CONFIG_CODEC_OFFSET) >>> 2] = number;
      expect(kernel.tsStreamType(config)).toBe(0);
      expect(kernel.flvCodecId(config)).toBe(0);
      expect(kernel.flvFourCc(config)).toBe(0);
    }
  });
});
