// Who may send to the ports of a session, over the loopback.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { UdpMedia } from "../../../../src/ingest/rtsp/udp-media.js";
import { until } from "../../../support/until.js";

const sockets: Socket[] = [];
let media: UdpMedia | undefined;

async function sender(): Promise<Socket> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  sockets.push(socket);
  return socket;
}

async function open(nearIp = "127.0.0.1", farIp = "127.0.0.1"): Promise<{ udp: UdpMedia; got: string[] }> {
  const got: string[] = [];
  const error = (fault: Error): void => void got.push(fault.message);
  const packet = (_track: number, isRtcp: boolean, bytes: Uint8Array): void =>
    void got.push(`${isRtcp ? "rtcp" : "rtp"} ${Buffer.from(bytes)}`);
  const udp = new UdpMedia({ nearIp, farIp, random: Math.random, ssrc: 7, packet, error });
  media = udp;
  await udp.add(0, 0);
  return { udp, got };
}

const send = (from: Socket, text: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => from.send(text, port, "127.0.0.1", (error) => (error ? reject(error) : resolve())));

afterEach(() => {
  media?.close();
  for (const socket of sockets.splice(0)) socket.close();
});

describe("UdpMedia", () => {
  it("takes packets from the port that was named, and counts those from others", async () => {
    const [server, stranger] = [await sender(), await sender()];
    const { udp, got } = await open();
    udp.isSetUp(0, [server.address().port, 9], "");
    udp.tick(0, () => undefined);
    for (let i = 0; i < 8; i++) await send(stranger, "stranger", udp.ports(0)[0]);
    await send(server, "server", udp.ports(0)[0]);
    await until("the server is heard", () => got.length > 0 && udp.foreignPackets === 8, 15_000);
    udp.tick(60_000, () => undefined);
    await send(stranger, "stranger", udp.ports(0)[0]);
    await until("the stranger was refused", () => udp.foreignPackets === 9, 15_000);
    expect(got).toEqual(["rtp server"]);
  });

  it("takes another port where the named one is silent, and then no third one", async () => {
    const [server, stranger] = [await sender(), await sender()];
    const { udp, got } = await open();
    udp.isSetUp(0, [9, 9], "");
    for (const nowMs of [0, 2000]) udp.tick(nowMs, () => undefined);
    await send(server, "server", udp.ports(0)[0]);
    await until("the server is heard", () => got.length > 0, 15_000);
    await send(stranger, "stranger", udp.ports(0)[0]);
    await until("the stranger was refused", () => udp.foreignPackets === 1, 15_000);
    expect(got).toEqual(["rtp server"]);
  });

  it("sends reports from a listener for both families", async () => {
    const server = await sender();
    const { udp } = await open("::ffff:127.0.0.1", "::ffff:127.0.0.1");
    const { port } = server.address();
    udp.isSetUp(0, [port, port], "");
    const heard = once(server, "message");
    udp.open();
    expect((await heard)[1]).toMatchObject({ address: "127.0.0.1", port: udp.ports(0)[0] });
  });
});
