// An RTSP server (RFC 2326, interleaved TCP alone) with a source of 64 kb/s sound under every path, light enough that a
// thousand of them are a small part of a core: G.711 of 8 kHz (RFC 3551 §4.5.14), in packets of 160 ms. It counts who
// plays what, so two recordings of one source cannot hide.

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { ok } from "./fake-camera.js";

const PACKET_MS = 160;
/** A byte each. */
const SAMPLES = (PACKET_MS * 8000) / 1000;
const SDP =
  "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=sound\r\nt=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n";
const INTERLEAVED_BYTES = 4;
const RTP_HEADER_BYTES = 12;
/** Packets of one source are as far apart as its clock says; those of different ones fall between each other. */
const TICK_MS = 10;
/** A reader that takes nothing for so long loses packets, as one of a camera does. */
const MAX_WAITING_BYTES = 64 * 1024;

interface Play {
  readonly socket: Socket;
  readonly beganMs: number;
  sent: number;
}

export class SoundServer {
  readonly #sockets = new Set<Socket>();
  /** Of each path. */
  readonly #playing = new Map<string, Set<Play>>();
  readonly #template = Buffer.alloc(INTERLEAVED_BYTES + RTP_HEADER_BYTES + SAMPLES, 0xd5);
  readonly #timer: NodeJS.Timeout;

  private constructor(private readonly server: Server) {
    this.#template.set([0x24, 0, (RTP_HEADER_BYTES + SAMPLES) >> 8, (RTP_HEADER_BYTES + SAMPLES) & 0xff, 0x80, 0]);
    server.on("connection", (socket) => this.#accept(socket));
    this.#timer = setInterval(() => this.#send(), TICK_MS);
  }

  static async open(): Promise<SoundServer> {
    const server = createServer({ noDelay: true }).listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
    await once(server, "listening");
    return new SoundServer(server);
  }

  url(source: string): string {
    const address = this.server.address();
    return `rtsp://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/${source}`;
  }

  /** How many play a source. */
  playingOf(source: string): number {
    return this.#playing.get(source)?.size ?? 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const leave: (() => void)[] = [];
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const end of leave) end();
    });
    socket.on("data", (bytes) => {
      // A receiver's reports come interleaved: no request begins with '$'.
      if (bytes[0] === 0x24) return;
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        this.#answer(socket, text.slice(0, end), leave);
        text = text.slice(end + 4);
      }
    });
  }

  #answer(socket: Socket, head: string, leave: (() => void)[]): void {
    const [, method = "", uri = ""] = /^(\w+) (\S+)/.exec(head) ?? [];
    const header = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
    const reply = replyTo(method, uri, header("Transport"));
    const [status = "", ...rest] = reply.split("\r\n");
    socket.write([`RTSP/1.0 ${status}`, `CSeq: ${header("CSeq")}`, ...rest].join("\r\n"));
    if (method === "TEARDOWN") socket.end();
    if (method === "PLAY") leave.push(this.#play(socket, new URL(uri).pathname.split("/")[1] ?? ""));
  }

  #play(socket: Socket, source: string): () => void {
    const playing = this.#playing.get(source) ?? new Set();
    const play: Play = { socket, beganMs: performance.now(), sent: 0 };
    this.#playing.set(source, playing.add(play));
    return () => playing.delete(play);
  }

  #send(): void {
    const nowMs = performance.now();
    for (const playing of this.#playing.values()) for (const play of playing) this.#sendDue(play, nowMs);
  }

  #sendDue(play: Play, nowMs: number): void {
    for (; play.beganMs + play.sent * PACKET_MS <= nowMs; play.sent++) {
      if (play.socket.writableLength > MAX_WAITING_BYTES) continue;
      const packet = Buffer.from(this.#template);
      packet.writeUInt16BE(play.sent & 0xffff, INTERLEAVED_BYTES + 2); // sequence number
      packet.writeUInt32BE((play.sent * SAMPLES) >>> 0, INTERLEAVED_BYTES + 4); // timestamp
      play.socket.write(packet);
    }
  }
}

function replyTo(method: string, uri: string, transport: string): string {
  if (method === "OPTIONS") return ok("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN");
  if (method === "DESCRIBE")
    return ok(`Content-Base: ${uri}/`, "Content-Type: application/sdp", `Content-Length: ${SDP.length}`) + SDP;
  return method === "SETUP" ? ok("Session: 4711;timeout=60", `Transport: ${transport}`) : ok("Session: 4711");
}
