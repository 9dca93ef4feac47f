// xHE-AAC (audio object type 42) over RTMP and, as LATM, over MPEG-TS: every frame in all containers, as long as its
// configuration says, 1024 samples or 768. FFmpeg 8 decodes what is in MP4 and FLV; LATM of it, which FFmpeg 8 does not
// know, is read back by coming in again.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { verifyFile } from "../../src/verify/verify-file.js";
import { trackOf } from "../support/peer-tracks.js";
import { probeWithFfmpeg8 } from "../support/peers.js";
import { RawPublisher } from "../support/raw-publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";
import { silentUsacFrame, usacSpecificConfig } from "../support/usac.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const FRAMES = 100;
const SAMPLE_RATE = 48000;
const AAC_HEADER = Uint8Array.of(0xaf, 0);
const AAC_FRAME = Uint8Array.of(0xaf, 1);

let server: ReelProcess;
let control: Control;
beforeAll(async () => {
  server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  control = await Control.connect(server);
});
afterAll(() => stopServers());

let recordings = 0;
/** Streams of MPEG-TS are numbered by the server. */
let tsStreams = 0;

async function record(stream: string, publish: () => Promise<unknown>): Promise<Record<string, string>> {
  const base = `usac${++recordings}`;
  for (const type of CONTAINERS)
    await control.succeed(`record localStreamName=${stream} pathToFile=${base} type=${type} keepAlive=0`);
  await publish();
  const files = CONTAINERS.map((type) => server.file(`${base}.${type}`));
  const closed = await until(`all files of ${base} are closed`, () => {
    const own = control.of("recordChunkClosed").filter(({ payload }) => files.includes(payload.file as string));
    return Promise.resolve(own.length === files.length ? own : undefined);
  });
  for (const { payload } of closed) expect(payload.gaps, payload.file as string).toEqual([]);
  return Object.fromEntries(CONTAINERS.map((type, i) => [type, files[i] ?? ""]));
}

async function send(bytes: Uint8Array): Promise<void> {
  const [host, port] = (server.addresses.ts ?? "").split(":");
  const socket = connect(Number(port), host);
  socket.end(bytes);
  await once(socket, "close");
}

it.each([
  ["1024 samples", { lengthIndex: 1 }, 1024, "cam1"],
  ["768 samples, with an extension", { lengthIndex: 0, extensionBytes: 3 }, 768, "cam2"],
] as const)("of frames of %s is in every container what was sent", async (_what, spec, samples, name) => {
  const config = Buffer.from(usacSpecificConfig(spec).bytes());
  const frames = Array.from({ length: FRAMES }, (_, i) => Buffer.from(silentUsacFrame(i)));
  const files = await record(name, async () => {
    const publisher = new RawPublisher(server, name);
    publisher.audio(0, Buffer.concat([AAC_HEADER, config]));
    for (const [i, frame] of frames.entries())
      publisher.audio(Math.floor((i * samples * 1000) / SAMPLE_RATE), Buffer.concat([AAC_FRAME, frame]));
    await publisher.end();
  });
  const again = await record(`ts${++tsStreams}`, async () => send(await readFile(files.ts ?? "")));
  for (const path of [...Object.values(files), ...Object.values(again)]) {
    const { defects, tracks } = await verifyFile(path);
    expect(defects, path).toEqual([]);
    expect(tracks, path).toEqual([
      expect.objectContaining({ codec: "aac", sampleRate: SAMPLE_RATE, channels: 1, frames: FRAMES }),
    ]);
  }
  const readable = [files, again].flatMap(({ mp4 = "", flv = "" }) => [mp4, flv]);
  for (const [i, tracks] of (await probeWithFfmpeg8(...readable)).entries()) {
    const path = readable[i] ?? "";
    const track = trackOf(tracks, "audio");
    expect(track, path).toMatchObject({ codec: "aac", sampleRate: SAMPLE_RATE, channels: 1, decodedFrames: FRAMES });
    expect(track.extradata, path).toBe(config.toString("hex"));
    expect(track.decodedSamples, path).toBe(FRAMES * samples);
    if (!path.endsWith(".mp4")) continue;
    expect(track.packets.map(({ sizeBytes }) => sizeBytes)).toEqual(frames.map(({ byteLength }) => byteLength));
    // RTMP tells milliseconds: a frame may be one of them longer or shorter than it is.
    const total = track.packets.reduce((sum, { duration90k }) => sum + duration90k, 0);
    expect(Math.abs(total - (FRAMES * samples * 90000) / SAMPLE_RATE), path).toBeLessThanOrEqual(90);
  }
});
