// Recordings of the web's codecs in a browser: headless Chromium plays each MP4 to its end, shows every picture, hears
// the sound, and goes on from a place that it seeks.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Chromium, openChromium } from "../support/chromium.js";
import { isTorture } from "../support/effort.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { RangeServer } from "../support/range-server.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const SECONDS = 1;
const PICTURES = 25 * SECONDS;
const SEEK_SECONDS = 0.5;

let folder: string;
let server: RangeServer | undefined;
let browser: Chromium | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-chromium-codecs-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  await browser?.close();
  await server?.close();
  browser = server = undefined;
  await stopServers();
});

const ENCODERS = {
  av1: ["-c:v", "libsvtav1", "-preset", "12"],
  vp9: ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
  h264: ["-c:v", "libx264", "-preset", "ultrafast"],
  opus: ["-c:a", "libopus"],
  flac: ["-c:a", "flac", "-sample_fmt", "s16"],
  aac: ["-c:a", "aac"],
} as const;

const PAGE = `<!doctype html><video id="v" muted preload="auto"></video><script>
const v = document.getElementById("v");
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify({ what, time: v.currentTime, duration: v.duration, width: v.videoWidth, pictures: v.getVideoPlaybackQuality().totalVideoFrames, soundBytes: v.webkitAudioDecodedByteCount, error: v.error && v.error.message }) });
v.addEventListener("error", () => report("error"));
let laps = 0;
v.addEventListener("ended", () => {
  report(++laps === 1 ? "ended" : "ended again");
  if (laps === 1) { v.currentTime = ${SEEK_SECONDS}; v.play(); }
});
v.addEventListener("seeked", () => report("seeked"));
v.src = "/file.mp4";
v.play();
</script>`;

interface Report {
  what: string;
  time: number;
  duration: number;
  width: number;
  pictures: number;
  soundBytes: number;
  error: string | null;
}

function reported(what: string): Promise<Report> {
  return until(`"${what}" (${browser?.output})`, () => {
    const all = (server?.reports ?? []).map(({ text }) => JSON.parse(text) as Report);
    const error = all.find((report) => report.error);
    if (error) throw new Error(`Chromium: ${error.error}`);
    return all.find((report) => report.what === what);
  });
}

async function record(video: keyof typeof ENCODERS, audio: keyof typeof ENCODERS): Promise<string> {
  const clip = join(folder, `${video}.mkv`);
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", `testsrc2=size=320x180:rate=25:duration=${SECONDS}`],
    ...["-f", "lavfi", "-i", `sine=sample_rate=48000:duration=${SECONDS}`, ...ENCODERS[video], "-g", "12"],
    ...["-pix_fmt", "yuv420p", ...ENCODERS[audio], clip],
  ]);
  if (code !== 0) throw new Error(stderr);
  const reel = await ReelProcess.start();
  const control = await Control.connect(reel);
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=mp4 keepAlive=0");
  await remuxWithFfmpeg8(clip, reel.rtmpUrl("cam1"), "flv");
  await control.wait("outStreamClosed");
  return reel.file("cam1.mp4");
}

const CODECS = [
  ["av1", "opus"],
  ["vp9", "flac"],
  ["h264", "aac"],
] as const;

// The last is what mp4-chromium.test.ts plays, too, and Chromium takes half a minute for all three.
it.each(isTorture ? CODECS : CODECS.slice(0, 1))(
  "Chromium plays and seeks a recording of %s and %s",
  { timeout: 120_000 },
  async (video, audio) => {
    const path = await record(video, audio);
    server = await RangeServer.start(path, PAGE, { from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER });
    browser = await openChromium(server.url);
    const ended = await reported("ended");
    expect(ended.width).toBe(320);
    expect(Math.abs(ended.duration - SECONDS)).toBeLessThan(0.1);
    // A picture that comes too late on a busy machine is dropped after it was decoded, and is counted.
    expect(ended.pictures).toBeGreaterThanOrEqual(PICTURES - 1);
    expect(ended.soundBytes).toBeGreaterThan(0);
    const seeked = await reported("seeked");
    expect(Math.abs(seeked.time - SEEK_SECONDS)).toBeLessThan(0.1);
    const again = await reported("ended again");
    expect(again.pictures).toBeGreaterThan(ended.pictures);
  },
);
