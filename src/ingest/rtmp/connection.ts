// One RTMP connection: handshake, chunk stream, control messages, and the hold that a full ring puts on it. It is fed
// by a SocketReader and never throws at it: whatever goes wrong ends this connection and nothing else.
//
//   onBytes ─▶ C0 C1 ─▶ C2 ─▶ ChunkReader ─▶ commands │ audio, video ─▶ Publication ─▶ in-stream
//                                              ▲                             │ full
//                                              └── kept bytes ◀── room ◀── hold: reading stops, nothing is lost

import type { Arena } from "../../arena/arena.js";
import { badInput } from "../../base/reel-error.js";
import type { InStream, SourceInfo } from "../../stream/in-stream.js";
import type { Clock } from "../../time/units.js";
import { AggregateCursor } from "./aggregate.js";
import {
  ChunkReader,
  DISCARD,
  type IncomingMessage,
  type MessageDestination,
  type MessageSink,
} from "./chunk-reader.js";
import { ChunkWriter, encodeU32 } from "./chunk-writer.js";
import { type CommandPeer, CommandSession, type ConnectInfo, type PublishOutcome } from "./command-session.js";
import { answerHandshake, HANDSHAKE_SIZE, RTMP_VERSION } from "./handshake.js";
import type { ByteConsumer, ReadMode } from "./paced-socket.js";
import {
  CHUNK_STREAM_CONTROL,
  EVENT_PING_REQUEST,
  EVENT_PING_RESPONSE,
  MAX_COMMAND_BYTES,
  MAX_UNREAD_REPLY_BYTES,
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
} from "./protocol.js";
import { Publication } from "./publication.js";
import type { PublishAnswer, PublishRequest } from "./publish-gate.js";
import { Scratch, type ScratchBudget } from "./scratch.js";

/** Control messages have 4 or 5 bytes, user control events up to 10. */
const MAX_CONTROL_BYTES = 64;

export interface ConnectionHost {
  arena: Arena;
  clock: Clock;
  scratchBudget: ScratchBudget;
  open(request: PublishRequest, closeSource: (reason: string) => void): PublishAnswer;
  /** The connection is gone; `error` where it was not in order. */
  closed(connection: RtmpConnection, reason: string, error?: unknown): void;
  note(connection: RtmpConnection, streamName: string, note: string): void;
  /** A publisher was told no. */
  refused(connection: RtmpConnection, app: string, streamKey: string, refusal: PublishOutcome): void;
}

/** What a connection wants of its socket. */
export interface ConnectionSocket {
  write(bytes: Uint8Array): void;
  readonly unsentBytes: number;
  /** Closes after what was written has gone out. */
  end(): void;
  destroy(): void;
  /** Gives bytes again that were kept during a hold. */
  replay(bytes: Uint8Array): void;
  /** Reads again after a hold. */
  resume(): void;
}

interface Published {
  publication: Publication;
  streamKey: string;
  onRoom: () => void;
}

export class RtmpConnection implements ByteConsumer, MessageSink, CommandPeer {
  /** Monotonic ms of the last bytes that came, or of the end of a hold: what we keep waiting is not idle. */
  lastBytesMs: number;
  readonly acceptedMs: number;
  /** Monotonic ms since when nothing is published on it. */
  unpublishedSinceMs: number;
  isHandshakeDone = false;
  isClosed = false;

  #host: ConnectionHost;
  #socket: ConnectionSocket;
  #address: Omit<SourceInfo, "type">;
  #chunks = new ChunkReader(this);
  #writer = new ChunkWriter();
  #commands = new CommandSession(this);
  #scratch: Scratch;
  #published = new Map<number, Published>();
  #publishCount = 0;
  #handshake: Buffer | undefined = Buffer.alloc(1 + HANDSHAKE_SIZE);
  #handshakeBytes = 0;
  /** Bytes of C2 still to come; its content proves nothing that matters here. */
  #c2Left = HANDSHAKE_SIZE;
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #ackWindowBytes = 0;
  /** A complete message that waits for room, and the bytes behind it. */
  #held: IncomingMessage | undefined;
  #aggregate: AggregateCursor | undefined;
  #kept: Uint8Array = new Uint8Array(0);
  #isEnding = false;

  /** `openSocket` begins to read; bytes come later. */
  constructor(
    host: ConnectionHost,
    address: Omit<SourceInfo, "type">,
    openSocket: (consumer: ByteConsumer) => ConnectionSocket,
  ) {
    this.#host = host;
    this.#address = address;
    this.#scratch = new Scratch(host.scratchBudget, (message, payload) => this.#deliver(message, payload));
    this.acceptedMs = host.clock.monotonicMs();
    this.lastBytesMs = this.acceptedMs;
    this.unpublishedSinceMs = this.acceptedMs;
    this.#socket = openSocket(this);
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }
  get isPublishing(): boolean {
    return this.#published.size > 0;
  }
  get farAddress(): string {
    return `${this.#address.farIp}:${this.#address.farPort}`;
  }

  // ——— ByteConsumer ———

  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.isClosed || this.#isEnding) return end;
    try {
      this.#receivedBytes += newBytes;
      this.lastBytesMs = this.#host.clock.monotonicMs();
      let at = start;
      if (!this.isHandshakeDone) at = this.#readHandshake(bytes, at, end);
      if (this.isHandshakeDone) at = this.#readChunks(bytes, at, end);
      this.#acknowledge();
      return at;
    } catch (error) {
      this.fail(error);
      return end;
    }
  }

  get readMode(): ReadMode {
    if (this.#held) return "held";
    return this.isPublishing ? "coalesced" : "immediate";
  }

  onEnd(): void {
    this.close("the publisher closed the connection");
  }

  onError(error: Error): void {
    this.close(`connection lost: ${error.message}`);
  }

  // ——— life ———

  fail(error: unknown): void {
    this.close(error instanceof Error ? error.message : String(error), error);
  }

  close(reason: string, error?: unknown): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const streamId of [...this.#published.keys()]) this.unpublish(streamId, reason);
    this.#chunks.abortAll();
    this.#scratch.releaseAll();
    this.#held = undefined;
    this.#kept = new Uint8Array(0);
    if (this.#isEnding) this.#socket.end();
    else this.#socket.destroy();
    this.#host.closed(this, reason, error);
  }

  // ——— reading ———

  #readHandshake(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    const handshake = this.#handshake;
    if (handshake) {
      const size = Math.min(end - at, handshake.length - this.#handshakeBytes);
      handshake.set(bytes.subarray(at, at + size), this.#handshakeBytes);
      this.#handshakeBytes += size;
      at += size;
      if (this.#handshakeBytes > 0 && handshake[0] !== RTMP_VERSION)
        badInput(`not RTMP: the first byte is ${handshake[0]}`);
      if (this.#handshakeBytes < handshake.length) return at;
      this.#socket.write(answerHandshake(handshake.subarray(1), this.#host.clock.monotonicMs()));
      this.#handshake = undefined;
    }
    const size = Math.min(end - at, this.#c2Left);
    this.#c2Left -= size;
    if (this.#c2Left === 0) this.isHandshakeDone = true;
    return at + size;
  }

  /** Bytes that cannot be taken because of a hold are kept here; the reader of the socket pauses then. */
  #readChunks(bytes: Uint8Array, start: number, end: number): number {
    if (this.#held) {
      const kept = new Uint8Array(this.#kept.byteLength + end - start);
      kept.set(this.#kept);
      kept.set(bytes.subarray(start, end), this.#kept.byteLength);
      this.#kept = kept;
      return end;
    }
    const at = this.#chunks.read(bytes, start, end);
    if (this.isClosed || this.#isEnding) return end;
    if (!this.#held) return at;
    this.#kept = bytes.slice(at, end);
    return end;
  }

  /** There is room again: the held message first, then the kept bytes, then the socket. */
  #resume(): void {
    const message = this.#held;
    if (!message || this.isClosed) return;
    this.#held = undefined;
    this.lastBytesMs = this.#host.clock.monotonicMs();
    try {
      if (!this.#scratch.finish(message)) return;
      const kept = this.#kept;
      this.#kept = new Uint8Array(0);
      this.#socket.replay(kept);
    } catch (error) {
      this.fail(error);
    }
    if (!this.#held && !this.isClosed) this.#socket.resume();
  }

  // ——— MessageSink ———

  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    if (this.isClosed) return DISCARD;
    switch (message.type) {
      case MESSAGE_VIDEO:
      case MESSAGE_AUDIO:
        return this.#publicationOf(message.streamId)?.begin(message, bytes, at, available) ?? DISCARD;
      case MESSAGE_COMMAND_AMF0:
      case MESSAGE_COMMAND_AMF3:
        if (message.sizeBytes > MAX_COMMAND_BYTES) badInput(`a command of ${message.sizeBytes} bytes`);
        return this.#scratch;
      case MESSAGE_AGGREGATE:
        return this.#publicationOf(message.streamId) ? this.#scratch : DISCARD;
      case MESSAGE_SET_CHUNK_SIZE:
      case MESSAGE_ABORT:
      case MESSAGE_USER_CONTROL:
      case MESSAGE_WINDOW_ACK_SIZE:
        if (message.sizeBytes < 4 || message.sizeBytes > MAX_CONTROL_BYTES)
          badInput(`a control message of ${message.sizeBytes} bytes`, { type: message.type });
        return this.#scratch;
      case MESSAGE_ACKNOWLEDGEMENT:
      case MESSAGE_SET_PEER_BANDWIDTH:
        return DISCARD; // we send next to nothing
      default:
        // data messages (onMetaData) tell nothing that the decoder configurations do not; shared objects are not ours
        return DISCARD;
    }
  }

  /** A complete message from scratch memory. False: kept until there is room, or the connection is over. */
  #deliver(message: IncomingMessage, payload: Uint8Array): boolean {
    switch (message.type) {
      case MESSAGE_VIDEO:
      case MESSAGE_AUDIO: {
        const publication = this.#publicationOf(message.streamId);
        return !publication || publication.deliver(message.type, message.timestampMs, payload) || this.#hold(message);
      }
      case MESSAGE_AGGREGATE:
        return this.#deliverAggregate(message, payload);
      case MESSAGE_COMMAND_AMF0:
        this.#commands.handle(message.streamId, payload);
        break;
      case MESSAGE_COMMAND_AMF3:
        // The format byte is 0 for "AMF0 follows", as every encoder has it; one that leaves it out begins with a string
        // marker.
        this.#commands.handle(message.streamId, payload[0] === 0 ? payload.subarray(1) : payload);
        break;
      default:
        this.#control(message.type, payload);
    }
    return !this.isClosed && !this.#isEnding;
  }

  #deliverAggregate(message: IncomingMessage, payload: Uint8Array): boolean {
    this.#aggregate ??= new AggregateCursor(payload, message.timestampMs);
    const aggregate = this.#aggregate;
    for (; aggregate.hasTag(); aggregate.next()) {
      if (aggregate.type !== MESSAGE_VIDEO && aggregate.type !== MESSAGE_AUDIO) continue;
      const publication = this.#publicationOf(message.streamId);
      if (publication && !publication.deliver(aggregate.type, aggregate.timestampMs, aggregate.body))
        return this.#hold(message);
    }
    this.#aggregate = undefined;
    return true;
  }

  #hold(message: IncomingMessage): false {
    this.#held = message;
    return false;
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
      this.send(CHUNK_STREAM_CONTROL, MESSAGE_USER_CONTROL, 0, response);
    }
  }

  /** At most one per read, whatever window the peer asks for. */
  #acknowledge(): void {
    if (
      this.#ackWindowBytes === 0 ||
      this.#receivedBytes - this.#acknowledgedBytes < this.#ackWindowBytes ||
      this.isClosed
    )
      return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.send(CHUNK_STREAM_CONTROL, MESSAGE_ACKNOWLEDGEMENT, 0, encodeU32(this.#receivedBytes % 4294967296));
  }

  /**
   * Some encoders send media on another message stream than the one they publish on: where there was only one
   * publication there is no doubt.
   */
  #publicationOf(streamId: number): Publication | undefined {
    const published = this.#published.get(streamId);
    if (published) return published.publication;
    if (this.#publishCount !== 1) return undefined;
    for (const only of this.#published.values()) return only.publication;
    return undefined;
  }

  // ——— CommandPeer ———

  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void {
    if (this.isClosed) return;
    this.#socket.write(this.#writer.encode(chunkStreamId, type, streamId, 0, payload));
    if (this.#socket.unsentBytes > MAX_UNREAD_REPLY_BYTES) badInput("the peer does not read our replies");
  }

  setSendChunkSize(chunkSize: number): void {
    this.#writer.chunkSize = chunkSize;
  }

  publish(streamId: number, streamKey: string, connect: ConnectInfo): PublishOutcome {
    const outcome = this.#publish(streamId, streamKey, connect);
    if (!outcome.ok) this.#host.refused(this, connect.app, streamKey, outcome);
    return outcome;
  }

  #publish(streamId: number, streamKey: string, connect: ConnectInfo): PublishOutcome {
    if (this.#published.has(streamId))
      return { ok: false, code: "NetStream.Publish.BadName", description: "This stream is published already." };
    const { app, tcUrl, flashVer, swfUrl, pageUrl } = connect;
    const source: SourceInfo = { type: "INR", ...this.#address, tcUrl, userAgent: flashVer, swfUrl, pageUrl };
    const answer = this.#host.open({ app, streamKey, source }, (reason) => this.#closeSource(streamId, reason));
    if (!answer.ok) return answer;
    const inStream: InStream = answer.inStream;
    const publication = new Publication(inStream, this.#host.arena, this.#scratch, (note) =>
      this.#host.note(this, inStream.name, note),
    );
    // `room` may come while another connection's bytes lie in the shared read buffer.
    const onRoom = (): void => void setImmediate(() => this.#resume());
    inStream.on("room", onRoom);
    this.#publishCount++;
    this.#published.set(streamId, { publication, streamKey, onRoom });
    return { ok: true, code: "NetStream.Publish.Start", description: `${inStream.name} is being published.` };
  }

  unpublish(streamId: number, reason: string): boolean {
    const published = this.#published.get(streamId);
    if (!published) return false;
    this.#published.delete(streamId);
    this.unpublishedSinceMs = this.#host.clock.monotonicMs();
    published.publication.inStream.off("room", published.onRoom);
    published.publication.close(reason);
    // A hold for this stream has nothing to wait for any more; one for another stream finds no room again and goes on
    // waiting.
    if (this.#held && !this.isClosed) setImmediate(() => this.#resume());
    return true;
  }

  findPublication(streamKey: string): number | undefined {
    for (const [streamId, published] of this.#published) if (published.streamKey === streamKey) return streamId;
    return undefined;
  }

  end(reason: string): void {
    this.#isEnding = true;
    this.close(reason);
  }

  /**
   * The stream was closed from our side: the encoder notices by the end of its connection, when it has no other stream
   * on it.
   */
  #closeSource(streamId: number, reason: string): void {
    this.unpublish(streamId, reason);
    if (!this.isPublishing) this.end(reason);
  }
}
