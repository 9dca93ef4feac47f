// Real senders: payloaders of others send over UDP what a file holds, and what comes out of the session is compared
// with the file, frame by frame: bytes, times and key frames.

import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RtpMedia } from "../../src/ingest/rtp/rtp-media.js";
import type { TakenFrame } from "../support/access-unit-log.js";
import { ffprobe, type ProbedTrack } from "../support/ffprobe.js";
import { RtpReceiver } from "../support/receive-rtp.js";
import { runProgram } from "../support/run-program.js";
import { until } from "../support/until.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-rtp-senders-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function encode(name: string, ...codecs: string[]): Promise<string> {
  const path = join(folder, name);
  const sources = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2"];
  const sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"];
  const args = [
    "-v",
    "error",
    "-nostdin",
    "-y",
    ...sources,
    ...sound,
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "1",
    ...codecs,
  ];
  const { code, stderr } = await runProgram("ffmpeg", [...args, path]);
  if (code !== 0) throw new Error(`ffmpeg could not make ${name}: ${stderr}`);
  return path;
}

/** Media as ffmpeg's SDP describes them. */
function parseSdp(sdp: string): RtpMedia[] {
  return sdp
    .split(/^m=/m)
    .slice(1)
    .map((text) => {
      const [, kind = "", payloadType = ""] = /^(\w+) \d+ RTP\/AVP (\d+)/.exec(text) ?? [];
      const [, encodingName = "", clockRate = "0", channels = "0"] =
        /^a=rtpmap:\d+ ([^/\s]+)\/(\d+)(?:\/(\d+))?/m.exec(text) ?? [];
      const [, format = ""] = /^a=fmtp:\d+ (.*)$/m.exec(text) ?? [];
      const fmtp = Object.fromEntries(
        format
          .trim()
          .split(/;\s*/)
          .filter((one) => one !== "")
          .map((one) => [one.slice(0, one.indexOf("=")).toLowerCase(), one.slice(one.indexOf("=") + 1)]),
      );
      return {
        ...{ kind: kind === "audio" ? ("audio" as const) : ("video" as const), payloadType: Number(payloadType) },
        ...{ encodingName, clockRate: Number(clockRate), channels: Number(channels), fmtp },
      };
    });
}

/** Two ports for each medium, the RTP ones even. */
async function openPorts(count: number): Promise<{ port: number; rtp: Socket; rtcp: Socket }[]> {
  const bind = async (port: number): Promise<Socket> => {
    const socket = createSocket("udp4");
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return socket;
  };
  const pairs: { port: number; rtp: Socket; rtcp: Socket }[] = [];
  while (pairs.length < count) {
    const probe = await bind(0);
    const port = probe.address().port & ~1;
    probe.close();
    await once(probe, "close");
    const rtp = await bind(port).catch(() => undefined);
    const rtcp = rtp && (await bind(port + 1).catch(() => undefined));
    if (rtp && rtcp) pairs.push({ port, rtp, rtcp });
    else rtp?.close();
  }
  for (const { rtp } of pairs) rtp.setRecvBufferSize(4 * 1024 * 1024);
  return pairs;
}

/** A millisecond, and what becomes of it where it is rounded. */
const MATROSKA_UNIT_90K = 91;
/** A file with Opus begins 6.5 ms before its first picture: GStreamer moves what comes first by that. */
const OPUS_DELAY_90K = 720;
const GST_LAUNCH = new URL("../support/gst-launch.py", import.meta.url).pathname;

/** ffmpeg keeps what does not fill its last packet to itself. */
const KEPT_BY_SENDER = 12;

/** What a session makes of a sender's packets. `describe` is asked when the sender has ended. */
async function receiveFrom(
  count: number,
  frames: readonly number[],
  send: (ports: readonly number[]) => Promise<readonly RtpMedia[]>,
): Promise<RtpReceiver> {
  const pairs = await openPorts(count);
  const kept: { track: number; isRtcp: boolean; packet: Uint8Array; atMs: number }[] = [];
  for (const [track, { rtp, rtcp }] of pairs.entries()) {
    rtp.on("message", (packet) => kept.push({ track, isRtcp: false, packet, atMs: performance.now() }));
    rtcp.on("message", (packet) => kept.push({ track, isRtcp: true, packet, atMs: performance.now() }));
  }
  let last = "nothing";
  try {
    const media = await send(pairs.map(({ port }) => port));
    // Of what was sent some is still on its way through the sockets: each time all is taken anew.
    return await until("all frames", () => {
      const received = new RtpReceiver(media, true);
      for (const { track, isRtcp, packet, atMs } of kept) {
        if (isRtcp) received.session.rtcp(track, packet, atMs);
        else received.session.rtp(track, packet, atMs);
      }
      received.end();
      const counts = frames.map((_, track) => received.log.frames.filter((frame) => frame.track === track).length);
      last = JSON.stringify([counts, received.session.statistics, received.notes, media]);
      return frames.every((wanted, track) => (counts[track] ?? 0) >= wanted - (track === 0 ? 0 : KEPT_BY_SENDER))
        ? received
        : undefined;
    });
  } catch (error) {
    throw new Error(`${error}: ${last}`);
  } finally {
    for (const { rtp, rtcp } of pairs) {
      rtp.close();
      rtcp.close();
    }
  }
}

async function sendWithFfmpeg(path: string, ports: readonly number[], ...options: string[]): Promise<RtpMedia[]> {
  const outputs = ports.flatMap((port, i) => [
    ...["-map", `0:${i}`, "-c", "copy", ...options, "-f", "rtp", `rtp://127.0.0.1:${port}?pkt_size=1200`],
  ]);
  const { code, stdout, stderr } = await runProgram("ffmpeg", [
    "-v",
    "error",
    "-nostdin",
    "-re",
    "-i",
    path,
    ...outputs,
  ]);
  if (code !== 0) throw new Error(`ffmpeg could not send ${path}: ${stderr}`);
  return parseSdp(stdout);
}

function payload({ units }: TakenFrame, isLengthPrefixed: boolean): Buffer {
  const lengthOf = (unit: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(unit.length);
    return length;
  };
  return Buffer.concat(units.flatMap((unit) => (isLengthPrefixed ? [lengthOf(unit), unit] : [unit])));
}

function expectTrack(
  received: RtpReceiver,
  number: number,
  sent: ProbedTrack | undefined,
  isLengthPrefixed = false,
  tolerance90k = MATROSKA_UNIT_90K,
): void {
  const frames = received.log.frames.filter(({ track }) => track === number);
  const kept = isLengthPrefixed ? 0 : KEPT_BY_SENDER;
  expect(frames.length).toBeGreaterThanOrEqual((sent?.packets.length ?? 0) - kept);
  const packets = (sent?.packets ?? []).slice(0, frames.length);
  const md5 = (frame: TakenFrame): string =>
    `MD5:${createHash("md5").update(payload(frame, isLengthPrefixed)).digest("hex")}`;
  expect(frames.map(md5)).toEqual(packets.map(({ hash }) => hash.toLowerCase().replace("md5", "MD5")));
  const [first] = frames;
  const [sentFirst] = packets;
  for (const [i, { dts, cts, isRandomAccess }] of frames.entries()) {
    const packet = packets[i];
    expect(isRandomAccess).toBe(packet?.isKey);
    expect(
      Math.abs(
        dts + cts - ((first?.dts ?? 0) + (first?.cts ?? 0)) - ((packet?.pts90k ?? 0) - (sentFirst?.pts90k ?? 0)),
      ),
    ).toBeLessThanOrEqual(tolerance90k);
  }
}

function expectClean(received: RtpReceiver): void {
  expect(received.log.losses).toEqual([]);
  for (const statistics of received.session.statistics)
    expect(statistics).toMatchObject({ lostPackets: 0, badPackets: 0, damagedFrames: 0, badConfigs: 0, badRtcp: 0 });
}

// Each sends in real time from ports of its own: they run side by side.
describe.concurrent("ffmpeg", () => {
  it("sends H.264 with B-frames and AAC", async () => {
    const path = await encode("h264.mp4", "-c:v", "libx264", "-g", "25", "-bf", "2", "-c:a", "aac", "-b:a", "96k");
    const probe = await ffprobe(path, { hash: true, inputArgs: ["-ignore_editlist", "1"] });
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(2, counts, (ports) => sendWithFfmpeg(path, ports));
    expectClean(received);
    expectTrack(received, 0, probe.video, true);
    expectTrack(received, 1, probe.audio);
    // Times of decoding are derived, and are those of the encoder.
    const video = received.log.frames.filter(({ track }) => track === 0);
    const [sent] = probe.video?.packets ?? [];
    const offset = (video[0]?.dts ?? 0) - (sent?.dts90k ?? 0);
    expect(video.map(({ dts }) => dts - offset)).toEqual(probe.video?.packets.map(({ dts90k }) => dts90k));
    // Sender reports put sound and picture where they were.
    const sound = received.log.frames.find(({ track }) => track === 1);
    const skew90k = (sound?.dts ?? 0) - ((video[0]?.dts ?? 0) + (video[0]?.cts ?? 0));
    const sentSkew90k = (probe.audio?.packets[0]?.pts90k ?? 0) - (sent?.pts90k ?? 0);
    expect(Math.abs(skew90k - sentSkew90k) / 90).toBeLessThan(40);
  });

  it("sends H.265 and Opus", async () => {
    const codecs = ["-c:v", "libx265", "-x265-params", "keyint=25:log-level=none", "-c:a", "libopus"];
    const path = await encode("h265.mkv", ...codecs);
    const probe = await ffprobe(path, { hash: true });
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(2, counts, (ports) => sendWithFfmpeg(path, ports));
    expectClean(received);
    expectTrack(received, 0, probe.video, true);
    expectTrack(received, 1, probe.audio);
  });

  it("sends VP9 and G.711", async () => {
    const codecs = [
      "-c:v",
      "libvpx-vp9",
      "-g",
      "25",
      "-deadline",
      "realtime",
      "-c:a",
      "pcm_alaw",
      "-ar",
      "8000",
      "-ac",
      "1",
    ];
    const path = await encode("vp9.mkv", ...codecs);
    const probe = await ffprobe(path, { hash: true });
    const received = await receiveFrom(2, [probe.video?.packets.length ?? 0, 1], (ports) =>
      sendWithFfmpeg(path, ports, "-strict", "-2"),
    );
    expectClean(received);
    expectTrack(received, 0, probe.video);
    // G.711 is packed anew: the samples are the same.
    const sound = received.log.frames.filter(({ track }) => track === 1);
    const bytes = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);
    const sent = bytes(probe.audio?.packets.map(({ sizeBytes }) => sizeBytes) ?? []);
    expect(bytes(sound.map((frame) => payload(frame, false).length))).toBe(sent);
    for (const [i, { dts }] of sound.entries()) {
      const before = bytes(sound.slice(0, i).map((frame) => payload(frame, false).length));
      expect(dts - (sound[0]?.dts ?? 0)).toBe(Math.round((before * 90_000) / 8000));
    }
  });

  it("sends AAC in LATM", async () => {
    const path = await encode("latm.mp4", "-c:v", "libx264", "-g", "25", "-c:a", "aac", "-b:a", "96k");
    const probe = await ffprobe(path, { hash: true, inputArgs: ["-ignore_editlist", "1"] });
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(2, counts, (ports) => sendWithFfmpeg(path, ports, "-rtpflags", "latm"));
    expect(received.session.isRecorded(1)).toBe(true);
    expectClean(received);
    expectTrack(received, 1, probe.audio);
  });

  it("sends an MPEG transport stream", async () => {
    const path = await encode("h264.ts", "-c:v", "libx264", "-g", "25", "-c:a", "aac", "-b:a", "96k");
    const probe = await ffprobe(path, { hash: true });
    const send = async ([port]: readonly number[]): Promise<RtpMedia[]> => {
      const output = ["-c", "copy", "-f", "rtp_mpegts", `rtp://127.0.0.1:${port}?pkt_size=1328`];
      const { code, stderr } = await runProgram("ffmpeg", ["-v", "error", "-nostdin", "-re", "-i", path, ...output]);
      if (code !== 0) throw new Error(`ffmpeg could not send ${path}: ${stderr}`);
      return [{ kind: "video", payloadType: 33, encodingName: "", clockRate: 0, channels: 0, fmtp: {} }];
    };
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(1, counts, send);
    expectClean(received);
    expect(received.log.frames.filter(({ track }) => track === 0)).toHaveLength(counts[0] ?? 0);
    expect(received.log.frames.filter(({ track }) => track === 1).length).toBeGreaterThanOrEqual(
      (counts[1] ?? 0) - KEPT_BY_SENDER,
    );
  });
});

describe.concurrent("GStreamer", () => {
  const video = (encodingName: string): RtpMedia => ({
    ...{ kind: "video" as const, payloadType: 96, encodingName, clockRate: 90_000, channels: 0, fmtp: {} },
  });
  const sound = (encodingName: string, fmtp: Record<string, string> = {}): RtpMedia => ({
    ...{ kind: "audio" as const, payloadType: 97, encodingName, clockRate: 48_000, channels: 1, fmtp },
  });

  /** `branches`: from the pads of a demuxer to the payloaders. */
  async function send(
    path: string,
    demuxer: string,
    branches: readonly string[],
    ports: readonly number[],
  ): Promise<void> {
    const ways = branches.map((branch, i) => `${branch} ! udpsink host=127.0.0.1 port=${ports[i]}`).join(" ");
    const pipeline = `filesrc location=${path} ! ${demuxer} name=d ${ways}`;
    // gst-launch.py ends with 1 where it ends at all; what went wrong stands on stderr.
    const { stderr } = await runProgram("/usr/bin/python3", [GST_LAUNCH, ...pipeline.split(" ")]);
    if (stderr.trim() !== "") throw new Error(`GStreamer could not send ${path}: ${stderr}`);
  }

  it("sends H.264 in aggregates and AAC, without a description of either and without RTCP", async () => {
    const path = await encode("gst-h264.mp4", "-c:v", "libx264", "-g", "25", "-bf", "2", "-c:a", "aac", "-b:a", "96k");
    const probe = await ffprobe(path, { hash: true, inputArgs: ["-ignore_editlist", "1"] });
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(2, counts, async (ports) => {
      const pictures =
        "d.video_0 ! queue ! h264parse ! rtph264pay pt=96 mtu=1200 config-interval=-1 aggregate-mode=max-stap";
      await send(path, "qtdemux", [pictures, "d.audio_0 ! queue ! aacparse ! rtpmp4gpay pt=97"], ports);
      return [video("H264"), sound("mpeg4-generic", { mode: "AAC-hbr", config: "1188" })];
    });
    expectClean(received);
    expectTrack(received, 0, probe.video, true);
    // The edit list hides the encoder's first frame, which is not sent.
    expectTrack(received, 1, probe.audio && { ...probe.audio, packets: probe.audio.packets.slice(1) });
  });

  it("sends H.265 and Opus", async () => {
    const codecs = ["-c:v", "libx265", "-x265-params", "keyint=25:log-level=none", "-c:a", "libopus"];
    const path = await encode("gst-h265.mkv", ...codecs);
    const probe = await ffprobe(path, { hash: true });
    const counts = [probe.video?.packets.length ?? 0, probe.audio?.packets.length ?? 0];
    const received = await receiveFrom(2, counts, async (ports) => {
      const pictures =
        "d.video_0 ! queue ! h265parse ! rtph265pay pt=96 mtu=1200 config-interval=-1 aggregate-mode=max";
      await send(path, "matroskademux", [pictures, "d.audio_0 ! queue ! opusparse ! rtpopuspay pt=97"], ports);
      return [video("H265"), sound("OPUS")];
    });
    expectClean(received);
    expectTrack(received, 0, probe.video, true, OPUS_DELAY_90K);
    expectTrack(received, 1, probe.audio, false, OPUS_DELAY_90K);
  });
});
