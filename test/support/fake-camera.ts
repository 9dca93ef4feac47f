// A camera with bytes of our own: an RTSP server that does what a test tells it, right or wrong, and sends H.264
// pictures over TCP or UDP.

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { numberedPicture } from "./numbered-frames.js";
import { AVCC } from "./test-media.js";

export interface CameraRequest {
  method: string;
  uri: string;
  /** By lower-case name. */
  headers: Record<string, string>;
  /** Of the connection, counted from 0. */
  connection: number;
}

/**
 * Status line and headers behind `RTSP/1.0 `, without CSeq; a buffer is sent as it is. Undefined: as a good camera
 * does.
 */
export type CameraReply = string | Buffer | undefined;

export interface CameraScript {
  /** Each picture holds its number (numbered-frames.ts). */
  isNumbered?: boolean;
  sdp?: string;
  reply?(request: CameraRequest): CameraReply;
  /** CSeq of a reply; by default the request's. */
  cseq?(cseq: number): string;
}

const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const SPROP = `${base64(SPS)},${base64(PPS)}`;
export const VIDEO = `m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets=${SPROP}\r\n`;
export const SESSION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\na=control:*\r\n";
export const PLAIN_SDP = `${SESSION}${VIDEO}a=control:track1\r\n`;
const PICTURE = Buffer.alloc(200, 0x99).fill(0x65, 0, 1);
const TICKS_A_FRAME = 3600;

/** One access unit in one packet. */
export function pictureOf(frame: number, payload: Uint8Array = PICTURE): Buffer {
  const header = Buffer.from("80e000000000000000000001", "hex");
  header.writeUInt16BE(frame & 0xffff, 2);
  header.writeUInt32BE((frame * TICKS_A_FRAME) >>> 0, 4);
  return Buffer.concat([header, payload]);
}

export function interleaved(channel: number, packet: Uint8Array): Buffer {
  const head = Buffer.from([0x24, channel, packet.byteLength >> 8, packet.byteLength & 0xff]);
  return Buffer.concat([head, packet]);
}

/** What a publisher says up to RECORD, over one connection. */
export function recordOpening(name: string, sdp: string = PLAIN_SDP): Buffer {
  const request = (cseq: number, method: string, uri: string, ...lines: string[]): string =>
    [`${method} rtsp://127.0.0.1/live/${name}${uri} RTSP/1.0`, `CSeq: ${cseq}`, ...lines, "", ""].join("\r\n");
  return Buffer.from(
    request(1, "OPTIONS", "") +
      request(2, "ANNOUNCE", "?key=k", "Content-Type: application/sdp", `Content-Length: ${sdp.length}`) +
      sdp +
      request(3, "SETUP", "/track1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record") +
      request(4, "SETUP", "/track2", "Transport: RTP/AVP/TCP;unicast;interleaved=2-3;mode=record") +
      request(5, "RECORD", "", "Range: npt=0.000-"),
  );
}

export class FakeCamera {
  readonly requests: CameraRequest[] = [];
  /** What came on the port for RTCP. */
  readonly reports: Buffer[] = [];
  /** When each connection came. */
  readonly acceptedMs: number[] = [];
  /** Of the newest connection that has not gone. */
  socket: Socket | undefined;
  readonly #server: Server;
  readonly #udp: readonly [DatagramSocket, DatagramSocket];
  readonly #sockets = new Set<Socket>();
  readonly #playing = new Set<Socket>();
  readonly #script: CameraScript;
  #connections = 0;
  #frame = 0;
  #clientPorts: readonly number[] = [];

  private constructor(server: Server, udp: readonly [DatagramSocket, DatagramSocket], script: CameraScript) {
    this.#server = server;
    this.#udp = udp;
    this.#script = script;
    server.on("connection", (socket) => this.#accept(socket));
    udp[1].on("message", (bytes) => this.reports.push(bytes));
  }

  static async open(script: CameraScript = {}, port = 0): Promise<FakeCamera> {
    const server = createServer().listen(port, "127.0.0.1");
    const udp = [createSocket("udp4").bind(0, "127.0.0.1"), createSocket("udp4").bind(0, "127.0.0.1")] as const;
    await Promise.all([server, ...udp].map((socket) => once(socket, "listening")));
    return new FakeCamera(server, udp, script);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  get methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  get connectionCount(): number {
    return this.#connections;
  }

  of(method: string): CameraRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  url(path = "live", userInfo = ""): string {
    return `rtsp://${userInfo}127.0.0.1:${this.port}/${path}`;
  }

  /** One picture over every connection. */
  sendToAll(): void {
    const packet = interleaved(0, pictureOf(this.#frame++));
    for (const socket of this.#sockets) socket.write(packet);
  }

  /** One picture over every connection that plays. */
  sendToPlaying(): void {
    const number = this.#frame++;
    const packet = interleaved(0, pictureOf(number, this.#script.isNumbered ? numberedPicture(number) : undefined));
    for (const socket of this.#playing) socket.write(packet);
  }

  /** Pictures so far, whoever read them. */
  get sentCount(): number {
    return this.#frame;
  }

  /** Connections that play. */
  get playingCount(): number {
    return this.#playing.size;
  }

  /** Pictures over the newest connection. */
  send(frames: number, channel = 0): void {
    for (let i = 0; i < frames; i++) this.socket?.write(interleaved(channel, pictureOf(this.#frame++)));
  }

  sendUdp(frames: number): void {
    for (let i = 0; i < frames; i++)
      this.#udp[0].send(pictureOf(this.#frame++), this.#clientPorts[0] ?? 0, "127.0.0.1");
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#udp) socket.close();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.acceptedMs.push(performance.now());
    const connection = this.#connections++;
    this.#sockets.add(socket);
    this.socket = socket;
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#playing.delete(socket);
    });
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        this.#answer(socket, text.slice(0, end), connection);
        text = text.slice(end + 4);
      }
    });
  }

  #answer(socket: Socket, head: string, connection: number): void {
    const [first = "", ...lines] = head.split("\r\n");
    const [method = "", uri = ""] = first.split(" ");
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const request: CameraRequest = { method, uri, headers, connection };
    this.requests.push(request);
    this.#clientPorts =
      /client_port=(\d+)-(\d+)/
        .exec(headers.transport ?? "")
        ?.slice(1)
        .map(Number) ?? this.#clientPorts;
    if (method === "PLAY") this.#playing.add(socket);
    const reply = this.#script.reply?.(request) ?? this.#usual(request);
    if (typeof reply !== "string") {
      socket.write(reply);
      return;
    }
    const cseq = this.#script.cseq?.(Number(headers.cseq)) ?? headers.cseq;
    const [status = "", ...rest] = reply.split("\r\n");
    socket.write([`RTSP/1.0 ${status}`, `CSeq: ${cseq}`, ...rest].join("\r\n"));
  }

  #usual({ method, uri, headers }: CameraRequest): string {
    const { sdp = PLAIN_SDP } = this.#script;
    const ports = this.#udp.map((socket) => socket.address().port).join("-");
    switch (method) {
      case "OPTIONS":
        return ok("Public: DESCRIBE, SETUP, TEARDOWN, PLAY, GET_PARAMETER");
      case "DESCRIBE":
        return ok(`Content-Base: ${uri}/`, "Content-Type: application/sdp", `Content-Length: ${sdp.length}`) + sdp;
      case "SETUP": {
        const server = headers.transport?.includes("TCP") ? "" : `;server_port=${ports}`;
        return ok("Session: 4711;timeout=60", `Transport: ${headers.transport}${server}`);
      }
      default:
        return ok();
    }
  }
}

/** 200, with headers. */
export function ok(...headers: string[]): string {
  return ["200 OK", ...headers, "", ""].join("\r\n");
}
