// An RTMP publisher: what `reel demo`, the tests and the benchmark's generator send with. Plain handshake, the commands
// that encoders send, then audio and video messages as fast as the socket takes them or at the pace of their
// timestamps.

import net from "node:net";
import { badInput } from "../../base/reel-error.js";
import { type AmfObject, type AmfValue, encodeAmf0, parseAmf0 } from "../../media/flv/amf0.js";
import type { FlvTag } from "../../media/flv/flv-tag.js";
import {
  ChunkReader,
  DISCARD,
  type IncomingMessage,
  type MessageDestination,
  type MessageSink,
} from "./chunk-reader.js";
import { ChunkWriter, encodeU32 } from "./chunk-writer.js";
import { beginHandshake, HANDSHAKE_SIZE } from "./handshake.js";
import {
  CHUNK_STREAM_COMMAND,
  CHUNK_STREAM_CONTROL,
  MESSAGE_AUDIO,
  MESSAGE_COMMAND_AMF0,
  MESSAGE_SET_CHUNK_SIZE,
  MESSAGE_VIDEO,
} from "./rtmp-protocol.js";
import { Scratch, ScratchBudget } from "./scratch.js";

const DEFAULT_PORT = 1935;
const CHUNK_BYTES = 65536;
const REPLY_TIMEOUT_MS = 10_000;
/** Replies of a server that answers a publisher. */
const MAX_REPLY_BYTES = 1048576;
/** `publishFlv` waits for the socket when this much is unsent. */
const MAX_UNSENT_BYTES = 1048576;
const CHUNK_STREAM_AUDIO = 4;
const CHUNK_STREAM_VIDEO = 6;
const CHUNK_STREAM_DATA = 5;

export interface PublishTarget {
  host: string;
  port: number;
  app: string;
  streamKey: string;
}

/** rtmp://host[:port]/app[/…]/name[?query]. Throws ReelError `badInput`. */
export function parseRtmpUrl(url: string): PublishTarget {
  const match = /^rtmp:\/\/(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?\/([^?]+)\/([^/?]+(?:\?.*)?)$/.exec(url);
  if (!match) return badInput("an RTMP URL looks like rtmp://host:1935/live/name", { url });
  const [, host = "", port, app = "", streamKey = ""] = match;
  return { host: host.replace(/^\[|\]$/g, ""), port: port === undefined ? DEFAULT_PORT : Number(port), app, streamKey };
}

/** The server refused or ended what we asked for. `code` is its onStatus code. */
export class PublishRefused extends Error {
  constructor(
    readonly code: string,
    description: string,
  ) {
    super(`${code}: ${description}`);
    this.name = "PublishRefused";
  }
}

interface Waiting {
  /** The reply that is waited for; undefined where it is not this one. */
  accept: (values: AmfValue[]) => boolean;
  resolve: (values: AmfValue[]) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

function asObject(value: AmfValue): AmfObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

export class RtmpPublisher implements MessageSink {
  /** Resolves when the connection is over, with the error that ended it, if any. */
  readonly closed: Promise<Error | undefined>;
  #socket: net.Socket;
  #target: PublishTarget;
  #reader = new ChunkReader(this);
  #writer = new ChunkWriter();
  #replies = new Scratch(new ScratchBudget(MAX_REPLY_BYTES), (_message, payload) => this.#onCommand(payload));
  #left: Buffer = Buffer.alloc(0);
  /** S0, S1 and S2 still to come. */
  #handshakeLeft = 1 + 2 * HANDSHAKE_SIZE;
  #serverHandshake: Buffer[] = [];
  #onHandshake: (() => void) | undefined;
  #waiting: Waiting[] = [];
  #transactionId = 0;
  #streamId = 0;
  #error: Error | undefined;

  private constructor(target: PublishTarget) {
    this.#target = target;
    this.#socket = net.connect({ host: target.host, port: target.port, noDelay: true });
    this.#socket.on("data", (data) => this.#onData(data));
    this.#socket.on("error", (error) => {
      this.#error ??= error;
    });
    this.closed = new Promise((resolve) => {
      this.#socket.on("close", () => {
        for (const waiting of this.#waiting.splice(0)) {
          clearTimeout(waiting.timer);
          waiting.reject(this.#error ?? new PublishRefused("closed", "the server closed the connection"));
        }
        resolve(this.#error);
      });
    });
  }

  /** Connects and begins to publish. Rejects with PublishRefused where the server does not want the stream. */
  static async open(target: PublishTarget | string): Promise<RtmpPublisher> {
    const publisher = new RtmpPublisher(typeof target === "string" ? parseRtmpUrl(target) : target);
    try {
      await publisher.#open();
      return publisher;
    } catch (error) {
      publisher.destroy();
      throw error;
    }
  }

  /** One message: a FLV tag's type, time and data. */
  send(tag: FlvTag): void {
    const csid =
      tag.type === MESSAGE_AUDIO
        ? CHUNK_STREAM_AUDIO
        : tag.type === MESSAGE_VIDEO
          ? CHUNK_STREAM_VIDEO
          : CHUNK_STREAM_DATA;
    this.#write(csid, tag.type, this.#streamId, tag.timestampMs % 4294967296, tag.data);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Resolves when the kernel has taken everything that was sent, or the connection is over. */
  async drained(): Promise<void> {
    if (this.#socket.writableLength === 0 || this.#socket.destroyed) return;
    const written = new Promise<void>((resolve) => this.#socket.write(Buffer.alloc(0), () => resolve()));
    await Promise.race([written, this.closed]);
  }

  /** Ends the stream in order and waits until the server has taken all of it. */
  async close(): Promise<void> {
    if (!this.#socket.destroyed) {
      this.#command(0, "FCUnpublish", ++this.#transactionId, null, this.#target.streamKey);
      this.#command(0, "deleteStream", ++this.#transactionId, null, this.#streamId);
      this.#socket.end();
    }
    await this.closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #open(): Promise<void> {
    const shaken = this.#wait(() => false);
    this.#onHandshake = () => this.#settle(shaken.waiting, []);
    this.#socket.write(beginHandshake(performance.now()));
    await shaken.reply;
    this.#write(CHUNK_STREAM_CONTROL, MESSAGE_SET_CHUNK_SIZE, 0, 0, encodeU32(CHUNK_BYTES));
    this.#writer.chunkSize = CHUNK_BYTES;
    const { host, port, app, streamKey } = this.#target;
    await this.#call("connect", {
      app,
      type: "nonprivate",
      flashVer: "FMLE/3.0 (compatible; Reel)",
      tcUrl: `rtmp://${host}:${port}/${app}`,
    });
    this.#command(0, "releaseStream", ++this.#transactionId, null, streamKey);
    this.#command(0, "FCPublish", ++this.#transactionId, null, streamKey);
    const [, , , streamId] = await this.#call("createStream", null);
    this.#streamId = typeof streamId === "number" ? streamId : 1;
    const started = this.#wait(([name]) => name === "onStatus");
    this.#command(this.#streamId, "publish", ++this.#transactionId, null, streamKey, "live");
    const { code, description } = asObject((await started.reply)[3]);
    if (code !== "NetStream.Publish.Start") throw new PublishRefused(String(code), String(description));
  }

  /** A command that is answered by `_result`. */
  async #call(name: string, ...args: AmfValue[]): Promise<AmfValue[]> {
    const transactionId = ++this.#transactionId;
    const answered = this.#wait(([reply, id]) => (reply === "_result" || reply === "_error") && id === transactionId);
    this.#command(0, name, transactionId, ...args);
    const values = await answered.reply;
    if (values[0] === "_result") return values;
    const { code, description } = asObject(values[3]);
    throw new PublishRefused(String(code ?? name), String(description ?? "refused"));
  }

  #wait(accept: Waiting["accept"]): { waiting: Waiting; reply: Promise<AmfValue[]> } {
    let resolve: Waiting["resolve"] = () => {};
    let reject: Waiting["reject"] = () => {};
    const reply = new Promise<AmfValue[]>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    const timer = setTimeout(() => {
      this.#error ??= new PublishRefused("timeout", "the server does not answer");
      this.#socket.destroy();
    }, REPLY_TIMEOUT_MS);
    const waiting: Waiting = { accept, resolve, reject, timer };
    this.#waiting.push(waiting);
    return { waiting, reply };
  }

  #settle(waiting: Waiting, values: AmfValue[]): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    clearTimeout(waiting.timer);
    waiting.resolve(values);
  }

  #command(streamId: number, ...values: AmfValue[]): void {
    this.#write(CHUNK_STREAM_COMMAND, MESSAGE_COMMAND_AMF0, streamId, 0, encodeAmf0(...values));
  }

  #write(chunkStreamId: number, type: number, streamId: number, timestampMs: number, payload: Uint8Array): void {
    if (!this.#socket.destroyed)
      this.#socket.write(this.#writer.encode(chunkStreamId, type, streamId, timestampMs, payload));
  }

  #onData(data: Buffer): void {
    let bytes = data;
    if (this.#handshakeLeft > 0) {
      const size = Math.min(bytes.length, this.#handshakeLeft);
      this.#serverHandshake.push(bytes.subarray(0, size));
      this.#handshakeLeft -= size;
      bytes = bytes.subarray(size);
      if (this.#handshakeLeft > 0) return;
      const server = Buffer.concat(this.#serverHandshake.splice(0));
      this.#socket.write(server.subarray(1, 1 + HANDSHAKE_SIZE)); // C2 repeats S1
      this.#onHandshake?.();
    }
    try {
      this.#left = Buffer.concat([this.#left, bytes]);
      const at = this.#reader.read(this.#left, 0, this.#left.length);
      this.#left = Buffer.from(this.#left.subarray(at));
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error));
      this.#socket.destroy();
    }
  }

  begin(message: IncomingMessage): MessageDestination {
    if (message.type === MESSAGE_COMMAND_AMF0) return this.#replies;
    if (message.type === MESSAGE_SET_CHUNK_SIZE) {
      return new Scratch(new ScratchBudget(MAX_REPLY_BYTES), (_message, payload) => {
        this.#reader.setChunkSize(Buffer.from(payload).readUInt32BE(0));
        return true;
      });
    }
    return DISCARD;
  }

  #onCommand(payload: Uint8Array): boolean {
    const values = parseAmf0(payload);
    const waiting = this.#waiting.find((candidate) => candidate.accept(values));
    if (waiting) this.#settle(waiting, values);
    return true;
  }
}

export interface PublishFlvOptions {
  /** Tags leave when their timestamp is due; else as fast as the socket takes them. */
  paced?: boolean;
  /** Added to every timestamp. */
  offsetMs?: number;
  signal?: AbortSignal;
}

/** Publishes the tags of an FLV file; resolves when the last one has been handed to the kernel, or at the signal. */
export async function publishFlv(
  publisher: RtmpPublisher,
  tags: Iterable<FlvTag>,
  options: PublishFlvOptions = {},
): Promise<void> {
  const { paced = false, offsetMs = 0, signal } = options;
  const startMs = performance.now();
  let firstMs: number | undefined;
  for (const tag of tags) {
    if (signal?.aborted || publisher.isClosed) return;
    firstMs ??= tag.timestampMs;
    if (paced) {
      const waitMs = startMs + tag.timestampMs - firstMs - performance.now();
      if (waitMs > 1) await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
    }
    publisher.send({ type: tag.type, timestampMs: tag.timestampMs + offsetMs, data: tag.data });
    if (publisher.unsentBytes > MAX_UNSENT_BYTES) await publisher.drained();
  }
  await publisher.drained();
}
