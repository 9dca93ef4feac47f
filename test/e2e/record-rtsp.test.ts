// Publishers over RTSP: Debian's ffmpeg, FFmpeg 8 and GStreamer push into a server of ours, over TCP and UDP, and what
// is recorded is what they sent.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { Logger } from "../../src/base/logger.js";
import { RtspServer, type RtspServerOptions } from "../../src/ingest/rtsp/rtsp-server.js";
import { makeClip } from "../support/clip.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { PullFixture } from "../support/pull-fixture.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

const SECONDS = 3;
const GST_LAUNCH = fileURLToPath(new URL("../support/gst-launch.py", import.meta.url));
const MAX_SKEW_MS = 40;

/** A server of its own, and whoever pushes to it. */
class Rig {
  readonly log: string[] = [];
  port = 0;
  server!: RtspServer;
  readonly #children = new Set<ChildProcess>();

  constructor(readonly fixture: PullFixture) {}

  async listen(options: Partial<RtspServerOptions> = {}): Promise<void> {
    const write = (context: object, message: string) => void this.log.push(`${message} ${JSON.stringify(context)}`);
    const logger: Logger = { debug: write, info: write, warn: write };
    const { streams: registry, arena, clock } = this.fixture.recorder;
    this.server = new RtspServer({ registry, arena, clock, logger, options });
    ({ port: this.port } = await this.server.listen({ host: "127.0.0.1", port: 0 }));
  }

  /** Pushes until the file ends; resolves with what it wrote to stderr, empty where nothing was wrong. */
  async push(program: string, args: readonly string[]): Promise<string> {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#children.add(child);
    let stderr = "";
    child.stderr.on("data", (bytes: Buffer) => {
      stderr = (stderr + bytes.toString()).slice(-4096);
    });
    await once(child, "close");
    this.#children.delete(child);
    return stderr;
  }

  kill(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }

  async close(): Promise<void> {
    this.kill();
    await this.server.close();
    await this.fixture.close();
  }
}

// They wait for media time: they run side by side, each on a server of its own.
const rigs = new Set<Rig>();
afterAll(async () => {
  for (const rig of rigs) await rig.close();
});

async function open(options?: Partial<RtspServerOptions>): Promise<Rig> {
  const rig = new Rig(await PullFixture.open());
  await rig.listen(options);
  rigs.add(rig);
  return rig;
}

function ffmpeg(rig: Rig, path: string, transport: string, name: string): Promise<string> {
  const url = `rtsp://127.0.0.1:${rig.port}/${name}`;
  const input = ["-re", "-i", path, "-c", "copy"];
  return rig.push("ffmpeg", ["-v", "error", "-nostdin", ...input, "-f", "rtsp", "-rtsp_transport", transport, url]);
}

/** As fast as it goes, over TCP. */
async function ffmpeg8({ port }: Rig, path: string, transport: "tcp" | "udp", name: string): Promise<string> {
  await remuxWithFfmpeg8(path, `rtsp://127.0.0.1:${port}/${name}`, "rtsp", transport);
  return "";
}

/** rtspclientsink of GStreamer 1.22 does not always end on a busy machine, with all that it has to send sent. */
const STUCK_MS = 5000;

/** Its rtspclientsink, which sends AAC as LATM. */
async function gstreamer(rig: Rig, path: string, transport: "tcp" | "udp", name: string): Promise<string> {
  const url = `rtsp://127.0.0.1:${rig.port}/${name}`;
  const pipeline =
    `filesrc location=${path} ! qtdemux name=d d.video_0 ! queue ! h264parse ! s.sink_0` +
    ` d.audio_0 ! queue ! aacparse ! s.sink_1 rtspclientsink name=s location=${url} protocols=${transport}`;
  const { streams, clock } = rig.fixture.recorder;
  const isStuck = (): boolean => streams.list().some((stream) => clock.monotonicMs() - stream.lastFrameMs > STUCK_MS);
  const watch = setInterval(() => {
    if (isStuck()) rig.kill();
  }, 500);
  return await rig.push("/usr/bin/python3", [GST_LAUNCH, ...pipeline.split(" ")]).finally(() => clearInterval(watch));
}

const PUBLISHERS = [
  ["Debian's ffmpeg", "tcp", ffmpeg],
  ["Debian's ffmpeg", "udp", ffmpeg],
  ["FFmpeg 8", "tcp", ffmpeg8],
  ["GStreamer", "tcp", gstreamer],
] as const;

describe.concurrent("RTSP publishers", () => {
  for (const [program, transport, publish] of PUBLISHERS)
    it(`are recorded frame by frame: ${program} over ${transport.toUpperCase()}`, async () => {
      const rig = await open();
      const { fixture, server } = rig;
      const path = await makeClip({ seconds: SECONDS, video: { gopFrames: 25 }, format: "mp4" });
      await fixture.record("cam", "mp4");
      expect(await publish(rig, path, transport, "live/cam?x=1")).toBe("");
      const [file] = await fixture.untilClosed(1);
      const [sent, probe] = [await ffprobe(path), await ffprobe(file?.path ?? "")];
      const sizes = (packets: readonly { sizeBytes: number }[] = []): number[] =>
        packets.map((packet) => packet.sizeBytes);
      expect(probe.video?.packets.length).toBe(sent.video?.packets.length);
      expect(sizes(sent.audio?.packets)).toEqual(expect.arrayContaining(sizes(probe.audio?.packets)));
      expect(sent.audio?.packets.length ?? 0).toBeLessThanOrEqual((probe.audio?.packets.length ?? 0) + 2);
      expect(Math.abs(skewMs(probe) - skewMs(sent))).toBeLessThan(MAX_SKEW_MS);
      await decodeWithFfmpeg(file?.path ?? "");
      await until("the connection is gone", () => server.connectionCount === 0);
    });

  it("are recorded with H.265 and Opus, and with G.711: FFmpeg 8 over UDP", async () => {
    const rig = await open();
    const { fixture } = rig;
    const encode = async (name: string, ...codecs: string[]): Promise<string> => {
      const path = join(fixture.folder, `${name}.mkv`);
      const video = ["-f", "lavfi", "-i", `testsrc2=size=320x240:rate=25:duration=${SECONDS}`];
      const sound = ["-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${SECONDS}`];
      const args = [...video, ...sound, "-preset", "ultrafast", "-pix_fmt", "yuv420p", ...codecs, path];
      expect((await runProgram("ffmpeg", ["-v", "error", ...args])).stderr).toBe("");
      return path;
    };
    const x265 = ["-c:v", "libx265", "-x265-params", "log-level=none:bframes=0:keyint=25"];
    const x264 = ["-c:v", "libx264", "-g", "25", "-bf", "0"];
    const paths = {
      h265: await encode("h265", ...x265, "-c:a", "libopus"),
      g711: await encode("g711", ...x264, "-c:a", "pcm_alaw", "-ar", "8000"),
    };
    await Promise.all(
      Object.entries(paths).map(async ([name, path]) => {
        await fixture.record(name, "mp4");
        await ffmpeg8(rig, path, "udp", `live/${name}`);
      }),
    );
    await fixture.untilClosed(2);
    for (const [name, path] of Object.entries(paths)) {
      const file = fixture.closed.find((one) => one.path.endsWith(`${name}-mp4.mp4`));
      const [sent, probe] = [await ffprobe(path), await ffprobe(file?.path ?? "")];
      const bytes = (packets: readonly { sizeBytes: number }[] = []): number =>
        packets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      expect(probe.video?.packets.length, name).toBe(sent.video?.packets.length);
      // G.711 becomes samples of two bytes. ffmpeg keeps what does not fill its last packet of it to itself.
      const missing = bytes(sent.audio?.packets) - bytes(probe.audio?.packets) / (name === "g711" ? 2 : 1);
      expect(missing, name).toBeGreaterThanOrEqual(0);
      expect(missing, name).toBeLessThan(1024);
      expect(file?.gaps, name).toEqual([]);
      expect(Math.abs(skewMs(probe) - skewMs(sent)), name).toBeLessThan(MAX_SKEW_MS);
      await decodeWithFfmpeg(file?.path ?? "");
    }
  });

  it("are refused without the publish key, with the reason, and the log shows no key", async () => {
    const rig = await open({ publishKeys: { cam: "the-secret" } });
    const { fixture, log } = rig;
    const path = await makeClip({ seconds: 1, video: { gopFrames: 25 }, format: "mp4" });
    for (const key of ["", "?key=wrong-secret"])
      expect(await ffmpeg(rig, path, "tcp", `live/cam${key}`)).toContain("403");
    await fixture.record("cam", "mp4");
    expect(await ffmpeg(rig, path, "tcp", "live/cam?key=the-secret")).toBe("");
    await fixture.untilClosed(1);
    expect(log.join("\n")).toContain("needs its publish key");
    expect(log.join("\n")).not.toContain("secret");
  });
});

/** How far the audio begins behind the pictures. */
function skewMs(probe: Awaited<ReturnType<typeof ffprobe>>): number {
  const first = Math.min(...(probe.video?.packets ?? []).map((packet) => packet.pts90k));
  return ((probe.audio?.packets[0]?.pts90k ?? 0) - first) / 90;
}
