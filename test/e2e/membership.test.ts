// Membership by time, with a publisher whose audio comes behind its video: ffmpeg's MPEG-TS has a third of a second of
// audio in one PES packet. No segment may end without its audio or begin with that of the one before (design.md §3).

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { TsTcpServer } from "../../src/ingest/mpegts/ts-tcp-server.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { decodeWithFfmpeg, ffprobe, type Probe, type ProbedTrack } from "../support/ffprobe.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { freePort, PullFixture } from "../support/pull-fixture.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const SECONDS = 9;
const CHUNK_SECONDS = 2;
const VIDEO_FRAME = 3600;
const AUDIO_FRAME = 1920;
/** FLV has milliseconds. */
const ROUNDING = 90;

let fixture: PullFixture;
beforeEach(async () => {
  fixture = await PullFixture.open();
});
afterEach(async () => {
  await stopPublishers();
  await fixture.close();
});

async function recordChunks(name: string): Promise<void> {
  for (const type of CONTAINERS) await fixture.record(name, type, { chunkLength: CHUNK_SECONDS });
}

function packetsOf(track: ProbedTrack | undefined): ProbedTrack["packets"] {
  if (!track) throw new Error("a track is missing");
  return track.packets;
}

function expectInTime(probe: Probe, path: string, isFirst: boolean, isLast: boolean): void {
  const video = packetsOf(probe.video);
  const audio = packetsOf(probe.audio);
  expect(video[0]?.isKey, path).toBe(true);
  const start90k = video[0]?.dts90k ?? 0;
  expect((audio[0]?.dts90k ?? 0) - start90k, `${path}: the audio in front of its video`).toBeGreaterThanOrEqual(
    -ROUNDING,
  );
  const late90k = (audio[0]?.dts90k ?? 0) - start90k;
  // The source itself begins with two pictures of reordering.
  if (!isFirst) expect(late90k, `${path}: the audio begins late`).toBeLessThanOrEqual(AUDIO_FRAME + ROUNDING);
  const steps = audio.slice(1).map((packet, i) => packet.dts90k - (audio[i]?.dts90k ?? 0));
  expect(Math.min(...steps), `${path}: the least step of the audio`).toBeGreaterThan(AUDIO_FRAME / 2);
  if (isLast) return;
  const behind = (video.at(-1)?.dts90k ?? 0) + VIDEO_FRAME - ((audio.at(-1)?.dts90k ?? 0) + AUDIO_FRAME);
  expect(Math.abs(behind), `${path}: the end of the audio`).toBeLessThanOrEqual(2 * AUDIO_FRAME);
}

/** Every frame of the source is in one file, where it belongs. */
async function expectByTime(input: string): Promise<void> {
  const sent = await ffprobe(input, { hash: true });
  await until("all files are closed", () => fixture.recorder.streams.list().length === 0, 30_000);
  await fixture.untilClosed(CONTAINERS.length * Math.ceil(SECONDS / CHUNK_SECONDS));
  for (const type of CONTAINERS) {
    const files = fixture.closed.filter((file) => file.container === type).sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(files, type).toHaveLength(Math.ceil(SECONDS / CHUNK_SECONDS));
    const hashes: string[] = [];
    let pictures = 0;
    for (const [i, { path, gaps, lost }] of files.entries()) {
      expect([gaps, lost], path).toEqual([[], null]);
      const probe = await ffprobe(path, { hash: true });
      expectInTime(probe, path, i === 0, i === files.length - 1);
      hashes.push(...packetsOf(probe.audio).map((packet) => packet.hash));
      pictures += packetsOf(probe.video).length;
      const { defects, gaps: holes } = await verifyFile(path);
      expect([defects, holes], path).toEqual([[], []]);
      await decodeWithFfmpeg(path);
    }
    expect(pictures, type).toBe(packetsOf(sent.video).length);
    // MPEG-TS puts an ADTS header in front of each.
    if (type === "ts") expect(hashes).toHaveLength(packetsOf(sent.audio).length);
    else expect(hashes, type).toEqual(packetsOf(sent.audio).map((packet) => packet.hash));
  }
}

describe("audio behind its video", () => {
  const clip = () => makeClip({ seconds: SECONDS, video: { bFrames: 2, gopFrames: 25 }, format: "mp4" });

  it("ends with its segment, over TCP", async () => {
    const { recorder } = fixture;
    const { streams: registry, arena, clock } = recorder;
    const server = new TsTcpServer({ registry, arena, clock, logger: silentLogger, streamName: "tcp{n}" });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const input = await clip();
    await recordChunks("tcp1");
    await publishWithFfmpeg({ url: `tcp://127.0.0.1:${port}`, input, format: "mpegts", realtime: false }).exited;
    await expectByTime(input);
    await server.close();
  });

  // Real time passes.
  it.each(["UDP"].slice(0, effort(0, 1)))("ends with its segment, over %s", async () => {
    await fixture.close();
    const input = await clip();
    fixture = await PullFixture.open({ silenceMs: 2000 });
    const port = await freePort();
    await recordChunks("udp1");
    const configId = fixture.pull(`mpegtsudp://127.0.0.1:${port}`, "udp1", { keepAlive: false });
    await until("the socket is bound", () => fixture.codes.get(configId)?.includes(3));
    await publishWithFfmpeg({ url: `udp://127.0.0.1:${port}?pkt_size=1316`, input, format: "mpegts" }).exited;
    await expectByTime(input);
  });
});
