// A finished MP4 in a browser. The index is in front, so headless Chromium starts to play from one request, and seeks
// with a range request to where the index says, while the server withholds the middle half of the file. A file with its
// index at the end is the counter-proof. Requests and bytes are counted by the server.

import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { finishMp4 } from "../../src/container/mp4/finish.js";
import { type Chromium, openChromium } from "../support/chromium.js";
import { makeClip } from "../support/clip.js";
import { readClip } from "../support/clip-frames.js";
import { type TestFrame, testModule } from "../support/kernel-harness.js";
import { recordJournal, scratchFolder } from "../support/mp4-journal.js";
import { readMp4 } from "../support/mp4-reader.js";
import { RangeServer } from "../support/range-server.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const scratch = scratchFolder();
let server: RangeServer | undefined;
let browser: Chromium | undefined;
afterEach(async () => {
  await browser?.close();
  await server?.close();
  browser = server = undefined;
});
afterAll(scratch.remove);

const LAPS = 30;
const CLIP_MS = 2000;
const FILLER_BYTES = 24_000;

/** A filler data NAL unit (H.264 §7.3.2.7) with its length in front: bytes that decoders skip. */
const FILLER = Buffer.alloc(4 + FILLER_BYTES, 0xff);
FILLER.writeUInt32BE(FILLER_BYTES, 0);
FILLER[4] = 12; // nal_unit_type
FILLER[FILLER.byteLength - 1] = 0x80; // rbsp_trailing_bits

/** A minute of a two-second clip over and over, each picture filled up: about 36 MB. */
async function recordMinute(path: string): Promise<void> {
  const clip = readClip(await makeClip());
  recordJournal({ build: "release", finalPath: path, reserveBytes: 128 * 1024 }, (run) => {
    const video = run.addConfig("h264", clip.avcC as Buffer);
    const audio = run.addConfig("aac", clip.asc as Buffer);
    const frames: TestFrame[] = [];
    for (let lap = 0; lap < LAPS; lap++) {
      for (const frame of clip.frames) {
        const isVideo = frame.track === TRACK_VIDEO;
        const payload = isVideo ? Buffer.concat([frame.payload, FILLER]) : frame.payload;
        frames.push({ ...frame, payload, config: isVideo ? video : audio, dts90k: frame.dts90k + lap * CLIP_MS * 90 });
      }
    }
    return frames;
  });
  finishMp4(path, { module: testModule("release") });
}

const PAGE = `<!doctype html><video id="v" muted preload="auto"></video><script>
const v = document.getElementById("v");
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify({ what, time: v.currentTime, duration: v.duration, width: v.videoWidth, error: v.error && v.error.message }) });
for (const type of ["loadedmetadata", "loadeddata", "playing", "error", "seeked"]) v.addEventListener(type, () => report(type));
let hasAdvanced = false;
let wantsSeek = true;
v.addEventListener("timeupdate", () => {
  if (!hasAdvanced && v.currentTime > 0.5) { hasAdvanced = true; report("advanced"); }
  if (v.currentTime > 1 && wantsSeek) { wantsSeek = false; v.currentTime = 50; }
  if (v.currentTime > 50.3) report("advanced behind the seek");
});
v.src = "/file.mp4";
v.play();
</script>`;

interface Report {
  what: string;
  time: number;
  duration: number;
  width: number;
  error: string | null;
}

/** Waits until the page reports an event of its player. */
function reported(what: string): Promise<Report> {
  return until(`"${what}" (${browser?.output})`, () => {
    const all = (server?.reports ?? []).map(({ text }) => JSON.parse(text) as Report);
    const error = all.find((report) => report.error);
    if (error) throw new Error(`Chromium: ${error.error}`);
    return all.find((report) => report.what === what);
  });
}

async function play(path: string): Promise<{ server: RangeServer; sizeBytes: number }> {
  const sizeBytes = statSync(path).size;
  expect(sizeBytes).toBeGreaterThan(30e6);
  server = await RangeServer.start(path, PAGE, {
    from: Math.floor(sizeBytes / 4),
    to: Math.floor((sizeBytes * 3) / 4),
  });
  browser = await openChromium(server.url);
  return { server, sizeBytes };
}

describe("headless Chromium", () => {
  const path = join(scratch.path, "minute.mp4");
  beforeAll(() => recordMinute(path));

  it("plays a finished MP4 from its first bytes, and seeks without reading what lies between", async () => {
    const { topLevel } = readMp4(path);
    expect(topLevel.filter((type) => type === "moov" || type === "mdat")).toEqual(["moov", "mdat"]);
    const { server, sizeBytes } = await play(path);
    const first = await reported("loadeddata");
    expect(first.width).toBe(320);
    expect(Math.abs(first.duration - (LAPS * CLIP_MS) / 1000)).toBeLessThan(0.1);
    await reported("playing");
    await reported("advanced");
    expect(server.requests[0]?.from).toBe(0);
    expect(server.requestsBefore("advanced")).toBe(1);
    await reported("advanced behind the seek");
    expect(server.requests.at(-1)?.from).toBeGreaterThan(sizeBytes / 2);
    expect(server.sentBytes).toBeLessThanOrEqual(sizeBytes / 2 + 1);
  });

  it("must ask for the end of a file whose index is there, before it knows anything", async () => {
    const behind = join(scratch.path, "behind.mp4");
    const { code, stderr } = await runProgram("ffmpeg", ["-v", "error", "-nostdin", "-i", path, "-c", "copy", behind]);
    expect([code, stderr]).toEqual([0, ""]);
    const { server, sizeBytes } = await play(behind);
    await reported("loadedmetadata");
    expect(server.requestsBefore("loadedmetadata")).toBeGreaterThan(1);
    expect(server.requests.some((request) => request.from > sizeBytes / 2)).toBe(true);
  });
});
