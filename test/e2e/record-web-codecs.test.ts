// AV1, VP9 and VP8 from real encoders through a real server into real files: over enhanced RTMP by FFmpeg 8, which
// knows no VP8 there, so that VP8 goes in messages written by hand. What was sent is in MP4 and FLV, each packet once,
// with the same bytes and the same configuration, and decodes without a word. MPEG-TS has no form for them.

import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { decodeWithFfmpeg, ffprobe, type ProbedTrack } from "../support/ffprobe.js";
import { readTrackMessages } from "../support/multitrack.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { exVideoTag, RawPublisher } from "../support/raw-publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const MS_90K = 90;
const FRAME_MS = 40;
const VPCC_MESSAGE = Uint8Array.of(1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0);
const ENCODERS = {
  av1: ["-c:v", "libsvtav1", "-preset", "12", "-g", "25", "-pix_fmt", "yuv420p"],
  // Hidden frames, and superframes for them.
  vp9: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-auto-alt-ref", "1"],
  vp8: ["-c:v", "libvpx", "-deadline", "realtime", "-g", "25"],
} as const;
type WebCodec = keyof typeof ENCODERS;

const BRANDS = { av1: "iso6av01", vp9: "iso2iso6" } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-web-codecs-"));
});
// The cases run side by side.
afterAll(async () => {
  await stopServers();
  await rm(folder, { recursive: true });
});

const clips = new Map<WebCodec, Promise<string>>();

function clipOf(codec: WebCodec, extension: "mkv" | "ivf"): Promise<string> {
  const clip = clips.get(codec) ?? encode(codec, extension);
  clips.set(codec, clip);
  return clip;
}

/** Three seconds, a GOP each; with AAC where the container takes it. */
async function encode(codec: WebCodec, extension: "mkv" | "ivf"): Promise<string> {
  const path = join(folder, `${codec}.${extension}`);
  const sound = ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=3"];
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=3"],
    ...(extension === "mkv" ? [...sound, "-c:a", "aac"] : []),
    ...ENCODERS[codec],
    ...["-lag-in-frames", "8"].filter(() => codec === "vp9"),
    path,
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

/** Times from the first picture on: the clip's own clock says nothing. */
function relative(track: ProbedTrack | undefined): { dts: number; pts: number; isKey: boolean; hash: string }[] {
  const packets = track?.packets ?? [];
  const zero = packets[0]?.pts90k ?? 0;
  return packets.map(({ dts90k, pts90k, isKey, hash }) => ({ dts: dts90k - zero, pts: pts90k - zero, isKey, hash }));
}

function expectSame(sent: ProbedTrack | undefined, found: ProbedTrack | undefined, label: string): void {
  const expected = relative(sent);
  const actual = relative(found);
  expect(actual.length, label).toBe(expected.length);
  for (const [i, packet] of expected.entries()) {
    expect(actual[i], `${label} ${i}`).toMatchObject({ isKey: packet.isKey, hash: packet.hash });
    for (const which of ["dts", "pts"] as const)
      expect(Math.abs((actual[i]?.[which] ?? Number.NaN) - packet[which]), `${label} ${i}`).toBeLessThanOrEqual(
        2 * MS_90K,
      );
  }
}

/** Sends the tags of an FLV file and leaves the stream open. */
function sendTags(publisher: RawPublisher, flv: Buffer): void {
  for (let at = 13; at + 11 <= flv.byteLength; ) {
    const size = flv.readUIntBE(at + 1, 3);
    const body = flv.subarray(at + 11, at + 11 + size);
    const timeMs = flv.readUIntBE(at + 4, 3);
    if (flv[at] === 9) publisher.video(timeMs, body);
    else if (flv[at] === 8) publisher.audio(timeMs, body);
    at += 11 + size + 4;
  }
}

/** `ftyp` behind its header. */
async function brandsOf(path: string): Promise<string> {
  return (await readFile(path)).toString("latin1", 8, 32);
}

/** Frames of an IVF file: a header of 32 bytes, then size u32, time u64 and bytes of each. */
function ivfFrames(ivf: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = ivf.readUInt16LE(6); at < ivf.byteLength; ) {
    const size = ivf.readUInt32LE(at);
    frames.push(ivf.subarray(at + 12, at + 12 + size));
    at += 12 + size;
  }
  return frames;
}

async function publishVp8(server: ReelProcess, name: string, frames: readonly Buffer[]): Promise<void> {
  const publisher = new RawPublisher(server, name);
  publisher.video(0, exVideoTag("vp08", 0, true, VPCC_MESSAGE));
  for (const [i, frame] of frames.entries())
    publisher.video(i * FRAME_MS, exVideoTag("vp08", 1, ((frame[0] ?? 1) & 1) === 0, frame));
  await publisher.end();
}

describe.concurrent("codecs of the web", () => {
  it.each(["av1", "vp9"] as const)("%s over enhanced RTMP is in MP4 and FLV what was sent", async (codec) => {
    const clip = await clipOf(codec, "mkv");
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const type of ["mp4", "flv"])
      await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type} keepAlive=0`);
    await remuxWithFfmpeg8(clip, server.rtmpUrl("cam1"), "flv");
    await control.wait("outStreamClosed", 2);
    const sent = await ffprobe(clip, { hash: true });
    for (const type of ["mp4", "flv"] as const) {
      const path = server.file(`cam1.${type}`);
      const report = await verifyFile(path);
      expect(report.defects, type).toEqual([]);
      expect(report.tracks.find(({ kind }) => kind === "video")).toMatchObject({ codec, width: 160, height: 90 });
      if (type === "mp4") expect(await brandsOf(path)).toBe(`isom\0\0\x02\0isom${BRANDS[codec]}mp41`);
      // Debian's programs do not read enhanced FLV.
      const readable = type === "flv" ? `${path}.mkv` : path;
      if (type === "flv") await remuxWithFfmpeg8(path, readable, "matroska");
      const found = await ffprobe(readable, { hash: true });
      expect(found.video).toMatchObject({ codec, width: 160, height: 90 });
      expectSame(sent.video, found.video, `${type} video`);
      expectSame(sent.audio, found.audio, `${type} audio`);
      await decodeWithFfmpeg(readable);
    }
  });

  it("av1 with Opus survives kill -9 in both", { timeout: 60_000 }, async () => {
    const clip = join(folder, "long.mkv");
    const { code, stderr } = await runProgram("ffmpeg", [
      ...["-v", "error", "-nostdin", "-y", "-stream_loop", "3", "-i", await clipOf("av1", "mkv")],
      ...["-c:v", "copy", "-c:a", "libopus", clip],
    ]);
    if (code !== 0) throw new Error(stderr);
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const type of ["mp4", "flv"])
      await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type} keepAlive=1`);
    await remuxWithFfmpeg8(clip, `${clip}.flv`, "flv");
    sendTags(new RawPublisher(server, "cam1"), await readFile(`${clip}.flv`));
    await control.wait("recordChunkCreated", 2);
    await until("some media is in the files", async () => {
      const sizes = await Promise.all(["cam1.mp4.mdat", "cam1.flv"].map((name) => stat(server.file(name))));
      return sizes.every(({ size }) => size > 20_000) ? true : undefined;
    });
    await server.kill();
    const again = await ReelProcess.start({ root: server.root, media: server.media });
    for (const type of ["mp4", "flv"] as const) {
      const path = again.file(`cam1.${type}`);
      const report = await until(`${type} is recovered`, async () => {
        const found = await verifyFile(path).catch(() => undefined);
        return found?.defects.length === 0 ? found : undefined;
      });
      expect(report.tracks.map(({ codec }) => codec).sort(), type).toEqual(["av1", "opus"]);
      const readable = type === "flv" ? `${path}.mkv` : path;
      if (type === "flv") await remuxWithFfmpeg8(path, readable, "matroska");
      await decodeWithFfmpeg(readable);
    }
  });

  it("vp8 over enhanced RTMP is in MP4 and FLV what was sent", async () => {
    const frames = ivfFrames(await readFile(await clipOf("vp8", "ivf")));
    const server = await ReelProcess.start();
    const control = await Control.connect(server);
    for (const type of ["mp4", "flv"])
      await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type} keepAlive=0`);
    await publishVp8(server, "cam1", frames);
    await control.wait("outStreamClosed", 2);
    for (const type of ["mp4", "flv"] as const) {
      const report = await verifyFile(server.file(`cam1.${type}`));
      expect(report.defects, type).toEqual([]);
      expect(report.tracks).toEqual([expect.objectContaining({ codec: "vp8", width: 160, height: 90, frames: 75 })]);
    }
    const path = server.file("cam1.mp4");
    const vpcC = Buffer.concat([Buffer.from("vpcC"), VPCC_MESSAGE]);
    expect((await readFile(path)).includes(vpcC)).toBe(true);
    const [header] = readTrackMessages(server.file("cam1.flv"));
    expect(header).toMatchObject({ fourCc: "vp08", packetType: 0 });
    expect(header?.data.equals(VPCC_MESSAGE)).toBe(true);
    const sent = await ffprobe(join(folder, "vp8.ivf"), { hash: true });
    expectSame(sent.video, (await ffprobe(path, { hash: true })).video, "mp4");
    await decodeWithFfmpeg(path);
  });
});
