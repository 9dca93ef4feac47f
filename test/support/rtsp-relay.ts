// An RTSP relay between a server and a client whose media go over UDP: it drops, doubles and swaps RTP packets and
// counts what it did. Messages pass as they are, but for the ports in Transport.
//
//   client ◀── a pair of ports for each medium ──▶ server

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { parseRtcp } from "../../src/media/rtp/rtcp.js";

export interface Faults {
  /** Each of these, of a hundred packets. */
  dropped: number;
  doubled: number;
  swapped: number;
}

interface Medium {
  readonly sockets: readonly [UdpSocket, UdpSocket];
  readonly ports: readonly [number, number];
  clientPorts: readonly [number, number];
  serverPorts: readonly [number, number];
  readonly done: Faults;
  packets: number;
  held: Buffer | undefined;
  hasLeft: boolean;
}

/** Numbers of the first packets say where a track begins: nothing happens to them. */
const SPARED_PACKETS = 20;

export class RtspRelay {
  readonly #server: Server;
  readonly #serverPort: number;
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #media: Medium[] = [];
  readonly #sockets = new Set<Socket>();
  /** No more faults from here on: what is lost at the end cannot be told from an end. */
  isKind = false;

  private constructor(serverPort: number, faults: Faults, random: () => number) {
    this.#serverPort = serverPort;
    this.#faults = faults;
    this.#random = random;
    this.#server = createServer((socket) => void this.#relay(socket));
  }

  static async open(serverPort: number, faults: Faults, random: () => number): Promise<RtspRelay> {
    const relay = new RtspRelay(serverPort, faults, random);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** By medium, in the order in which they were set up. */
  get done(): readonly Faults[] {
    return this.#media.map(({ done }) => done);
  }

  get packets(): number {
    return this.#media.reduce((sum, { packets }) => sum + packets, 0);
  }

  /** The server has said goodbye on every medium. */
  get hasLeft(): boolean {
    return this.#media.length > 0 && this.#media.every(({ hasLeft }) => hasLeft);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const { sockets } of this.#media) for (const socket of sockets) socket.close();
  }

  async #relay(client: Socket): Promise<void> {
    const server = connect(this.#serverPort, "127.0.0.1");
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    let asked: Promise<void> = Promise.resolve();
    // A message is one write of either end; a set-up waits for the ports of its medium.
    client.on("data", (bytes) => {
      asked = asked.then(async () => void server.write(await this.#withOwnPorts(bytes)));
    });
    server.on("data", (bytes) => void client.write(this.#withServerPorts(bytes)));
  }

  async #withOwnPorts(bytes: Buffer): Promise<Buffer> {
    const text = bytes.toString("latin1");
    const [, first, second] = /client_port=(\d+)-(\d+)/.exec(text) ?? [];
    if (!first || !second) return bytes;
    const medium = await openMedium();
    medium.clientPorts = [Number(first), Number(second)];
    this.#media.push(medium);
    medium.sockets[0].on("message", (packet, { port }) => this.#rtp(medium, packet, port));
    medium.sockets[1].on("message", (packet, { port }) => {
      const bye = (): void => {
        medium.hasLeft = true;
      };
      if (port === medium.serverPorts[1]) parseRtcp(packet, { senderReport: () => {}, bye });
      const to = port === medium.serverPorts[1] ? medium.clientPorts[1] : medium.serverPorts[1];
      if (to > 0) medium.sockets[1].send(packet, to, "127.0.0.1");
    });
    return Buffer.from(text.replace(/client_port=\d+-\d+/, `client_port=${medium.ports.join("-")}`), "latin1");
  }

  #withServerPorts(bytes: Buffer): Buffer {
    const text = bytes.toString("latin1");
    const [, first, second] = /server_port=(\d+)-(\d+)/.exec(text) ?? [];
    const medium = this.#media.at(-1);
    if (!first || !second || !medium) return bytes;
    medium.serverPorts = [Number(first), Number(second)];
    const own = text.replace(/server_port=\d+-\d+/, `server_port=${medium.ports.join("-")}`);
    return Buffer.from(own.replace(/client_port=\d+-\d+/, `client_port=${medium.clientPorts.join("-")}`), "latin1");
  }

  #rtp(medium: Medium, packet: Buffer, from: number): void {
    if (from !== medium.serverPorts[0]) {
      if (medium.serverPorts[0] > 0) medium.sockets[0].send(packet, medium.serverPorts[0], "127.0.0.1");
      return;
    }
    medium.packets++;
    const send = (one: Buffer): void => medium.sockets[0].send(one, medium.clientPorts[0], "127.0.0.1");
    const { held } = medium;
    if (held) {
      medium.held = undefined;
      send(packet);
      send(held);
      return;
    }
    const { dropped, doubled, swapped } = this.#faults;
    const chance = this.isKind || medium.packets <= SPARED_PACKETS ? 100 : this.#random() * 100;
    if (chance < dropped) medium.done.dropped++;
    else if (chance < dropped + doubled) {
      medium.done.doubled++;
      send(packet);
      send(packet);
    } else if (chance < dropped + doubled + swapped) {
      medium.done.swapped++;
      medium.held = packet;
    } else send(packet);
  }
}

async function openMedium(): Promise<Medium> {
  for (;;) {
    const rtp = createSocket("udp4");
    rtp.bind(0, "127.0.0.1");
    await once(rtp, "listening");
    const { port } = rtp.address();
    const rtcp = createSocket("udp4");
    const isBound = new Promise<boolean>((resolve) => {
      rtcp.once("listening", () => resolve(true));
      rtcp.once("error", () => resolve(false));
    });
    if (port % 2 === 0) rtcp.bind(port + 1, "127.0.0.1");
    if (port % 2 === 0 && (await isBound)) {
      rtp.setRecvBufferSize(4 * 1024 * 1024);
      return {
        sockets: [rtp, rtcp],
        ports: [port, port + 1],
        clientPorts: [0, 0],
        serverPorts: [0, 0],
        done: { dropped: 0, doubled: 0, swapped: 0 },
        packets: 0,
        held: undefined,
        hasLeft: false,
      };
    }
    rtp.close();
    rtcp.close();
  }
}
