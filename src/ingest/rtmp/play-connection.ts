// One RTMP connection that we have begun, to play a stream: handshake, commands, and media that go the way of published
// ones. It is fed by a PacedSocket and never throws at it.
//
//   C0 C1 ─▶        ◀─ S0 S1 S2        C2, connect ─▶ PlaySession        media ─▶ Publication ─▶ in-stream

import type { Arena } from "../../arena/arena.js";
import { badInput } from "../../base/reel-error.js";
import type { Flow, FrameSink } from "../frame-sink.js";
import type { ByteConsumer, ReadMode } from "../sockets/paced-socket.js";
import { ChunkWriter, encodeU32 } from "./chunk-writer.js";
import type { ConnectionSocket } from "./connection.js";
import { beginHandshake, HANDSHAKE_SIZE, RTMP_VERSION } from "./handshake.js";
import { MessageReceiver, type ReceiverHost } from "./message-receiver.js";
import { type PlayEnd, type PlayPeer, type PlayRequest, PlaySession } from "./play-session.js";
import { Publication } from "./publication.js";
import {
  CHUNK_STREAM_CONTROL,
  MAX_UNREAD_REPLY_BYTES,
  MESSAGE_SET_PEER_BANDWIDTH,
  MESSAGE_USER_CONTROL,
  MESSAGE_WINDOW_ACK_SIZE,
} from "./rtmp-protocol.js";
import type { ScratchBudget } from "./scratch.js";

export interface PlayConnectionHost {
  arena: Arena;
  scratchBudget: ScratchBudget;
  /** Its in-stream is opened at the first media message. */
  sink: FrameSink;
  connected(): void;
  /** Bytes have come, and what they held is in the sink. */
  received(): void;
  note(note: string): void;
  /** Once: nothing more goes into the in-stream. The socket is still to be closed. */
  over(end: PlayEnd): void;
}

export class RtmpPlayConnection implements ByteConsumer, ReceiverHost, PlayPeer {
  isOver = false;
  #host: PlayConnectionHost;
  #socket: ConnectionSocket;
  #session: PlaySession;
  #receiver: MessageReceiver;
  #writer = new ChunkWriter();
  #publication: Publication | undefined;
  /** S0, S1 and S2. */
  #handshake: Buffer | undefined = Buffer.alloc(1 + 2 * HANDSHAKE_SIZE);
  #handshakeBytes = 0;

  /** `openSocket`: of a connection that stands. */
  constructor(
    host: PlayConnectionHost,
    request: PlayRequest,
    openSocket: (consumer: ByteConsumer) => ConnectionSocket,
    nowMs: number,
  ) {
    this.#host = host;
    this.#session = new PlaySession(this, request);
    this.#receiver = new MessageReceiver(this, host.scratchBudget);
    this.#socket = openSocket(this);
    this.#socket.write(beginHandshake(nowMs));
  }

  get flow(): Flow {
    return this.#receiver.flow;
  }

  close(reason: string): void {
    this.ended({ reason });
  }

  // ——— ByteConsumer ———

  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.isOver) return end;
    try {
      this.#receiver.receivedBytes += newBytes;
      const at = this.#handshake ? this.#readHandshake(this.#handshake, bytes, start, end) : start;
      const stopped = this.#handshake ? at : this.#receiver.read(bytes, at, end);
      if (!this.isOver) this.#host.received();
      return stopped;
    } catch (error) {
      this.fail(error);
      return end;
    }
  }

  get readMode(): ReadMode {
    if (this.#receiver.isHeld) return "held";
    return this.#publication ? "coalesced" : "immediate";
  }

  onEnd(): void {
    this.ended({ reason: "the server closed the connection" });
  }

  onError(error: Error): void {
    this.ended({ reason: `connection lost: ${error.message}` });
  }

  #readHandshake(handshake: Buffer, bytes: Uint8Array, start: number, end: number): number {
    const size = Math.min(end - start, handshake.length - this.#handshakeBytes);
    handshake.set(bytes.subarray(start, start + size), this.#handshakeBytes);
    this.#handshakeBytes += size;
    if (this.#handshakeBytes > 0 && handshake[0] !== RTMP_VERSION)
      badInput(`not RTMP: the first byte is ${handshake[0]}`);
    if (this.#handshakeBytes === handshake.length) {
      this.#handshake = undefined;
      this.#socket.write(Buffer.from(handshake.subarray(1, 1 + HANDSHAKE_SIZE))); // C2 repeats S1
      this.#session.begin();
    }
    return start + size;
  }

  // ——— ReceiverHost ———

  publicationOf(): Publication | undefined {
    if (!this.#session.isPlaying) return undefined;
    if (this.#publication) return this.#publication;
    const { sink, arena } = this.#host;
    const inStream = sink.openStream();
    if (!inStream || inStream.ended) return undefined;
    this.#publication = new Publication(sink, inStream, arena, this.#receiver.scratch, (note) => this.#host.note(note));
    return this.#publication;
  }

  command(_streamId: number, payload: Uint8Array): void {
    this.#session.handle(payload);
  }

  control(type: number, payload: Uint8Array): void {
    if (type === MESSAGE_USER_CONTROL) this.#session.userControl(payload);
    // §5.4.5: the peer that is told a bandwidth answers with its window.
    else if (type === MESSAGE_SET_PEER_BANDWIDTH)
      this.send(CHUNK_STREAM_CONTROL, MESSAGE_WINDOW_ACK_SIZE, 0, encodeU32(Buffer.from(payload).readUInt32BE(0)));
  }

  resumed(kept: Uint8Array): void {
    this.#socket.replay(kept);
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  fail(error: unknown): void {
    this.ended({ reason: error instanceof Error ? error.message : String(error) });
  }

  // ——— PlayPeer ———

  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void {
    if (this.isOver) return;
    this.#socket.write(this.#writer.encode(chunkStreamId, type, streamId, 0, payload));
    if (this.#socket.unsentBytes > MAX_UNREAD_REPLY_BYTES) badInput("the server does not read what we send");
  }

  connected(): void {
    this.#host.connected();
  }

  ended(end: PlayEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#publication?.leave();
    this.#receiver.close();
    this.#host.over(end);
    this.#socket.destroy();
  }
}
