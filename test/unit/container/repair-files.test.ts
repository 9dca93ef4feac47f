// The repair of MPEG-TS and FLV files that a crash cut off at any byte: what is left is sound, nothing whole is lost, a
// second repair finds nothing to do, and what is damaged elsewhere is not touched. Broken at every byte near the end,
// and at seeded places elsewhere.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TRACK_AUDIO } from "../../../src/abi/frame.js";
import { isTornFlv, repairFlv } from "../../../src/container/flv/repair-flv.js";
import { isTornTs, repairTs } from "../../../src/container/mpegts/repair-ts.js";
import { pcmConfig } from "../../../src/media/codec/pcm/pcm-config.js";
import { amfName } from "../../../src/media/flv/amf0.js";
import { verifyFile } from "../../../src/verify/verify-file.js";
import { makeClip } from "../../support/clip.js";
import { readClip } from "../../support/clip-frames.js";
import { demux } from "../../support/demux.js";
import { seed } from "../../support/effort.js";
import { ffprobe } from "../../support/ffprobe.js";
import { KernelRun, type KernelRunOptions } from "../../support/kernel-harness.js";
import { specificConfigHead } from "../../support/latm.js";
import { scratch } from "../../support/scratch.js";
import {
  AC3_FRAME,
  ASC,
  AVCC,
  AVCC_OTHER,
  DAC3,
  DEC3,
  EAC3_FRAME,
  FLAC_CONFIG,
  G711_CONFIG,
  MP3_CONFIG,
  MP3_FRAME,
  makeAv,
  makeMedia,
  OPUS_HEAD,
} from "../../support/test-media.js";

const { write, path } = scratch();
const CONTAINERS = {
  ts: { repair: repairTs, isTorn: isTornTs, unit: 188 },
  flv: { repair: repairFlv, isTorn: isTornFlv, unit: 1 },
} as const;

function recorded(container: "ts" | "flv", sizeBytes?: number, options: Partial<KernelRunOptions> = {}): Buffer {
  const run = new KernelRun({ build: "release", container, ...options });
  const frames =
    sizeBytes === undefined
      ? makeAv(run, 3000)
      : makeMedia({
          durationMs: 600,
          video: { config: run.addConfig("h264", AVCC), gopFrames: 5, sizeBytes },
          audio: { config: run.addConfig("aac", ASC) },
        });
  for (const frame of frames) run.push(frame);
  return run.finish()[0]?.files[0] ?? Buffer.alloc(0);
}

/** As a crash leaves it: the room for the metadata of an FLV says neither sizes nor tracks. */
function unclosed(container: "ts" | "flv", bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (container === "ts") return copy;
  const body = copy.subarray(24, 24 + copy.readUIntBE(14, 3));
  body.fill(" ");
  const number = (name: string): Buffer => Buffer.concat([amfName(name), Buffer.alloc(9)]);
  const filler = Buffer.concat([amfName("filler0"), Buffer.of(2, 0, 0)]);
  const title = Buffer.concat([Buffer.of(2), amfName("onMetaData"), Buffer.of(8, 0, 0, 0, 3)]);
  const head = Buffer.concat([title, number("duration"), number("filesize"), filler]);
  head.writeUInt16BE(body.byteLength - head.byteLength - 3, head.byteLength - 2);
  head.copy(body);
  body.set([0, 0, 9], body.byteLength - 3);
  return copy;
}

describe.each(["ts", "flv"] as const)("the repair of a torn %s file", (container) => {
  const { repair, isTorn } = CONTAINERS[container];
  const whole = recorded(container);
  const torn = unclosed(container, whole);
  const name = `torn.${container}`;

  it("leaves whole frames, wherever the file was cut off, and is done after one run", async () => {
    let frames = Number.POSITIVE_INFINITY;
    for (let lost = 0; lost < 2500; lost += lost < 250 ? 1 : 29) {
      const cut = write(name, torn.subarray(0, torn.byteLength - lost));
      const dry = repair(cut, { dryRun: true });
      expect(readFileSync(cut).equals(torn.subarray(0, torn.byteLength - lost)), "a dry run changes nothing").toBe(
        true,
      );
      expect(isTorn(cut)).toBe(dry.isChanged);
      const done = repair(cut, { sync: false });
      expect(done).toEqual(dry);
      expect(done.sizeBytes).toBe(readFileSync(cut).byteLength);
      expect(done.sizeBytes + done.lostBytes).toBe(torn.byteLength - lost);
      const report = await verifyFile(cut);
      expect(report.defects, `cut by ${lost} bytes`).toEqual([]);
      expect([done.videoFrames, done.audioFrames]).toEqual([report.tracks[0]?.frames, report.tracks[1]?.frames]);
      expect(Math.abs(done.durationMs - report.durationMs)).toBeLessThan(200); // decoded, and as shown
      expect(done.videoFrames + done.audioFrames).toBeLessThanOrEqual(frames);
      frames = done.videoFrames + done.audioFrames;
      expect(repair(cut)).toEqual({ ...done, lostBytes: 0, lostFrames: 0, isChanged: false });
      expect(isTorn(cut)).toBe(false);
    }
  });

  it("leaves what ffprobe has no complaint about", async () => {
    const clip = readClip(await makeClip({ seconds: 2, video: { bFrames: 2 } }));
    const run = new KernelRun({ build: "release", container });
    const configs = [run.addConfig("h264", clip.avcC ?? AVCC), run.addConfig("aac", clip.asc ?? ASC)];
    for (const frame of clip.frames) run.push({ ...frame, config: configs[frame.track] ?? 0 });
    const real = unclosed(container, run.finish()[0]?.files[0] ?? Buffer.alloc(0));
    for (const lost of [1, 77, 100, 188, 1000, 5000, 40_000]) {
      const cut = write(name, real.subarray(0, real.byteLength - lost));
      const done = repair(cut);
      const probe = await ffprobe(cut);
      expect([probe.video?.packets.length, probe.audio?.packets.length]).toEqual([done.videoFrames, done.audioFrames]);
    }
  });

  it("finds nothing to do in a file that was closed, of ours or of ffmpeg's", async () => {
    const foreign = readFileSync(await makeClip({ seconds: 1, format: container }));
    for (const bytes of [whole, foreign]) {
      const file = write(name, bytes);
      expect(isTorn(file)).toBe(false);
      expect(repair(file)).toMatchObject({ isChanged: false, lostBytes: 0, lostFrames: 0 });
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  it("cuts off the blocks of zeros that a power cut leaves", async () => {
    for (const zeros of [1, 100, 4096, 10_000]) {
      const file = write(name, Buffer.concat([torn.subarray(0, -50), Buffer.alloc(zeros)]));
      expect(isTorn(file)).toBe(true);
      const { lostBytes, isChanged } = repair(file);
      expect(isChanged).toBe(true);
      expect(lostBytes).toBeGreaterThanOrEqual(zeros);
      expect((await verifyFile(file)).defects).toEqual([]);
    }
  });

  it("leaves a file alone that is damaged in front of its end, and one that is another's", () => {
    const random = mulberry(seed);
    for (let run = 0; run < 200; run++) {
      const bytes = Buffer.from(torn);
      const at = Math.floor(bytes.byteLength / 4 + (random() * bytes.byteLength) / 2);
      // Bytes that are missing shift all that follows.
      const damaged = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(random() * 100))]);
      const file = write(name, damaged);
      expect(() => repair(file), `seed ${seed}, byte ${at}`).toThrow(expect.objectContaining({ code: "corrupt" }));
      expect(readFileSync(file).equals(damaged)).toBe(true);
    }
    const text = write(name, Buffer.from("export const a = 1;\n".repeat(100)));
    expect(() => repair(text)).toThrow(/it is left as it is$/);
    expect(isTorn(text)).toBe(false);
    // Shorter than a packet, and beginning with what is a sync byte in a transport stream.
    for (const words of [
      "export {};\n",
      "G",
      "Good.is(1);\n",
      "Good.is(1);\n".repeat(20),
      "Good.is(1);\n".repeat(2000),
    ]) {
      const other = write(name, Buffer.from(words));
      expect(() => repair(other), words.slice(0, 20)).toThrow(/it is left as it is$/);
      expect(readFileSync(other, "latin1")).toBe(words);
      expect(isTorn(other)).toBe(false);
    }
  });

  it("takes an empty file for what it is", () => {
    expect(repair(write(name, Buffer.alloc(0)))).toEqual({
      sizeBytes: 0,
      lostBytes: 0,
      lostFrames: 0,
      videoFrames: 0,
      audioFrames: 0,
      durationMs: 0,
      isChanged: false,
    });
    expect(() => repair(path("nowhere"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });
});

describe("the repair of a transport stream with pictures of more than 64 KiB", () => {
  it("drops a picture that the file ends in, and none that is whole", async () => {
    const bytes = recorded("ts", 70_000);
    for (let lost = 0; lost < 200_000; lost += 3777) {
      const file = write("large.ts", bytes.subarray(0, bytes.byteLength - lost));
      const done = repairTs(file, { sync: false });
      const report = await verifyFile(file);
      expect(report.defects, `cut by ${lost} bytes`).toEqual([]);
      expect(done.videoFrames).toBe(report.tracks[0]?.frames);
      expect(repairTs(file).isChanged, `cut by ${lost} bytes`).toBe(false);
    }
  });
});

/** Two videos of different sizes and two sounds; the further ones begin in front of the first. */
function recordedFour(): Buffer {
  const run = new KernelRun({ build: "release", container: "flv" });
  const config = { video: run.addConfig("h264", AVCC), audio: run.addConfig("aac", ASC) };
  const first = makeMedia({
    durationMs: 3000,
    video: { config: config.video },
    audio: { config: config.audio, delay90k: 900 },
  });
  const other = {
    video: run.addConfig("h264", AVCC_OTHER, true, { track: 2 }),
    audio: run.addConfig("mp3", MP3_CONFIG, true, { track: 3 }),
  };
  const further = makeMedia({
    durationMs: 3000,
    video: { config: other.video, sizeBytes: 90 },
    audio: { config: other.audio, frame90k: 2351 },
  }).map((frame) => (frame.track === TRACK_AUDIO ? { ...frame, payload: MP3_FRAME } : frame));
  const frames = [...further.map((frame) => ({ ...frame, track: frame.track + 2 })), ...first];
  for (const frame of frames.sort((a, b) => a.dts90k - b.dts90k)) run.push(frame);
  return run.finish()[0]?.files[0] ?? Buffer.alloc(0);
}

describe("the repair of an FLV file with several tracks of a kind", () => {
  it("leaves whole frames of all of them, wherever the file was cut off", async () => {
    const torn = unclosed("flv", recordedFour());
    for (let lost = 0; lost < 1200; lost += 7) {
      const file = write("four.flv", torn.subarray(0, torn.byteLength - lost));
      const done = repairFlv(file, { sync: false });
      const { defects, tracks } = await verifyFile(file);
      expect(defects, `cut by ${lost} bytes`).toEqual([]);
      const framesOf = (kind: string): number =>
        tracks.reduce((sum, track) => sum + (track.kind === kind ? track.frames : 0), 0);
      expect([done.videoFrames, done.audioFrames]).toEqual([framesOf("video"), framesOf("audio")]);
      expect(tracks).toHaveLength(4);
    }
  });
});

describe("the repaired head of an FLV file", () => {
  it.each([
    ["one track of a kind", () => recorded("flv")],
    ["two tracks of a kind", recordedFour],
  ])("says what the close would have said, of %s", (_name, record) => {
    const whole = record();
    const file = write("head.flv", unclosed("flv", whole));
    repairFlv(file);
    const repaired = readFileSync(file);
    expect(repaired.byteLength).toBe(whole.byteLength);
    const differing = [...repaired].flatMap((byte, i) => (byte === whole[i] ? [] : [i]));
    // Tags count milliseconds, the close ticks: nothing but the duration and the frame rate may differ, by less than a
    // millisecond.
    const at = (text: string): number => whole.indexOf(text, 0, "latin1") + text.length + 1;
    expect(differing.every((i) => [at("duration"), at("framerate")].some((field) => i >= field && i < field + 8))).toBe(
      true,
    );
    expect(Math.abs(repaired.readDoubleBE(at("duration")) - whole.readDoubleBE(at("duration")))).toBeLessThan(0.001);
  });

  it.each([
    ["mp3", MP3_CONFIG, MP3_FRAME],
    ["ac3", DAC3, AC3_FRAME],
    ["eac3", DEC3, EAC3_FRAME],
    ["pcmu", G711_CONFIG, new Uint8Array(256)],
    ["lpcm", pcmConfig(22050, 2, 8), new Uint8Array(1412)],
  ] as const)(
    "says of %s, which has no configuration in the file, what its first frame or tag says",
    (codec, config, frame) => {
      const run = new KernelRun({ build: "release", container: "flv" });
      const media = makeMedia({
        durationMs: 1000,
        video: { config: run.addConfig("h264", AVCC) },
        audio: { config: run.addConfig(codec, config), frame90k: 2880 },
      });
      for (const one of media) run.push(one.track === TRACK_AUDIO ? { ...one, payload: frame } : one);
      const whole = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
      const file = write(`${codec}.flv`, unclosed("flv", whole));
      repairFlv(file);
      const soundFields = (bytes: Buffer): Buffer => {
        const from = bytes.indexOf("audiocodecid", 0, "latin1");
        return bytes.subarray(from, bytes.indexOf("stereo", from, "latin1") + 8);
      };
      expect(soundFields(readFileSync(file)).toString("hex")).toBe(soundFields(whole).toString("hex"));
    },
  );

  it("counts the last sound of PCM as long as its bytes say", () => {
    const run = new KernelRun({ build: "release", container: "flv", hasVideo: false });
    const config = run.addConfig("pcmu", G711_CONFIG);
    for (const [i, samples] of [160, 160, 4000].entries())
      run.push({ track: TRACK_AUDIO, config, dts90k: i * 1800, payload: new Uint8Array(samples) });
    const whole = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
    const file = write("last-sound.flv", unclosed("flv", whole));
    repairFlv(file);
    const duration = (bytes: Buffer): number => bytes.readDoubleBE(bytes.indexOf("duration", 0, "latin1") + 9);
    expect(duration(whole)).toBeCloseTo(0.54, 6);
    expect(duration(readFileSync(file))).toBeCloseTo(0.54, 6);
  });

  const opus = (...head: number[]): Uint8Array => Uint8Array.from([...head, ...new Uint8Array(60)]);
  const flac = (...head: number[]): Uint8Array => Uint8Array.from([0xff, 0xf8, ...head, ...new Uint8Array(60)]);
  it.each([
    ["opus", OPUS_HEAD, opus(0xf8), opus(0xfb, 3), 2880 / 48000],
    ["eac3", DEC3, EAC3_FRAME, EAC3_FRAME.map((byte, i) => (i === 4 ? 0x04 : byte)), 256 / 48000],
    ["flac", FLAC_CONFIG, flac(0xc9, 8, 0, 0), flac(0x69, 8, 2, 191), 192 / 48000],
    ["flac", FLAC_CONFIG, flac(0xc9, 8, 0, 0), flac(0x79, 8, 0xc2, 0x80, 3, 0xe7), 1000 / 48000],
  ] as const)("counts the last frame of %s as long as it says", (codec, configuration, usual, last, seconds) => {
    const run = new KernelRun({ build: "release", container: "flv", hasVideo: false });
    const config = run.addConfig(codec, configuration);
    for (const [i, payload] of [usual, usual, last].entries())
      run.push({ track: TRACK_AUDIO, config, dts90k: i * 9000, payload });
    const whole = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
    const file = write("last-frame.flv", unclosed("flv", whole));
    repairFlv(file);
    const duration = (bytes: Buffer): number => bytes.readDoubleBE(bytes.indexOf("duration", 0, "latin1") + 9);
    expect(duration(readFileSync(file))).toBeCloseTo(0.2 + seconds, 6);
    expect(Math.abs(duration(whole) - 0.2 - seconds)).toBeLessThan(0.001);
  });

  it("thins its keyframe table as the recorder does", async () => {
    const run = new KernelRun({ build: "release", container: "flv" });
    const frames = makeMedia({
      durationMs: 60_000,
      video: { config: run.addConfig("h264", AVCC), gopFrames: 2, sizeBytes: 60 },
    });
    for (const frame of frames) run.push(frame);
    const whole = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
    const file = write("many.flv", unclosed("flv", whole));
    repairFlv(file);
    const table = (bytes: Buffer): Buffer =>
      bytes.subarray(bytes.indexOf("keyframes\x03", 0, "latin1"), bytes.indexOf("filler", 0, "latin1"));
    expect(table(readFileSync(file)).equals(table(whole))).toBe(true);
    expect((await verifyFile(file)).defects).toEqual([]);
  });

  it("completes a repair that was killed between cut and patch", async () => {
    const torn = unclosed("flv", recorded("flv"));
    const file = write("killed.flv", torn.subarray(0, -30));
    const { sizeBytes } = repairFlv(file, { dryRun: true });
    write("killed.flv", torn.subarray(0, sizeBytes));
    expect(repairFlv(file)).toMatchObject({ lostBytes: 0, isChanged: true, sizeBytes });
    expect((await verifyFile(file)).defects).toEqual([]);
  });

  it("patches the numbers of another writer's metadata in place", async () => {
    const bytes = readFileSync(await makeClip({ seconds: 2 }));
    const file = write("foreign.flv", bytes.subarray(0, bytes.byteLength - 9000));
    expect(repairFlv(file)).toMatchObject({ isChanged: true, lostFrames: 1 });
    expect((await verifyFile(file)).defects).toEqual([]);
    await ffprobe(file);
  });
});

/** A small seeded generator. */
function mulberry(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

it("the repair of a torn MPEG-TS with LATM keeps every whole access unit, and counts them", async () => {
  const run = new KernelRun({ build: "release", container: "ts" });
  const config = run.addConfig("aac", specificConfigHead(23).u(3, 0).u(2, 0).bytes());
  for (let i = 0; i < 100; i++)
    run.push({ track: TRACK_AUDIO, config, dts90k: i * 960, payload: new Uint8Array(700).fill(i) });
  const whole = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
  for (const cut of [5, 188, 188 * 3 + 60]) {
    const file = write("latm.ts", whole.subarray(0, whole.byteLength - cut));
    const { audioFrames } = repairTs(file);
    const left = demux([readFileSync(file)]).frames;
    expect(left).toHaveLength(99);
    expect(audioFrames).toBe(99);
    expect((await verifyFile(file)).defects).toEqual([]);
  }
});
