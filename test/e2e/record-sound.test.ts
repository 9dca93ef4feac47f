// Every sound codec beside AAC, from real encoders through a real server into every container that carries it: the
// packets that were sent, each once, byte for byte, at their times, beside the video that came with them. FFmpeg 8
// judges.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerName } from "../../src/container/table.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { demux } from "../support/demux.js";
import { isTorture } from "../support/effort.js";
import { type PeerTrack, probeWithFfmpeg8, remuxWithFfmpeg8 } from "../support/peers.js";
import { stopPublishers } from "../support/publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";

type Door = "RTMP" | "MPEG-TS";

interface Sound {
  name: string;
  /** ffmpeg's name of the codec. */
  codec: string;
  /** Where FFmpeg calls it otherwise there: `mp4a` says MPEG audio, of whatever layer. */
  codecInMp4?: string;
  encoder: readonly string[];
  rate: number;
  doors: readonly Door[];
  containers: readonly ContainerName[];
}

const ALL: readonly ContainerName[] = ["mp4", "ts", "flv"];
const BOTH: readonly Door[] = ["RTMP", "MPEG-TS"];
const SOUNDS: readonly Sound[] = [
  { name: "Opus", codec: "opus", encoder: ["libopus"], rate: 48000, doors: BOTH, containers: ALL },
  { name: "MP3", codec: "mp3", encoder: ["libmp3lame"], rate: 44100, doors: BOTH, containers: ALL },
  {
    ...{ name: "MP2", codec: "mp2", codecInMp4: "mp3", encoder: ["mp2"], rate: 48000 },
    ...{ doors: ["MPEG-TS"], containers: ["mp4", "ts"] },
  },
  { name: "AC-3", codec: "ac3", encoder: ["ac3"], rate: 48000, doors: BOTH, containers: ALL },
  { name: "E-AC-3", codec: "eac3", encoder: ["eac3"], rate: 48000, doors: BOTH, containers: ALL },
  { name: "FLAC", codec: "flac", encoder: ["flac"], rate: 44100, doors: ["RTMP"], containers: ["mp4", "flv"] },
];
const OPUS_60_MS = ["libopus", "-frame_duration", "60", "-ac", "1"];
const REPEATS: readonly Sound[] = [
  { name: "Opus of 60 ms", codec: "opus", encoder: OPUS_60_MS, rate: 48000, doors: ["RTMP"], containers: ALL },
  { name: "MP3 of 48 kHz", codec: "mp3", encoder: ["libmp3lame"], rate: 48000, doors: ["MPEG-TS"], containers: ALL },
  { name: "MP3 of 22.05 kHz", codec: "mp3", encoder: ["libmp3lame"], rate: 22050, doors: BOTH, containers: ALL },
  { name: "AC-3 of 44.1 kHz", codec: "ac3", encoder: ["ac3"], rate: 44100, doors: ["MPEG-TS"], containers: ALL },
  { name: "AC-3 of 32 kHz", codec: "ac3", encoder: ["ac3"], rate: 32000, doors: ["RTMP"], containers: ALL },
];
const SECONDS = 2;
const FRAME_RATE = 25;
/** Of libopus at 48 kHz. */
const OPUS_PRE_SKIP = 312;
const MS_90K = 90;
/** Of times that are rounded to a millisecond twice, and of a video frame. */
const ROUNDED_90K = 2 * MS_90K;

let folder: string;
let server: SharedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-sound-"));
  server = await SharedServer.start();
});
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

const clips = new Map<string, Promise<string>>();

/** H.264 and the sound, in Matroska, which carries them all. */
function clipOf(sound: Sound): Promise<string> {
  let clip = clips.get(sound.name);
  if (!clip) {
    clip = encode(sound);
    clips.set(sound.name, clip);
  }
  return clip;
}

async function encode({ name, encoder, rate }: Sound): Promise<string> {
  const path = join(folder, `${name.replaceAll(/\W/g, "-")}.mkv`);
  const { code, stderr } = await runProgram("ffmpeg", [
    ...[
      "-v",
      "error",
      "-nostdin",
      "-y",
      "-f",
      "lavfi",
      "-i",
      `testsrc2=size=160x96:rate=${FRAME_RATE}:duration=${SECONDS}`,
    ],
    ...["-f", "lavfi", "-i", `sine=sample_rate=${rate}:duration=${SECONDS}`, "-c:v", "libx264", "-preset", "ultrafast"],
    ...["-g", "25", "-pix_fmt", "yuv420p", "-strict", "-2", "-ac", "2", "-ar", `${rate}`, "-c:a", ...encoder, path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

/** Records a clip without chunks; answers the stream's name. */
async function record(
  name: string,
  { clip, door, types }: { clip: string; door: Door; types: readonly ContainerName[] },
  options = "",
): Promise<string> {
  // Streams of MPEG-TS are numbered by the server.
  if (door === "MPEG-TS") return server.recordTs(clip, types, options);
  const stream = name.replaceAll(/\W/g, "-");
  await server.record(stream, types, () => remuxWithFfmpeg8(clip, server.process.rtmpUrl(stream), "flv"), options);
  return stream;
}

function trackOf(tracks: readonly PeerTrack[], kind: PeerTrack["kind"]): PeerTrack {
  const track = tracks.find((track) => track.kind === kind);
  if (!track) throw new Error(`no ${kind} track`);
  return track;
}

/** By first picture, so that what a container adds to all times is no difference. */
function timesOf(tracks: readonly PeerTrack[], kind: PeerTrack["kind"]): number[] {
  const zero = trackOf(tracks, "video").packets[0]?.pts90k ?? 0;
  return trackOf(tracks, kind).packets.map(({ pts90k }) => pts90k - zero);
}

/** What the first control header of an MPEG-TS says is not heard, as Reel reads it; FFmpeg 8 passes over it. */
async function preSkipOf(path: string): Promise<number> {
  const config = demux([await readFile(path)]).configs.find(({ codec }) => codec === "opus");
  return Buffer.from(config?.hex ?? "", "hex").readUInt16LE(10);
}

/** Every packet at its time: sound byte for byte, video, which containers frame anew, by its pictures. */
function expectSamePackets(
  sent: readonly PeerTrack[],
  found: readonly PeerTrack[],
  kind: "video" | "audio",
  path: string,
): void {
  const wanted = timesOf(sent, kind);
  const times = timesOf(found, kind);
  expect(times.length, `${path} ${kind}`).toBe(wanted.length);
  for (const [i, time] of times.entries())
    expect(Math.abs(time - (wanted[i] ?? Number.NaN)), `${path} ${kind} ${i}`).toBeLessThanOrEqual(ROUNDED_90K);
  expect(trackOf(found, kind).decodedHash, `${path} ${kind}`).toBe(trackOf(sent, kind).decodedHash);
  const hashesOf = (tracks: readonly PeerTrack[]): string[] => trackOf(tracks, kind).packets.map(({ hash }) => hash);
  if (kind === "audio") expect(hashesOf(found), path).toEqual(hashesOf(sent));
}

/** Every sound, by one door or the other; torture tries both. */
const TRIED = isTorture
  ? [...SOUNDS, ...REPEATS]
  : SOUNDS.map((sound, i) => ({ ...sound, doors: [sound.doors[i % sound.doors.length] as Door] }));

describe.each(TRIED)("$name", (sound) => {
  it.each(sound.doors)("over %s is in all containers what was sent", { timeout: 60_000 }, async (door) => {
    const clip = await clipOf(sound);
    const stream = await record(sound.name, { clip, door, types: sound.containers });
    for (const { payload } of server.of("recordChunkClosed", stream)) {
      const gaps = payload.gaps as { cause: string }[];
      const others = gaps.filter(({ cause }) => cause !== "straggler");
      expect(others, payload.file as string).toEqual([]);
    }
    const paths = sound.containers.map((type) => server.file(stream, type));
    const [sent = [], ...found] = await probeWithFfmpeg8(clip, ...paths);
    const before = trackOf(sent, "audio");
    for (const [i, type] of sound.containers.entries()) {
      const path = server.file(stream, type);
      const report = await verifyFile(path);
      expect(report.defects, path).toEqual([]);
      expect(report.gaps, path).toEqual([]);
      const verified = report.tracks.find(({ kind }) => kind === "audio");
      expect(verified, path).toMatchObject({ frames: before.packets.length, isFirstFrameDecodable: true });
      const tracks = found[i] ?? [];
      const after = trackOf(tracks, "audio");
      const { sampleRate, channels } = before;
      const codec = (type === "mp4" && sound.codecInMp4) || sound.codec;
      expect(after, path).toMatchObject({ codec, sampleRate, channels });
      for (const kind of ["video", "audio"] as const) expectSamePackets(sent, tracks, kind, path);
      expect(trackOf(tracks, "video").decodedFrames, path).toBe(SECONDS * FRAME_RATE);
      if (type === "ts" && sound.codec === "opus") expect(await preSkipOf(path), path).toBe(OPUS_PRE_SKIP);
      // A container may let the decoder skip what the encoder put in front.
      expect(after.decodedSamples, path).toBeGreaterThan((SECONDS - 0.1) * sampleRate);
    }
  });
});

/** The bytes of the first box of a type behind `from`, without its header. */
function boxBehind(file: Buffer, type: string, from: number): Buffer | undefined {
  const at = file.indexOf(type, from, "latin1");
  return at < 0 ? undefined : file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4));
}

describe("Opus in MP4", () => {
  const [sound] = SOUNDS as readonly [Sound];

  it("says what is not heard of a stream's beginning, and what a decoder wants in front", async () => {
    const clip = await clipOf(sound);
    const stream = await record("chunks", { clip, door: "RTMP", types: ["mp4"] }, "chunkLength=1");
    const files = server.files(stream, "mp4");
    expect(files).toHaveLength(2);
    const [all = [], ...parts] = await probeWithFfmpeg8(clip, ...files);
    const sent = trackOf(all, "audio");
    const preSkip = Buffer.from(sent.extradata, "hex").readUInt16LE(10);
    expect(preSkip).toBeGreaterThan(0);
    let packets = 0;
    for (const [i, path] of files.entries()) {
      expect((await verifyFile(path)).defects, path).toEqual([]);
      const file = await readFile(path);
      const track = file.indexOf("soun", 0, "latin1");
      const trak = file.lastIndexOf("trak", track, "latin1");
      const elst = boxBehind(file.subarray(0, track), "elst", trak);
      const edits = elst ? elst.readUInt32BE(4) : 0;
      // The last edit is the one that shows something.
      expect(elst?.readInt32BE(8 + (edits - 1) * 12 + 4) ?? 0, path).toBe(i === 0 ? preSkip : 0);
      const dops = boxBehind(file, "dOps", track);
      expect([dops?.readUInt16BE(2), dops?.readUInt32BE(4)], path).toEqual([preSkip, 48000]);
      // 80 ms are four packets of 20 ms.
      const roll = boxBehind(file, "sgpd", track);
      expect([roll?.toString("latin1", 4, 8), roll?.readInt16BE(16)], path).toEqual(["roll", -4]);
      const found = trackOf(parts[i] ?? [], "audio");
      expect(found.extradata, path).toBe(sent.extradata);
      expect(boxBehind(file, "sbgp", track)?.readUInt32BE(12), path).toBe(found.packets.length);
      packets += found.packets.length;
    }
    expect(packets).toBe(sent.packets.length);
  });
});

describe("a sound that the container cannot carry", () => {
  it.each([
    ["MP2", "MPEG-TS", "flv"],
    ["FLAC", "RTMP", "ts"],
  ] as const)("%s over %s is left out of %s, named once", { timeout: 60_000 }, async (name, door, type) => {
    const sound = SOUNDS.find((candidate) => candidate.name === name);
    if (!sound) throw new Error(name);
    const stream = await record(`refused ${name}`, { clip: await clipOf(sound), door, types: [type] });
    const isRefusal = ({ cause }: { cause: string }): boolean => cause === "unsupportedTrack";
    const told = server.of("recordGap", stream).map(({ payload }) => payload.gap as { cause: string });
    const wanted = [expect.objectContaining({ codec: name, track: "audio" })];
    expect(told.filter(isRefusal)).toEqual(wanted);
    const inFile = server.of("recordChunkClosed", stream).flatMap(({ payload }) => payload.gaps as { cause: string }[]);
    expect(inFile.filter(isRefusal)).toEqual(wanted);
    const report = await verifyFile(server.file(stream, type));
    expect(report.defects).toEqual([]);
    expect(report.tracks.map(({ kind }) => kind)).toEqual(["video"]);
  });
});
