// The receiving half of an RTMP connection, whoever began it: chunks become messages, media go to their publication,
// and a full ring puts a hold on the rest.
//
//   read ─▶ ChunkReader ─▶ commands, control messages │ audio, video ─▶ Publication ─▶ in-stream
//                ▲                                            │ full
//                └── kept bytes ◀── room ◀── hold: reading stops, nothing is lost

import { badInput } from "../../base/reel-error.js";
import type { Flow } from "../frame-sink.js";
import { AggregateCursor } from "./aggregate.js";
import {
  ChunkReader,
  DISCARD,
  type IncomingMessage,
  type MessageDestination,
  type MessageSink,
} from "./chunk-reader.js";
import type { ChunkReaderState } from "./chunk-reader-state.js";
import { encodeU32 } from "./chunk-writer.js";
import type { Publication } from "./publication.js";
import {
  CHUNK_STREAM_CONTROL,
  EVENT_PING_REQUEST,
  EVENT_PING_RESPONSE,
  MAX_COMMAND_BYTES,
  MESSAGE_ABORT,
  MESSAGE_ACKNOWLEDGEMENT,
  MESSAGE_AGGREGATE,
  MESSAGE_AUDIO,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_COMMAND_AMF3,
  MESSAGE_SET_CHUNK_SIZE,
  MESSAGE_SET_PEER_BANDWIDTH,
  MESSAGE_USER_CONTROL,
  MESSAGE_VIDEO,
  MESSAGE_WINDOW_ACK_SIZE,
} from "./rtmp-protocol.js";
import { Scratch, type ScratchBudget } from "./scratch.js";

/** Control messages have 4 or 5 bytes, user control events up to 10. */
const MAX_CONTROL_BYTES = 64;
const PEER_BANDWIDTH_BYTES = 5;

/** The connection that receives. */
export interface ReceiverHost {
  /** Nothing more is wanted. */
  readonly isOver: boolean;
  /** Where the media of a message stream go; undefined: nowhere. */
  publicationOf(streamId: number): Publication | undefined;
  /** A command message, AMF0. May throw ReelError `badInput`. */
  command(streamId: number, payload: Uint8Array): void;
  /** A control message that is not the receiver's own: user control events, peer bandwidth. */
  control(type: number, payload: Uint8Array): void;
  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void;
  /** A hold is over: these bytes, which were kept, are to be read again, then the socket. */
  resumed(kept: Uint8Array): void;
  resumeReading(): void;
  fail(error: unknown): void;
}

/** What another receiver needs to go on behind the last byte that this one has taken. */
export interface ReceiverState {
  chunks: ChunkReaderState;
  receivedBytes: number;
  acknowledgedBytes: number;
  ackWindowBytes: number;
  /** Bytes that it was given and has not taken. */
  unread: Uint8Array;
}

export class MessageReceiver implements MessageSink {
  readonly scratch: Scratch;
  /** Counted by the connection, from the handshake on. */
  receivedBytes = 0;
  #host: ReceiverHost;
  #chunks = new ChunkReader(this);
  #acknowledgedBytes = 0;
  #ackWindowBytes = 0;
  /** A publication waits for room: nothing is read, and bytes that have been are kept. */
  #isHeld = false;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(host: ReceiverHost, budget: ScratchBudget) {
    this.#host = host;
    this.scratch = new Scratch(budget, (message, payload) => this.#deliver(message, payload));
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes bytes behind the handshake and answers where it stopped. Throws ReelError `badInput`. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#readChunks(bytes, start, end);
    this.#acknowledge();
    return at;
  }

  /** How a full ring makes the peer wait. `room` may come while bytes of another connection are read: later, then. */
  readonly flow: Flow = {
    pause: () => {
      this.#isHeld = true;
    },
    resume: () => void setImmediate(() => this.resume()),
  };

  /** The hold is over: first the kept bytes, then the socket. No bytes of another connection are being read. */
  resume(): void {
    if (!this.#isHeld || this.#host.isOver) return;
    this.#isHeld = false;
    try {
      const kept = this.#kept;
      this.#kept = new Uint8Array(0);
      this.#host.resumed(kept);
    } catch (error) {
      this.#host.fail(error);
    }
    if (!this.#isHeld && !this.#host.isOver) this.#host.resumeReading();
  }

  /** Ends this receiver, during a hold: another one takes its state. No message is in a ring. */
  give(): ReceiverState {
    const state = {
      chunks: this.#chunks.give(),
      receivedBytes: this.receivedBytes,
      acknowledgedBytes: this.#acknowledgedBytes,
      ackWindowBytes: this.#ackWindowBytes,
      unread: this.#kept,
    };
    this.close();
    return state;
  }

  /**
   * Before its first byte; `unread` comes by `read`. Throws ReelError `badInput` where there is no memory for what has
   * been received.
   */
  take(state: ReceiverState): void {
    this.receivedBytes = state.receivedBytes;
    this.#acknowledgedBytes = state.acknowledgedBytes;
    this.#ackWindowBytes = state.ackWindowBytes;
    this.#chunks.take(state.chunks, (message, received) => this.scratch.adopt(message, received));
  }

  /** Nothing comes any more; memory is given back. */
  close(): void {
    this.#chunks.abortAll();
    this.scratch.releaseAll();
    this.#isHeld = false;
    this.#kept = new Uint8Array(0);
  }

  /** Bytes that cannot be taken because of a hold are kept here; the reader of the socket pauses then. */
  #readChunks(bytes: Uint8Array, start: number, end: number): number {
    if (this.#isHeld) {
      const kept = new Uint8Array(this.#kept.byteLength + end - start);
      kept.set(this.#kept);
      kept.set(bytes.subarray(start, end), this.#kept.byteLength);
      this.#kept = kept;
      return end;
    }
    const at = this.#chunks.read(bytes, start, end);
    if (this.#host.isOver) return end;
    if (!this.#isHeld) return at;
    // A copy: of a Buffer, as sockets are read into, `slice` would be a view of what others read next.
    this.#kept = bytes.slice(at, end);
    return end;
  }

  // ——— MessageSink ———

  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    if (this.#host.isOver) return DISCARD;
    switch (message.type) {
      case MESSAGE_VIDEO:
      case MESSAGE_AUDIO:
        return this.#host.publicationOf(message.streamId)?.begin(message, bytes, at, available) ?? DISCARD;
      case MESSAGE_COMMAND_AMF0:
      case MESSAGE_COMMAND_AMF3:
        if (message.sizeBytes > MAX_COMMAND_BYTES) badInput(`a command of ${message.sizeBytes} bytes`);
        return this.scratch;
      case MESSAGE_AGGREGATE:
        return this.#host.publicationOf(message.streamId) ? this.scratch : DISCARD;
      case MESSAGE_SET_CHUNK_SIZE:
      case MESSAGE_ABORT:
      case MESSAGE_USER_CONTROL:
      case MESSAGE_WINDOW_ACK_SIZE:
        if (message.sizeBytes < 4 || message.sizeBytes > MAX_CONTROL_BYTES)
          badInput(`a control message of ${message.sizeBytes} bytes`, { type: message.type });
        return this.scratch;
      case MESSAGE_SET_PEER_BANDWIDTH:
        return message.sizeBytes === PEER_BANDWIDTH_BYTES ? this.scratch : DISCARD;
      case MESSAGE_ACKNOWLEDGEMENT:
        return DISCARD; // we send next to nothing
      default:
        // data messages (onMetaData) tell nothing that the decoder configurations do not; shared objects are not ours
        return DISCARD;
    }
  }

  /** A complete message from scratch memory. False stops the reader behind it. */
  #deliver(message: IncomingMessage, payload: Uint8Array): boolean {
    switch (message.type) {
      case MESSAGE_VIDEO:
      case MESSAGE_AUDIO:
        this.#host.publicationOf(message.streamId)?.deliver(message, payload);
        break;
      case MESSAGE_AGGREGATE:
        this.#deliverAggregate(message, payload);
        break;
      case MESSAGE_COMMAND_AMF0:
        this.#host.command(message.streamId, payload);
        break;
      case MESSAGE_COMMAND_AMF3:
        // The format byte is 0 for "AMF0 follows", as every encoder has it; one that leaves it out begins with a string
        // marker.
        this.#host.command(message.streamId, payload[0] === 0 ? payload.subarray(1) : payload);
        break;
      default:
        this.#control(message.type, payload);
    }
    return !this.#host.isOver && !this.#isHeld;
  }

  #deliverAggregate(message: IncomingMessage, payload: Uint8Array): void {
    for (const tag = new AggregateCursor(payload, message.timestampMs); tag.hasTag(); tag.next()) {
      if (tag.type !== MESSAGE_VIDEO && tag.type !== MESSAGE_AUDIO) continue;
      this.#host.publicationOf(message.streamId)?.deliver(tag, tag.body);
    }
  }

  #control(type: number, payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const value = view.getUint32(0);
    if (type === MESSAGE_SET_CHUNK_SIZE) this.#chunks.setChunkSize(value);
    else if (type === MESSAGE_ABORT) this.#chunks.abort(value);
    else if (type === MESSAGE_WINDOW_ACK_SIZE) this.#ackWindowBytes = value;
    else if (type === MESSAGE_USER_CONTROL && view.getUint16(0) === EVENT_PING_REQUEST) {
      const response = Buffer.from(payload);
      response.writeUInt16BE(EVENT_PING_RESPONSE);
      this.#host.send(CHUNK_STREAM_CONTROL, MESSAGE_USER_CONTROL, 0, response);
    } else this.#host.control(type, payload);
  }

  /** At most one per read, whatever window the peer asks for. */
  #acknowledge(): void {
    if (
      this.#ackWindowBytes === 0 ||
      this.receivedBytes - this.#acknowledgedBytes < this.#ackWindowBytes ||
      this.#host.isOver
    )
      return;
    this.#acknowledgedBytes = this.receivedBytes;
    this.#host.send(CHUNK_STREAM_CONTROL, MESSAGE_ACKNOWLEDGEMENT, 0, encodeU32(this.receivedBytes % 4294967296));
  }
}
