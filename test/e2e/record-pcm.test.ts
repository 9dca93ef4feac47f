// G.711 and linear PCM, from a real encoder through a real server: as they came in FLV, and in MP4 as linear samples,
// which are those that FFmpeg's own decoders make of what was sent. FFmpeg 8 judges; Debian's programs do not know
// `ipcm`. MPEG-TS cannot carry them.

import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SAMPLE_RECORD_SIZE } from "../../src/abi/mp4.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { isTorture } from "../support/effort.js";
import { expectSameTimes, trackOf } from "../support/peer-tracks.js";
import { type PeerTrack, probeWithFfmpeg8 } from "../support/peers.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

interface Sound {
  title: string;
  /** As FFmpeg calls it, which encodes it and finds it in FLV. */
  codec: string;
  rate: number;
  channels: number;
  /** As `reel verify` calls it there. */
  name: string;
}

/** FFmpeg writes and reads G.711 in FLV as one channel only. */
const SOUNDS: readonly Sound[] = [
  { title: "G.711 A-law", codec: "pcm_alaw", rate: 8000, channels: 1, name: "pcma" },
  { title: "G.711 µ-law", codec: "pcm_mulaw", rate: 8000, channels: 1, name: "pcmu" },
  { title: "LPCM", codec: "pcm_s16le", rate: 44100, channels: 2, name: "lpcm" },
  { title: "LPCM", codec: "pcm_s16le", rate: 22050, channels: 1, name: "lpcm" },
  { title: "LPCM", codec: "pcm_s16le", rate: 11025, channels: 1, name: "lpcm" },
];
const SECONDS = 2;
const FRAME_RATE = 25;
const FULL_BOX_BYTES = 4;
/** As ffmpeg sends them. */
const FRAME_SAMPLES = 1024;
/** A second of G.711, and an FLV of it with its metadata. */
const LEAST_FRAMES = 8;
const LEAST_FLV_BYTES = 5500 + LEAST_FRAMES * FRAME_SAMPLES;

let folder: string;
let server: ReelProcess;
let control: Control;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-pcm-"));
  server = await ReelProcess.start();
  control = await Control.connect(server);
});
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

function clipName({ codec, rate }: Sound, hasVideo: boolean): string {
  return `${codec}-${rate}${hasVideo ? "" : "-alone"}`;
}

const clips = new Map<string, Promise<string>>();

function clipOf(sound: Sound, hasVideo = true): Promise<string> {
  const name = clipName(sound, hasVideo);
  const clip = clips.get(name) ?? encode(sound, hasVideo);
  clips.set(name, clip);
  return clip;
}

/** Noise, so that every code of G.711 comes. */
async function encode(sound: Sound, hasVideo: boolean): Promise<string> {
  const { codec, rate, channels } = sound;
  const path = join(folder, `${clipName(sound, hasVideo)}.flv`);
  const video = ["-f", "lavfi", "-i", `testsrc2=size=160x96:rate=${FRAME_RATE}:duration=${SECONDS}`];
  const encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"];
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", ...(hasVideo ? video : [])],
    ...["-f", "lavfi", "-i", `anoisesrc=sample_rate=${rate}:duration=${SECONDS}:seed=1`, ...(hasVideo ? encoder : [])],
    ...["-ac", `${channels}`, "-ar", `${rate}`, "-c:a", codec, path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

async function publish(input: string, stream: string): Promise<void> {
  const { stderr } = await publishWithFfmpeg({ url: server.rtmpUrl(stream), input, realtime: false }).exited;
  expect(stderr).toBe("");
}

function own(event: string, stream: string): Record<string, unknown>[] {
  return control.of(event).flatMap(({ payload }) => (payload.localStreamName === stream ? [payload] : []));
}

function untilClosed(stream: string, files: number): Promise<Record<string, unknown>[]> {
  return until(`${files} files of ${stream} are closed`, () => {
    const closed = own("recordChunkClosed", stream);
    return Promise.resolve(closed.length === files ? closed : undefined);
  });
}

/** The bytes of a box, without its header. */
function box(file: Buffer, type: string): string | undefined {
  const at = file.indexOf(type, 0, "latin1");
  return at < 0 ? undefined : file.toString("hex", at + 4, at - 4 + file.readUInt32BE(at - 4));
}

async function expectVerified(path: string, name: string, sent: PeerTrack): Promise<void> {
  const report = await verifyFile(path);
  expect(report.defects, path).toEqual([]);
  expect(report.gaps, path).toEqual([]);
  const { sampleRate, channels, packets } = sent;
  const wanted = { codec: name, frames: packets.length, isFirstFrameDecodable: true, sampleRate, channels };
  expect(
    report.tracks.find(({ kind }) => kind === "audio"),
    path,
  ).toMatchObject(wanted);
}

describe.concurrent.each(SOUNDS)("$title of $rate Hz, $channels channel(s)", (sound) => {
  // Sound alone is the same for every codec.
  it.each(isTorture || sound === SOUNDS[0] ? [true, false] : [true])(
    "is in FLV as it came, in MP4 linear (with video: %s)",
    { timeout: 60_000 },
    async (video) => {
      const clip = await clipOf(sound, video);
      const stream = clipName(sound, video);
      for (const type of ["mp4", "flv"])
        await control.succeed(`record localStreamName=${stream} pathToFile=${stream} type=${type} keepAlive=0`);
      await publish(clip, stream);
      for (const { gaps } of await untilClosed(stream, 2)) expect(gaps).toEqual([]);
      const [mp4, flv] = [server.file(`${stream}.mp4`), server.file(`${stream}.flv`)];
      const [before, inMp4, inFlv] = await probeWithFfmpeg8(clip, mp4, flv);
      const sent = trackOf(before, "audio");
      const { rate: sampleRate, channels } = sound;
      expect(sent).toMatchObject({ codec: sound.codec, sampleRate, channels });
      for (const [path, tracks] of [[mp4, inMp4] as const, [flv, inFlv] as const]) {
        const found = trackOf(tracks, "audio");
        expectSameTimes(sent, found, path);
        expect(found, path).toMatchObject({ sampleRate, channels, soundHash: sent.soundHash });
        if (video) expect(trackOf(tracks, "video").decodedHash, path).toBe(trackOf(before, "video").decodedHash);
      }
      expect(trackOf(inMp4, "audio").codec).toBe("pcm_s16le");
      const inTags = trackOf(inFlv, "audio");
      expect(inTags.codec).toBe(sound.codec);
      expect(inTags.packets.map(({ hash }) => hash)).toEqual(sent.packets.map(({ hash }) => hash));
      const file = await readFile(mp4);
      expect(Buffer.from(box(file, "pcmC") ?? "", "hex").subarray(FULL_BOX_BYTES)).toEqual(Buffer.of(1, 16));
      expect(box(file, "chnl")).toBe(channels === 2 ? `00000000${"0102"}${"00".repeat(8)}` : undefined);
      await expectVerified(mp4, "lpcm", sent);
      await expectVerified(flv, sound.name, sent);
    },
  );
});

describe.concurrent.each([0, 2].flatMap((i) => SOUNDS[i] ?? []))("$title in MPEG-TS", (sound) => {
  const reason = (stream: string): string =>
    `${stream} has ${sound.title} audio, which type=ts cannot carry; record it with type=mp4 or type=flv`;

  it("is refused at the command, with the containers that would do", async () => {
    const stream = `live-${sound.codec}`;
    const live = publishWithFfmpeg({ url: server.rtmpUrl(stream), input: await clipOf(sound, false), loops: -1 });
    // Up to a second of media there may yet come a track that can be recorded.
    const enough = (1.5 * sound.rate) / FRAME_SAMPLES;
    await until("it is live, and has sound alone", async () => {
      const { data } = await control.send(`getStreamInfo localStreamName=${stream}`);
      const { audio } = (data ?? {}) as { audio?: { packetsCount: number } };
      return (audio?.packetsCount ?? 0) > enough ? true : undefined;
    });
    const { status, description } = await control.send(
      `record localStreamName=${stream} pathToFile=${stream} type=ts keepAlive=0`,
    );
    expect({ status, description }).toEqual({
      status: "FAIL",
      description: `Unable to record stream. ${reason(stream)}`,
    });
    await live.stop();
  });

  it("is told to a config that waits, and makes no file", async () => {
    const stream = `waits-${sound.codec}`;
    await control.succeed(`record localStreamName=${stream} pathToFile=${stream} type=ts keepAlive=0`);
    await publish(await clipOf(sound, false), stream);
    const told = await until("it is told", () => Promise.resolve(own("recordChunkError", stream)[0]));
    expect(told).toMatchObject({ file: "", error: reason(stream) });
    expect((await readdir(server.media)).filter((name) => name.startsWith(stream))).toEqual([]);
  });

  it("is left out beside video, named once", { timeout: 60_000 }, async () => {
    const stream = `beside-${sound.codec}`;
    await control.succeed(`record localStreamName=${stream} pathToFile=${stream} type=ts keepAlive=0`);
    await publish(await clipOf(sound), stream);
    const [closed] = await untilClosed(stream, 1);
    const wanted = [expect.objectContaining({ cause: "unsupportedTrack", codec: sound.title, track: "audio" })];
    expect(closed?.gaps).toEqual(wanted);
    expect(own("recordGap", stream).map(({ gap }) => gap)).toEqual(wanted);
    const { defects, tracks } = await verifyFile(server.file(`${stream}.ts`));
    expect(defects).toEqual([]);
    expect(tracks.map(({ kind }) => kind)).toEqual(["video"]);
  });
});

it("a kill -9 leaves files of sound that are whole once the server is back", { timeout: 150_000 }, async () => {
  const [sound] = SOUNDS as readonly [Sound];
  const clip = await clipOf(sound, false);
  const victim = await ReelProcess.start();
  const commands = await Control.connect(victim);
  for (const type of ["mp4", "flv"])
    await commands.succeed(`record localStreamName=cut pathToFile=cut type=${type} keepAlive=0`);
  const live = publishWithFfmpeg({ url: victim.rtmpUrl("cut"), input: clip, loops: -1 });
  // A server that has told a file knows it after a kill, also one that ends with a whole tag.
  await commands.wait("recordChunkCreated", 2);
  await until("a second is in both files", async () => {
    const names = (await readdir(victim.media)).filter((name) => /^cut\.(flv|mp4\.track\d)$/.test(name));
    const sizes = await Promise.all(names.map(async (name) => (await stat(victim.file(name))).size));
    const [flv = 0, records = 0] = sizes.sort((a, b) => b - a);
    return flv > LEAST_FLV_BYTES && records >= LEAST_FRAMES * SAMPLE_RECORD_SIZE ? true : undefined;
  });
  await victim.kill();
  await live.exited;
  const heir = await ReelProcess.start({ root: victim.root, media: victim.media });
  const files = [heir.file("cut.mp4"), heir.file("cut.flv")] as const;
  await until(
    "both are whole",
    async () => {
      const reports = await Promise.all(files.map((path) => verifyFile(path).catch(() => undefined)));
      return reports.every((report) => report?.defects.length === 0) ? true : undefined;
    },
    60_000,
  );
  const [before, inMp4, inFlv] = await probeWithFfmpeg8(clip, ...files);
  const sent = trackOf(before, "audio").packets;
  const found = trackOf(inFlv, "audio").packets;
  expect(found.length).toBeGreaterThanOrEqual(LEAST_FRAMES);
  expect(found.map(({ hash }) => hash)).toEqual(found.map((_, i) => sent[i % sent.length]?.hash));
  expect(trackOf(inMp4, "audio").packets.length).toBeGreaterThanOrEqual(LEAST_FRAMES);
});
