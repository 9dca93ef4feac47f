// Forms of sound that no encoder here sends: G.711 in stereo, HE-AAC, AAC with frames of 960 samples, AC-3 that only a
// descriptor of DVB names, Opus in dual mono over MPEG-TS. What was sent is in every container that carries it. FFmpeg
// 8 judges.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crc32Mpeg } from "../../src/media/mpegts/psi.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { BitWriter } from "../support/bit-writer.js";
import { CODED_FRAMES, readTrackMessages } from "../support/multitrack.js";
import { trackOf } from "../support/peer-tracks.js";
import { type PeerTrack, probeWithFfmpeg8, remuxWithFfmpeg8 } from "../support/peers.js";
import { RawPublisher } from "../support/raw-publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { TsBuilder } from "../support/ts-builder.js";
import { until } from "../support/until.js";

type ContainerName = "mp4" | "ts" | "flv";

const PMT_PID = 0x1000;
const TS_PACKET_BYTES = 188;
const REGISTRATION = 0x05;
/** User private: says nothing to anybody. */
const NO_DESCRIPTOR = 0xc0;

let folder: string;
let server: ReelProcess;
let control: Control;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-rare-sound-"));
  server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  control = await Control.connect(server);
});
afterAll(async () => {
  await stopServers();
  await rm(folder, { recursive: true });
});

let tsStreams = 0;

async function ffmpeg(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
  if (code !== 0) throw new Error(stderr);
}

/** The files that come of a stream, in the order of `containers`. */
async function record(
  stream: string,
  containers: readonly ContainerName[],
  publish: () => Promise<unknown>,
): Promise<string[]> {
  for (const type of containers)
    await control.succeed(`record localStreamName=${stream} pathToFile=${stream} type=${type} keepAlive=0`);
  await publish();
  await until(`the files of ${stream} are closed`, () => {
    const closed = control.of("recordChunkClosed").filter(({ payload }) => payload.localStreamName === stream);
    return Promise.resolve(closed.length === containers.length);
  });
  const files = containers.map((type) => server.file(`${stream}.${type}`));
  for (const path of files) expect((await verifyFile(path)).defects, path).toEqual([]);
  return files;
}

function recordTs(containers: readonly ContainerName[], bytes: Uint8Array): Promise<string[]> {
  return record(`ts${++tsStreams}`, containers, async () => {
    const [host, port] = (server.addresses.ts ?? "").split(":");
    const socket = connect(Number(port), host);
    socket.end(bytes);
    await once(socket, "close");
  });
}

const hashesOf = ({ packets }: PeerTrack): string[] => packets.map(({ hash }) => hash);

it.each([
  ["A-law", 7, "pcm_alaw"],
  ["µ-law", 8, "pcm_mulaw"],
] as const)("G.711 %s in stereo is in FLV as it came, in MP4 linear", async (_title, format, codec) => {
  const messages = Array.from({ length: 50 }, (_, i) => Buffer.alloc(320).map((_, at) => (i * 37 + at * 11) & 255));
  const [mp4 = "", flv = ""] = await record(codec, ["mp4", "flv"], async () => {
    const publisher = new RawPublisher(server, codec);
    for (const [i, message] of messages.entries())
      publisher.audio(i * 20, Buffer.concat([Buffer.of((format << 4) | 3), message]));
    await publisher.end();
  });
  const [inMp4, inFlv] = (await probeWithFfmpeg8(mp4, flv)).map((tracks) => trackOf(tracks, "audio"));
  expect(inFlv).toMatchObject({ codec, sampleRate: 8000, channels: 2, decodedSamples: 8000 });
  expect(inFlv && hashesOf(inFlv)).toEqual(messages.map((bytes) => createHash("md5").update(bytes).digest("hex")));
  expect(inMp4).toMatchObject({ sampleRate: 8000, channels: 2, decodedSamples: 8000, soundHash: inFlv?.soundHash });
});

/** raw_data_block of ISO/IEC 14496-3 §4.4.2: one channel without a spectrum. `gain` is not heard. */
function silentAacFrame(gain: number): Uint8Array {
  const w = new BitWriter().u(3, 0).u(4, 0); // ID_SCE, element_instance_tag
  w.u(8, gain).u(1, 0).u(2, 0).u(1, 0).u(6, 0).u(1, 0); // global_gain, ics_info: max_sfb 0, no prediction
  w.u(1, 0).u(1, 0).u(1, 0); // no pulse_data, tns_data, gain_control_data
  return w.u(3, 7).bytes(); // ID_END
}

/** `rate` and `samples` are those of the core, `decoded` what FFmpeg 8 makes of a frame: with its SBR. */
const AAC_FORMS = [
  {
    title: "AAC of 960 samples a frame",
    config: new BitWriter().u(5, 2).u(4, 3).u(4, 1).u(1, 1).u(2, 0).bytes(), // frameLengthFlag
    ...{ rate: 48000, samples: 960, decoded: 960, isLatm: true },
  },
  {
    title: "HE-AAC",
    config: new BitWriter().u(5, 5).u(4, 6).u(4, 1).u(4, 3).u(5, 2).u(3, 0).bytes(),
    ...{ rate: 24000, samples: 1024, decoded: 2048, isLatm: false },
  },
  {
    title: "HE-AAC v2",
    config: new BitWriter().u(5, 29).u(4, 6).u(4, 1).u(4, 3).u(5, 2).u(3, 0).bytes(),
    ...{ rate: 24000, samples: 1024, decoded: 2048, isLatm: false },
  },
] as const;

it.each(AAC_FORMS)("$title is in every container what was sent", async (form) => {
  const { title, config, rate, samples, decoded, isLatm } = form;
  const frames = Array.from({ length: 50 }, (_, i) => silentAacFrame(i));
  const hashes = frames.map((bytes) => createHash("md5").update(bytes).digest("hex"));
  const stream = title.replaceAll(" ", "-");
  const files = await record(stream, ["mp4", "flv", "ts"], async () => {
    const publisher = new RawPublisher(server, stream);
    publisher.audio(0, Buffer.concat([Buffer.of(0xaf, 0), config]));
    for (const [i, frame] of frames.entries())
      publisher.audio(Math.round((i * samples * 1000) / rate), Buffer.concat([Buffer.of(0xaf, 1), frame]));
    await publisher.end();
  });
  const [again = ""] = await recordTs(["mp4"], await readFile(files[2] ?? ""));
  const paths = [...files, again];
  for (const [i, tracks] of (await probeWithFfmpeg8(...paths)).entries()) {
    const path = paths[i] ?? "";
    const track = trackOf(tracks, "audio");
    expect(track.packets.length, path).toBe(frames.length);
    if (path.endsWith(".ts")) {
      expect(track.codec, path).toBe(isLatm ? "aac_latm" : "aac");
      continue;
    }
    expect(hashesOf(track), path).toEqual(hashes);
    for (const { duration90k } of path.endsWith(".mp4") ? track.packets : [])
      expect(Math.abs(duration90k - (samples * 90000) / rate), path).toBeLessThanOrEqual(90);
    // ADTS says the core alone.
    if (path === again && !isLatm) continue;
    expect(track, path).toMatchObject({ codec: "aac", decodedSamples: frames.length * decoded });
    expect(track.extradata, path).toBe(Buffer.from(config).toString("hex"));
  }
});

/** With no registration beside the descriptor of DVB. */
function withoutRegistration(ts: Buffer): Buffer {
  const bytes = Buffer.from(ts);
  for (let at = 0; at + TS_PACKET_BYTES <= bytes.byteLength; at += TS_PACKET_BYTES) {
    if ((bytes.readUInt16BE(at + 1) & 0x1fff) !== PMT_PID) continue;
    const start = at + 5; // behind the header and pointer_field
    const end = start + 3 + (bytes.readUInt16BE(start + 1) & 0xfff) - 4;
    const tag = bytes.subarray(start, end).indexOf(Buffer.of(REGISTRATION, 4));
    if (tag < 0) throw new Error("no registration in the program map");
    bytes[start + tag] = NO_DESCRIPTOR;
    bytes.writeUInt32BE(crc32Mpeg(bytes, start, end), end);
  }
  return bytes;
}

it.each([
  ["ac3", 0x6a],
  ["eac3", 0x7a],
] as const)("%s that a descriptor of DVB alone names is in every container", async (codec, descriptor) => {
  const clip = join(folder, `${codec}.ts`);
  await ffmpeg(
    ...["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=1", "-f", "lavfi", "-i"],
    ...["sine=sample_rate=48000:duration=1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
    ...["-c:a", codec, "-mpegts_flags", "system_b", clip],
  );
  const sent = withoutRegistration(await readFile(clip));
  const entry = sent.subarray(sent.indexOf(Buffer.of(0x06, 0xe1, 0x01)));
  expect(entry.subarray(5, 5 + (entry[4] ?? 0)).includes(descriptor)).toBe(true);
  const files = await recordTs(["mp4", "ts", "flv"], sent);
  const [before, ...found] = await probeWithFfmpeg8(clip, ...files);
  for (const [i, path] of files.entries()) {
    const track = trackOf(found[i], "audio");
    expect(track, path).toMatchObject({ codec, sampleRate: 48000 });
    expect(hashesOf(track), path).toEqual(hashesOf(trackOf(before, "audio")));
    expect(track.decodedFrames, path).toBe(track.packets.length);
  }
});

/** Of a first packet: what is not heard of it, in samples. */
function controlHeader(size: number, startTrim?: number): Buffer {
  const sizes = [...Array<number>(Math.floor(size / 255)).fill(255), size % 255];
  const trim = startTrim === undefined ? [] : [startTrim >> 8, startTrim & 255];
  return Buffer.from([0x7f, startTrim === undefined ? 0xe0 : 0xf0, ...sizes, ...trim]);
}

/** ETSI TS 103 491: mapping family 255, one coupled stream whose two channels have nothing to do with each other. */
const DUAL_MONO_HEAD = "4f707573486561640102380180bb00000000ff01010001";

it("Opus in dual mono over MPEG-TS is in every container what was sent", async () => {
  const clip = join(folder, "dual.mkv");
  await ffmpeg(
    ...["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=1", "-f", "lavfi", "-i"],
    ...["sine=880:sample_rate=48000:duration=1", "-filter_complex", "[0][1]amerge=inputs=2", "-c:a", "libopus", clip],
  );
  await remuxWithFfmpeg8(clip, `${clip}.flv`, "flv");
  const packets = readTrackMessages(`${clip}.flv`).filter(({ packetType }) => packetType === CODED_FRAMES);
  const descriptors = Uint8Array.from([REGISTRATION, 4, ...Buffer.from("Opus"), 0x7f, 2, 0x80, 0]);
  const ts = new TsBuilder()
    .pat([{ number: 1, pmtPid: PMT_PID }])
    .pmt(PMT_PID, 1, [{ pid: 0x101, type: 0x06, descriptors }]);
  for (const [i, { data }] of packets.entries()) {
    const pts = 90_000 + i * 1800;
    const head = controlHeader(data.byteLength, i === 0 ? 312 : undefined);
    ts.pes(0x101, Buffer.concat([head, data]), { pts, streamId: 0xbd, isBounded: true, pcr: pts - 9000 });
  }
  const files = await recordTs(["mp4", "flv", "ts"], ts.bytes());
  const [before, ...found] = await probeWithFfmpeg8(clip, ...files);
  const sent = trackOf(before, "audio");
  for (const [i, path] of files.entries()) {
    const track = trackOf(found[i], "audio");
    expect(track, path).toMatchObject({ codec: "opus", channels: 2, decodedFrames: packets.length });
    expect(hashesOf(track), path).toEqual(hashesOf(sent));
    // FFmpeg 8 does not read the pre-skip of MPEG-TS.
    const isTs = path.endsWith(".ts");
    expect(track.extradata.slice(isTs ? 36 : 0), path).toBe(DUAL_MONO_HEAD.slice(isTs ? 36 : 0));
  }
});
