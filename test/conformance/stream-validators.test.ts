// Real media recorded to MPEG-TS and FLV, then read by everybody: the strict readers against the frames that went in,
// ffprobe (packets, times, sizes, key flags; silent), ffmpeg's decoders, mediainfo. And goldens: the bytes of two short
// recordings. They change only with `npm run golden:update` and a line in CHANGELOG.md that says why.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { type ClipSpec, makeClip } from "../support/clip.js";
import { readClip } from "../support/clip-frames.js";
import { decodeWithFfmpeg, ffprobe, type ProbedTrack } from "../support/ffprobe.js";
import { BUILDS, type Build, KernelRun, type TestFrame } from "../support/kernel-harness.js";
import { mediainfo } from "../support/mediainfo.js";
import { expectFrames, STREAM_CONTAINERS, type StreamContainer } from "../support/oracle.js";
import { makeAv } from "../support/test-media.js";

const scratch = mkdtempSync(join(tmpdir(), "reel-stream-validators-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const CLIPS: Record<string, ClipSpec> = {
  "video and audio": {},
  "B-frames at 30 frames a second and 44.1 kHz": {
    video: { bFrames: 2, framesPerSecond: 30 },
    audio: { sampleRate: 44100 },
  },
  "large pictures": { seconds: 1, video: { width: 1280, height: 720, kilobitsPerSecond: 20_000 } },
  "audio only, mono": { video: false, audio: { channels: 1 } },
  "video only with B-frames": { video: { bFrames: 2 }, audio: false },
};
const VARIANTS = BUILDS.flatMap((build) => STREAM_CONTAINERS.map((container) => ({ build, container })));
const TS_EPOCH_90K = 90_000;
let files = 0;

/** A clip recorded, its file checked frame by frame. */
async function record(
  name: string,
  container: StreamContainer,
  build: Build,
  start90k: number,
): Promise<{ path: string; frames: TestFrame[] }> {
  const clip = readClip(await makeClip(CLIPS[name]));
  const run = new KernelRun({
    container,
    build,
    hasVideo: clip.avcC !== undefined,
    capacityBytes: 100_000,
    ringBytes: 1 << 20,
  });
  const video = clip.avcC ? run.addConfig("h264", clip.avcC) : 0;
  const audio = clip.asc ? run.addConfig("aac", clip.asc) : 0;
  const frames = clip.frames.map((frame) => ({
    ...frame,
    dts90k: frame.dts90k + start90k,
    config: frame.track === TRACK_VIDEO ? video : audio,
  }));
  for (const frame of frames) run.push(frame);
  const segments = run.finish();
  expect(segments).toHaveLength(1);
  expectFrames(container, frames, segments);
  const path = join(scratch, `clip${++files}.${container}`);
  writeFileSync(path, segments[0]?.files[0] ?? "");
  return { path, frames };
}

function compareTrack(
  container: StreamContainer,
  probed: ProbedTrack | undefined,
  sent: readonly TestFrame[],
  zero90k: number,
): void {
  expect(probed?.packets.length ?? 0).toBe(sent.length);
  for (const [i, packet] of (probed?.packets ?? []).entries()) {
    const frame = sent[i] as TestFrame;
    const dts90k = frame.dts90k - zero90k + (container === "ts" ? TS_EPOCH_90K : 0);
    expect(packet.dts90k, `dts of packet ${i}`).toBe(dts90k);
    expect(packet.pts90k, `pts of packet ${i}`).toBe(dts90k + (frame.ctsOffset90k ?? 0));
    expect(packet.isKey, `key flag of packet ${i}`).toBe(frame.isRandomAccess);
    // TS puts a delimiter in front of pictures, parameter sets too where decoding can start, and ADTS in front of
    // audio.
    const added = packet.sizeBytes - frame.payload.byteLength;
    if (container === "flv") expect(added).toBe(0);
    else if (frame.track === TRACK_AUDIO) expect(added).toBe(7);
    else if (!frame.isRandomAccess) expect(added).toBe(6);
    else expect(added).toBeGreaterThan(6 + 8);
  }
}

describe.each(VARIANTS)("a recorded $container, $build build", ({ build, container }) => {
  it.each(Object.keys(CLIPS))("reads for ffprobe, ffmpeg and mediainfo as what was sent: %s", async (name) => {
    const { path, frames } = await record(name, container, build, 777 * 90);
    const zero90k = Math.min(...frames.map((frame) => frame.dts90k));
    const probe = await ffprobe(path);
    for (const [track, probed] of [
      [TRACK_VIDEO, probe.video],
      [TRACK_AUDIO, probe.audio],
    ] as const) {
      const sent = frames.filter((frame) => frame.track === track);
      compareTrack(container, probed, sent, zero90k);
      expect(probed?.codec).toBe(sent.length === 0 ? undefined : track === TRACK_VIDEO ? "h264" : "aac");
    }
    await decodeWithFfmpeg(path);
    const info = await mediainfo(path);
    expect(info.format).toBe(container === "ts" ? "MPEG-TS" : "Flash Video");
    expect([info.video?.format, info.audio?.format]).toEqual([
      probe.video ? "AVC" : undefined,
      probe.audio ? "AAC" : undefined,
    ]);
    if (probe.video) expect([info.video?.width, info.video?.height]).toEqual([probe.video.width, probe.video.height]);
    const last = Math.max(...frames.map((frame) => frame.dts90k)) - zero90k;
    expect(Math.abs(info.durationMs - last / 90)).toBeLessThan(150);
  });
});

describe.each(BUILDS)("goldens, %s build", (build) => {
  it.each([
    ["ts", "stream.mpegts.bin"],
    ["flv", "stream.flv.bin"],
  ] as const)("writes the bytes of the golden %s", (container, name) => {
    const run = new KernelRun({ container, build, chunkLength90k: 0 });
    for (const frame of makeAv(run, 1200, 5000)) run.push(frame);
    const bytes = run.finish()[0]?.files[0] ?? Buffer.alloc(0);
    const golden = new URL(`../golden/${name}`, import.meta.url);
    if (process.env.REEL_GOLDEN_UPDATE === "1") writeFileSync(golden, bytes);
    expect(bytes.equals(readFileSync(golden))).toBe(true);
  });
});
