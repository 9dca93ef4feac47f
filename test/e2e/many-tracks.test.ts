// Several tracks of one source, through a real server into MP4, MPEG-TS and FLV: a transport stream with two videos and
// three sounds in two languages, enhanced RTMP from FFmpeg 8 (a message a track) and messages by hand that hold several
// tracks. All are recorded as they came, in sync to a frame; FFmpeg 8 and `reel verify` read them back.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { configOf } from "../support/decoder-configs.js";
import { decodeWithFfmpeg } from "../support/ffprobe.js";
import { joinTracks, manyTracksBody, readTrackMessages } from "../support/multitrack.js";
import { type PeerTrack, probeWithFfmpeg8, remuxWithFfmpeg8 } from "../support/peers.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { RawPublisher } from "../support/raw-publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const MS_90K = 90;
const FRAME_90K = 3600;
const SIZES = ["160x90", "128x72"];
const LANGUAGES = ["eng", "deu", "eng"];

let folder: string;
let server: SharedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-many-tracks-"));
  server = await SharedServer.start();
});
// They run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

/** Three seconds: H.264 and H.265, AAC, Opus and AAC. Both videos have their key frames at the same times. */
async function makeClip(extension: "ts" | "mkv", sounds: readonly string[]): Promise<string> {
  const path = join(folder, `${sounds.join("-")}.${extension}`);
  const inputs = [
    ...SIZES.map((size) => `testsrc2=size=${size}:rate=25:duration=3`),
    ...sounds.map((_, i) => `sine=frequency=${440 * (i + 1)}:sample_rate=48000:duration=3`),
  ].flatMap((source) => ["-f", "lavfi", "-i", source]);
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", ...inputs],
    ...[...SIZES, ...sounds].flatMap((_, i) => ["-map", String(i)]),
    ...["-c:v:0", "libx264", "-c:v:1", "libx265", "-x265-params", "log-level=none:bframes=0:keyint=25:scenecut=0"],
    ...["-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"],
    ...sounds.flatMap((encoder, i) => [`-c:a:${i}`, encoder, `-metadata:s:a:${i}`, `language=${LANGUAGES[i]}`]),
    path,
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

/** The languages of a file's sounds, as ffprobe names them. */
async function languagesOf(path: string): Promise<string[]> {
  const args = ["-v", "error", "-select_streams", "a", "-show_entries", "stream_tags=language", "-of", "csv=p=0", path];
  return (await runProgram("ffprobe", args)).stdout.trim().split(/\s+/);
}

function firstPts(track: PeerTrack | undefined): number {
  return Math.min(...(track?.packets ?? []).map(({ pts90k }) => pts90k));
}

/** Codec by codec, the tracks of one in their order: FFmpeg numbers those of an FLV as they begin. */
function sorted(tracks: readonly PeerTrack[]): PeerTrack[] {
  return ["h264", "hevc", "aac", "opus"].flatMap((codec) => tracks.filter((track) => track.codec === codec));
}

/** Every packet of every track once, at its time, all tracks as far apart as they were. */
function expectSame(sent: readonly PeerTrack[], found: readonly PeerTrack[], label: string): void {
  const expected = sorted(sent);
  const actual = sorted(found);
  expect(
    actual.map(({ codec, packets }) => `${codec} ${packets.length}`),
    label,
  ).toEqual(expected.map(({ codec, packets }) => `${codec} ${packets.length}`));
  for (const [i, track] of expected.entries()) {
    const other = actual[i] as PeerTrack;
    const distance = firstPts(track) - firstPts(expected[0]);
    expect(Math.abs(firstPts(other) - firstPts(actual[0]) - distance), `${label} ${i}`).toBeLessThanOrEqual(FRAME_90K);
    expect(other.packets.map(({ isKey }) => isKey)).toEqual(track.packets.map(({ isKey }) => isKey));
    for (const [n, packet] of track.packets.entries()) {
      const time = packet.pts90k - (track.packets[0]?.pts90k ?? 0);
      const otherTime = (other.packets[n]?.pts90k ?? Number.NaN) - (other.packets[0]?.pts90k ?? 0);
      expect(Math.abs(time - otherTime), `${label} ${i} packet ${n}`).toBeLessThanOrEqual(2 * MS_90K);
    }
    expect(other.decodedFrames, `${label} ${i}`).toBe(track.decodedFrames);
    if (track.kind === "video") expect(other.decodedHash, `${label} ${i}`).toBe(track.decodedHash);
  }
}

/** The same bytes and configurations, where source and container frame access units alike. */
function expectSameBytes(sent: readonly PeerTrack[], found: readonly PeerTrack[], label: string): void {
  const bytesOf = (tracks: readonly PeerTrack[]): unknown[] =>
    sorted(tracks).map((track) => ({ config: configOf(track), packets: track.packets.map(({ hash }) => hash) }));
  expect(bytesOf(found), label).toEqual(bytesOf(sent));
}

/** What FFmpeg 8 finds in the recordings; `reel verify` finds nothing to complain about. */
async function readRecordings(name: string): Promise<Record<string, PeerTrack[]>> {
  // Sound that begins in front of the pictures is told of a transport stream.
  const causes = server.of("recordGap", name).map(({ payload }) => (payload.gap as { cause: string }).cause);
  expect(causes.filter((cause) => cause !== "straggler")).toEqual([]);
  for (const type of CONTAINERS) {
    const { defects, tracks } = await verifyFile(server.file(name, type));
    expect(defects, type).toEqual([]);
    for (const track of tracks) expect(track.isFirstFrameDecodable, `${type} ${track.codec}`).toBe(true);
  }
  const found = await probeWithFfmpeg8(...CONTAINERS.map((type) => server.file(name, type)));
  return Object.fromEntries(CONTAINERS.map((type, i) => [type, found[i] ?? []]));
}

it.concurrent("of a transport stream are all recorded, in sync, with their languages", {
  timeout: 90_000,
}, async () => {
  const clip = await makeClip("ts", ["aac", "libopus", "aac"]);
  const shown = await server.record("ts1", CONTAINERS, async () => {
    publishWithFfmpeg({
      url: `tcp://${server.process.addresses.ts}`,
      input: clip,
      format: "mpegts",
      args: ["-map", "0", "-c", "copy"],
    });
    return until("all tracks are shown", async () => {
      const { data } = await server.control.send("getStreamInfo localStreamName=ts1");
      const { tracks } = (data ?? {}) as { tracks?: { codec: string | null; kind: string; language: string | null }[] };
      return tracks && tracks.length === 5 && tracks.every(({ codec }) => codec !== null) ? tracks : undefined;
    });
  });
  expect(shown.map(({ kind, codec, language }) => `${kind} ${codec} ${language}`)).toEqual([
    ...["video H.264 null", "audio AAC eng", "video H.265 null", "audio Opus deu", "audio AAC eng"],
  ]);
  const found = await readRecordings("ts1");
  const [sent = []] = await probeWithFfmpeg8(clip);
  for (const type of CONTAINERS) expectSame(sent, found[type] ?? [], type);
  // FLV has no place for a language.
  for (const type of ["mp4", "ts"] as const) {
    expect(await languagesOf(server.file("ts1", type)), type).toEqual(LANGUAGES);
    await decodeWithFfmpeg(server.file("ts1", type));
  }
});

it.concurrent("of enhanced RTMP by FFmpeg 8 are all recorded, in sync, byte for byte", {
  timeout: 90_000,
}, async () => {
  const clip = await makeClip("mkv", ["aac", "libopus", "aac"]);
  await server.record("cam1", CONTAINERS, () => remuxWithFfmpeg8(clip, server.process.rtmpUrl("cam1"), "flv"));
  const found = await readRecordings("cam1");
  const [sent = []] = await probeWithFfmpeg8(clip);
  for (const type of CONTAINERS) expectSame(sent, found[type] ?? [], type);
  for (const type of ["mp4", "flv"]) expectSameBytes(sent, found[type] ?? [], type);
});

it.concurrent("in one message of enhanced RTMP are all recorded, of one codec or of several", {
  timeout: 90_000,
}, async () => {
  const clip = await makeClip("mkv", ["aac", "aac"]);
  const flv = join(folder, "messages.flv");
  await remuxWithFfmpeg8(clip, flv, "flv");
  const messages = readTrackMessages(flv);
  // H.264 and H.265 in one message, and two AAC in one.
  const groups = [...joinTracks(messages, "video"), ...joinTracks(messages, "audio")];
  expect(groups.filter((group) => group.length === 2).length).toBeGreaterThan(2 * 70);
  groups.sort(([a], [b]) => (a?.timeMs ?? 0) - (b?.timeMs ?? 0));
  await server.record("cam2", CONTAINERS, async () => {
    const publisher = new RawPublisher(server.process, "cam2");
    for (const group of groups) {
      const [first] = group;
      if (first) publisher[first.kind](first.timeMs, manyTracksBody(group));
    }
    await publisher.end();
  });
  const found = await readRecordings("cam2");
  const [sent = []] = await probeWithFfmpeg8(clip);
  for (const type of CONTAINERS) expectSame(sent, found[type] ?? [], type);
  for (const type of ["mp4", "flv"]) expectSameBytes(sent, found[type] ?? [], type);
});
