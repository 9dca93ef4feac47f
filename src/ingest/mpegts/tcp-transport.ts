// mpegtstcp://host:port — a transport stream read from a TCP server. The d-prefixed name is EMS's for the same with
// deep parsing, which is always done.

import { connect } from "node:net";
import type { SourceRequest } from "../source.js";
import { hostOf, requirePort } from "../source-uri.js";
import type { ByteConnection, ByteTransport, TransportEvents } from "./byte-transport.js";

const READ_BYTES = 64 * 1024;

export class TcpTransport implements ByteTransport {
  readonly schemes = ["mpegtstcp", "dmpegtstcp"];

  sourceType(): string {
    return "INTS";
  }

  check(uri: URL): void {
    requirePort(uri);
  }

  open(_request: SourceRequest, uri: URL, events: TransportEvents): ByteConnection {
    let reason = "the source closed the connection";
    // The bytes are copied on before the callback returns, so one buffer serves all reads.
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (size: number, buffer: Uint8Array): boolean => {
        if (!socket.destroyed) events.onBytes(buffer.subarray(0, size));
        return !isPaused;
      },
    };
    let isPaused = false;
    const socket = connect({ host: hostOf(uri), port: requirePort(uri), onread });
    socket.on("connect", () => {
      const { remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 } = socket;
      events.onConnected({
        ip: localAddress,
        port: localPort,
        nearIp: localAddress,
        nearPort: localPort,
        farIp: remoteAddress,
        farPort: remotePort,
        reader: "mpegts, over TCP",
      });
    });
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", () => events.onClosed(reason));
    return {
      flow: {
        pause: () => {
          isPaused = true;
          socket.pause();
        },
        resume: () => {
          isPaused = false;
          socket.resume();
        },
      },
      close: () => socket.destroy(),
    };
  }

  async close(): Promise<void> {}
}
