// A server that plays, by script: it does the handshake, decodes the commands that come, and answers with what the test
// says. Written from the specification; its reading of chunks knows the default chunk size only, which is what players
// send with.

import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { type Amf, command, messageBytes } from "./rtmp-bytes.js";
import { TEST_CERTIFICATE, TEST_KEY } from "./test-certificate.js";

export type Command = Amf[];

export interface Playing {
  send(bytes: Uint8Array): void;
  end(): void;
}

/** What the server does with one command; `connection` counts from 0. */
export type Script = (given: Command, to: Playing, connection: number) => void;

const HANDSHAKE = 1536;

/** AMF0 values of one command. */
function parse(bytes: Buffer): Command {
  let at = 0;
  const text = (): string => {
    const size = bytes.readUInt16BE(at);
    at += 2 + size;
    return bytes.toString("utf8", at - size, at);
  };
  const value = (): Amf => {
    const marker = bytes[at++];
    if (marker === 0) {
      at += 8;
      return bytes.readDoubleBE(at - 8);
    }
    if (marker === 1) return bytes[at++] !== 0;
    if (marker === 2) return text();
    if (marker === 5) return null;
    if (marker !== 3) throw new Error(`marker ${marker}`);
    const object: { [name: string]: Amf } = {};
    for (let name = text(); name !== ""; name = text()) object[name] = value();
    at++;
    return object;
  };
  const values: Command = [];
  while (at < bytes.length) values.push(value());
  return values;
}

export class RtmpPlayServer {
  readonly commands: Command[] = [];
  connections = 0;
  #server: net.Server;
  #sockets = new Set<net.Socket>();

  private constructor(script: Script, isSecure: boolean) {
    const accept = (socket: net.Socket): void => this.#accept(socket, script);
    this.#server = isSecure
      ? tls.createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, accept).on("tlsClientError", () => {})
      : net.createServer(accept);
  }

  static async start(script: Script, isSecure = false): Promise<RtmpPlayServer> {
    const server = new RtmpPlayServer(script, isSecure);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  of(name: string): Command[] {
    return this.commands.filter(([given]) => given === name);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #accept(socket: net.Socket, script: Script): void {
    const number = this.connections++;
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    let bytes: Buffer = Buffer.alloc(0);
    let handshake = 0;
    const to = { send: (out: Uint8Array) => void socket.write(out), end: () => void socket.end() };
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (handshake === 0 && bytes.length >= 1 + HANDSHAKE) {
        socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(HANDSHAKE, 7), bytes.subarray(1, 1 + HANDSHAKE)]));
        bytes = bytes.subarray(1 + HANDSHAKE);
        handshake = 1;
      }
      if (handshake === 1 && bytes.length >= HANDSHAKE) {
        bytes = bytes.subarray(HANDSHAKE);
        handshake = 2;
      }
      if (handshake === 2) bytes = this.#read(bytes, (given) => script(given, to, number));
    });
  }

  /** Whole messages of full headers; answers what is left. */
  #read(bytes: Buffer, onCommand: (given: Command) => void): Buffer {
    let left = bytes;
    while (left.length >= 12) {
      const size = left.readUIntBE(4, 3);
      const chunks = Math.max(1, Math.ceil(size / 128));
      const total = 12 + size + chunks - 1;
      if (left.length < total) break;
      const parts: Buffer[] = [];
      for (let at = 12, done = 0; done < size; at += 129, done += 128)
        parts.push(left.subarray(at, at + Math.min(128, size - done)));
      if (left[7] === 20) {
        const given = parse(Buffer.concat(parts));
        this.commands.push(given);
        onCommand(given);
      }
      left = left.subarray(total);
    }
    return left;
  }
}

export const status = (code: string, more: { [name: string]: Amf } = {}): Buffer =>
  command(1, "onStatus", 0, null, { level: "status", code, description: `about ${code}`, ...more });

/** Answers up to the beginning of the play; `then` goes on. */
export function playScript(then: (to: Playing) => void): Script {
  return ([name, id], to) => {
    if (name === "connect")
      to.send(command(0, "_result", id as number, null, { code: "NetConnection.Connect.Success" }));
    else if (name === "createStream") to.send(command(0, "_result", id as number, null, 1));
    else if (name === "play") {
      to.send(status("NetStream.Play.Start"));
      then(to);
    }
  };
}

/** The messages of an FLV file, as a server sends them. */
export function mediaBytes(tags: Iterable<{ type: number; timestampMs: number; data: Uint8Array }>): Buffer {
  const parts: Buffer[] = [];
  for (const { type, timestampMs, data } of tags)
    parts.push(messageBytes({ csid: type === 8 ? 4 : 6, type, streamId: 1, time: timestampMs, payload: data }));
  return Buffer.concat(parts);
}
