// A real RTSP server (GStreamer's) pulled over TCP, UDP, IPv6 and TLS, with the codecs that cameras have, and beside
// another reader.

import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { StagingBudget } from "../../src/ingest/mpegts/staging.js";
import { PullSources } from "../../src/ingest/pull/pull-sources.js";
import { RtspSource } from "../../src/ingest/rtsp/rtsp-source.js";
import { makeClip } from "../support/clip.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { remuxWithFfmpeg8 } from "../support/peers.js";
import { PullFixture, sourceRequest, startRtspServer, stopRtspServers } from "../support/pull-fixture.js";
import { runProgram } from "../support/run-program.js";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/test-certificate.js";

const SECONDS = 4;
/** Issue 5. One AAC frame at 48 kHz has 21 ms. */
const MAX_SKEW_MS = 40;

/** 312 samples, in seconds. */
const OPUS_DELAY = "0.0065";
/** A millisecond. */
const MATROSKA_UNIT_90K = 90;

type Probe = Awaited<ReturnType<typeof ffprobe>>;

// Each has a fixture of its own, and waits for media time: they run side by side.
const fixtures = new Set<PullFixture>();
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  for (const fixture of fixtures) await fixture.close();
  await stopRtspServers();
});

async function open(): Promise<PullFixture> {
  const fixture = await PullFixture.open();
  fixtures.add(fixture);
  return fixture;
}

/** H.265 with B-frames, whose DTS RTP does not carry, and H.264. */
const ENCODINGS = {
  "h265,opus": ["-c:v", "libx265", "-x265-params", "log-level=none:bframes=2:keyint=25", "-c:a", "libopus"],
  "h264,pcmu": ["-c:v", "libx264", "-bf", "0", "-g", "25", "-c:a", "pcm_mulaw", "-ar", "8000"],
} as const;

async function encode(folder: string, codecs: keyof typeof ENCODINGS): Promise<string> {
  const path = join(folder, `${codecs}.mkv`.replace(",", "-"));
  const video = ["-f", "lavfi", "-i", `testsrc2=size=320x240:rate=25:duration=${SECONDS}`];
  // What Opus puts in front would move the pictures from 0, and GStreamer's server sends the first ones as if they were
  // not.
  const sound = [
    "-itsoffset",
    OPUS_DELAY,
    "-f",
    "lavfi",
    "-i",
    `sine=frequency=440:sample_rate=48000:duration=${SECONDS}`,
  ];
  const options = ["-preset", "ultrafast", "-pix_fmt", "yuv420p", ...ENCODINGS[codecs]];
  const { code, stderr } = await runProgram("ffmpeg", ["-v", "error", ...video, ...sound, ...options, path]);
  expect([code, stderr]).toEqual([0, ""]);
  return path;
}

/** TLS in front of a server: returns the port. */
async function overTls(port: number): Promise<number> {
  const proxy = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (client) => {
    const server = connect(port, "127.0.0.1");
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on("error", () => {});
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  cleanups.push(() => proxy.close());
  const address = proxy.address();
  return typeof address === "object" && address ? address.port : 0;
}

/** A second set of sources, which trusts the certificate of the tests. */
function securePulls({ recorder }: PullFixture): PullSources {
  const { arena, clock, streams: registry } = recorder;
  const parts = { arena, clock, logger: silentLogger, budget: new StagingBudget(), silenceMs: 60_000, maxFfmpegs: 0 };
  const source = new RtspSource({ ...parts, ffmpegPath: undefined, fileFolders: [] }, { ca: TEST_CERTIFICATE });
  const pulls = new PullSources({ ...parts, registry, sources: [source] });
  cleanups.push(() => pulls.close());
  return pulls;
}

describe.concurrent("RTSP sources", () => {
  for (const transport of ["tcp", "udp"] as const) {
    it(`records every frame of a source over ${transport.toUpperCase()}, with the tracks together`, async () => {
      const fixture = await open();
      // RTP carries no DTS: that of B-frames is derived.
      const path = await makeClip({ seconds: SECONDS, video: { gopFrames: 25, bFrames: 2 }, format: "mp4" });
      const server = await startRtspServer(path);
      await fixture.record("cam", "mp4");
      const configId = fixture.pull(server.url, "cam", { forceTcp: transport === "tcp", keepAlive: false });
      const [file] = await fixture.untilClosed(1);
      const sent = await ffprobe(path);
      const probe = await ffprobe(file?.path ?? "");
      expect(fixture.codes.get(configId)).toEqual([1, 3, 0, 4]);
      expect(times(probe.video?.packets)).toEqual(times(sent.video?.packets));
      // Frame by frame: all but the encoder's priming frame, which the file's edit list hides and the server does not
      // send, and the one cut short at the end: `ffmpeg -i rtsp://… -f framecrc` has just these.
      const sizes = (packets: readonly { sizeBytes: number }[] = []): number[] =>
        packets.map((packet) => packet.sizeBytes);
      expect(sizes(probe.audio?.packets)).toEqual(sizes(sent.audio?.packets).slice(1, -1));
      expect(Math.abs(skewMs(probe) - skewMs(sent))).toBeLessThan(MAX_SKEW_MS);
      await decodeWithFfmpeg(file?.path ?? "");
    });
  }

  it("records H.265, Opus and G.711, over IPv6 and TLS too, beside another reader", async () => {
    const fixture = await open();
    const h264 = await makeClip({ seconds: SECONDS, video: { gopFrames: 25 }, format: "mp4" });
    const [h265, g711] = await Promise.all([encode(fixture.folder, "h265,opus"), encode(fixture.folder, "h264,pcmu")]);
    const server = await startRtspServer([h264, `${h265},h265,opus`, `${g711},h264,pcmu`]);
    const server6 = await startRtspServer(h264, { address: "::1" });
    const tls = await overTls(server.port);
    const sources: [name: string, url: string, forceTcp: boolean, sent: string][] = [
      ["h265-tcp", server.urlOf(1), true, h265],
      ["h265-udp", server.urlOf(1), false, h265],
      ["g711-tcp", server.urlOf(2), true, g711],
      ["g711-udp", server.urlOf(2), false, g711],
      ["ipv6-tcp", server6.url, true, h264],
      ["ipv6-udp", server6.url, false, h264],
      ["rtsps", `rtsps://127.0.0.1:${tls}/live`, true, h264],
    ];
    const secure = securePulls(fixture);
    for (const [name, url, forceTcp] of sources) {
      await fixture.record(name, "mp4");
      if (name === "rtsps")
        secure.start(sourceRequest({ uri: url, localStreamName: name, keepAlive: false }), () => {});
      else fixture.pull(url, name, { forceTcp, keepAlive: false });
    }
    const read = join(fixture.folder, "read.mkv");
    const reading = remuxWithFfmpeg8(server.url, read, "matroska");
    await fixture.untilClosed(sources.length);
    await reading;
    for (const [name, , forceTcp, path] of sources) {
      const file = fixture.closed.find((one) => one.path.endsWith(`${name}-mp4.mp4`));
      const [sent, probe] = [await ffprobe(path), await ffprobe(file?.path ?? "")];
      expectTimes(probe, sent, name);
      const bytes = (packets: readonly { sizeBytes: number }[] = []): number =>
        packets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      // AAC's is compared frame by frame above; G.711 becomes samples of two bytes, in other packets.
      const growth = path === g711 ? 2 : 1;
      if (path !== h264) expect(bytes(probe.audio?.packets), name).toBe(growth * bytes(sent.audio?.packets));
      expect(Math.abs(skewMs(probe) - skewMs(sent)), name).toBeLessThan(MAX_SKEW_MS);
      // Where sound comes first, B-frames are decoded before the file begins: told, and no frame is missing.
      const missing = file?.gaps.filter(({ cause }) => cause !== "straggler");
      expect(missing, `${name} ${forceTcp}`).toEqual([]);
      await decodeWithFfmpeg(file?.path ?? "");
    }
    const plain = fixture.closed.find((one) => one.path.endsWith("ipv6-tcp-mp4.mp4"));
    const [ours, theirs] = [await ffprobe(plain?.path ?? ""), await ffprobe(read)];
    expectTimes(ours, theirs, "FFmpeg 8");
    expect(Math.abs(skewMs(ours) - skewMs(theirs))).toBeLessThan(MAX_SKEW_MS);
  });
});

/** Of the pictures in their order of decoding: when each is shown, from the first of them on, and its size. */
function times(packets: readonly { pts90k: number; sizeBytes: number }[] = []): number[][] {
  const first = Math.min(...packets.map(({ pts90k }) => pts90k));
  return packets.map(({ pts90k, sizeBytes }) => [pts90k - first, sizeBytes]);
}

/** How far the audio begins behind the pictures. */
function skewMs(probe: Probe): number {
  return (
    ((probe.audio?.packets[0]?.pts90k ?? 0) -
      Math.min(...(probe.video?.packets ?? []).map((packet) => packet.pts90k))) /
    90
  );
}

/**
 * As many pictures, each where it is in what was sent; Matroska's times are milliseconds. A server that has no
 * processor for a while may send a report that moves its clock once.
 */
function expectTimes(probe: Probe, sent: Probe, name: string): void {
  const [found, wanted] = [times(probe.video?.packets), times(sent.video?.packets)];
  expect(found.length, name).toBe(wanted.length);
  const offsets = found.map(([at = Number.NaN], i) => at - (wanted[i]?.[0] ?? Number.NaN));
  const moves = offsets.filter((offset, i) => !(Math.abs(offset - (offsets[i - 1] ?? 0)) <= 2 * MATROSKA_UNIT_90K));
  expect(moves.length, `${name}: ${moves}`).toBeLessThanOrEqual(1);
}
