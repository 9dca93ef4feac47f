// The decoder configurations in recorded files are those that were sent, for every codec and container: FFmpeg 8 tells
// them of what it publishes and of what was recorded. Where they stand in the frames alone (AC-3, E-AC-3), the box in
// MP4 is the one that ffmpeg makes of the same stream.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configOf } from "../support/decoder-configs.js";
import { readTrackMessages } from "../support/multitrack.js";
import { type PeerTrack, probeWithFfmpeg8, remuxWithFfmpeg8 } from "../support/peers.js";
import { stopPublishers } from "../support/publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";

let folder: string;
let server: SharedServer;
// They run side by side, each with a stream of its own.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-configurations-"));
  server = await SharedServer.start();
});
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

/** ffmpeg's arguments for each codec. */
const ENCODERS = {
  h264: ["-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "high", "-x264-params", "8x8dct=1"],
  hevc: ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0"],
  av1: ["-c:v", "libsvtav1", "-preset", "12"],
  vp9: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
  aac: ["-c:a", "aac", "-ac", "2"],
  opus: ["-c:a", "libopus", "-ac", "2"],
  flac: ["-c:a", "flac", "-sample_fmt", "s16"],
  mp3: ["-c:a", "libmp3lame", "-ar", "44100"],
  mp2: ["-c:a", "mp2"],
  ac3: ["-c:a", "ac3", "-ac", "2", "-b:a", "192k"],
  eac3: ["-c:a", "eac3", "-ac", "2", "-b:a", "192k"],
} as const;
type Codec = keyof typeof ENCODERS;

async function ffmpeg(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
  if (code !== 0) throw new Error(stderr);
}

async function encode(video: Codec, audio: Codec, extension: "mkv" | "ts"): Promise<string> {
  const path = join(folder, `${video}-${audio}.${extension}`);
  await ffmpeg(
    ...["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2"],
    ...["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2"],
    ...ENCODERS[video],
    ...["-g", "25", "-pix_fmt", "yuv420p"],
    ...ENCODERS[audio],
    path,
  );
  return path;
}

/** What a decoder is told in front of the frames. */
interface Told {
  codec: string;
  config: string;
  sampleRate: number;
  channels: number;
  width: number;
  height: number;
}

function told(tracks: readonly PeerTrack[]): Told[] {
  return tracks
    .map((track) => {
      const { codec, sampleRate, channels, width, height } = track;
      // FFmpeg does not tell that of VP9 in MP4: it is looked for below.
      return { codec, config: codec === "vp9" ? "" : configOf(track), sampleRate, channels, width, height };
    })
    .sort((a, b) => (a.codec < b.codec ? -1 : 1));
}

/** The content of the first box of a type. */
async function boxOf(path: string, type: string): Promise<string> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(type, 0, "latin1");
  if (at < 0) throw new Error(`${path} has no ${type}`);
  return bytes.toString("hex", at + 4, at - 4 + bytes.readUInt32BE(at - 4));
}

/** The boxes of a codec that FFmpeg does not tell the content of. */
const BOXES = { ac3: "dac3", eac3: "dec3" } as const;

async function expectBox(audio: Codec, mp4: string, clip: string): Promise<void> {
  if (audio !== "ac3" && audio !== "eac3") return;
  const reference = `${clip}.reference.mp4`;
  await ffmpeg("-i", clip, "-c", "copy", reference);
  expect(await boxOf(mp4, BOXES[audio])).toBe(await boxOf(reference, BOXES[audio]));
}

describe.concurrent("decoder configurations", () => {
  it.each([
    ["h264", "aac"],
    ["hevc", "opus"],
    ["av1", "opus"],
    ["vp9", "flac"],
    ["h264", "mp3"],
    ["h264", "ac3"],
    ["h264", "eac3"],
  ] as const)("of %s and %s over enhanced RTMP are those that were sent", { timeout: 60_000 }, async (video, audio) => {
    const clip = await encode(video, audio, "mkv");
    const flv = `${clip}.flv`;
    await remuxWithFfmpeg8(clip, flv, "flv");
    const name = `${video}-${audio}`;
    await server.record(name, ["mp4", "flv"], () => remuxWithFfmpeg8(clip, server.process.rtmpUrl(name), "flv"));
    const files = { mp4: server.file(name, "mp4"), flv: server.file(name, "flv") };
    const [sent = [], mp4 = [], again = []] = await probeWithFfmpeg8(flv, files.mp4, files.flv);
    const expected = told(sent);
    // The sequence header of SVT-AV1's frames says other colours than its own configuration: that of the frames counts.
    const isOverruled = ({ codec }: { codec: string }): boolean => codec === "av1";
    for (const [label, tracks] of [["mp4", told(mp4)] as const, ["flv", told(again)] as const]) {
      expect(tracks.length, label).toBe(2);
      expect(
        tracks.filter((track) => !isOverruled(track)),
        label,
      ).toEqual(expected.filter((track) => !isOverruled(track)));
      for (const { config } of tracks.filter(isOverruled)) {
        const sequenceHeader = Buffer.from(config, "hex").subarray(4);
        expect(sequenceHeader.byteLength, label).toBeGreaterThan(8);
        expect((await readFile(clip)).includes(sequenceHeader), label).toBe(true);
      }
    }
    if (video === "vp9") {
      const vpcC = (path: string): string | undefined =>
        readTrackMessages(path)
          .find(({ fourCc, packetType }) => fourCc === "vp09" && packetType === 0)
          ?.data.toString("hex");
      expect(vpcC(files.flv)).toBe(vpcC(flv));
      expect(await boxOf(files.mp4, "vpcC")).toBe(vpcC(flv));
    }
    await expectBox(audio, files.mp4, clip);
  });

  it.each([
    ["h264", "aac"],
    ["hevc", "opus"],
    ["h264", "mp3"],
    ["h264", "mp2"],
    ["h264", "ac3"],
    ["h264", "eac3"],
  ] as const)("of %s and %s over MPEG-TS are those that were sent", { timeout: 60_000 }, async (video, audio) => {
    const clip = await encode(video, audio, "ts");
    const name = await server.recordTs(clip, ["mp4", "ts"]);
    const files = { mp4: server.file(name, "mp4"), ts: server.file(name, "ts") };
    const reference = `${clip}.mp4`;
    await ffmpeg("-i", clip, "-c", "copy", reference);
    const [sent = [], ts = [], expected = [], mp4 = []] = await probeWithFfmpeg8(
      ...[clip, files.ts, reference, files.mp4],
    );
    expect(told(ts)).toEqual(told(sent));
    expect(told(mp4)).toEqual(told(expected));
    await expectBox(audio, files.mp4, clip);
  });
});
