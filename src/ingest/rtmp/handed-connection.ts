// A publisher's connection that another thread reads, as the main thread has it: the news of its streams are given to
// the in-streams, its commands to the connection, and what the main thread wants is asked of the thread.

import { CONNECTION_HELD_OFFSET, CONNECTION_LAST_BYTES_OFFSET, CONNECTION_SIZE } from "../../abi/ingest.js";
import type { Arena } from "../../arena/arena.js";
import type { InStream } from "../../stream/in-stream.js";
import type { Millis } from "../../time/units.js";
import type { IngestWorker, WorkerClient } from "../workers/ingest-worker.js";
import type { FromWorker, StreamNews, ToWorker } from "../workers/messages.js";
import { errorOf } from "../workers/told-error.js";
import type { ReceiverState } from "./message-receiver.js";

/** The connection. */
export interface HandedHost {
  command(streamId: number, payload: Uint8Array): void;
  note(streamName: string, text: string): void;
  fail(error: unknown): void;
  /** The thread has ended the connection, or itself. */
  close(reason: string, error?: unknown): void;
}

export interface HandOver {
  id: number;
  descriptor: number;
  receiver: ReceiverState;
  sendChunkSize: number;
  nowMs: Millis;
}

/** Configurations of two tracks, some frames, and a goodbye of three commands. */
const MAX_ROUNDS = 16;
const DIED = "the thread that read the connection has died";

export class HandedConnection implements WorkerClient {
  readonly #id: number;
  readonly #worker: IngestWorker;
  readonly #arena: Arena;
  readonly #host: HandedHost;
  readonly #block: number;
  /** By the number of the in-stream: those that the thread may still touch. */
  readonly #streams = new Map<number, InStream>();
  /** The thread has let go of it, or is gone. */
  #isReleased = false;
  #whenReleased: ((unsent: Uint8Array) => void) | undefined;
  #unsent: Uint8Array = new Uint8Array(0);
  /** Of what the thread has waited for. */
  #answers = 0;

  constructor(worker: IngestWorker, arena: Arena, host: HandedHost, handOver: HandOver) {
    const { id, descriptor, receiver, sendChunkSize, nowMs } = handOver;
    this.#id = id;
    this.#worker = worker;
    this.#arena = arena;
    this.#host = host;
    this.#block = arena.allocate(CONNECTION_SIZE);
    arena.view.setFloat64(this.#block + CONNECTION_LAST_BYTES_OFFSET, nowMs, true);
    worker.clients.set(id, this);
    const taken = { descriptor, block: this.#block, receiver, sendChunkSize };
    worker.post({ kind: "take", connection: id, taken });
  }

  /** Of the last bytes that came, or of the end of a hold, monotonic; undefined where the thread has let go. */
  get lastBytesMs(): Millis | undefined {
    if (this.#isReleased) return undefined;
    return this.#arena.view.getFloat64(this.#block + CONNECTION_LAST_BYTES_OFFSET, true);
  }

  get isHeld(): boolean {
    return !this.#isReleased && Atomics.load(this.#arena.i32, (this.#block + CONNECTION_HELD_OFFSET) >>> 2) === 1;
  }

  open(streamId: number, inStream: InStream): void {
    const { id, name } = inStream;
    const counters = inStream.handOver((heldMs, refusal) =>
      this.#answer({ kind: "room", connection: this.#id, stream: id, heldMs, refusal }),
    );
    this.#streams.set(id, inStream);
    const stream = { id, name, streamId, ring: inStream.ring.pointer, counters };
    this.#worker.post({ kind: "open", connection: this.#id, stream });
  }

  begin(): void {
    this.#worker.post({ kind: "begin", connection: this.#id });
  }

  write(bytes: Uint8Array): void {
    this.#worker.post({ kind: "write", connection: this.#id, bytes });
  }

  /** Takes what has come, as far as it waits for nothing but this thread's answers. */
  readNow(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const answersBefore = this.#answers;
      if (this.#isReleased || !this.#worker.call({ kind: "readNow", connection: this.#id })) return;
      if (this.#answers === answersBefore) return;
    }
  }

  /** Afterwards all that the thread had of the stream is in its ring, or told, unless the thread is stuck. */
  unpublish(streamId: number): void {
    if (!this.#isReleased) this.#worker.call({ kind: "unpublish", connection: this.#id, streamId });
  }

  /** `then` is called when the thread has let go of the descriptor, with what it could not write. */
  close(then: (unsent: Uint8Array) => void): void {
    if (!this.#isReleased) this.#worker.call({ kind: "close", connection: this.#id });
    if (this.#isReleased) then(this.#unsent);
    else this.#whenReleased = then;
  }

  sweep(): void {
    for (const inStream of this.#streams.values()) inStream.sweep();
  }

  receive(message: FromWorker): void {
    if (message.kind === "released") {
      this.#unsent = message.unsent;
      this.#release();
      this.#host.close(message.reason, message.error && errorOf(message.error));
      return;
    }
    try {
      if (message.kind === "command") {
        this.#host.command(message.streamId, message.payload);
        this.#answer({ kind: "goOn", connection: this.#id });
        return;
      }
      const inStream = this.#streams.get(message.stream);
      if (message.kind === "unpublished") {
        this.#streams.delete(message.stream);
        inStream?.letGo();
        return;
      }
      if (inStream && !inStream.ended) this.#tell(inStream, message.news);
    } catch (error) {
      this.#host.fail(error);
    }
  }

  died(): void {
    if (this.#isReleased) return;
    this.#release();
    this.#host.close(DIED, new Error(DIED));
  }

  #release(): void {
    this.#isReleased = true;
    this.#worker.clients.delete(this.#id);
    this.#arena.free(this.#block);
    for (const inStream of this.#streams.values()) inStream.letGo();
    this.#streams.clear();
    this.#whenReleased?.(this.#unsent);
  }

  #answer(message: ToWorker): void {
    this.#answers++;
    this.#worker.post(message);
  }

  #tell(inStream: InStream, news: StreamNews): void {
    switch (news.kind) {
      case "config": {
        inStream.setDecoderConfig(news.track, news.codec, news.bytes);
        const pointer = inStream.referToConfig(news.track)?.pointer ?? 0;
        this.#answer({ kind: "config", connection: this.#id, stream: inStream.id, pointer });
        return;
      }
      case "describe":
        inStream.describeTrack(news.track, news.about);
        return;
      case "withdraw":
        inStream.withdrawTrack(news.track);
        return;
      case "named":
        inStream.tracksAreNamed();
        return;
      case "unrecorded":
        inStream.setUnrecorded(news.tracks);
        return;
      case "gap":
        inStream.gap(news.gap);
        return;
      case "settle":
        inStream.look();
        inStream.settle();
        return;
      case "room":
        inStream.wantRoom(news.sizeBytes);
        return;
      case "note":
        this.#host.note(inStream.name, news.text);
        return;
    }
  }
}
