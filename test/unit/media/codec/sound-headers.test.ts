// Frame headers of MPEG audio, AC-3 and E-AC-3 against the standards' tables, and the configurations made from them.

import { describe, expect, it } from "vitest";
import { Ac3Header, parseDac3 } from "../../../../src/media/codec/ac3/ac3-header.js";
import { Eac3Header, parseDec3 } from "../../../../src/media/codec/ac3/eac3-header.js";
import { parseFlacConfig, toFlacConfig } from "../../../../src/media/codec/flac/stream-info.js";
import { MP2, MP3 } from "../../../../src/media/codec/mpeg-audio/mpeg-audio.js";
import { MpegAudioHeader } from "../../../../src/media/codec/mpeg-audio/mpeg-audio-header.js";
import { SoundCounter } from "../../../../src/media/codec/sound-counter.js";
import type { SoundHeader } from "../../../../src/media/codec/sound-header.js";
import { BitWriter } from "../../../support/bit-writer.js";
import { AC3_FRAME, DAC3, DEC3, EAC3_FRAME, FLAC_CONFIG, MP2_FRAME, MP3_FRAME } from "../../../support/test-media.js";

function read<H extends SoundHeader>(header: H, bytes: Uint8Array): H {
  expect(header.parse(bytes, 0)).toBe(true);
  return header;
}

describe("a header of MPEG audio", () => {
  it.each([
    ["MPEG-1 layer III, 128 kb/s, 44.1 kHz, padded", [0xff, 0xfb, 0x92, 0x40], "mp3", 418, 1152, 44100, 2],
    ["MPEG-1 layer III, 320 kb/s, 48 kHz, mono", [0xff, 0xfb, 0xe4, 0xc0], "mp3", 960, 1152, 48000, 1],
    ["MPEG-2 layer III, 64 kb/s, 22.05 kHz", [0xff, 0xf3, 0x80, 0x40], "mp3", 208, 576, 22050, 2],
    ["MPEG-2.5 layer III, 8 kb/s, 8 kHz", [0xff, 0xe3, 0x18, 0xc0], "mp3", 72, 576, 8000, 1],
    ["MPEG-1 layer II, 384 kb/s, 32 kHz", [0xff, 0xfd, 0xe8, 0x00], "mp2", 1728, 1152, 32000, 2],
    ["MPEG-2 layer II, 160 kb/s, 24 kHz", [0xff, 0xf5, 0xe4, 0x00], "mp2", 960, 1152, 24000, 2],
  ])("of %s", (_what, bytes, codec, sizeBytes, samples, sampleRate, channels) => {
    const header = read(new MpegAudioHeader(), Uint8Array.from(bytes));
    expect(header).toMatchObject({ codec, sizeBytes, samples, sampleRate, channels });
    const config = header.config(Uint8Array.from(bytes), 0);
    const { audio } = (codec === "mp2" ? MP2 : MP3).parse(config);
    expect(audio).toMatchObject({ samplesPerFrame: samples, sampleRate, channels });
    expect(() => (codec === "mp2" ? MP3 : MP2).parse(config)).toThrow("is no header of it");
  });

  it.each([
    ["another sync word", [0xfe, 0xfb, 0x92, 0x40]],
    ["a reserved version", [0xff, 0xeb, 0x92, 0x40]],
    ["layer I", [0xff, 0xff, 0x92, 0x40]],
    ["no layer", [0xff, 0xf9, 0x92, 0x40]],
    ["a free bit rate", [0xff, 0xfb, 0x02, 0x40]],
    ["a bad bit rate", [0xff, 0xfb, 0xf2, 0x40]],
    ["a reserved sampling rate", [0xff, 0xfb, 0x9c, 0x40]],
  ])("with %s is none", (_what, bytes) => {
    expect(new MpegAudioHeader().parse(Uint8Array.from(bytes), 0)).toBe(false);
  });

  it("of a variable bit rate needs one configuration", () => {
    const [quiet, loud] = [Uint8Array.of(0xff, 0xfb, 0x50, 0x64), Uint8Array.of(0xff, 0xfb, 0xe2, 0x44)];
    const header = new MpegAudioHeader();
    const identity = read(header, quiet).identity;
    const config = header.config(quiet, 0);
    expect(read(header, loud).identity).toBe(identity);
    expect(header.config(loud, 0)).toEqual(config);
  });
});

describe("a header of AC-3", () => {
  // ETSI TS 102 366 Table 4.13: frmsizecod → words of 16 bits at 48, 44.1 and 32 kHz.
  it.each([
    [0, 64, 69, 96],
    [1, 64, 70, 96],
    [14, 224, 243, 336],
    [21, 384, 418, 576],
    [37, 1280, 1394, 1920],
  ])("says the frame size of code %i", (code, ...words) => {
    for (const [fscod, size] of words.entries()) {
      const bytes = AC3_FRAME.with(4, (fscod << 6) | code);
      expect(read(new Ac3Header(), bytes)).toMatchObject({ sizeBytes: size * 2, samples: 1536 });
    }
  });

  it("says channels behind mix levels of any number", () => {
    // acmod, optional mix levels, lfeon
    for (const [modes, channels] of [
      [0b001_1_000000000000, 2],
      [0b010_00_1_0000000000, 3],
      [0b011_00_1_0000000000, 4],
      [0b111_00_00_1_00000000, 6],
      [0b110_00_0_0000000000, 4],
    ] as const) {
      const bytes = AC3_FRAME.with(6, modes >> 8).with(7, modes & 255);
      const header = read(new Ac3Header(), bytes);
      expect(header.channels, modes.toString(2)).toBe(channels);
      expect(parseDac3(header.config())).toMatchObject({ channels, sampleRate: 48000, samplesPerFrame: 1536 });
    }
  });

  it("becomes the box of an MP4", () => {
    expect(read(new Ac3Header(), AC3_FRAME).config()).toEqual(DAC3);
  });

  it("of E-AC-3, of a reserved size or rate is none", () => {
    for (const [at, value] of [
      [0, 0x0c],
      [4, 0x26],
      [4, 0xd4],
      [5, 0x80],
    ] as const)
      expect(new Ac3Header().parse(AC3_FRAME.with(at, value), 0)).toBe(false);
  });
});

describe("a header of E-AC-3", () => {
  it("says size, blocks and channels", () => {
    expect(read(new Eac3Header(), EAC3_FRAME)).toMatchObject({ sizeBytes: 768, samples: 1536, channels: 2 });
    expect(read(new Eac3Header(), EAC3_FRAME.with(4, 0x0f))).toMatchObject({ samples: 256, channels: 6 });
    expect(read(new Eac3Header(), EAC3_FRAME.with(4, 0xc4))).toMatchObject({ sampleRate: 24000, samples: 1536 });
  });

  it("becomes the box of an MP4, with the substreams that depend on it", () => {
    const header = read(new Eac3Header(), EAC3_FRAME);
    expect(header.config(EAC3_FRAME, 0, EAC3_FRAME.byteLength)).toEqual(DEC3);
    const dependent = EAC3_FRAME.with(2, 0x41);
    expect(read(new Eac3Header(), dependent).isContinuation).toBe(true);
    const unit = Buffer.concat([EAC3_FRAME, dependent]);
    const config = header.config(unit, 0, unit.byteLength);
    expect(config.subarray(4)).toEqual(Uint8Array.of(1 << 1, 0));
    expect(parseDec3(config)).toMatchObject({ channels: 2, sampleRate: 48000 });
  });

  /** A frame of a dependent substream with a chanmap: strmtyp 1, 64 bytes, 48 kHz, six blocks. */
  const dependentFrame = (acmod: number, hasCompression: boolean, chanmap: number): Uint8Array => {
    const w = new BitWriter().u(16, 0x0b77).u(2, 1).u(3, 0).u(11, 31).u(2, 0).u(2, 3).u(3, acmod).u(1, 0).u(5, 16);
    for (let programs = acmod === 0 ? 2 : 1; programs > 0; programs--) {
      w.u(5, 31).u(1, hasCompression ? 1 : 0);
      if (hasCompression) w.u(8, 0x5a);
    }
    w.u(1, 1).u(16, chanmap);
    return Buffer.concat([w.bytes(), Buffer.alloc(64 - w.bytes().byteLength)]);
  };

  it.each([
    // ETSI TS 102 366, Table E.1.4 and Table F.6.1
    ["Lc/Rc", 1 << 10, 1],
    ["Lrs/Rrs", 1 << 9, 2],
    ["Cs", 1 << 8, 4],
    ["Ts", 1 << 7, 8],
    ["Lsd/Rsd", 1 << 6, 16],
    ["Lw/Rw", 1 << 5, 32],
    ["Lvh/Rvh", 1 << 4, 64],
    ["Cvh", 1 << 3, 128],
    ["LFE2", 1 << 1, 256],
    ["L, C, R, Ls, Rs and LFE, which are in 5.1", 0xf801, 0],
  ])("of a dependent substream with %s says where its channels are", (_what, chanmap, location) => {
    for (const [acmod, hasCompression] of [
      [2, false],
      [2, true],
      [0, true],
    ] as const) {
      const unit = Buffer.concat([EAC3_FRAME, dependentFrame(acmod, hasCompression, chanmap)]);
      const config = read(new Eac3Header(), unit).config(unit, 0, unit.byteLength);
      expect(config.subarray(4)).toEqual(Uint8Array.of((1 << 1) | (location >> 8), location & 255));
    }
  });

  it("of several dependent substreams says where the channels of all are", () => {
    const unit = Buffer.concat([EAC3_FRAME, dependentFrame(2, false, 1 << 9), dependentFrame(1, false, 1 << 8)]);
    const config = read(new Eac3Header(), unit).config(unit, 0, unit.byteLength);
    expect(config.subarray(4)).toEqual(Uint8Array.of(2 << 1, 2 | 4));
    // Half a header says nothing.
    const cut = unit.subarray(0, EAC3_FRAME.byteLength + 64 + 7);
    expect(new Eac3Header().parse(cut, 0)).toBe(true);
    expect(read(new Eac3Header(), cut).config(cut, 0, cut.byteLength).subarray(4)).toEqual(Uint8Array.of(2 << 1, 2));
  });

  it("of AC-3 is none", () => {
    expect(new Eac3Header().parse(AC3_FRAME, 0)).toBe(false);
    expect(() => parseDec3(Uint8Array.of(0, 0, 0x10, 0, 0))).toThrow("cannot be read");
  });
});

it("frames are counted in any split, dependent ones with those they belong to", () => {
  const dependent = EAC3_FRAME.with(2, 0x41);
  const cases: [SoundHeader, Uint8Array[], number, number][] = [
    [new MpegAudioHeader(), [MP3_FRAME, MP3_FRAME, MP3_FRAME], 3, 1152],
    [new MpegAudioHeader(), [MP2_FRAME, MP2_FRAME], 2, 1152],
    [new Ac3Header(), [AC3_FRAME, AC3_FRAME], 2, 1536],
    [new Eac3Header(), [EAC3_FRAME, dependent, EAC3_FRAME, dependent], 2, 1536],
  ];
  for (const [header, frames, count, samples] of cases)
    for (const step of [1, 5, 188, 10_000]) {
      const stream = Buffer.concat([Buffer.from("ab"), ...frames]);
      const counter = new SoundCounter(header);
      for (let at = 0; at < stream.byteLength; at += step) counter.push(stream.subarray(at, at + step));
      const found = { frames: counter.frames, samples: counter.samples, strayBytes: counter.strayBytes };
      expect(found, `${header.unit} ${step}`).toEqual({ frames: count, samples: count * samples, strayBytes: 2 });
    }
});

describe("STREAMINFO", () => {
  const bare = FLAC_CONFIG.subarray(4);
  const padding = Uint8Array.of(0x81, 0, 0, 2, 0, 0);
  it.each([
    ["bare", bare],
    ["with its block header", FLAC_CONFIG.with(0, 0)],
    ["as a stream begins", Buffer.concat([Buffer.from("fLaC"), FLAC_CONFIG])],
    ["with blocks behind it", Buffer.concat([Buffer.from("fLaC"), FLAC_CONFIG.with(0, 0), padding])],
  ])("%s is one configuration", (_what, bytes) => {
    expect(toFlacConfig(bytes)).toEqual(FLAC_CONFIG);
    const config = { sampleRate: 48000, channels: 2, samplesPerFrame: 4608, bitsPerSample: 16 };
    expect(parseFlacConfig(bytes)).toMatchObject(config);
  });

  it.each([
    ["that ends too early", bare.subarray(1)],
    ["that is another block", FLAC_CONFIG.with(0, 0x84)],
    ["without a rate", FLAC_CONFIG.with(14, 0).with(15, 0).with(16, 0)],
    ["of blocks of no samples", FLAC_CONFIG.with(6, 0).with(7, 0)],
  ])("%s is refused", (_what, bytes) => {
    expect(() => parseFlacConfig(bytes)).toThrow(expect.objectContaining({ code: "badConfig" }));
  });
});
