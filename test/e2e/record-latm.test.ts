// AAC in LATM: what a real encoder sends in MPEG-TS (stream type 0x11) is in every container what it is in ADTS; and
// AAC that ADTS has no number for (LD, ELD) is in MPEG-TS as LATM, which comes in again as sent. FFmpeg 8 judges.

import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { demux } from "../support/demux.js";
import { isTorture } from "../support/effort.js";
import { audioMuxElement, loas, specificConfigHead } from "../support/latm.js";
import { expectSameTimes, trackOf } from "../support/peer-tracks.js";
import {
  AAC_PROFILES,
  encodeAacWithFfmpeg8,
  type PeerTrack,
  probeWithFfmpeg8,
  remuxWithFfmpeg8,
} from "../support/peers.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { runProgram } from "../support/run-program.js";
import { TsBuilder } from "../support/ts-builder.js";

type ContainerName = "mp4" | "ts" | "flv";

const CONTAINERS: readonly ContainerName[] = ["mp4", "ts", "flv"];
const SECONDS = 2;
const VIDEO = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"];
const FRAME_90K = 1920;

let folder: string;
let server: ReelProcess;
let control: Control;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-latm-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  control = await Control.connect(server);
});
afterEach(async () => {
  await stopPublishers();
  await stopServers();
});

/** H.264, and sound of an encoder of ffmpeg's, in Matroska. */
async function encode(name: string, encoder: readonly string[], seconds = SECONDS): Promise<string> {
  const path = join(folder, `${name}.mkv`);
  const { code, stderr } = await runProgram("ffmpeg", [
    ...["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", `testsrc2=size=160x96:rate=25:duration=${seconds}`],
    ...["-f", "lavfi", "-i", `sine=sample_rate=48000:duration=${seconds}`, ...VIDEO, "-ac", "2", ...encoder, path],
  ]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

/** What has come of a stream, in every container, when it has ended. */
async function record(stream: string, publish: () => Promise<void>): Promise<Record<ContainerName, string>> {
  for (const type of CONTAINERS)
    await control.succeed(`record localStreamName=${stream} pathToFile=${stream} type=${type} keepAlive=0`);
  await publish();
  const closed = await control.wait("recordChunkClosed", CONTAINERS.length);
  for (const { payload } of closed) {
    const gaps = payload.gaps as { cause: string }[];
    expect(
      gaps.filter(({ cause }) => cause !== "straggler"),
      payload.file as string,
    ).toEqual([]);
  }
  const path = (type: ContainerName): string => server.file(`${stream}.${type}`);
  return { mp4: path("mp4"), ts: path("ts"), flv: path("flv") };
}

async function send(bytes: Uint8Array): Promise<void> {
  const [host, port] = (server.addresses.ts ?? "").split(":");
  const socket = connect(Number(port), host);
  socket.end(bytes);
  await once(socket, "close");
}

async function publishTs(input: string, flags: readonly string[]): Promise<void> {
  const args = ["-c", "copy", ...flags];
  const url = `tcp://${server.addresses.ts}`;
  const { stderr } = await publishWithFfmpeg({ url, input, format: "mpegts", realtime: false, args }).exited;
  expect(stderr).toBe("");
}

function hashes({ packets }: PeerTrack): string[] {
  return packets.map(({ hash }) => hash);
}

/** stream_type of the sound in the program map. */
async function soundTypeOf(path: string): Promise<number | undefined> {
  const file = await readFile(path);
  const pmt = file.indexOf(Buffer.of(0x47, 0x50, 0x00));
  return [0x0f, 0x11].find((type) => file.subarray(pmt, pmt + 188).includes(Buffer.of(type, 0xe1, 0x01)));
}

async function expectVerified(path: string, sent: PeerTrack): Promise<void> {
  const report = await verifyFile(path);
  expect([report.defects, report.gaps], path).toEqual([[], []]);
  const { sampleRate, channels, packets } = sent;
  const wanted = { codec: "aac", frames: packets.length, isFirstFrameDecodable: true, sampleRate, channels };
  expect(
    report.tracks.find(({ kind }) => kind === "audio"),
    path,
  ).toMatchObject(wanted);
}

describe("AAC-LC in LATM", () => {
  it("is in all containers what was sent", async () => {
    const clip = await encode("lc", ["-c:a", "aac"]);
    const files = await record("ts1", () => publishTs(clip, ["-mpegts_flags", "latm"]));
    const [before, ...found] = await probeWithFfmpeg8(clip, ...CONTAINERS.map((type) => files[type]));
    const sent = trackOf(before, "audio");
    for (const [i, type] of CONTAINERS.entries()) {
      const path = files[type];
      const track = trackOf(found[i], "audio");
      expectSameTimes(sent, track, path);
      expect(track, path).toMatchObject({ codec: "aac", sampleRate: sent.sampleRate, channels: sent.channels });
      expect(trackOf(found[i], "video").decodedHash, path).toBe(trackOf(before, "video").decodedHash);
      // FFmpeg takes the packets of a transport stream with their ADTS headers.
      if (type !== "ts") expect([hashes(track), track.extradata], path).toEqual([hashes(sent), "1190"]);
      await expectVerified(path, sent);
    }
    expect(await soundTypeOf(files.ts)).toBe(0x0f);
    const again = demux([await readFile(files.ts)]).frames.filter(({ track }) => track === 1);
    expect(again).toHaveLength(sent.packets.length);
  });
});

const PROFILES = Object.keys(AAC_PROFILES) as (keyof typeof AAC_PROFILES)[];

// LD goes the same way, with less in its configuration.
describe.each(PROFILES.slice(isTorture ? 0 : 1))("%s", (profile) => {
  it("is in MP4 and FLV as it came, in MPEG-TS as LATM, and comes out of that again", { timeout: 90_000 }, async () => {
    const clip = join(folder, `${profile}.mkv`);
    await encodeAacWithFfmpeg8(await encode("pcm", ["-c:a", "pcm_s16le"]), clip, profile);
    const files = await record("cam1", () => remuxWithFfmpeg8(clip, server.rtmpUrl("cam1"), "flv"));
    const second = await record("ts1", async () => send(await readFile(files.ts)));
    const paths = [...CONTAINERS.map((type) => files[type]), ...CONTAINERS.map((type) => second[type])];
    const [before, ...found] = await probeWithFfmpeg8(clip, ...paths);
    const sent = trackOf(before, "audio");
    for (const [i, path] of paths.entries()) {
      const track = trackOf(found[i], "audio");
      const isTs = path.endsWith(".ts");
      expectSameTimes(sent, track, path);
      const { channels } = sent;
      // Of FLV it takes the rate that stands in front of every AAC, whatever that is.
      const sampleRate = path.endsWith(".flv") ? 44100 : sent.sampleRate;
      expect(track, path).toMatchObject({ codec: isTs ? "aac_latm" : "aac", sampleRate, channels });
      if (isTs) expect(await soundTypeOf(path)).toBe(0x11);
      else expect([hashes(track), track.extradata], path).toEqual([hashes(sent), sent.extradata]);
      // Of Matroska a decoder skips what the encoder put in front; of the others it does not.
      expect(track.soundHash, path).toBe(trackOf(found[0], "audio").soundHash);
      expect(track.decodedSamples, path).toBeGreaterThan((SECONDS - 0.1) * sent.sampleRate);
      await expectVerified(path, sent);
    }
  });
});

describe("LATM that is not recorded", () => {
  const REASON = "ts1 has AAC in LATM of several programs, which cannot be recorded";
  const several = (frames: number): Buffer => {
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x101, type: 0x11 }]);
    const element = audioMuxElement([new Uint8Array(100)], specificConfigHead(2).u(3, 0), { programs: 2 });
    for (let i = 0; i < frames; i++)
      ts.pes(0x101, loas(element), { pts: 90000 + i * FRAME_90K, streamId: 0xc0, pcr: 45000 + i * FRAME_90K });
    return ts.bytes();
  };

  it("is refused at the command, shown, and told to a config that waits for it, which makes no file", async () => {
    await control.succeed("record localStreamName=ts1 pathToFile=cam1 type=mp4 keepAlive=0");
    const [host, port] = (server.addresses.ts ?? "").split(":");
    const socket = connect(Number(port), host);
    socket.write(several(100));
    const [refused] = await control.wait("recordChunkError");
    expect(refused?.payload).toMatchObject({ file: "", error: REASON });
    const { data } = await control.send("getStreamInfo localStreamName=ts1");
    const { unrecorded } = data as { unrecorded: unknown };
    expect(unrecorded).toEqual([{ track: "audio", codec: "AAC in LATM of several programs" }]);
    const { status, description } = await control.send(
      "record localStreamName=ts1 pathToFile=cam2 type=ts keepAlive=0",
    );
    expect({ status, description }).toEqual({ status: "FAIL", description: `Unable to record stream. ${REASON}` });
    expect((await readdir(server.media)).filter((name) => name.startsWith("cam"))).toEqual([]);
    socket.destroy();
  });
});
