// Two UDP sockets on neighbouring ports, the first one even: a medium's packets and its RTCP (RFC 3550 §11).

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { ReelError } from "../../base/reel-error.js";
import type { Pair } from "./transport-header.js";

/** Above the ports of well-known services; an even number of them. */
const FIRST_PORT = 20_000;
const PORTS = 40_000;
const MAX_TRIES = 64;
const PORT_TAKEN = new Set(["EADDRINUSE", "EACCES"]);
/** A key frame of a 4K camera comes in one burst. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;

export interface UdpPairEvents {
  packet(isRtcp: boolean, packet: Uint8Array, from: string, port: number): void;
  error(error: Error): void;
}

export class UdpPair {
  #isClosed = false;

  private constructor(
    readonly ports: Pair,
    private readonly sockets: readonly [Socket, Socket],
    events: UdpPairEvents,
  ) {
    for (const [index, socket] of sockets.entries()) {
      socket.on("message", (packet, { address, port }) => {
        if (!this.#isClosed) events.packet(index === 1, packet, address, port);
      });
      socket.on("error", (error) => {
        if (!this.#isClosed) events.error(error);
      });
    }
  }

  /** On the address that the connection has at our end. Rejects with ReelError `io` where no two ports are free. */
  static async open(address: string, random: () => number, events: UdpPairEvents): Promise<UdpPair> {
    let port = FIRST_PORT + 2 * Math.floor((random() * PORTS) / 2);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const first = await bind(address, port);
      const second =
        first &&
        (await bind(address, port + 1).catch((error: unknown) => {
          first.close();
          throw error;
        }));
      if (first && second) return new UdpPair([port, port + 1], [first, second], events);
      first?.close();
      port = FIRST_PORT + ((port - FIRST_PORT + 2) % PORTS);
    }
    throw new ReelError("io", "no two neighbouring UDP ports are free");
  }

  send(isRtcp: boolean, packet: Uint8Array, port: number, host: string): void {
    // What the network says about it is of no use: the other side has another way to tell.
    if (!this.#isClosed && port > 0) this.sockets[isRtcp ? 1 : 0].send(packet, port, host, () => {});
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.sockets) socket.close();
  }
}

/** Undefined where the port is taken. Rejects with ReelError `io` where another one would not do either. */
function bind(address: string, port: number): Promise<Socket | undefined> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", ({ code, message }: NodeJS.ErrnoException) => {
      socket.close();
      if (code !== undefined && PORT_TAKEN.has(code)) resolve(undefined);
      else reject(new ReelError("io", `no UDP port can be opened: ${message}`));
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners("error");
      try {
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // What the system gives by default has to do.
      }
      resolve(socket);
    });
  });
}
