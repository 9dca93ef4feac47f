// Another AAC configuration in the middle of a long GOP (48 kHz stereo to 44.1 kHz mono and back) with waitForIDR=1: no
// file begins with a picture that cannot be decoded. MPEG-TS and FLV carry the change in band, MP4 leaves the audio out
// until the next random access point and says so.

import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../src/abi/frame.js";
import { silentLogger } from "../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import { RtmpServer } from "../../src/ingest/rtmp/rtmp-server.js";
import { parseAvcDecoderConfiguration } from "../../src/media/codec/h264/decoder-configuration.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { makeClip } from "../support/clip.js";
import { type Clip, type ClipFrame, readClip } from "../support/clip-frames.js";
import { decodeWithFfmpeg, ffprobe } from "../support/ffprobe.js";
import { PullFixture } from "../support/pull-fixture.js";
import { nalUnits } from "../support/test-media.js";
import { adts, annexB, TsBuilder } from "../support/ts-builder.js";

const CONTAINERS = ["mp4", "ts", "flv"] as const;
const SECOND = 90_000;
const SECONDS = 8;
const CHANGE_90K = 3 * SECOND;
const GOP_FRAMES = 125;
const FLV_AUDIO = 8;
const FLV_VIDEO = 9;
const VIDEO_PID = 0x100;
const AUDIO_PID = 0x101;

interface Form {
  sampleRate: 48000 | 44100;
  channels: 1 | 2;
}
const STEREO: Form = { sampleRate: 48000, channels: 2 };
const MONO: Form = { sampleRate: 44100, channels: 1 };

let fixture: PullFixture;
const servers = new Set<Server>();
beforeEach(async () => {
  fixture = await PullFixture.open();
});
afterEach(async () => {
  await fixture.close();
  for (const server of servers) server.close();
  servers.clear();
});

/** A stream whose audio changes at 3 s; its video has random access points at 0 and 5 s. */
interface Changing {
  avcC: Buffer;
  /** Of the audio before and behind the change. */
  forms: [Form, Form];
  asc: [Buffer, Buffer];
  frames: ClipFrame[];
}

async function changing(forms: [Form, Form], hasVideo = true): Promise<Changing> {
  const clipOf = async (audio: Form): Promise<Clip> =>
    readClip(await makeClip({ seconds: SECONDS, video: { gopFrames: GOP_FRAMES }, audio, format: "flv" }));
  const [before, behind] = [await clipOf(forms[0]), await clipOf(forms[1])];
  const frames = [
    ...before.frames.filter((frame) => (frame.track === TRACK_VIDEO ? hasVideo : frame.dts90k < CHANGE_90K)),
    ...behind.frames.filter((frame) => frame.track === TRACK_AUDIO && frame.dts90k >= CHANGE_90K),
  ].sort((a, b) => a.dts90k - b.dts90k || a.track - b.track);
  if (!before.avcC || !before.asc || !behind.asc) throw new Error("the clip lacks a configuration");
  return { avcC: before.avcC, forms, asc: [before.asc, behind.asc], frames };
}

async function sendOverRtmp({ avcC, asc, frames }: Changing): Promise<void> {
  const { streams: registry, arena, clock } = fixture.recorder;
  const server = new RtmpServer({ registry, arena, clock, logger: silentLogger });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const publisher = await RtmpPublisher.open(`rtmp://127.0.0.1:${port}/live/s`);
  const send = (type: number, timestampMs: number, ...parts: Uint8Array[]): void =>
    publisher.send({ type, timestampMs, data: Buffer.concat(parts) });
  if (frames.some((frame) => frame.track === TRACK_VIDEO)) send(FLV_VIDEO, 0, Buffer.of(0x17, 0, 0, 0, 0), avcC);
  send(FLV_AUDIO, 0, Buffer.of(0xaf, 0), asc[0]);
  let isChanged = false;
  for (const { track, dts90k, isRandomAccess, payload } of frames) {
    const timestampMs = Math.round(dts90k / 90);
    if (track === TRACK_VIDEO) {
      send(FLV_VIDEO, timestampMs, Buffer.of(isRandomAccess ? 0x17 : 0x27, 1, 0, 0, 0), payload);
    } else {
      if (!isChanged && dts90k >= CHANGE_90K) send(FLV_AUDIO, timestampMs, Buffer.of(0xaf, 0), asc[1]);
      isChanged ||= dts90k >= CHANGE_90K;
      send(FLV_AUDIO, timestampMs, Buffer.of(0xaf, 1), payload);
    }
    await publisher.drained();
  }
  await publisher.close();
  await server.close();
}

async function sendOverTs({ avcC, forms, frames }: Changing): Promise<void> {
  const hasVideo = frames.some((frame) => frame.track === TRACK_VIDEO);
  const { sps, pps } = parseAvcDecoderConfiguration(avcC);
  const audio = { pid: AUDIO_PID, type: 0x0f };
  const ts = new TsBuilder()
    .pat([{ number: 1, pmtPid: 0x1000 }])
    .pmt(0x1000, 1, hasVideo ? [{ pid: VIDEO_PID, type: 0x1b }, audio] : [audio]);
  for (const { track, dts90k, isRandomAccess, payload } of frames) {
    const pts = SECOND + dts90k;
    if (track === TRACK_VIDEO) {
      const sets = isRandomAccess ? [...sps, ...pps] : [];
      const units = nalUnits(payload).filter((unit) => ![7, 8, 9].includes((unit[0] ?? 0) & 31));
      ts.pes(VIDEO_PID, annexB(Buffer.of(9, 0xf0), ...sets, ...units), { pts, pcr: pts - 9000 });
    } else {
      const { sampleRate, channels } = forms[dts90k < CHANGE_90K ? 0 : 1];
      const frame = adts(payload, sampleRate === 48000 ? 3 : 4, channels);
      ts.pes(AUDIO_PID, frame, { pts, streamId: 0xc0, isBounded: true });
    }
  }
  const server = createServer((socket) => void socket.on("error", () => {}).end(ts.bytes())).listen(0, "127.0.0.1");
  servers.add(server);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  fixture.pull(`mpegtstcp://127.0.0.1:${port}`, "s", { keepAlive: false });
}

function countOf({ frames }: Changing, track: number, from90k: number, to90k = Number.POSITIVE_INFINITY): number {
  return frames.filter((frame) => frame.track === track && frame.dts90k >= from90k && frame.dts90k < to90k).length;
}

/** The files of a container, oldest first; each plays without a complaint. */
async function filesOf(type: string): Promise<ClosedSegmentReport[]> {
  const files = fixture.closed.filter((file) => file.container === type).sort((a, b) => a.startedMs - b.startedMs);
  for (const { path } of files) {
    await decodeWithFfmpeg(path);
    expect((await verifyFile(path)).defects, path).toEqual([]);
  }
  return files;
}

describe.each([
  ["RTMP", sendOverRtmp],
  ["MPEG-TS", sendOverTs],
] as const)("another AAC configuration, over %s", (_, send) => {
  it.each([
    ["stereo to mono", [STEREO, MONO]],
    ["mono to stereo", [MONO, STEREO]],
  ] as [string, [Form, Form]][])("cuts at the next random access point: %s", async (_name, forms) => {
    const source = await changing(forms);
    for (const type of CONTAINERS) await fixture.record("s", type);
    await send(source);
    await fixture.untilClosed(2 * CONTAINERS.length);
    const gop90k = source.frames.filter((frame) => frame.track === TRACK_VIDEO)[GOP_FRAMES]?.dts90k ?? 0;
    for (const type of CONTAINERS) {
      const files = await filesOf(type);
      const [first, second] = files;
      if (!first || !second || files.length > 2) throw new Error(`${files.length} ${type} files`);
      expect([first.videoFrames, second.videoFrames], type).toEqual([GOP_FRAMES, countOf(source, TRACK_VIDEO, gop90k)]);
      const probe = await ffprobe(second.path);
      expect(probe.video?.packets[0]?.isKey, type).toBe(true);
      expect([probe.audio?.sampleRate, probe.audio?.channels], type).toEqual([forms[1].sampleRate, forms[1].channels]);
      expect(second.audioFrames, type).toBe(countOf(source, TRACK_AUDIO, gop90k));
      const changed = countOf(source, TRACK_AUDIO, CHANGE_90K, gop90k);
      const kept = countOf(source, TRACK_AUDIO, 0, CHANGE_90K);
      if (type === "mp4") {
        expect(first.audioFrames).toBe(kept);
        expect(first.gaps.map(({ cause, track }) => ({ cause, track }))).toContainEqual({
          cause: "unusable",
          track: "audio",
        });
        expect(first.lost?.frames).toBe(changed);
      } else {
        expect([first.audioFrames, first.lost], type).toEqual([kept + changed, null]);
      }
    }
  });

  it("cuts at once where there is only audio", async () => {
    const source = await changing([STEREO, MONO], false);
    for (const type of CONTAINERS) await fixture.record("s", type);
    await send(source);
    await fixture.untilClosed(2 * CONTAINERS.length);
    for (const type of CONTAINERS) {
      const files = await filesOf(type);
      expect(
        files.map((file) => [file.audioFrames, file.lost]),
        type,
      ).toEqual([
        [countOf(source, TRACK_AUDIO, 0, CHANGE_90K), null],
        [countOf(source, TRACK_AUDIO, CHANGE_90K), null],
      ]);
    }
  });
});
