// Reads what comes on an RTSP connection: messages, and between them interleaved packets (RFC 2326 §10.12).
//
//   '$' channel length packet │ first line, headers, empty line, body │ … │ junk, which some cameras leave between
//
// A packet that lies whole in the read buffer is handed out where it lies; one that two reads share is put together in
// memory of the reader's own. Sizes are bounded by what comes, never by what is announced. Whatever the bytes are,
// every one is looked at a bounded number of times.

import { badInput } from "../../base/reel-error.js";
import type { Channels } from "./channels.js";
import { type MessageHead, parseHead, type RtspMessage } from "./rtsp-message.js";
import { DOLLAR, INTERLEAVED_HEADER_SIZE, MAX_BODY_BYTES, MAX_HEAD_BYTES } from "./rtsp-protocol.js";

export interface ReaderHost {
  /** On which packets are expected. */
  readonly channels: Channels;
  /** bytes[start…end] is the reader's again when this returns. */
  packet(channel: number, bytes: Uint8Array, start: number, end: number): void;
  message(message: RtspMessage): void;
}

type Mode = "between" | "junk" | "packet" | "head" | "body";
/** open: more bytes are needed to tell. */
type Start = "no" | "yes" | "open";

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;
const RESPONSE_START = Buffer.from("RTSP/");
/** Method names and the blank behind them; GET_PARAMETER has 13 letters. */
const MAX_METHOD = 20;
/** The two high bits of every RTP and RTCP packet: version 2. */
const RTP_VERSION_2 = 2;
const FIRST_PACKET_BYTES = 2048;
const MAX_PACKET_BYTES = 65_535;

export class RtspMessageReader {
  /** Nothing more is wanted, or not now: the reader stops behind what it has just handed out. */
  isStopped = false;
  /** Bytes that were neither message nor packet. */
  junkBytes = 0;
  readonly #host: ReaderHost;
  readonly #channels: Channels;
  readonly #maxJunkBytes: number;
  #mode: Mode = "between";
  /** Since the last message or packet. */
  #junkRun = 0;
  #hasRead = false;
  #packet = new Uint8Array(0);
  #packetBytes = 0;
  #packetSize = 0;
  #channel = 0;
  #head: Buffer | undefined;
  #headBytes = 0;
  #lineBytes = 0;
  #message: MessageHead | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #bodySize = 0;

  /** `maxJunkBytes`: how much of it in one run is passed over. */
  constructor(host: ReaderHost, maxJunkBytes: number) {
    this.#host = host;
    this.#channels = host.channels;
    this.#maxJunkBytes = maxJunkBytes;
  }

  /**
   * Answers where it stopped: less than HEADROOM_BYTES before `end`, or behind what made the host stop. Throws
   * ReelError `badInput`.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.isStopped) {
      at = this.#wholePackets(bytes, at, end);
      if (at >= end || this.isStopped) break;
      const before = at;
      const mode = this.#mode;
      at = this.#step(bytes, at, end);
      // Without progress more bytes are needed to tell what these are.
      if (at === before && this.#mode === mode) break;
    }
    return at;
  }

  /** A body is still to come, wholly or in part: of a message whose length is wrong it never does. */
  get isInBody(): boolean {
    return this.#mode === "body";
  }

  /** Takes a body as complete that a wrong Content-Length has announced longer than it is. */
  endBody(): void {
    if (this.#mode === "body") this.#endMessage();
  }

  /** What nearly all bytes are: packets of known channels that lie whole in the buffer, one behind the other. */
  #wholePackets(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#mode !== "between" || !this.#hasRead) return at;
    while (end - at >= INTERLEAVED_HEADER_SIZE && bytes[at] === DOLLAR && !this.isStopped) {
      const channel = bytes[at + 1] as number;
      const from = at + INTERLEAVED_HEADER_SIZE;
      const to = from + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
      if (to > end || !this.#channels.has(channel)) break;
      this.#junkRun = 0;
      at = to;
      this.#host.packet(channel, bytes, from, to);
    }
    return at;
  }

  #step(bytes: Uint8Array, at: number, end: number): number {
    switch (this.#mode) {
      case "between":
        return this.#begin(bytes, at, end);
      case "junk":
        return this.#passOver(bytes, at, end);
      case "packet":
        return this.#fillPacket(bytes, at, end);
      case "head":
        return this.#fillHead(bytes, at, end);
      case "body":
        return this.#fillBody(bytes, at, end);
    }
  }

  #begin(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at] as number;
    if (first === DOLLAR) return this.#beginPacket(bytes, at, end);
    if (first === CR || first === LF) return at + 1;
    const start = messageStart(bytes, at, end);
    if (start === "open") return at;
    if (start === "yes") {
      this.#mode = "head";
      this.#head = Buffer.alloc(1024);
      this.#headBytes = 0;
      this.#lineBytes = 0;
      return this.#fillHead(bytes, at, end);
    }
    if (!this.#hasRead) badInput("not RTSP: the first bytes are no message");
    this.#mode = "junk";
    return this.#junk(at, at + 1);
  }

  #beginPacket(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < INTERLEAVED_HEADER_SIZE) return at;
    if (!this.#hasRead) badInput("not RTSP: a packet before any message");
    const channel = bytes[at + 1] as number;
    const size = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    const from = at + INTERLEAVED_HEADER_SIZE;
    // Of a channel that nobody has asked for it must look like a packet, or it is none.
    if (size > 0 && !this.#channels.has(channel)) {
      if (from >= end) return at;
      if ((bytes[from] as number) >> 6 !== RTP_VERSION_2) {
        this.#mode = "junk";
        return this.#junk(at, at + 1);
      }
    }
    this.#junkRun = 0;
    if (end - from >= size) {
      this.#mode = "between";
      this.#host.packet(channel, bytes, from, from + size);
      return from + size;
    }
    this.#mode = "packet";
    this.#channel = channel;
    this.#packetSize = size;
    this.#packetBytes = 0;
    return this.#fillPacket(bytes, from, end);
  }

  #fillPacket(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(end - at, this.#packetSize - this.#packetBytes);
    const needed = this.#packetBytes + size;
    if (this.#packet.byteLength < needed) {
      const grown = Math.max(FIRST_PACKET_BYTES, Math.min(MAX_PACKET_BYTES, needed * 2));
      const larger = new Uint8Array(grown);
      larger.set(this.#packet.subarray(0, this.#packetBytes));
      this.#packet = larger;
    }
    this.#packet.set(bytes.subarray(at, at + size), this.#packetBytes);
    this.#packetBytes = needed;
    if (needed === this.#packetSize) {
      this.#mode = "between";
      this.#host.packet(this.#channel, this.#packet, 0, needed);
    }
    return at + size;
  }

  /** Looks for the next packet of a known channel, or the next message. */
  #passOver(bytes: Uint8Array, at: number, end: number): number {
    for (let to = at; to < end; to++) {
      const start = this.#resumeAt(bytes, to, end);
      if (start === "no") continue;
      if (start === "yes") this.#mode = "between";
      return this.#junk(at, to);
    }
    return this.#junk(at, end);
  }

  #resumeAt(bytes: Uint8Array, at: number, end: number): Start {
    if (bytes[at] !== DOLLAR) return messageStart(bytes, at, end);
    if (end - at < 5) return "open";
    const isPacket = this.#channels.has(bytes[at + 1] as number) && (bytes[at + 4] as number) >> 6 === RTP_VERSION_2;
    return isPacket ? "yes" : "no";
  }

  #junk(from: number, to: number): number {
    this.junkBytes += to - from;
    this.#junkRun += to - from;
    if (this.#junkRun > this.#maxJunkBytes) badInput(`${this.#junkRun} bytes that are no RTSP`);
    return to;
  }

  #fillHead(bytes: Uint8Array, start: number, end: number): number {
    let head = this.#head as Buffer;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if ((byte < SPACE && byte !== CR && byte !== LF && byte !== TAB) || byte === DELETE) {
        // A message that broke off; what comes now is something else.
        this.#mode = "junk";
        this.#head = undefined;
        return this.#junk(start, at + 1);
      }
      if (this.#headBytes >= MAX_HEAD_BYTES) badInput("an RTSP message with too many headers");
      if (this.#headBytes === head.byteLength) {
        head = Buffer.concat([head], Math.min(MAX_HEAD_BYTES, head.byteLength * 2));
        this.#head = head;
      }
      head[this.#headBytes++] = byte;
      if (byte === LF) {
        if (this.#lineBytes === 0) return this.#endHead(head, bytes, at + 1, end);
        this.#lineBytes = 0;
      } else if (byte !== CR) this.#lineBytes++;
    }
    return end;
  }

  #endHead(head: Buffer, bytes: Uint8Array, at: number, end: number): number {
    this.#message = parseHead(head.toString("utf8", 0, this.#headBytes));
    this.#head = undefined;
    if (!this.#message) {
      this.#mode = "junk";
      return this.#junk(at - this.#headBytes, at);
    }
    const length = /^\d{1,9}$/.exec(this.#message.headers.get("content-length"))?.[0];
    // A description of which nobody says how long it is ends when nothing more of it comes.
    this.#bodySize = Number(length ?? (this.#isDescription ? MAX_BODY_BYTES : 0));
    if (this.#bodySize > MAX_BODY_BYTES) badInput(`an RTSP message with a body of ${this.#bodySize} bytes`);
    this.#mode = "body";
    return this.#fillBody(bytes, at, end);
  }

  #fillBody(bytes: Uint8Array, start: number, end: number): number {
    let at = start + Math.max(0, Math.min(end - start, this.#bodySize - this.#bodyBytes));
    this.#keepBody(bytes, start, at);
    if (this.#bodyBytes < this.#bodySize) return at;
    if (this.#isDescription) {
      const to = descriptionEnd(bytes, at, end, this.#body.at(-1)?.at(-1) ?? LF);
      this.#keepBody(bytes, at, to);
      at = to;
      // The read ends where the length does, in the middle of the description: the rest is on its way. Where it is not,
      // `endBody` is called.
      if (at === end && !this.#isWhole()) return at;
    }
    this.#endMessage();
    return at;
  }

  /** A description that ends with a line about a medium; those of publishers have been right. */
  #isWhole(): boolean {
    if (this.#message?.kind === "request") return true;
    const text = Buffer.concat(this.#body).toString("latin1");
    const lastMedium = text.slice(text.lastIndexOf("\nm=") + 1);
    return /^m=[\s\S]*\na=[\s\S]*\n$/.test(lastMedium);
  }

  get #isDescription(): boolean {
    return this.#message?.headers.get("content-type").toLowerCase().startsWith("application/sdp") ?? false;
  }

  #keepBody(bytes: Uint8Array, from: number, to: number): void {
    if (to === from) return;
    if (this.#bodyBytes + to - from > 2 * MAX_BODY_BYTES) badInput("an RTSP message with an endless body");
    this.#body.push(Buffer.from(bytes.subarray(from, to)));
    this.#bodyBytes += to - from;
  }

  #endMessage(): void {
    const message = this.#message;
    const body = Buffer.concat(this.#body);
    this.#mode = "between";
    this.#message = undefined;
    this.#body = [];
    this.#bodyBytes = 0;
    this.#bodySize = 0;
    this.#junkRun = 0;
    this.#hasRead = true;
    if (message) this.#host.message({ ...message, body });
  }
}

/** Whether a message begins here: `RTSP/`, or a method and a blank. */
function messageStart(bytes: Uint8Array, at: number, end: number): Start {
  for (let i = 0; i <= MAX_METHOD; i++) {
    if (at + i >= end) return "open";
    const byte = bytes[at + i] as number;
    if (i === 4 && byte === RESPONSE_START[4] && RESPONSE_START.every((letter, n) => n > 3 || bytes[at + n] === letter))
      return "yes";
    if (byte === SPACE) return i >= 3 ? "yes" : "no";
    if (!((byte >= 0x41 && byte <= 0x5a) || byte === 0x5f)) return "no";
  }
  return "no";
}

/**
 * Where a session description ends that its Content-Length has announced too short: behind the lines `x=…` that have
 * come behind it, and the rest of one that was cut. `last` is the byte before `at`.
 */
function descriptionEnd(bytes: Uint8Array, at: number, end: number, last: number): number {
  const isCut = last !== LF && at < end && bytes[at] !== DOLLAR;
  let to = isCut && messageStart(bytes, at, end) === "no" ? lineEnd(bytes, at, end) : at;
  while (to + 1 < end && bytes[to + 1] === 0x3d && (bytes[to] as number) >= 0x61 && (bytes[to] as number) <= 0x7a)
    to = lineEnd(bytes, to, end);
  return to;
}

function lineEnd(bytes: Uint8Array, at: number, end: number): number {
  let to = at;
  while (to < end && bytes[to] !== LF) to++;
  return Math.min(end, to + 1);
}
