// Several tracks of one source: a transport stream with two videos and three sounds in two languages is in MP4 and
// MPEG-TS as it came, in sync to a frame, with its languages; FLV has the first of each kind; getStreamInfo shows all.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { decodeWithFfmpeg, ffprobe, type ProbedTrack } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const FRAME_90K = 3600;
const SIZES = ["160x90", "128x72"];
const LANGUAGES = ["eng", "deu", "eng"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-many-tracks-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  await stopPublishers();
  await stopServers();
});

async function makeClip(): Promise<string> {
  const path = join(folder, "clip.ts");
  const inputs = [
    ...SIZES.map((size) => `testsrc2=size=${size}:rate=25:duration=3`),
    ...LANGUAGES.map((_, i) => `sine=frequency=${440 * (i + 1)}:sample_rate=48000:duration=3`),
  ].flatMap((source) => ["-f", "lavfi", "-i", source]);
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", ...inputs],
    ...[0, 1, 2, 3, 4].flatMap((i) => ["-map", String(i)]),
    ...["-c:v:0", "libx264", "-c:v:1", "libx265", "-x265-params", "log-level=none", "-preset", "ultrafast", "-g", "25"],
    ...["-pix_fmt", "yuv420p", "-c:a:0", "aac", "-c:a:1", "libopus", "-c:a:2", "aac"],
    ...LANGUAGES.flatMap((language, i) => [`-metadata:s:a:${i}`, `language=${language}`]),
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

function firstPts(track: ProbedTrack): number {
  return Math.min(...track.packets.map(({ pts90k }) => pts90k));
}

it("of a transport stream are all recorded, in sync, with their languages", { timeout: 90_000 }, async () => {
  const clip = await makeClip();
  const server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  const control = await Control.connect(server);
  for (const type of ["mp4", "ts", "flv"])
    await control.succeed(`record localStreamName=ts1 pathToFile=cam1 type=${type} keepAlive=0`);
  publishWithFfmpeg({
    url: `tcp://${server.addresses.ts}`,
    input: clip,
    format: "mpegts",
    args: ["-map", "0", "-c", "copy"],
  });
  const shown = await until("all tracks are shown", async () => {
    const { data } = await control.send("getStreamInfo localStreamName=ts1");
    const { tracks } = (data ?? {}) as { tracks?: { codec: string | null; kind: string; language: string | null }[] };
    return tracks && tracks.length === 5 && tracks.every(({ codec }) => codec !== null) ? tracks : undefined;
  });
  expect(shown.map(({ kind, codec, language }) => `${kind} ${codec} ${language}`)).toEqual([
    ...["video H.264 null", "audio AAC eng", "video H.265 null", "audio Opus deu", "audio AAC eng"],
  ]);
  await control.wait("outStreamClosed", 3);
  const sent = await ffprobe(clip);
  for (const type of ["mp4", "ts"] as const) {
    const path = server.file(`cam1.${type}`);
    expect((await verifyFile(path)).defects, type).toEqual([]);
    const found = await ffprobe(path);
    for (const kind of ["video", "audio"]) {
      const expected = sent.tracks.filter((track) => track.kind === kind);
      const actual = found.tracks.filter((track) => track.kind === kind);
      expect(
        actual.map(({ codec, packets }) => ({ codec, packets: packets.length })),
        `${type} ${kind}`,
      ).toEqual(expected.map(({ codec, packets }) => ({ codec, packets: packets.length })));
      for (const [i, track] of expected.entries()) {
        const distance = firstPts(track) - firstPts(sent.tracks[0] as ProbedTrack);
        const other = firstPts(actual[i] as ProbedTrack) - firstPts(found.video as ProbedTrack);
        expect(Math.abs(other - distance), `${type} ${kind} ${i}`).toBeLessThanOrEqual(FRAME_90K);
      }
    }
    expect(await languagesOf(path), type).toEqual(["eng", "deu", "eng"]);
    await decodeWithFfmpeg(path);
  }
  // FLV has one of each kind, and says what it leaves out.
  expect((await verifyFile(server.file("cam1.flv"))).tracks.map(({ codec }) => codec).sort()).toEqual(["aac", "h264"]);
  const told = control.of("recordGap").map(({ payload }) => payload.gap as { cause: string; codec?: string });
  expect(told.map(({ cause, codec }) => `${cause} ${codec}`).sort()).toEqual([
    ...["unsupportedTrack AAC", "unsupportedTrack H.265", "unsupportedTrack Opus"],
  ]);
});
