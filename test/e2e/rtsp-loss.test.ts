// RTSP over UDP through a relay that drops, doubles and swaps one packet in a hundred each: the counters say what it
// did, the file has nothing but whole frames, and plays.

import { afterEach, beforeEach, expect, it } from "vitest";
import { StagingBudget } from "../../src/ingest/mpegts/staging.js";
import { PullSources } from "../../src/ingest/pull/pull-sources.js";
import { RtspSource } from "../../src/ingest/rtsp/rtsp-source.js";
import { makeClip } from "../support/clip.js";
import { seed } from "../support/effort.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { PullFixture, sourceRequest, startRtspServer, stopRtspServers } from "../support/pull-fixture.js";
import { mulberry32 } from "../support/random.js";
import { RecordingLogger } from "../support/rtmp-rig.js";
import { RtspRelay } from "../support/rtsp-relay.js";
import { until } from "../support/until.js";

const SECONDS = 8;
const FRAMES = SECONDS * 25;
/** Of some 1500: what is lost at the end cannot be told from an end. */
const FAULTY_PACKETS = 1000;

let fixture: PullFixture;
let relay: RtspRelay | undefined;
let pulls: PullSources | undefined;
const logger = new RecordingLogger();

beforeEach(async () => {
  fixture = await PullFixture.open();
});

afterEach(async () => {
  await pulls?.close();
  await fixture.close();
  relay?.close();
  await stopRtspServers();
});

/** Of the line that a session says at its end. */
function counted(medium: number, name: string): number {
  const line = logger.lines.find(({ message }) => message.startsWith(`RTP of medium ${medium}:`))?.message ?? "";
  return Number(new RegExp(`${name} (\\d+)`).exec(line)?.[1] ?? 0);
}

it(`counts what a lossy network did and records what can be played (seed ${seed})`, async () => {
  const video = { gopFrames: 12, kilobitsPerSecond: 1500, width: 640, height: 360 };
  const path = await makeClip({ seconds: SECONDS, video, format: "mp4" });
  const server = await startRtspServer(path);
  relay = await RtspRelay.open(server.port, { dropped: 1, doubled: 1, swapped: 1 }, mulberry32(seed));
  await fixture.record("cam", "mp4");
  const uri = `rtsp://127.0.0.1:${relay.port}${new URL(server.url).pathname}`;
  const { arena, clock, streams } = fixture.recorder;
  const parts = { arena, clock, logger, budget: new StagingBudget(), silenceMs: 60_000, maxFfmpegs: 0 };
  const sources = [new RtspSource({ ...parts, ffmpegPath: undefined, fileFolders: [] })];
  pulls = new PullSources({ ...parts, registry: streams, sources });
  pulls.start(sourceRequest({ uri, localStreamName: "cam", keepAlive: false }), () => {});
  await until("most packets have passed", () => (relay?.packets ?? 0) > FAULTY_PACKETS, 40_000);
  relay.isKind = true;
  // A goodbye may overtake the last packets, and is then not believed: the server's end is.
  await until("all has been sent", () => relay?.hasLeft, 40_000);
  await server.kill();
  const [file] = await fixture.untilClosed(1);
  const faults = relay.done;
  expect(faults).toHaveLength(2);
  for (const [medium, { dropped, doubled, swapped }] of faults.entries()) {
    expect([medium, counted(medium, "lostPackets")]).toEqual([medium, dropped]);
    expect([medium, counted(medium, "duplicates")]).toEqual([medium, doubled]);
    expect([medium, counted(medium, "reorderedPackets")]).toEqual([medium, swapped]);
  }
  const sent = await ffprobe(path, { hash: true });
  const kept = await ffprobe(file?.path ?? "", { hash: true });
  const hashes = new Set(sent.video?.packets.map(({ hash }) => hash));
  for (const { hash } of kept.video?.packets ?? []) expect(hashes).toContain(hash);
  const missing = FRAMES - (kept.video?.packets.length ?? 0);
  const losses = file?.gaps.filter(({ cause, track }) => cause === "sourceLoss" && track === "video") ?? [];
  expect(missing).toBeGreaterThan(0);
  expect(losses.length).toBeGreaterThan(0);
  expect(losses.reduce((sum, { frames }) => sum + frames, 0)).toBeLessThanOrEqual(missing);
  // A gap of time for each: the pictures behind it are where they were.
  const first = kept.video?.packets[0]?.pts90k ?? 0;
  const last = kept.video?.packets.at(-1)?.pts90k ?? 0;
  expect(Math.abs(last - first - ((FRAMES - 1) * 90_000) / 25)).toBeLessThan(90_000);
  await decodeWithFfmpeg(file?.path ?? "");
});
