// Codecs beside H.264 and AAC, from real encoders through a real server into real files, in every container that
// carries them: the packets that were sent, each once, the same pictures when decoded, nothing to complain about.

import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { picturesOf, readable } from "../support/coded-pictures.js";
import { effort, isTorture } from "../support/effort.js";
import { ffprobe, type ProbedTrack } from "../support/ffprobe.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { type Publisher, publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { SharedServer } from "../support/shared-server.js";
import { until } from "../support/until.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const MS_90K = 90;

let folder: string;
let shared: SharedServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-codecs-"));
  shared = await SharedServer.start();
});
// They run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
  await rm(folder, { recursive: true });
});

interface Clip {
  seconds: number;
  gopFrames: number;
  /** Every GOP begins with an IDR. */
  isClosed?: boolean;
  /** Encoder of the sound. */
  sound?: "aac" | "libopus";
}

const clips = new Map<string, Promise<string>>();

/** H.265 with three B-frames, and sound. */
function makeH265(clip: Clip): Promise<string> {
  const key = JSON.stringify(clip);
  const made = clips.get(key) ?? encodeH265(clip);
  clips.set(key, made);
  return made;
}

async function encodeH265({ seconds, gopFrames, isClosed = false, sound = "aac" }: Clip): Promise<string> {
  const path = join(
    folder,
    `${createHash("md5").update(`${seconds} ${gopFrames} ${isClosed} ${sound}`).digest("hex")}.ts`,
  );
  const x265 = `log-level=none:keyint=${gopFrames}:min-keyint=${gopFrames}:scenecut=0:bframes=3:open-gop=${isClosed ? 0 : 1}`;
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", `testsrc2=size=320x180:rate=25:duration=${seconds}`],
    ...["-f", "lavfi", "-i", `sine=sample_rate=48000:duration=${seconds}`, "-c:v", "libx265", "-preset", "ultrafast"],
    ...["-x265-params", x265, "-pix_fmt", "yuv420p", "-c:a", sound, "-f", "mpegts", path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

async function startServer(): Promise<{ server: ReelProcess; control: Control }> {
  const server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  return { server, control: await Control.connect(server) };
}

function expectSamePackets(sent: ProbedTrack | undefined, found: ProbedTrack | undefined, label: string): void {
  const times = (track: ProbedTrack | undefined, which: "pts90k" | "dts90k"): number[] => {
    const packets = track?.packets ?? [];
    return packets.map((packet) => packet[which] - (packets[0]?.pts90k ?? 0));
  };
  expect(found?.packets.length, label).toBe(sent?.packets.length);
  expect(
    found?.packets.map(({ isKey }) => isKey),
    label,
  ).toEqual(sent?.packets.map(({ isKey }) => isKey));
  const tolerance = sent?.kind === "audio" ? 2 * MS_90K : MS_90K;
  for (const which of ["pts90k", "dts90k"] as const) {
    const found90k = times(found, which);
    for (const [i, time] of times(sent, which).entries())
      expect(Math.abs(time - (found90k[i] ?? Number.NaN)), `${label} ${which} ${i}`).toBeLessThanOrEqual(tolerance);
  }
}

/** Each resolves with the name of the stream that it has recorded. */
const RECORD = {
  "MPEG-TS": (clip: string) => shared.recordTs(clip, CONTAINERS),
  "enhanced RTMP": async (clip: string) => {
    await shared.record("cam1", CONTAINERS, () => remuxWithFfmpeg8(clip, shared.process.rtmpUrl("cam1"), "flv"));
    return "cam1";
  },
} as const;

describe.concurrent("H.265", () => {
  it.each(Object.entries(RECORD))("over %s is in all containers what was sent", async (_name, record) => {
    const clip = await makeH265({ seconds: 3, gopFrames: 25 });
    const name = await record(clip);
    const sent = await ffprobe(clip);
    const pictures = await picturesOf(clip);
    for (const type of CONTAINERS) {
      const path = shared.file(name, type);
      expect((await verifyFile(path)).defects, type).toEqual([]);
      const file = await readable(path, type);
      const found = await ffprobe(file);
      expect(found.video, type).toMatchObject({ codec: "hevc", width: 320, height: 180 });
      expectSamePackets(sent.video, found.video, `${type} video`);
      expectSamePackets(sent.audio, found.audio, `${type} audio`);
      expect(await picturesOf(file), type).toBe(pictures);
    }
  });

  // Without IDRs, too: h265.test.ts cuts open GOPs at every effort.
  it.each(isTorture ? [true, false] : [true])(
    "is cut at random access points, every frame once (IDRs: %s)",
    { timeout: 90_000 },
    async (isClosed) => {
      const clip = await makeH265({ seconds: effort(6, 12), gopFrames: effort(25, 50), isClosed });
      const sent = await ffprobe(clip);
      const name = await shared.recordTs(clip, CONTAINERS, `chunkLength=${effort(2, 4)}`);
      for (const type of CONTAINERS) {
        const files = shared.files(name, type);
        expect(files, type).toHaveLength(3);
        let frames = 0;
        for (const path of files) {
          expect((await verifyFile(path)).defects, path).toEqual([]);
          const file = await readable(path, type);
          const { video } = await ffprobe(file);
          expect(video?.packets[0]?.isKey, path).toBe(true);
          frames += video?.packets.length ?? 0;
          await picturesOf(file);
        }
        expect(frames, type).toBe(sent.video?.packets.length);
      }
    },
  );

  it("and Opus survive kill -9 in all containers", { timeout: 60_000 }, async () => {
    const clip = await makeH265({ seconds: 6, gopFrames: 50, sound: "libopus" });
    const { server, control } = await startServer();
    for (const type of CONTAINERS)
      await control.succeed(`record localStreamName=ts1 pathToFile=cam1 type=${type} keepAlive=1`);
    const publisher: Publisher = publishWithFfmpeg({
      url: `tcp://${server.addresses.ts}`,
      input: clip,
      format: "mpegts",
    });
    await until("4 s are recorded", async () => {
      const { data } = await control.send("getStreamInfo localStreamName=ts1");
      const { video } = (data ?? {}) as { video?: { packetsCount: number } };
      return (video?.packetsCount ?? 0) > 100 ? true : undefined;
    });
    await server.kill();
    await publisher.kill();
    const again = await ReelProcess.start({ root: server.root, media: server.media });
    const after = await Control.connect(again);
    await until("all are recovered", async () => {
      const found = await Promise.all(
        CONTAINERS.map((type) => verifyFile(again.file(`cam1.${type}`)).catch(() => undefined)),
      );
      return found.every((report) => report?.defects.length === 0) ? true : undefined;
    });
    for (const type of CONTAINERS) {
      const file = await readable(again.file(`cam1.${type}`), type);
      const { video, audio } = await ffprobe(file);
      expect(video?.packets.length, type).toBeGreaterThan(75);
      expect(audio, type).toMatchObject({ codec: "opus", channels: 1 });
      expect(audio?.packets.length, type).toBeGreaterThan(150);
      await picturesOf(file);
    }
    after.close();
  });

  it("leaves out what cannot be decoded where a recording starts at an open GOP, and says so", async () => {
    const clip = await makeH265({ seconds: 6, gopFrames: 50 });
    const { server, control } = await startServer();
    publishWithFfmpeg({ url: `tcp://${server.addresses.ts}`, input: clip, format: "mpegts" });
    await until("the stream is there", async () => {
      const streams = (await control.succeed("listStreams")) as unknown as unknown[] | null;
      return streams && streams.length > 0 ? true : undefined;
    });
    await control.succeed("record localStreamName=ts1 pathToFile=cam1 type=mp4 keepAlive=0");
    await control.wait("outStreamClosed");
    const [closed] = control.of("recordChunkClosed");
    // Audio from before the first picture may be told beside it.
    const gaps = closed?.payload.gaps as { cause: string; frames: number }[];
    expect(gaps.filter(({ frames }) => frames > 0)).toEqual([
      expect.objectContaining({ cause: "unusable", track: "video" }),
    ]);
    const path = server.file("cam1.mp4");
    expect((await verifyFile(path)).defects).toEqual([]);
    const { video } = await ffprobe(path);
    // The random access point is shown before all that follows it.
    const [first] = video?.packets ?? [];
    expect(video?.packets.every(({ pts90k }) => pts90k >= (first?.pts90k ?? 0))).toBe(true);
    await picturesOf(path);
  });
});
