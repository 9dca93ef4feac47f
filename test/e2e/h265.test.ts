// H.265 as cameras and encoders send it for long: HD with B-frames and open GOPs in segments, other parameter sets
// in the middle, the same ones again and again, and the private form with CodecID 12. Every picture is in one file,
// once, and every file plays alone.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { picturesOf, readable, sliceHashesOf } from "../support/coded-pictures.js";
import { effort } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { CODED_FRAMES, readTrackMessages, type TrackMessage } from "../support/multitrack.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { stopPublishers } from "../support/publisher.js";
import { exVideoTag, RawPublisher } from "../support/raw-publisher.js";
import { stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
type ContainerName = (typeof CONTAINERS)[number];
const CODEC_ID_H265 = 12;
const SEQUENCE_START = 0;

let folder: string;
let server: SharedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-h265-"));
  server = await SharedServer.start();
});
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

interface Clip {
  size: string;
  seconds: number;
  gopFrames: number;
  startSeconds?: number;
}

/** Ten pictures a second, three B-frames between others, every GOP but the first one open. */
async function encode(name: string, { size, seconds, gopFrames, startSeconds = 0 }: Clip): Promise<string> {
  const path = join(folder, name);
  const x265 = `log-level=none:keyint=${gopFrames}:min-keyint=${gopFrames}:scenecut=0:bframes=3:open-gop=1`;
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", `testsrc=size=${size}:rate=10:duration=${seconds}`],
    ...["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", x265, "-pix_fmt", "yuv420p"],
    ...["-output_ts_offset", `${startSeconds}`, path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

const SMALL: Clip = { size: "320x180", seconds: 3, gopFrames: 10 };
const LARGE: Clip = { ...SMALL, size: "640x360" };

let small: Promise<string> | undefined;

/** One for the cases that only need some pictures. */
function smallClip(): Promise<string> {
  small ??= encode("small.ts", SMALL);
  return small;
}

/** What is to be in a segment that has all of a clip. */
async function sentBy(clip: string, width: number): Promise<{ hashes: string[]; width: number }> {
  return { hashes: await sliceHashesOf(clip), width };
}

/** Of each file: it begins with a random access point, plays alone, and holds these pictures. */
async function readSegment(path: string, type: ContainerName): Promise<{ hashes: string[]; width: number }> {
  expect((await verifyFile(path)).defects, path).toEqual([]);
  const file = await readable(path, type);
  const { video } = await ffprobe(file);
  expect(video?.packets[0]?.isKey, path).toBe(true);
  await picturesOf(file);
  return { hashes: await sliceHashesOf(file), width: video?.width ?? 0 };
}

/** A message in the form that publishers used before Enhanced RTMP. */
function privateBody({ packetType, isKey, data }: TrackMessage): Buffer {
  const time = packetType === SEQUENCE_START ? Buffer.alloc(3) : Buffer.alloc(0);
  return Buffer.concat([Buffer.of(((isKey ? 1 : 2) << 4) | CODEC_ID_H265, packetType), time, data]);
}

/** The messages of a clip, as FFmpeg 8 sends them. */
async function messagesOf(clip: string): Promise<TrackMessage[]> {
  await remuxWithFfmpeg8(clip, `${clip}.flv`, "flv");
  return readTrackMessages(`${clip}.flv`);
}

function enhancedBody({ packetType, isKey, data }: TrackMessage): Buffer {
  return exVideoTag("hvc1", packetType, isKey, data);
}

async function publishMessages(
  name: string,
  messages: readonly TrackMessage[],
  bodyOf: (message: TrackMessage) => Buffer,
): Promise<void> {
  const publisher = new RawPublisher(server.process, name);
  for (const message of messages) publisher.video(message.timeMs, bodyOf(message));
  await publisher.end();
}

/** Ten pictures each. 1080p takes half a minute to encode and decode, and is cut where a sixteenth of it is. */
const HD_SECONDS = effort(12, 40);
const HD_WIDTH = effort(480, 1920);
const HD_HEIGHT = effort(270, 1080);

// They wait for media time: they run side by side.
describe.concurrent("H.265", () => {
  it(`of ${HD_HEIGHT} lines with B-frames is in segments of 4 s, every picture once`, {
    timeout: 300_000,
  }, async () => {
    const clip = await encode("hd.ts", { size: `${HD_WIDTH}x${HD_HEIGHT}`, seconds: HD_SECONDS, gopFrames: 20 });
    const sent = await sliceHashesOf(clip);
    expect(new Set(sent).size).toBe(HD_SECONDS * 10);
    const name = await server.recordTs(clip, CONTAINERS, "chunkLength=4");
    const wholeFiles = (HD_SECONDS * 10 - 57 - 23) / 40;
    for (const type of CONTAINERS) {
      const segments = server.files(name, type);
      expect(segments, type).toHaveLength(wholeFiles + 2);
      const found: string[] = [];
      const counts: number[] = [];
      for (const path of segments) {
        const { hashes, width } = await readSegment(path, type);
        expect(width, path).toBe(HD_WIDTH);
        found.push(...hashes);
        counts.push(hashes.length);
      }
      expect(found, type).toEqual(sent);
      // A random access point is decoded in front of the pictures that it leads, here 0.3 s before its time: the first
      // one at which 4 s are over begins the second file.
      expect(counts, type).toEqual([57, ...Array<number>(wholeFiles).fill(40), 23]);
    }
    expect(server.of("recordGap", name)).toEqual([]);
  });

  it("is cut where its parameter sets change in band", { timeout: 120_000 }, async () => {
    const clips = await Promise.all([smallClip(), encode("later.ts", { ...LARGE, startSeconds: 3 })]);
    const wanted = await Promise.all([sentBy(clips[0], 320), sentBy(clips[1], 640)]);
    const joined = join(folder, "joined.ts");
    const { code, stderr } = await runProgram("ffmpeg", [
      ...["-v", "error", "-nostdin", "-y", "-i", `concat:${clips.join("|")}`, "-c", "copy", joined],
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    const name = await server.recordTs(joined, CONTAINERS);
    for (const type of CONTAINERS) {
      expect(await Promise.all(server.files(name, type).map((path) => readSegment(path, type)))).toEqual(wanted);
    }
  });

  it("is cut where a header has other parameter sets, and never where it repeats them", {
    timeout: 120_000,
  }, async () => {
    const [small, large] = await Promise.all([smallClip(), encode("large.ts", LARGE)]);
    const wanted = await Promise.all([sentBy(small, 320), sentBy(large, 640)]);
    const [first, second] = await Promise.all([messagesOf(small), messagesOf(large)]);
    const [header] = first;
    if (!header) throw new Error("no header");
    // The same sets in front of every key frame, in a record that says nothing of whether they are complete.
    const repeated = first.flatMap((message) =>
      message.isKey && message.packetType === CODED_FRAMES
        ? [{ ...header, timeMs: message.timeMs, data: incomplete(header.data) }, message]
        : [message],
    );
    expect(repeated.length).toBe(first.length + 3);
    const later = second.map((message) => ({ ...message, timeMs: message.timeMs + 3000 }));
    await server.record("cam1", CONTAINERS, () => publishMessages("cam1", [...repeated, ...later], enhancedBody));
    for (const type of CONTAINERS) {
      expect(await Promise.all(server.files("cam1", type).map((path) => readSegment(path, type)))).toEqual(wanted);
    }
  });

  it("with CodecID 12 is what was sent", { timeout: 120_000 }, async () => {
    const clip = await smallClip();
    const messages = await messagesOf(clip);
    await server.record("cam2", CONTAINERS, () => publishMessages("cam2", messages, privateBody));
    const [pictures, hashes] = await Promise.all([picturesOf(clip), sliceHashesOf(clip)]);
    for (const type of CONTAINERS) {
      const segments = server.files("cam2", type);
      expect(segments, type).toHaveLength(1);
      const [path = ""] = segments;
      expect((await readSegment(path, type)).hashes, type).toEqual(hashes);
      expect(await picturesOf(await readable(path, type)), type).toBe(pictures);
    }
  });
});

const HVCC_ARRAYS_OFFSET = 22;

/** An hvcC whose arrays are not said to be complete. */
function incomplete(hvcC: Buffer): Buffer {
  const bytes = Buffer.from(hvcC);
  let at = HVCC_ARRAYS_OFFSET + 1;
  for (let arrays = bytes[HVCC_ARRAYS_OFFSET] ?? 0; arrays > 0; arrays--) {
    bytes[at] = (bytes[at] ?? 0) & 0x3f;
    let count = bytes.readUInt16BE(at + 1);
    for (at += 3; count > 0; count--) at += 2 + bytes.readUInt16BE(at);
  }
  return bytes;
}
