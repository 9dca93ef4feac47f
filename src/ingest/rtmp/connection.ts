// One RTMP connection of a publisher: handshake, commands, and the streams that it publishes. It is fed by a
// PacedSocket and never throws at it: whatever goes wrong ends this connection and nothing else.
//
//   onBytes ─▶ C0 C1 ─▶ C2 ─▶ MessageReceiver ─▶ commands │ audio, video ─▶ Publication ─▶ in-stream

import type { Arena } from "../../arena/arena.js";
import { badInput } from "../../base/reel-error.js";
import type { InStream } from "../../stream/in-stream.js";
import type { SourceInfo } from "../../stream/source-info.js";
import type { Clock } from "../../time/units.js";
import { FrameSink } from "../frame-sink.js";
import type { PublishAnswer, Publisher, PublishRequest } from "../publish-gate.js";
import type { ByteConsumer, ReadMode } from "../sockets/paced-socket.js";
import type { IngestWorkers } from "../workers/ingest-workers.js";
import { ChunkWriter } from "./chunk-writer.js";
import { type CommandPeer, CommandSession, type ConnectInfo, type PublishOutcome } from "./command-session.js";
import { HandedConnection } from "./handed-connection.js";
import { answerHandshake, HANDSHAKE_SIZE, RTMP_VERSION } from "./handshake.js";
import { MessageReceiver, type ReceiverHost } from "./message-receiver.js";
import { Publication } from "./publication.js";
import { MAX_UNREAD_REPLY_BYTES } from "./rtmp-protocol.js";
import type { ScratchBudget } from "./scratch.js";

export interface ConnectionHost {
  /** Streams that one connection publishes in its life. */
  readonly maxPublishes: number;
  arena: Arena;
  clock: Clock;
  scratchBudget: ScratchBudget;
  /** Threads that read what is published; undefined where the main thread does. */
  workers: IngestWorkers | undefined;
  open(request: PublishRequest, publisher: Publisher): PublishAnswer;
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
  /** Reads what has come, without waiting for more. */
  readNow(): void;
  /** The descriptor for another thread, as PacedSocket's. */
  handOver(): number | undefined;
  /** That thread has let go of it. */
  takeBack(): void;
}

interface Published {
  inStream: InStream;
  /** Undefined where another thread reads it. */
  publication: Publication | undefined;
  streamKey: string;
}

export class RtmpConnection implements ByteConsumer, ReceiverHost, CommandPeer {
  readonly acceptedMs: number;
  /** Monotonic ms since when nothing is published on it. */
  unpublishedSinceMs: number;
  isHandshakeDone = false;
  isClosed = false;

  #host: ConnectionHost;
  #socket: ConnectionSocket;
  #address: Omit<SourceInfo, "type">;
  #receiver: MessageReceiver;
  #writer = new ChunkWriter();
  #commands = new CommandSession(this);
  #published = new Map<number, Published>();
  #publishCount = 0;
  #handshake: Buffer | undefined = Buffer.alloc(1 + HANDSHAKE_SIZE);
  #handshakeBytes = 0;
  /** Bytes of C2 still to come; its content proves nothing that matters here. */
  #c2Left = HANDSHAKE_SIZE;
  #isEnding = false;
  #lastBytesMs: number;
  /** What is published first goes to another thread, with the connection, behind the bytes that are being read. */
  #due: { streamId: number; inStream: InStream } | undefined;
  /** That thread has it. */
  #handed: HandedConnection | undefined;

  /** `openSocket` begins to read; bytes come later. */
  constructor(
    host: ConnectionHost,
    address: Omit<SourceInfo, "type">,
    openSocket: (consumer: ByteConsumer) => ConnectionSocket,
  ) {
    this.#host = host;
    this.#address = address;
    this.#receiver = new MessageReceiver(this, host.scratchBudget);
    this.acceptedMs = host.clock.monotonicMs();
    this.#lastBytesMs = this.acceptedMs;
    this.unpublishedSinceMs = this.acceptedMs;
    this.#socket = openSocket(this);
  }

  get isHeld(): boolean {
    return this.#handed?.isHeld ?? this.#receiver.isHeld;
  }
  /** Monotonic ms of the last bytes that came, or of the end of a hold: what we keep waiting is not idle. */
  get lastBytesMs(): number {
    return this.#handed?.lastBytesMs ?? this.#lastBytesMs;
  }
  get isPublishing(): boolean {
    return this.#published.size > 0;
  }
  get farAddress(): string {
    return `${this.#address.farIp}:${this.#address.farPort}`;
  }

  // ——— ByteConsumer ———

  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.isOver) return end;
    try {
      this.#receiver.receivedBytes += newBytes;
      this.#lastBytesMs = this.#host.clock.monotonicMs();
      let at = start;
      if (!this.isHandshakeDone) at = this.#readHandshake(bytes, at, end);
      if (this.isHandshakeDone) at = this.#receiver.read(bytes, at, end);
      if (this.#due) this.#handOver(this.#due);
      return at;
    } catch (error) {
      this.fail(error);
      return end;
    }
  }

  get readMode(): ReadMode {
    if (this.#handed || this.isHeld) return "held";
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

  /** Asks a publisher to come again; false where there is none, or it has not said that it can. */
  requestReconnect(description: string): boolean {
    if (this.isOver || !this.isPublishing) return false;
    try {
      return this.#commands.requestReconnect(description);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  close(reason: string, error?: unknown): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const streamId of [...this.#published.keys()]) this.unpublish(streamId, reason);
    this.#receiver.close();
    if (this.#handed)
      this.#handed.close((unsent) => {
        this.#socket.takeBack();
        if (unsent.byteLength > 0) this.#socket.write(unsent);
        this.#closeSocket();
      });
    else this.#closeSocket();
    this.#host.closed(this, reason, error);
  }

  #closeSocket(): void {
    if (this.#isEnding) this.#socket.end();
    else this.#socket.destroy();
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

  // ——— ReceiverHost ———

  get isOver(): boolean {
    return this.isClosed || this.#isEnding;
  }

  command(streamId: number, payload: Uint8Array): void {
    this.#commands.handle(streamId, payload);
  }

  /** What the receiver does not answer itself means nothing to a server. */
  control(): void {}

  resumed(kept: Uint8Array): void {
    this.#lastBytesMs = this.#host.clock.monotonicMs();
    this.#socket.replay(kept);
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /**
   * Some encoders send media on another message stream than the one they publish on: where there was only one
   * publication there is no doubt.
   */
  publicationOf(streamId: number): Publication | undefined {
    const published = this.#published.get(streamId);
    if (published) return published.publication;
    if (this.#publishCount !== 1) return undefined;
    for (const only of this.#published.values()) return only.publication;
    return undefined;
  }

  // ——— CommandPeer ———

  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void {
    if (this.isClosed) return;
    const message = this.#writer.encode(chunkStreamId, type, streamId, 0, payload);
    if (this.#handed) {
      this.#handed.write(message);
      return;
    }
    this.#socket.write(message);
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
    const { maxPublishes } = this.#host;
    if (this.#publishCount >= maxPublishes)
      return {
        ok: false,
        code: "NetStream.Publish.Denied",
        description: `This connection has published ${maxPublishes} streams (limits.publishesPerConnection): connect again.`,
      };
    const { app, tcUrl, flashVer, swfUrl, pageUrl } = connect;
    const source: SourceInfo = { type: "INR", ...this.#address, tcUrl, userAgent: flashVer, swfUrl, pageUrl };
    const answer = this.#host.open(
      { app, streamKey, source },
      {
        close: (reason) => this.#closeSource(streamId, reason),
        readNow: () => {
          if (this.#handed) this.#handed.readNow();
          else if (!this.isHeld) this.#socket.readNow();
        },
      },
    );
    if (!answer.ok) {
      const code = answer.code === "denied" ? "NetStream.Publish.Denied" : "NetStream.Publish.BadName";
      return { ok: false, code, description: answer.description };
    }
    const inStream: InStream = answer.inStream;
    this.#publishCount++;
    this.#published.set(streamId, { inStream, publication: undefined, streamKey });
    if (this.#handed) this.#handed.open(streamId, inStream);
    else if (this.#host.workers && this.#publishCount === 1) {
      this.#due = { streamId, inStream };
      // What follows is the other thread's.
      this.#receiver.flow.pause();
    } else this.#publishHere(streamId, inStream);
    return { ok: true, code: "NetStream.Publish.Start", description: `${inStream.name} is being published.` };
  }

  /** Frames of the stream are put into its ring by this thread. */
  #publishHere(streamId: number, inStream: InStream): void {
    const published = this.#published.get(streamId);
    if (!published) return;
    const { arena } = this.#host;
    const { flow, scratch } = this.#receiver;
    const sink = new FrameSink({ arena, open: () => inStream, flow: () => flow });
    sink.openStream();
    published.publication = new Publication(sink, inStream, arena, scratch, (note) => this.note(inStream.name, note));
  }

  note(streamName: string, note: string): void {
    this.#host.note(this, streamName, note);
  }

  /** The connection with all that it has read goes to another thread, where one runs and the socket can be handed. */
  #handOver({ streamId, inStream }: { streamId: number; inStream: InStream }): void {
    this.#due = undefined;
    if (this.isOver) return;
    const { workers, arena, clock } = this.#host;
    const worker = workers?.pick();
    const descriptor = worker && this.#socket.handOver();
    if (!workers || !worker || descriptor === undefined) {
      this.#publishHere(streamId, inStream);
      this.#receiver.flow.resume();
      return;
    }
    const id = workers.nextConnection();
    const { chunkSize: sendChunkSize } = this.#writer;
    const receiver = this.#receiver.give();
    const handOver = { id, descriptor, receiver, sendChunkSize, nowMs: clock.monotonicMs() };
    this.#handed = new HandedConnection(worker, arena, this, handOver);
    if (!inStream.ended) this.#handed.open(streamId, inStream);
    this.#handed.begin();
  }

  unpublish(streamId: number, reason: string): boolean {
    const published = this.#published.get(streamId);
    if (!published) return false;
    this.#published.delete(streamId);
    this.unpublishedSinceMs = this.#host.clock.monotonicMs();
    const { publication, inStream } = published;
    if (!publication) {
      this.#handed?.unpublish(streamId);
      inStream.end(reason);
      return true;
    }
    publication.close(reason);
    // A hold for this stream has nothing to wait for any more.
    if (this.isHeld && !this.isClosed) this.#receiver.flow.resume();
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
