// The command messages of a player (Adobe RTMP 1.0 §7.2.1.1, §7.2.2.1), and what the server answers:
//
//   connect ─▶ _result │ _error, with a redirect or a challenge        createStream ─▶ _result(id)
//   play ─▶ onStatus NetStream.Play.Start │ StreamNotFound, Failed …
//           … Play.Stop, Play.UnpublishNotify, StreamEOF: the end

import { badInput } from "../../base/reel-error.js";
import { type AmfObject, type AmfValue, encodeAmf0, parseAmf0 } from "../../media/flv/amf0.js";
import {
  CHUNK_STREAM_COMMAND,
  CHUNK_STREAM_CONTROL,
  EVENT_SET_BUFFER_LENGTH,
  EVENT_STREAM_EOF,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_USER_CONTROL,
} from "./rtmp-protocol.js";

/** What the server may keep in front of us; a live stream has nothing to keep. */
const BUFFER_MS = 3000;
const CONNECT_ID = 1;
const CREATE_STREAM_ID = 2;
/** What Flash Player 10 and later say they decode: everything; H.264 and AAC are among it. */
const AUDIO_CODECS = 4071;
const VIDEO_CODECS = 252;
const CAPABILITIES = 239;
/** The end of what is played, in order. */
const ENDINGS: ReadonlySet<string> = new Set([
  "NetStream.Play.Complete",
  "NetStream.Play.Stop",
  "NetStream.Play.UnpublishNotify",
]);
const MAX_REASON = 300;

export interface PlayRequest {
  app: string;
  name: string;
  tcUrl: string;
  pageUrl: string;
  swfUrl: string;
  userAgent: string;
  /** Seconds; -2 = live, else recorded; -1 = live. */
  start: number;
  /** Seconds; -1 = to the end. */
  length: number;
}

/** Why it is over. */
export interface PlayEnd {
  reason: string;
  /** Where the server sends us. */
  redirect?: string | undefined;
  /** What a refused connect said: it may ask for credentials. */
  refusal?: string | undefined;
}

/** What the commands act on: the connection. */
export interface PlayPeer {
  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void;
  /** The server has taken us. */
  connected(): void;
  ended(end: PlayEnd): void;
}

function asObject(value: AmfValue): AmfObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function text(value: AmfValue): string {
  return typeof value === "string" ? value.slice(0, MAX_REASON) : "";
}

export class PlaySession {
  #peer: PlayPeer;
  #request: PlayRequest;
  #isConnected = false;
  /** 0: not yet created. */
  #streamId = 0;

  constructor(peer: PlayPeer, request: PlayRequest) {
    this.#peer = peer;
    this.#request = request;
  }

  /** Media are wanted. Of whatever message stream: there is one, and ffmpeg as a server sends on 0. */
  get isPlaying(): boolean {
    return this.#streamId !== 0;
  }

  begin(): void {
    const { app, tcUrl, pageUrl, swfUrl, userAgent } = this.#request;
    this.#send(0, "connect", CONNECT_ID, {
      app,
      flashVer: userAgent,
      ...(swfUrl !== "" && { swfUrl }),
      tcUrl,
      fpad: false,
      capabilities: CAPABILITIES,
      audioCodecs: AUDIO_CODECS,
      videoCodecs: VIDEO_CODECS,
      videoFunction: 1,
      ...(pageUrl !== "" && { pageUrl }),
      objectEncoding: 0,
    });
  }

  /** A command message, AMF0. Throws ReelError `badInput`. */
  handle(payload: Uint8Array): void {
    const [name, transaction, , argument] = parseAmf0(payload);
    if (typeof name !== "string") badInput("a command without a name");
    switch (name) {
      case "_result":
        if (transaction === CONNECT_ID) this.#onConnected(asObject(argument));
        else if (transaction === CREATE_STREAM_ID) this.#onCreated(argument);
        return;
      case "_error":
        if (transaction === CONNECT_ID || transaction === CREATE_STREAM_ID) this.#onRefused(asObject(argument));
        return;
      case "onStatus":
        this.#onStatus(asObject(argument));
        return;
      case "close":
        this.#peer.ended({ reason: "the server closed the connection" });
        return;
      default:
      // onBWDone, onFCSubscribe and the like: nothing waits for an answer.
    }
  }

  /** A user control event, §7.1.7. */
  userControl(payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    if (payload.byteLength < 6 || view.getUint16(0) !== EVENT_STREAM_EOF) return;
    if (this.isPlaying && view.getUint32(2) === this.#streamId)
      this.#peer.ended({ reason: "the server ended the stream" });
  }

  #onConnected(information: AmfObject): void {
    if (this.#isConnected) return;
    const code = text(information.code);
    if (code !== "" && code !== "NetConnection.Connect.Success") {
      this.#onRefused(information);
      return;
    }
    this.#isConnected = true;
    this.#peer.connected();
    this.#send(0, "createStream", CREATE_STREAM_ID, null);
  }

  #onCreated(streamId: AmfValue): void {
    if (!this.#isConnected || this.#streamId !== 0) return;
    if (typeof streamId !== "number" || !(streamId >= 1 && streamId <= 0xffffffff))
      badInput("createStream was answered without a stream id");
    this.#streamId = Math.floor(streamId);
    const { name, start, length } = this.#request;
    // Milliseconds on the wire, as every known player has it; §7.2.2.1 says seconds.
    const range = length < 0 ? [start * 1000] : [start * 1000, length * 1000];
    this.#send(this.#streamId, "play", 0, null, name, ...range);
    const event = Buffer.alloc(10);
    event.writeUInt16BE(EVENT_SET_BUFFER_LENGTH, 0);
    event.writeUInt32BE(this.#streamId, 2);
    event.writeUInt32BE(BUFFER_MS, 6);
    this.#peer.send(CHUNK_STREAM_CONTROL, MESSAGE_USER_CONTROL, 0, event);
  }

  #onRefused(information: AmfObject): void {
    const description = text(information.description);
    const redirect = redirectOf(information);
    const code = text(information.code) || "refused";
    this.#peer.ended({ reason: said(code, description), redirect, refusal: description });
  }

  #onStatus(information: AmfObject): void {
    const code = text(information.code);
    const description = text(information.description);
    const redirect = redirectOf(information);
    if (redirect !== undefined || code === "NetConnection.Connect.Rejected") this.#onRefused(information);
    else if (ENDINGS.has(code) || information.level === "error") this.#peer.ended({ reason: said(code, description) });
  }

  #send(streamId: number, ...values: AmfValue[]): void {
    this.#peer.send(CHUNK_STREAM_COMMAND, MESSAGE_COMMAND_AMF0, streamId, encodeAmf0(...values));
  }
}

function said(code: string, description: string): string {
  return `the server says ${code}${description === "" ? "" : `: ${description}`}`;
}

function redirectOf(information: AmfObject): string | undefined {
  const { redirect } = asObject(information.ex);
  return typeof redirect === "string" ? redirect : undefined;
}
