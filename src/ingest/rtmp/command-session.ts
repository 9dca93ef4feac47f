// The command messages of a publisher (Adobe RTMP 1.0 §7.2, and the FMLE commands that no standard lists) and the
// replies that ffmpeg, OBS (librtmp) and GStreamer's rtmp2sink wait for:
//
//   connect ─▶ window sizes, chunk size, _result
//   releaseStream, FCPublish ─▶ _result, onFCPublish
//   createStream ─▶ _result(id)
//   publish ─▶ StreamBegin, onStatus NetStream.Publish.Start | BadName | Denied
//   FCUnpublish, deleteStream, closeStream ─▶ Unpublish.Success

import { badInput } from "../../base/reel-error.js";
import type { TrackKind } from "../../media/codec/codec-entry.js";
import { CODECS } from "../../media/codec/table.js";
import { type AmfObject, type AmfValue, encodeAmf0, parseAmf0 } from "../../media/flv/amf0.js";
import { encodeU32 } from "./chunk-writer.js";
import {
  CHUNK_STREAM_COMMAND,
  CHUNK_STREAM_CONTROL,
  EVENT_STREAM_BEGIN,
  MAX_NET_STREAMS,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_SET_CHUNK_SIZE,
  MESSAGE_SET_PEER_BANDWIDTH,
  MESSAGE_USER_CONTROL,
  MESSAGE_WINDOW_ACK_SIZE,
} from "./rtmp-protocol.js";

/** What encoders have come to expect from Flash Media Server; a recorder that only receives has no use for it. */
const WINDOW_ACK_BYTES = 2_500_000;
/** ffmpeg adopts the server's chunk size for what it sends: with 64 KiB most messages are one chunk. */
const SERVER_CHUNK_BYTES = 65536;
const BANDWIDTH_LIMIT_DYNAMIC = 2;
/** FourCcInfoMask and CapsExMask of Enhanced RTMP v2. */
const FOUR_CC_CAN_FORWARD = 4;
const CAPS_EX_RECONNECT = 1;
const CAPS_EX_MULTITRACK = 2;
const CAPS_EX_MOD_EX = 4;
const CAPS_EX_TIMESTAMP_NANO_OFFSET = 8;

/** What a connect command said. */
export interface ConnectInfo {
  app: string;
  tcUrl: string;
  flashVer: string;
  swfUrl: string;
  pageUrl: string;
}

export interface PublishOutcome {
  ok: boolean;
  /** Code of the onStatus. */
  code: string;
  description: string;
}

/** What the commands act on: the connection. */
export interface CommandPeer {
  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void;
  /** Chunk size of what we send from here on. */
  setSendChunkSize(chunkSize: number): void;
  publish(streamId: number, streamKey: string, connect: ConnectInfo): PublishOutcome;
  /** False where nothing is published on that message stream. */
  unpublish(streamId: number, reason: string): boolean;
  /** The message stream that publishes this stream key, if any. */
  findPublication(streamKey: string): number | undefined;
  /** Closes the connection once what was sent has gone out. */
  end(reason: string): void;
}

function text(value: AmfValue): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: AmfValue): value is AmfObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Enhanced RTMP v1 announces itself by `fourCcList`, v2 by the others; who sends none of them is not told of them. */
function isEnhanced(connect: AmfObject): boolean {
  return ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"].some((key) => key in connect);
}

/** What the recorder takes with extended headers: all codecs of the table that have a FourCC. */
function enhancedCapabilities(): AmfObject {
  const infoMap = (kind: TrackKind): AmfObject =>
    Object.fromEntries(fourCcs(kind).map((fourCc) => [fourCc, FOUR_CC_CAN_FORWARD]));
  return {
    fourCcList: [...fourCcs("video"), ...fourCcs("audio")],
    videoFourCcInfoMap: infoMap("video"),
    audioFourCcInfoMap: infoMap("audio"),
    capsEx: CAPS_EX_RECONNECT | CAPS_EX_MULTITRACK | CAPS_EX_MOD_EX | CAPS_EX_TIMESTAMP_NANO_OFFSET,
  };
}

function fourCcs(kind: TrackKind): string[] {
  return Object.values(CODECS).flatMap((codec) => (codec.kind === kind && codec.flv?.fourCc ? [codec.flv.fourCc] : []));
}

export class CommandSession {
  #peer: CommandPeer;
  #connect: ConnectInfo | undefined;
  #netStreams = 0;
  #takesReconnectRequest = false;

  constructor(peer: CommandPeer) {
    this.#peer = peer;
  }

  /** A command message, AMF0. Throws ReelError `badInput`. */
  handle(messageStreamId: number, payload: Uint8Array): void {
    const [name, transaction, ...args] = parseAmf0(payload);
    if (typeof name !== "string") badInput("a command without a name");
    const transactionId = typeof transaction === "number" ? transaction : 0;
    if (name === "connect") {
      this.#handleConnect(transactionId, args[0]);
      return;
    }
    if (!this.#connect) badInput("a command came before connect", { command: name.slice(0, 64) });
    const streamKey = text(args[1]);
    switch (name) {
      case "releaseStream":
        this.#result(transactionId, null, undefined);
        return;
      case "FCPublish":
        this.#result(transactionId, null, undefined);
        this.#call(0, "onFCPublish", { level: "status", code: "NetStream.Publish.Start", description: streamKey });
        return;
      case "createStream":
        if (this.#netStreams >= MAX_NET_STREAMS) badInput(`more than ${MAX_NET_STREAMS} streams on one connection`);
        this.#result(transactionId, null, ++this.#netStreams);
        return;
      case "publish":
        this.#handlePublish(messageStreamId, streamKey, this.#connect);
        return;
      case "FCUnpublish": {
        const streamId = this.#peer.findPublication(streamKey);
        if (streamId !== undefined) this.#unpublish(streamId);
        this.#result(transactionId, null, undefined);
        this.#call(0, "onFCUnpublish", {
          level: "status",
          code: "NetStream.Unpublish.Success",
          description: streamKey,
        });
        return;
      }
      case "deleteStream":
        this.#unpublish(typeof args[1] === "number" ? args[1] : messageStreamId);
        return;
      case "closeStream":
        this.#unpublish(messageStreamId);
        return;
      case "play":
      case "play2":
        this.#status(
          messageStreamId,
          "error",
          "NetStream.Play.Failed",
          "This server records streams; it does not play them.",
        );
        this.#peer.end("asked to play");
        return;
      default:
        // A command without a transaction wants no answer; encoders probe with others (_checkbw, getStreamLength) and
        // take a refusal well.
        if (transactionId !== 0)
          this.#send(0, "_error", transactionId, null, {
            level: "error",
            code: "NetConnection.Call.Failed",
            description: "Not supported.",
          });
    }
  }

  /**
   * Asks the client to come again, at its next key frame (Enhanced RTMP v2, Reconnect Request). False where it has not
   * said that it can.
   */
  requestReconnect(description: string): boolean {
    if (!this.#takesReconnectRequest) return false;
    this.#status(0, "status", "NetConnection.Connect.ReconnectRequest", description);
    return true;
  }

  #handleConnect(transactionId: number, argument: AmfValue): void {
    if (this.#connect) badInput("a second connect");
    const options = isObject(argument) ? argument : {};
    this.#connect = {
      app: text(options.app),
      tcUrl: text(options.tcUrl),
      flashVer: text(options.flashVer),
      swfUrl: text(options.swfUrl),
      pageUrl: text(options.pageUrl),
    };
    const { capsEx } = options;
    this.#takesReconnectRequest = typeof capsEx === "number" && (capsEx & CAPS_EX_RECONNECT) !== 0;
    const peer = this.#peer;
    peer.send(CHUNK_STREAM_CONTROL, MESSAGE_WINDOW_ACK_SIZE, 0, encodeU32(WINDOW_ACK_BYTES));
    peer.send(
      CHUNK_STREAM_CONTROL,
      MESSAGE_SET_PEER_BANDWIDTH,
      0,
      Buffer.concat([encodeU32(WINDOW_ACK_BYTES), Buffer.from([BANDWIDTH_LIMIT_DYNAMIC])]),
    );
    peer.send(CHUNK_STREAM_CONTROL, MESSAGE_SET_CHUNK_SIZE, 0, encodeU32(SERVER_CHUNK_BYTES));
    peer.setSendChunkSize(SERVER_CHUNK_BYTES);
    const objectEncoding = typeof options.objectEncoding === "number" ? options.objectEncoding : 0;
    this.#result(
      transactionId,
      { fmsVer: "FMS/3,0,1,123", capabilities: 31, ...(isEnhanced(options) ? enhancedCapabilities() : {}) },
      { level: "status", code: "NetConnection.Connect.Success", description: "Connection succeeded.", objectEncoding },
    );
  }

  #handlePublish(messageStreamId: number, streamKey: string, connect: ConnectInfo): void {
    const outcome = this.#peer.publish(messageStreamId, streamKey, connect);
    if (!outcome.ok) {
      this.#status(messageStreamId, "error", outcome.code, outcome.description);
      this.#peer.end(`publish refused: ${outcome.code}`);
      return;
    }
    this.#peer.send(
      CHUNK_STREAM_CONTROL,
      MESSAGE_USER_CONTROL,
      0,
      Buffer.concat([Buffer.from([0, EVENT_STREAM_BEGIN]), encodeU32(messageStreamId)]),
    );
    this.#status(messageStreamId, "status", outcome.code, outcome.description);
  }

  #unpublish(streamId: number): void {
    if (this.#peer.unpublish(streamId, "the publisher ended the stream")) {
      this.#status(streamId, "status", "NetStream.Unpublish.Success", "The stream is no longer published.");
    }
  }

  #status(streamId: number, level: "status" | "error", code: string, description: string): void {
    this.#call(streamId, "onStatus", { level, code, description });
  }

  #result(transactionId: number, properties: AmfValue, information: AmfValue): void {
    if (transactionId !== 0) this.#send(0, "_result", transactionId, properties, information);
  }

  /** A command that wants no answer. */
  #call(streamId: number, name: string, ...args: AmfValue[]): void {
    this.#send(streamId, name, 0, null, ...args);
  }

  #send(streamId: number, ...values: AmfValue[]): void {
    this.#peer.send(CHUNK_STREAM_COMMAND, MESSAGE_COMMAND_AMF0, streamId, encodeAmf0(...values));
  }
}
