// Sound in MPEG-TS whose access units, or whose entries in the PMT, are of a codec's own form.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO } from "../../../src/abi/frame.js";
import type { CodecName } from "../../../src/media/codec/codec-entry.js";
import { opusHeadOf } from "../../../src/media/codec/opus/opus-head.js";
import { BitWriter } from "../../support/bit-writer.js";
import { demux } from "../../support/demux.js";
import { BUILDS, KernelRun, type TestFrame } from "../../support/kernel-harness.js";
import { specificConfigHead } from "../../support/latm.js";
import { AVCC, MP3_CONFIG, makeMedia, OPUS_HEAD } from "../../support/test-media.js";

const PID_PMT = 0x1000;
/** TOC of CELT, 20 ms, stereo. */
const OPUS_20_MS = 0xfc;

/** A packet of Opus of a size that lasts 20 ms. */
function opusPacket(sizeBytes: number): Uint8Array {
  return new Uint8Array(sizeBytes).fill(7).with(0, OPUS_20_MS);
}

/** The sections of all PMTs, in file order: version_number, and the bytes behind last_section_number up to the CRC. */
function programMapsOf(file: Buffer): { version: number; packet: number; content: string }[] {
  const found: { version: number; packet: number; content: string }[] = [];
  for (let at = 0; at < file.length; at += 188) {
    if ((file.readUInt16BE(at + 1) & 0x1fff) !== PID_PMT) continue;
    const section = file.subarray(at + 5, at + 188);
    const end = 3 + (section.readUInt16BE(1) & 0xfff) - 4;
    const content = section.toString("hex", 8, end);
    found.push({ version: ((section[5] ?? 0) >> 1) & 31, packet: at / 188, content });
  }
  return found;
}

describe.each(BUILDS)("Opus in MPEG-TS, %s build", (build) => {
  const record = (head: Uint8Array, sizes: readonly number[], startsAt = 0): Buffer => {
    const run = new KernelRun({ container: "ts", build });
    const config = run.addConfig("opus", head);
    for (const [i, size] of sizes.entries())
      run.push({
        ...{ track: TRACK_AUDIO, config, dts90k: i * 1800, payload: opusPacket(size) },
        isTrackStart: i === startsAt,
      });
    return run.finish()[0]?.files[0] ?? Buffer.alloc(0);
  };
  const preSkipOf = (file: Buffer): number => {
    const [config] = demux([file]).configs;
    return Buffer.from(config?.hex ?? "", "hex").readUInt16LE(10);
  };

  it.each([1, 100, 140, 141, 142, 143, 144, 145, 146, 254, 255, 256, 1275, 36 * 1024])(
    "says how much of a first packet of %i bytes is not heard",
    (size) => {
      const sizes = [size, 200, 255];
      const file = record(OPUS_HEAD, sizes);
      expect(preSkipOf(file)).toBe(312);
      const payloads = demux([file]).frames.map(({ units }) => Buffer.concat(units));
      expect(payloads).toEqual(sizes.map((size) => Buffer.from(opusPacket(size))));
    },
  );

  it("says no more than the packet has, and nothing where the track begins in front of the file", () => {
    expect(preSkipOf(record(Buffer.from(opusHeadOf(2, 3840) ?? []), [100, 100]))).toBe(960);
    expect(preSkipOf(record(OPUS_HEAD, [100, 100], -1))).toBe(0);
  });
});

describe.each(BUILDS)("a PMT of MPEG-TS, %s build", (build) => {
  /** Two seconds of video without a random access point inside, and sound that changes after one. */
  const record = (codec: CodecName, before: Uint8Array, after: Uint8Array) => {
    const run = new KernelRun({ container: "ts", build });
    const video = run.addConfig("h264", AVCC);
    const frames: TestFrame[] = makeMedia({ durationMs: 2000, video: { config: video, gopFrames: 100 } });
    const configs = [run.addConfig(codec, before), run.addConfig(codec, after, false)];
    for (let i = 0; i < 80; i++)
      frames.push({
        track: TRACK_AUDIO,
        config: configs[i < 40 ? 0 : 1] ?? 0,
        dts90k: i * 2160,
        payload: opusPacket(90),
      });
    for (const frame of frames.sort((a, b) => a.dts90k - b.dts90k || a.track - b.track)) run.push(frame);
    const segments = run.finish();
    return { segments, maps: programMapsOf(segments[0]?.files[0] ?? Buffer.alloc(0)) };
  };

  it.each([
    ["channels of Opus", "opus", OPUS_HEAD, opusHeadOf(6, 0) ?? OPUS_HEAD],
    ["the sampling rate of MP3", "mp3", MP3_CONFIG, MP3_CONFIG.with(1, 0xf3)],
  ] as const)("has a new version where %s change in the middle of a GOP", (_what, codec, before, after) => {
    const { segments, maps } = record(codec, before, after);
    expect(segments).toHaveLength(1);
    expect(new Set(maps.map(({ content }) => content)).size).toBe(2);
    // One version for each content, the next for the next.
    for (const { version, content } of maps) expect(version).toBe(content === maps[0]?.content ? 0 : 1);
    expect(segments[0]?.zero90k).toBe(0);
  });

  it("comes in front of the first access unit that it describes", () => {
    const { segments, maps } = record("opus", OPUS_HEAD, opusHeadOf(6, 0) ?? OPUS_HEAD);
    const file = segments[0]?.files[0] ?? Buffer.alloc(0);
    const next = maps.find(({ version }) => version === 1);
    const starts: number[] = [];
    for (let packet = 0; packet < file.length / 188; packet++)
      if ((file.readUInt16BE(packet * 188 + 1) & 0x5fff) === 0x4101) starts.push(packet);
    expect(starts.filter((packet) => packet < (next?.packet ?? 0))).toHaveLength(40);
    expect(starts).toHaveLength(80);
  });

  it("keeps its version where a change is not written in it", () => {
    const { maps } = record("opus", OPUS_HEAD, OPUS_HEAD.with(10, 0));
    expect(new Set(maps.map(({ version }) => version))).toEqual(new Set([0]));
  });
});

describe.each(BUILDS)("AAC that ADTS cannot say, in MPEG-TS, %s build", (build) => {
  /** AudioSpecificConfig of 48 kHz stereo and the part that is the object type's own. */
  const configOf = (objectType: number, own: (w: BitWriter) => BitWriter): Uint8Array =>
    own(specificConfigHead(objectType)).bytes();
  const ELD = configOf(39, (w) => w.u(4, 0).u(1, 0).u(4, 0).u(2, 0));
  const LD = configOf(23, (w) => w.u(3, 0).u(2, 0));
  /** With an extension of `bytes` bytes. */
  const longEld = (bytes: number): Uint8Array =>
    configOf(39, (w) => {
      w.u(4, 0).u(1, 0).u(4, 1);
      if (bytes < 15) w.u(4, bytes);
      else w.u(4, 15).u(8, bytes - 15);
      for (let i = 0; i < bytes; i++) w.u(8, i * 3);
      return w.u(4, 0).u(2, 0);
    });
  const explicitRate = (channels: number): Uint8Array =>
    new BitWriter().u(5, 2).u(4, 15).u(24, 48_000).u(4, channels).u(3, 0).bytes();
  const record = (config: Uint8Array, sizes: readonly number[]) => {
    const run = new KernelRun({ container: "ts", build });
    const pointer = run.addConfig("aac", config);
    const payloads = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
    for (const [i, payload] of payloads.entries())
      run.push({ track: TRACK_AUDIO, config: pointer, dts90k: i * 960, payload });
    const [segment] = run.finish();
    return { file: segment?.files[0] ?? Buffer.alloc(0), segment, payloads };
  };

  it.each([
    { title: "AAC-LD", config: LD },
    { title: "AAC-ELD", config: ELD },
    { title: "AAC-LC of 960 samples", config: configOf(2, (w) => w.u(3, 4)) },
    ...[11, 12, 13, 14].map((channels) => ({
      title: `AAC-LC of channel configuration ${channels}`,
      config: specificConfigHead(2, channels).u(3, 0).bytes(),
    })),
    { title: "AAC-LC of a rate that is written out, 6.1", config: explicitRate(11) },
    ...[23, 24, 25, 26, 88].map((bytes) => ({ title: `AAC-ELD and ${bytes} bytes`, config: longEld(bytes) })),
  ])("$title goes out as LATM", ({ config }) => {
    const { file, payloads } = record(config, [1, 100, 253, 254, 255, 256, 509, 510, 511, 6000]);
    expect(file.includes(Buffer.from([0x11, 0xe1, 0x01]))).toBe(true); // stream_type, elementary_PID
    const { frames, configs, statistics } = demux([file]);
    expect(frames.map(({ units }) => Buffer.concat(units))).toEqual(payloads.map((payload) => Buffer.from(payload)));
    expect(configs.map(({ hex }) => hex)).toEqual([Buffer.from(config).toString("hex")]);
    expect(statistics).toMatchObject({ audioGarbageBytes: 0, damagedFrames: 0, framesBeforeConfig: 0 });
  });

  it("an access unit that is too long for a frame is left out", () => {
    // 8191 bytes, of which 7 are around the configuration, and 32 say the access unit's length.
    const most = 8191 - (7 + ELD.byteLength) - 32;
    const { file, segment } = record(ELD, [100, most, most + 1, 100]);
    expect(demux([file]).frames.map(({ units }) => Buffer.concat(units).byteLength)).toEqual([100, most, 100]);
    expect(segment?.leftOut.frames[TRACK_AUDIO]).toBe(1);
  });

  it("a configuration that is too long has no form", () => {
    expect(record(longEld(110), [100, 100]).file).toHaveLength(0);
  });
});
