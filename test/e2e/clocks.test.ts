// Encoders as they really are, published over RTMP to a real server and recorded to mp4, ts and flv: pictures in
// several messages, tracks on clocks of their own, clocks that jump and that stand still. Every file can be decoded
// whole, and neither ffprobe nor `reel verify` has anything to say about it.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { publishFlv, RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import { type FlvTag, parseFlvFile } from "../../src/media/flv/flv-tag.js";
import type { FileReport } from "../../src/verify/file-report.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { effort } from "../support/effort.js";
import { ffprobe, type Probe } from "../support/ffprobe.js";
import { sei } from "../support/pictures.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { PACKET_FRAME, videoTag } from "../support/rtmp-bytes.js";
import { runProgram } from "../support/run-program.js";
import { accessUnit, nalUnit } from "../support/test-media.js";

/** Of media, in real time. */
const SECONDS = effort(6, 8);
const JUMP_MS = 3000;
const CONTAINERS = ["mp4", "ts", "flv"] as const;
const AUDIO = 8;
const VIDEO = 9;

// All of it takes real time, so the tests run side by side.
afterAll(stopServers);

interface Gap {
  cause: string;
  track: string | null;
  durationMs: number;
}

interface Recorded {
  type: (typeof CONTAINERS)[number];
  probe: Probe;
  report: FileReport;
  gaps: Gap[];
}

/** What the server makes of a stream: one file of each container. */
async function record(
  send: (url: string, control: Control) => Promise<void>,
): Promise<{ files: Recorded[]; control: Control }> {
  const server = await ReelProcess.start();
  const control = await Control.connect(server);
  for (const type of CONTAINERS)
    await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=${type} keepAlive=0`);
  await send(server.rtmpUrl("cam1"), control);
  await control.wait("outStreamClosed", CONTAINERS.length);
  expect(control.of("recordChunkClosed").length).toBe(CONTAINERS.length);
  const files: Recorded[] = [];
  for (const type of CONTAINERS) {
    const path = server.file(`cam1.${type}`);
    expect(await decode(path), path).toBe("");
    const report = await verifyFile(path);
    expect(report.defects, path).toEqual([]);
    const closed = control.of("recordChunkClosed").find((event) => String(event.payload.file) === path);
    files.push({ type, probe: await ffprobe(path), report, gaps: closed?.payload.gaps as Gap[] });
  }
  return { files, control };
}

/** Frames of a clock that was made even need not lie in the grid of a frame rate, which is what ffmpeg counts in. */
async function decode(path: string): Promise<string> {
  const args = ["-v", "error", "-xerror", "-nostdin", "-i", path, "-fps_mode", "vfr", "-f", "null", "-"];
  const { code, stderr } = await runProgram("ffmpeg", args);
  return code === 0 ? stderr : `exit code ${code}: ${stderr}`;
}

/** Sends a clip at its own pace with other times on the wire. */
async function sendPaced(url: string, tags: readonly FlvTag[], wire: (tag: FlvTag) => number): Promise<void> {
  const publisher = await RtmpPublisher.open(url);
  const startMs = performance.now();
  for (const tag of tags) {
    const waitMs = startMs + tag.timestampMs - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    publisher.send({ ...tag, timestampMs: isHeader(tag) ? 0 : wire(tag) });
  }
  await publisher.drained();
  await publisher.close();
}

async function clipTags(seconds: number, framesPerSecond = 25): Promise<FlvTag[]> {
  const clip = await makeClip({ seconds, video: { framesPerSecond }, format: "flv" });
  return [...parseFlvFile(readFileSync(clip))].filter(({ type }) => type === AUDIO || type === VIDEO);
}

function isHeader(tag: FlvTag): boolean {
  return tag.data[1] !== PACKET_FRAME;
}

describe.concurrent("an encoder that sends SEI, SPS and PPS in messages of their own", () => {
  it("is recorded as 240 pictures of 240, and nothing is missing", async () => {
    const tags = await clipTags(8, 30);
    const { files, control } = await record(async (url) => {
      const publisher = await RtmpPublisher.open(url);
      await publishFlv(publisher, tags.flatMap(apart));
      await publisher.close();
    });
    for (const { type, probe, report, gaps } of files) {
      expect(probe.video?.packets.length, type).toBe(240);
      expect(report.tracks.find((track) => track.kind === "video")?.frames, type).toBe(240);
      expect(gaps, type).toEqual([]);
    }
    expect(control.of("recordGap")).toEqual([]);
  });

  /** The messages that such an encoder makes of a tag. */
  function apart(tag: FlvTag, index: number, tags: readonly FlvTag[]): FlvTag[] {
    if (tag.type !== VIDEO || isHeader(tag)) return [tag];
    const isKey = (tag.data[0] ?? 0) >> 4 === 1;
    const message = (...nals: Uint8Array[]): FlvTag => ({
      ...tag,
      data: videoTag(false, PACKET_FRAME, 0, accessUnit(nals)),
    });
    const header = tags.find(({ type, data }) => type === VIDEO && data[1] !== PACKET_FRAME)?.data ?? tag.data;
    const avcC = header.subarray(5);
    const spsBytes = ((avcC[6] ?? 0) << 8) | (avcC[7] ?? 0);
    const ppsAt = 8 + spsBytes + 3;
    const sets = [
      message(avcC.subarray(8, 8 + spsBytes)),
      message(avcC.subarray(ppsAt, ppsAt + (avcC[ppsAt - 1] ?? 0))),
    ];
    const userData = sei(Uint8Array.from([5, 17, ...nalUnit(1, 17, index)]));
    return [...(isKey ? sets : []), message(userData), tag];
  }
});

describe.concurrent("an encoder whose tracks are on clocks of their own", () => {
  // Real time passes in each.
  const offsets = [
    [12_000, 0],
    [-8000, 20_000],
    [8000, 0],
    [3_600_000, 0],
  ] as const;
  it.each(offsets.slice(0, effort(1, 4)))(
    "(audio %i ms off): it is told once, and the file has both side by side",
    async (offsetMs, startMs) => {
      const tags = await clipTags(SECONDS);
      const { files, control } = await record((url) =>
        sendPaced(url, tags, ({ type, timestampMs }) => startMs + timestampMs + (type === AUDIO ? offsetMs : 0)),
      );
      for (const { type, probe, report, gaps } of files) {
        expect(probe.video?.packets.length, type).toBe(SECONDS * 25);
        expect(probe.audio?.packets.length, type).toBe(countOf(tags, AUDIO));
        expect(
          gaps.map(({ cause }) => cause),
          type,
        ).toEqual(["clockOffset"]);
        expect(Math.abs(gaps[0]?.durationMs ?? 0), type).toBeGreaterThan(Math.abs(offsetMs) - 400);
        expect(report.durationMs, type).toBeGreaterThan(SECONDS * 1000 - 100);
        expect(report.durationMs, type).toBeLessThan(SECONDS * 1000 + 400);
        expect(Math.abs(report.avSkewStartMs ?? 1e9), type).toBeLessThan(300);
        // No drift: what is wrong at the end was wrong at the beginning.
        expect(Math.abs((report.avSkewEndMs ?? 1e9) - (report.avSkewStartMs ?? 0)), type).toBeLessThan(60);
      }
      expect(control.of("recordGap").length).toBe(CONTAINERS.length);
      expect(control.of("recordGap")[0]?.payload).toMatchObject({ localStreamName: "cam1" });
    },
  );

  it("and jumps with one of them is told once, and nothing drifts", async () => {
    const tags = await clipTags(SECONDS);
    const { files, control } = await record((url) =>
      sendPaced(
        url,
        tags,
        ({ type, timestampMs }) => timestampMs + (type === AUDIO && timestampMs > JUMP_MS ? 8000 : 0),
      ),
    );
    for (const { type, probe, report, gaps } of files) {
      expect(probe.audio?.packets.length, type).toBe(countOf(tags, AUDIO));
      expect(
        gaps.map(({ cause }) => cause),
        type,
      ).toEqual(["clockOffset"]);
      expect(Math.abs(report.avSkewEndMs ?? 1e9), type).toBeLessThan(300);
    }
    expect(control.of("recordGap").length).toBe(CONTAINERS.length);
  });

  it("and honest, sending each GOP in a burst, is left as it is", async () => {
    const tags = await clipTags(8);
    const { files, control } = await record(async (url) => {
      const publisher = await RtmpPublisher.open(url);
      for (let second = 0; second < 8; second++) {
        for (const tag of tags) if (Math.floor(tag.timestampMs / 1000) === second) publisher.send(tag);
        await publisher.drained();
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      await publisher.close();
    });
    for (const { type, probe, report, gaps } of files) {
      expect(probe.video?.packets.length, type).toBe(200);
      expect(gaps, type).toEqual([]);
      expect(Math.abs(report.avSkewStartMs ?? 1e9), type).toBeLessThan(30);
    }
    expect(control.of("recordGap")).toEqual([]);
  });
});

describe.concurrent("an encoder whose clock stands still", () => {
  const stands: [string, number[]][] = [
    ["for both tracks", [AUDIO, VIDEO]],
    ["for the audio", [AUDIO]],
  ];
  it.each(stands.slice(0, effort(1, 2)))(
    "%s: it is told after 2 s, and the file lasts as long as the stream",
    async (_name, stuck) => {
      const tags = await clipTags(SECONDS);
      const toldAfterMs: number[] = [];
      const { files, control } = await record((url, { events }) =>
        sendPaced(url, tags, ({ type, timestampMs }) => {
          if (toldAfterMs.length === 0 && events.some((event) => event.type === "recordGap"))
            toldAfterMs.push(timestampMs);
          return stuck.includes(type) ? 0 : timestampMs;
        }),
      );
      expect(toldAfterMs[0]).toBeLessThan(5000);
      for (const { type, probe, report, gaps } of files) {
        expect(probe.video?.packets.length, type).toBe(SECONDS * 25);
        expect(probe.audio?.packets.length, type).toBe(countOf(tags, AUDIO));
        expect(report.durationMs, type).toBeGreaterThan(SECONDS * 1000 - 300);
        expect(report.durationMs, type).toBeLessThan(SECONDS * 1000 + 500);
        expect(Math.abs(report.avSkewEndMs ?? 1e9), type).toBeLessThan(400);
        expect(new Set(gaps.map(({ cause }) => cause)), type).toEqual(new Set(["stuckClock"]));
      }
      for (const { payload } of control.of("recordGap")) {
        expect(payload).toMatchObject({ localStreamName: "cam1" });
        for (const key of ["configId", "outStreamId", "sequence"]) expect(payload).toHaveProperty(key);
      }
    },
  );
});

function countOf(tags: readonly FlvTag[], kind: number): number {
  return tags.filter((tag) => tag.type === kind && !isHeader(tag)).length;
}
