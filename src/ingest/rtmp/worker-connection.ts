// A publisher's connection in the thread that reads it (src/ingest/workers/): its socket is polled by descriptor, media
// go into the rings here, acknowledgements and pongs are answered here, commands by the main thread.
//
//   take ─▶ poll … poll ─▶ end of the connection, or an error, or `close` ─▶ released: the descriptor is main's again

import { readSync, writeSync } from "node:fs";
import { CONNECTION_HELD_OFFSET, CONNECTION_LAST_BYTES_OFFSET, CONNECTION_SIZE } from "../../abi/ingest.js";
import type { ArenaMemory } from "../../arena/arena-memory.js";
import { badInput } from "../../base/reel-error.js";
import type { Clock } from "../../time/units.js";
import { type Flow, FrameSink } from "../frame-sink.js";
import { PacedReads } from "../sockets/paced-reads.js";
import { HEADROOM_BYTES, type Pollable, READ_BYTES, type ReadLoop, TICK_MS } from "../sockets/read-loop.js";
import type { FromWorker, OpenStream, StreamNews, TakenConnection } from "../workers/messages.js";
import { tellError } from "../workers/told-error.js";
import { WorkerStream } from "../workers/worker-stream.js";
import { ChunkWriter } from "./chunk-writer.js";
import { MessageReceiver, type ReceiverHost } from "./message-receiver.js";
import { Publication } from "./publication.js";
import { MAX_UNREAD_REPLY_BYTES } from "./rtmp-protocol.js";
import type { ScratchBudget } from "./scratch.js";

/** Reads of one poll, so that a torrent on one socket does not starve the others. */
const MAX_READS_PER_POLL = 4;
/** 16 MiB: more than the kernel keeps for a socket. */
const MAX_READS_AT_ONCE = 64;
/** An empty read costs an exception (6.6 µs): a silent socket is looked at once a second. */
export const MAX_SILENT_TICKS = 1000 / TICK_MS;

export interface WorkerParts {
  memory: ArenaMemory;
  clock: Clock;
  loop: ReadLoop;
  budget: ScratchBudget;
  /** Ticks between two reads, at most, of a socket that brings something. */
  maxRestTicks: number;
  tell(message: FromWorker): void;
  /** It has let go of its descriptor. */
  gone(connection: WorkerConnection): void;
}

export class WorkerConnection implements Pollable, ReceiverHost {
  isOver = false;
  readonly #parts: WorkerParts;
  readonly #taken: TakenConnection;
  readonly #reads: PacedReads;
  readonly #receiver: MessageReceiver;
  readonly #writer = new ChunkWriter();
  readonly #published = new Map<number, { stream: WorkerStream; publication: Publication }>();
  readonly #streams = new Map<number, WorkerStream>();
  #publishCount = 0;
  #isScheduled = false;
  /** Ticks that an empty read lets it rest. */
  #silentTicks: number;
  /** A command waits for its answer. */
  #isAsking = false;
  /** A ring is full, or a configuration is being stored. */
  #isFull = false;
  #unsent: Uint8Array = new Uint8Array(0);

  constructor(
    readonly id: number,
    taken: TakenConnection,
    parts: WorkerParts,
  ) {
    this.#parts = parts;
    this.#taken = taken;
    parts.memory.cover(taken.block + CONNECTION_SIZE);
    this.#silentTicks = parts.maxRestTicks;
    this.#writer.chunkSize = taken.sendChunkSize;
    this.#reads = new PacedReads(parts.loop, (bytes, start, end, newBytes) =>
      this.#onBytes(bytes, start, end, newBytes),
    );
    this.#receiver = new MessageReceiver(this, parts.budget);
  }

  /** Goes on with what the main thread had read. */
  begin(): void {
    this.#guard(() => {
      this.#receiver.take(this.#taken.receiver);
      this.#reads.replay(this.#taken.receiver.unread);
    });
    this.poll();
  }

  open(open: OpenStream): void {
    const { memory, clock } = this.#parts;
    const tell = (news: StreamNews): void =>
      this.#parts.tell({ kind: "stream", connection: this.id, stream: open.id, news });
    const stream = new WorkerStream(open, memory, clock, tell);
    const sink = new FrameSink({ arena: memory, open: () => stream, flow: () => this.#flow });
    sink.openStream();
    const publication = new Publication(sink, stream, memory, this.#receiver.scratch, (text) =>
      tell({ kind: "note", text }),
    );
    this.#publishCount++;
    this.#published.set(open.streamId, { stream, publication });
    this.#streams.set(open.id, stream);
  }

  unpublish(streamId: number): void {
    const published = this.#published.get(streamId);
    if (!published) return;
    this.#published.delete(streamId);
    published.publication.close("");
    this.#streams.delete(published.stream.id);
    this.#parts.tell({ kind: "unpublished", connection: this.id, stream: published.stream.id });
    // A hold for this stream has nothing to wait for any more.
    if (this.#isFull) this.#flow.resume();
  }

  goOn(): void {
    this.#isAsking = false;
    this.#resume();
  }

  configStored(stream: number, pointer: number): void {
    this.#guard(() => this.#streams.get(stream)?.configStored(pointer));
  }

  roomMade(stream: number, heldMs: number, refusal: string | undefined): void {
    this.#guard(() => this.#streams.get(stream)?.roomMade(heldMs, refusal));
  }

  // ——— reading ———

  poll(): void {
    this.#isScheduled = false;
    if (this.isOver) return;
    this.#guard(() => this.#flush());
    if (this.isOver) return;
    if (this.#receiver.isHeld) {
      if (this.#unsent.byteLength > 0) this.#schedule(this.#parts.maxRestTicks);
      return;
    }
    let size = 0;
    for (let reads = 0; reads < MAX_READS_PER_POLL; reads++) {
      size = this.#read();
      if (size <= 0) break;
      if (this.isOver || this.#receiver.isHeld) return;
      if (size < READ_BYTES) break;
    }
    if (this.isOver) return;
    if (size > 0) {
      this.#silentTicks = this.#parts.maxRestTicks;
      this.#schedule(Math.max(1, this.#reads.restTicks(size, this.#parts.maxRestTicks)));
      return;
    }
    this.#schedule(this.#silentTicks);
    this.#silentTicks = Math.min(MAX_SILENT_TICKS, 2 * this.#silentTicks);
  }

  /** Reads all that has come, its end included. */
  readNow(): void {
    for (let reads = 0; reads < MAX_READS_AT_ONCE; reads++)
      if (this.isOver || this.#receiver.isHeld || this.#read() <= 0) return;
  }

  /** One read(2): its bytes, or -1 where there are none; 0 at the end, then the connection is over. */
  #read(): number {
    let size: number;
    try {
      size = readSync(this.#taken.descriptor, this.#parts.loop.buffer, HEADROOM_BYTES, READ_BYTES, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return -1;
      this.close(`connection lost: ${(error as Error).message}`);
      return 0;
    }
    if (size === 0) this.close("the publisher closed the connection");
    else this.#reads.feed(size, size);
    return size;
  }

  #onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number {
    if (this.isOver) return end;
    let at = end;
    this.#guard(() => {
      this.#receiver.receivedBytes += newBytes;
      this.#showBytes();
      at = this.#receiver.read(bytes, start, end);
    });
    return at;
  }

  #schedule(ticks: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.loop.schedule(this, ticks);
  }

  // ——— holds ———

  readonly #flow: Flow = {
    pause: () => {
      this.#isFull = true;
      this.#hold();
    },
    resume: () => {
      this.#isFull = false;
      this.#resume();
    },
  };

  #hold(): void {
    this.#receiver.flow.pause();
    this.#showHeld(1);
  }

  /** What ends a hold comes by messages, and those between two reads. */
  #resume(): void {
    if (!this.#isFull && !this.#isAsking) this.#receiver.resume();
  }

  #showHeld(isHeld: number): void {
    Atomics.store(this.#parts.memory.i32, (this.#taken.block + CONNECTION_HELD_OFFSET) >>> 2, isHeld);
  }

  #showBytes(): void {
    const { memory, clock } = this.#parts;
    memory.view.setFloat64(this.#taken.block + CONNECTION_LAST_BYTES_OFFSET, clock.monotonicMs(), true);
  }

  // ——— ReceiverHost ———

  /** As RtmpConnection's. */
  publicationOf(streamId: number): Publication | undefined {
    const published = this.#published.get(streamId);
    if (published) return published.publication;
    if (this.#publishCount !== 1) return undefined;
    for (const only of this.#published.values()) return only.publication;
    return undefined;
  }

  /** Reading rests until it is answered: what follows may depend on it. */
  command(streamId: number, payload: Uint8Array): void {
    this.#isAsking = true;
    this.#hold();
    this.#parts.tell({ kind: "command", connection: this.id, streamId, payload: new Uint8Array(payload) });
  }

  control(): void {}

  resumed(kept: Uint8Array): void {
    this.#showBytes();
    this.#showHeld(0);
    this.#reads.replay(kept);
  }

  resumeReading(): void {
    if (!this.#isScheduled) this.poll();
  }

  fail(error: unknown): void {
    this.close(error instanceof Error ? error.message : String(error), error);
  }

  send(chunkStreamId: number, type: number, streamId: number, payload: Uint8Array): void {
    this.write(this.#writer.encode(chunkStreamId, type, streamId, 0, payload));
  }

  // ——— writing ———

  write(bytes: Uint8Array): void {
    if (this.isOver) return;
    this.#guard(() => {
      this.#unsent = this.#unsent.byteLength === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
      this.#flush();
      if (this.#unsent.byteLength > MAX_UNREAD_REPLY_BYTES) badInput("the peer does not read our replies");
    });
  }

  /** What the socket does not take waits for the next poll. */
  #flush(): void {
    while (this.#unsent.byteLength > 0) {
      try {
        const sent = writeSync(this.#taken.descriptor, this.#unsent);
        this.#unsent = this.#unsent.subarray(sent);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        this.#schedule(1);
        return;
      }
    }
  }

  // ——— end ———

  /** Everything of it is in the rings, or told; then the descriptor is the main thread's. */
  close(reason: string, error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const { publication } of this.#published.values()) publication.close("");
    this.#published.clear();
    this.#receiver.close();
    this.#parts.gone(this);
    this.#parts.tell({
      ...{ kind: "released", connection: this.id, reason },
      ...{ error: error === undefined ? undefined : tellError(error), unsent: new Uint8Array(this.#unsent) },
    });
  }

  /** An error ends this connection and nothing else. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }
}
