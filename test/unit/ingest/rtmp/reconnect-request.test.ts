// A server that stops asks the publishers that can to come again (Enhanced RTMP v2, Reconnect Request): they go on
// until their next key frame, what they send until then is recorded, and the others are closed at once.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Amf,
  command,
  messageBytes,
  PACKET_CONFIG,
  PACKET_FRAME,
  plainHandshake,
  videoTag,
} from "../../../support/rtmp-bytes.js";
import { type ServerRig, startRtmpRig } from "../../../support/rtmp-rig.js";
import { AVCC, accessUnit, NAL_IDR, nalUnit } from "../../../support/test-media.js";
import { until } from "../../../support/until.js";

const REQUEST = "NetConnection.Connect.ReconnectRequest";
const RECONNECT = 1;

let rig: ServerRig;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rig.server.close();
  rig.stop();
  expect(rig.arena.stats().blocks).toBe(0);
});

class Client {
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;
  replies = "";

  constructor(name: string, options: Record<string, Amf>) {
    this.#socket = connect(rig.port, "127.0.0.1");
    sockets.push(this.#socket);
    this.#socket.on("error", () => {}).on("data", (bytes: Buffer) => (this.replies += bytes.toString("latin1")));
    this.#closed = once(this.#socket, "close");
    this.#socket.write(
      Buffer.concat([
        plainHandshake(),
        command(0, "connect", 1, { app: "live", ...options }),
        command(0, "createStream", 2, null),
        command(1, "publish", 3, null, name, "live"),
        this.#message(0, videoTag(true, PACKET_CONFIG, 0, AVCC)),
      ]),
    );
  }

  #message(time: number, payload: Uint8Array): Buffer {
    return messageBytes({ csid: 6, type: 9, streamId: 1, time, payload });
  }

  sendKeyFrame(time: number): void {
    this.#socket.write(this.#message(time, videoTag(true, PACKET_FRAME, 0, accessUnit([nalUnit(NAL_IDR, 60, 1)]))));
  }

  end(): void {
    this.#socket.end();
  }

  get closed(): Promise<unknown> {
    return this.#closed;
  }
}

const framesOf = (name: string): number =>
  rig.collectors.find(({ inStream }) => inStream.name === name)?.frames.length ?? 0;

async function publishing(name: string, options: Record<string, Amf>): Promise<Client> {
  const client = new Client(name, options);
  client.sendKeyFrame(0);
  await until(`${name} is published`, () => framesOf(name) === 1);
  return client;
}

describe("a server that closes", () => {
  it("asks who can to come again, and takes what comes until they have left", async () => {
    rig = await startRtmpRig({ reconnectGraceMs: 20_000 });
    const able = await publishing("cam1", { capsEx: RECONNECT });
    const unable = await publishing("cam2", { capsEx: 14 });
    const closing = rig.server.close();
    await until("it is asked", () => able.replies.includes(REQUEST));
    await unable.closed;
    expect(unable.replies).not.toContain(REQUEST);
    able.sendKeyFrame(1000);
    await until("the next key frame is there", () => framesOf("cam1") === 2);
    able.end();
    await closing;
  });

  it("ends who does not leave, after a while", async () => {
    rig = await startRtmpRig({ reconnectGraceMs: 50 });
    const able = await publishing("cam1", { capsEx: RECONNECT });
    await rig.server.close();
    await able.closed;
    expect(able.replies).toContain(REQUEST);
    expect(rig.collectors[0]?.endReason).toBe("the server is shutting down");
  });

  it("asks nobody who publishes nothing", async () => {
    rig = await startRtmpRig({ reconnectGraceMs: 20_000 });
    const able = await publishing("cam1", { capsEx: RECONNECT });
    able.end();
    await able.closed;
    await rig.server.close();
    expect(able.replies).not.toContain(REQUEST);
  });
});
