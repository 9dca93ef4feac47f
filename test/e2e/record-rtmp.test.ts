// A real publisher, a real server, real files, outside validators: what was sent is what the files hold, in all three
// containers.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClipSpec, makeClip } from "../support/clip.js";
import { ffprobe, type Probe, type ProbedTrack } from "../support/ffprobe.js";
import { mediainfo } from "../support/mediainfo.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
/** Half of the coarsest unit a time is rounded to on its way: RTMP and FLV count milliseconds. */
const MS_90K = 90;

let server: SharedServer;
beforeAll(async () => {
  server = await SharedServer.start();
});
// They run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

const CLIPS: Record<string, ClipSpec> = {
  "video and audio": { seconds: 3 },
  "B-frames": { seconds: 3, video: { bFrames: 2 } },
  "video only": { seconds: 2, audio: false },
  "audio only": { seconds: 2, video: false },
  "44.1 kHz": { seconds: 2, audio: { sampleRate: 44100 } },
  "48 kHz mono": { seconds: 2, audio: { sampleRate: 48000, channels: 1 } },
};

/** Sends a clip to the server and answers when all of it is sent. */
const PUBLISHERS = {
  ffmpeg: async (input: string, url: string) =>
    (await publishWithFfmpeg({ url, input, realtime: false }).exited).stderr,
  rtmp2sink: async (input: string, url: string) =>
    (await runProgram("/usr/bin/python3", [RTMP2SINK, input, url])).stderr,
};
const RTMP2SINK = join(import.meta.dirname, "../support/rtmp2sink.py");

describe.concurrent("a published clip, recorded to mp4, ts and flv at once", () => {
  it.each(Object.entries(CLIPS))("%s: the files hold the frames that were sent", async (name, spec) => {
    const clip = await makeClip({ ...spec, format: "flv" });
    await expectRecorded(name.replaceAll(/\W/g, "-"), clip, PUBLISHERS.ffmpeg);
  });

  it("by GStreamer's rtmp2sink: the files hold the frames that were sent", async () => {
    await expectRecorded("rtmp2sink", await makeClip({ seconds: 3, format: "flv" }), PUBLISHERS.rtmp2sink);
  });
});

async function expectRecorded(
  name: string,
  clip: string,
  publish: (input: string, url: string) => Promise<string>,
): Promise<void> {
  expect(await server.record(name, CONTAINERS, () => publish(clip, server.process.rtmpUrl(name)))).toBe("");
  const sent = await ffprobe(clip, { hash: true });
  for (const type of CONTAINERS) {
    const path = server.file(name, type);
    const found = await ffprobe(path, { hash: type !== "ts" });
    expectSameTracks(sent, found, type);
    const told = await mediainfo(path);
    expect(JSON.stringify(told)).toContain(sent.video ? "AVC" : "AAC");
  }
}

function expectSameTracks(sent: Probe, found: Probe, type: string): void {
  expect(found.tracks.map((track) => track.codec).sort(), type).toEqual(sent.tracks.map((track) => track.codec).sort());
  const zero = Math.min(...sent.tracks.map((track) => track.packets[0]?.dts90k ?? 0));
  const foundZero = firstTime(found, sent, zero);
  for (const kind of ["video", "audio"] as const) {
    const a = sent[kind];
    const b = found[kind];
    if (!a) expect(b).toBeUndefined();
    else if (!b) throw new Error(`${type} has no ${kind} track`);
    else expectSamePackets(a, b, zero, foundZero, type);
  }
}

/**
 * Every container has its own zero (TS begins at 1 s, MP4's edit list moves the decoding times): the first packet of
 * the first track anchors.
 */
function firstTime(found: Probe, sent: Probe, zero: number): number {
  const kind = sent.video ? "video" : "audio";
  return (found[kind]?.packets[0]?.pts90k ?? 0) - ((sent[kind]?.packets[0]?.pts90k ?? 0) - zero);
}

function expectSamePackets(a: ProbedTrack, b: ProbedTrack, zero: number, foundZero: number, type: string): void {
  expect(b.packets.length, `${type} ${a.kind} packets`).toBe(a.packets.length);
  // A 1024-sample frame is no whole number of milliseconds: audio that MP4 puts back on its sample clock is up to 1 ms
  // away from RTMP's time.
  const tolerance = a.kind === "audio" ? 2 * MS_90K : MS_90K;
  a.packets.forEach((packet, i) => {
    const other = b.packets[i];
    expect(
      Math.abs(packet.pts90k - zero - ((other?.pts90k ?? 0) - foundZero)),
      `${type} ${a.kind} pts of packet ${i}`,
    ).toBeLessThanOrEqual(tolerance);
    expect(other?.isKey, `${type} ${a.kind} key flag of packet ${i}`).toBe(packet.isKey);
    if (packet.hash && other?.hash) expect(other.hash, `${type} ${a.kind} payload ${i}`).toBe(packet.hash);
  });
}
