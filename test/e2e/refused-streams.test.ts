// Streams that a container cannot hold: refused at the command on every door, told by an event where a config waits for
// them, and never a file of sound alone.

import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONFIG_WAITING } from "../../src/recording/record-config.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import { exVideoTag, RawPublisher } from "../support/raw-publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { audioTag, PACKET_CONFIG, PACKET_FRAME, videoTag } from "../support/rtmp-bytes.js";
import { ASC, AVCC, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

const VPCC_MESSAGE = Uint8Array.of(1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0);
/** RFC 6386 §9.1: key frame, shown, start code, 160 × 90. */
const VP8_KEY = Uint8Array.of(0x10, 2, 0, 0x9d, 1, 0x2a, 160, 0, 90, 0, ...new Uint8Array(40));
const FRAME_MS = 40;
const GOP = 10;
/** SoundFormat 11, of an FLV audio tag. */
const SPEEX = 0xb6;

let server: ReelProcess;
let control: Control;
beforeEach(async () => {
  server = await ReelProcess.start();
  control = await Control.connect(server);
});
afterEach(() => stopServers());

/** `frames` pictures with sound beside them. */
function sendVp8(publisher: RawPublisher, from: number, frames: number): void {
  for (let i = from; i < from + frames; i++) {
    publisher.video(i * FRAME_MS, exVideoTag("vp08", 1, true, VP8_KEY));
    publisher.audio(i * FRAME_MS, audioTag(PACKET_FRAME, new Uint8Array(40).fill(0x21)));
  }
}

function sendH264(publisher: RawPublisher, from: number, frames: number): void {
  for (let i = from; i < from + frames; i++) {
    const isKey = i % GOP === 0;
    const picture = accessUnit([nalUnit(isKey ? NAL_IDR : NAL_SLICE, 200, i)]);
    publisher.video(i * FRAME_MS, videoTag(isKey, PACKET_FRAME, 0, picture));
    publisher.audio(i * FRAME_MS, audioTag(PACKET_FRAME, new Uint8Array(40).fill(0x21)));
  }
}

function publishVp8(name: string): RawPublisher {
  const publisher = new RawPublisher(server, name);
  publisher.video(0, exVideoTag("vp08", 0, true, VPCC_MESSAGE));
  publisher.audio(0, audioTag(PACKET_CONFIG, ASC));
  sendVp8(publisher, 0, 30);
  return publisher;
}

function publishH264(name: string): RawPublisher {
  const publisher = new RawPublisher(server, name);
  publisher.video(0, videoTag(true, PACKET_CONFIG, 0, AVCC));
  publisher.audio(0, audioTag(PACKET_CONFIG, ASC));
  return publisher;
}

async function untilLive(name: string): Promise<void> {
  await until(`${name} is live`, async () => {
    const { data } = await control.send(`getStreamInfo localStreamName=${name}`);
    const { video } = (data ?? {}) as { video?: { packetsCount: number } };
    return (video?.packetsCount ?? 0) > 0 ? true : undefined;
  });
}

interface ListedConfig {
  localStreamName: string;
  status: { current: { code: number; description: string } };
}

async function configsOf(name: string): Promise<ListedConfig[]> {
  const { record } = (await control.succeed("listConfig")) as unknown as { record: ListedConfig[] };
  return record.filter(({ localStreamName }) => localStreamName === name);
}

async function askHumans(command: string): Promise<string> {
  const [host, port] = (server.addresses.asciiCli ?? "").split(":");
  const socket = connect(Number(port), host);
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString();
    if (/fail|success/i.test(text)) socket.end();
  });
  socket.write(`${command}\r\n`);
  await once(socket, "close");
  return text;
}

/** A reply has its length in front. */
async function askJson(command: string): Promise<unknown> {
  const [host, port] = (server.addresses.jsonCli ?? "").split(":");
  const socket = connect(Number(port), host);
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes));
  socket.end(`${command}\r\n`);
  await once(socket, "close");
  return JSON.parse(Buffer.concat(parts).subarray(4).toString());
}

const REASON = "cam1 has VP8 video, which type=ts cannot carry; record it with type=mp4 or type=flv";

describe("a stream whose video the container cannot carry", () => {
  it("is refused at the command, on every door, with the containers that would do", async () => {
    const publisher = publishVp8("cam1");
    await untilLive("cam1");
    const words = "localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=0";
    const { status, description } = await control.send(`record ${words}`);
    expect({ status, description }).toEqual({ status: "FAIL", description: `Unable to record stream. ${REASON}` });
    const params = Buffer.from(words).toString("base64");
    const answer = await fetch(`http://${server.addresses.http}/record?params=${encodeURIComponent(params)}`);
    expect(await answer.json()).toMatchObject({ status: "FAIL", description });
    expect(await askJson(`record ${words}`)).toMatchObject({ status: "FAIL", description });
    expect(await askHumans(`record ${words}`)).toContain(REASON);
    expect(await configsOf("cam1")).toEqual([]);
    // What can be recorded is.
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=flv keepAlive=0");
    sendVp8(publisher, 30, 30);
    await publisher.end();
    await control.wait("recordChunkClosed");
    expect(await readdir(server.media)).toEqual(["cam1.flv"]);
  });

  it.each([0, 1])("is told to a config that waits for it, which waits on (keepAlive=%i)", async (keepAlive) => {
    await control.succeed(`record localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=${keepAlive}`);
    for (const round of [1, 2]) {
      const publisher = publishVp8("cam1");
      await control.wait("recordChunkError", round);
      sendVp8(publisher, 30, 30);
      await publisher.end();
      await control.wait("inStreamClosed", round);
    }
    const told = control.of("recordChunkError").map(({ payload }) => payload);
    expect(told).toHaveLength(2);
    for (const payload of told) expect(payload).toMatchObject({ file: "", error: REASON, localStreamName: "cam1" });
    expect(control.of("recordChunkCreated")).toEqual([]);
    expect(control.of("recordGap")).toEqual([]);
    expect(await readdir(server.media)).toEqual([]);
    expect(await configsOf("cam1")).toHaveLength(1);
    const other = publishH264("cam1");
    sendH264(other, 0, 30);
    await other.end();
    await control.wait("recordChunkClosed");
    expect((await verifyFile(server.file("cam1.ts"))).tracks.map(({ codec }) => codec)).toEqual(["h264", "aac"]);
  });

  it("ends its file where the codec changes to that, and begins another where it changes back", async () => {
    await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=0");
    const publisher = publishH264("cam1");
    sendH264(publisher, 0, 30);
    await control.wait("recordChunkCreated");
    publisher.video(1200, exVideoTag("vp08", 0, true, VPCC_MESSAGE));
    sendVp8(publisher, 30, 30);
    await control.wait("recordChunkError");
    await control.wait("recordChunkClosed");
    publisher.video(2400, videoTag(true, PACKET_CONFIG, 0, AVCC));
    sendH264(publisher, 60, 30);
    await control.wait("recordChunkCreated", 2);
    await publisher.end();
    await control.wait("recordChunkClosed", 2);
    expect(control.of("recordChunkError").map(({ payload }) => [payload.file, payload.error])).toEqual([["", REASON]]);
    const files = (await readdir(server.media)).sort();
    expect(files).toHaveLength(2);
    for (const file of files) {
      const { tracks, defects } = await verifyFile(server.file(file));
      expect(defects, file).toEqual([]);
      expect(tracks.find(({ codec }) => codec === "h264")?.frames, file).toBe(30);
    }
  });
});

it("records the first picture of a stream whose foreign sound came more than a second before it", async () => {
  await control.succeed("record localStreamName=cam1 pathToFile=cam1 type=ts keepAlive=0");
  const publisher = new RawPublisher(server, "cam1");
  publisher.audio(0, Buffer.concat([Buffer.of(SPEEX), new Uint8Array(160)]));
  await control.wait("recordChunkError");
  // It is not begun again before there is something to record.
  expect((await configsOf("cam1"))[0]?.status.current.code).toBe(CONFIG_WAITING);
  // Less than the second of media after which the stream settles.
  publisher.video(1200, videoTag(true, PACKET_CONFIG, 0, AVCC));
  for (let i = 0; i < 2 * GOP; i++) {
    const isKey = i % GOP === 0;
    const picture = accessUnit([nalUnit(isKey ? NAL_IDR : NAL_SLICE, 200, i)]);
    publisher.video(1200 + i * FRAME_MS, videoTag(isKey, PACKET_FRAME, 0, picture));
  }
  await publisher.end();
  await control.wait("recordChunkClosed");
  expect((await verifyFile(server.file("cam1.ts"))).tracks).toMatchObject([{ codec: "h264", frames: 2 * GOP }]);
});
