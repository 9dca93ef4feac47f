// What the main thread and a thread that reads sockets tell each other: states, never frames.

import type { MessagePort } from "node:worker_threads";
import type { CodecName } from "../../media/codec/codec-entry.js";
import type { Gap } from "../../stream/gap.js";
import type { NewTrack } from "../../stream/track.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { Millis } from "../../time/units.js";
import type { ReceiverState } from "../rtmp/message-receiver.js";

/** What a thread is started with. */
export interface IngestWorkerData {
  memory: WebAssembly.Memory;
  port: MessagePort;
  /** Block of HEADROOM_BYTES + READ_BYTES that it reads into. */
  buffer: number;
  /** Block of the calls (src/abi/ingest.ts). */
  calls: number;
  /** Monotonic time of the main thread's clock, less that since 1970: in-streams have that clock. */
  zeroMs: Millis;
  maxRestMs: Millis;
  /** Half-received messages of all its connections together. */
  maxScratchBytes: number;
}

/** An in-stream that a thread is to put frames into. */
export interface OpenStream {
  /** Number of the in-stream. */
  id: number;
  name: string;
  /** RTMP message stream that it is published on. */
  streamId: number;
  /** Control block of its ring (src/abi/ring.ts). */
  ring: number;
  /** Block of its counters (src/abi/in-stream.ts). */
  counters: number;
}

/** A connection with all that its next byte depends on. */
export interface TakenConnection {
  descriptor: number;
  /** src/abi/ingest.ts */
  block: number;
  receiver: ReceiverState;
  /** Of what is sent. */
  sendChunkSize: number;
}

export type ToWorker =
  | { kind: "take"; connection: number; taken: TakenConnection }
  | { kind: "open"; connection: number; stream: OpenStream }
  /** Its first stream is open: it is read. */
  | { kind: "begin"; connection: number }
  /** The stream takes no more frames; what waits is given up and told. */
  | { kind: "unpublish"; connection: number; streamId: number }
  /** The answer to `command`: the connection is read on. */
  | { kind: "goOn"; connection: number }
  | { kind: "write"; connection: number; bytes: Uint8Array }
  /** Takes what has come and was not read yet. */
  | { kind: "readNow"; connection: number }
  /** Lets go of the connection. */
  | { kind: "close"; connection: number }
  /** The answer to `config`. */
  | { kind: "config"; connection: number; stream: number; pointer: number }
  /** The answer to `room`. `refusal`: there will never be room for this frame. */
  | { kind: "room"; connection: number; stream: number; heldMs: Millis; refusal: string | undefined };

/** A message that the main thread waits for. */
export type Called = ToWorker & { call?: number };

/** Of an in-stream. */
export type StreamNews =
  | { kind: "config"; track: number; codec: CodecName; bytes: Uint8Array }
  | { kind: "describe"; track: number; about: NewTrack }
  | { kind: "withdraw"; track: number }
  | { kind: "named" }
  | { kind: "unrecorded"; tracks: readonly UnrecordedTrack[] }
  | { kind: "gap"; gap: Gap }
  /** Enough has come that further tracks are not waited for. */
  | { kind: "settle" }
  /** A frame of that size waits. */
  | { kind: "room"; sizeBytes: number }
  | { kind: "note"; text: string };

/** An error as it goes from thread to thread. */
export interface ToldError {
  /** Of a ReelError; undefined where it is another one. */
  code: string | undefined;
  message: string;
  stack: string | undefined;
}

export type FromWorker =
  | { kind: "stream"; connection: number; stream: number; news: StreamNews }
  /** The answer to `unpublish`: nothing of the in-stream will be touched any more. */
  | { kind: "unpublished"; connection: number; stream: number }
  /** A command message; nothing is read until it is answered by `goOn`. */
  | { kind: "command"; connection: number; streamId: number; payload: Uint8Array }
  /** The thread has let go of the connection; `unsent` it could not write. */
  | { kind: "released"; connection: number; reason: string; error: ToldError | undefined; unsent: Uint8Array };
