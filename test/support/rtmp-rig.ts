// An RTMP server, or one connection of it without a socket, on an arena and a registry of its own, with a consumer that
// collects every frame the way a recording's cursor does. The clock belongs to the test.

import { createHash } from "node:crypto";
import { FLAG_RANDOM_ACCESS, TRACK_VIDEO } from "../../src/abi/frame.js";
import { Arena } from "../../src/arena/arena.js";
import type { Logger } from "../../src/base/logger.js";
import { PublishGate } from "../../src/ingest/publish-gate.js";
import { type ConnectionHost, type ConnectionSocket, RtmpConnection } from "../../src/ingest/rtmp/connection.js";
import { RtmpServer, type RtmpServerOptions } from "../../src/ingest/rtmp/rtmp-server.js";
import { ScratchBudget } from "../../src/ingest/rtmp/scratch.js";
import type { ByteConsumer } from "../../src/ingest/sockets/paced-socket.js";
import { HEADROOM_BYTES } from "../../src/ingest/sockets/read-loop.js";
import { IngestWorkers } from "../../src/ingest/workers/ingest-workers.js";
import type { Cursor } from "../../src/stream/cursor.js";
import type { Gap } from "../../src/stream/gap.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { StreamRegistry } from "../../src/stream/stream-registry.js";
import { INGEST_WORKERS } from "./effort.js";
import { TestClock } from "./test-clock.js";

export interface SeenFrame {
  track: "video" | "audio";
  dts90k: number;
  pts90k: number;
  isKey: boolean;
  sizeBytes: number;
  /** MD5 of the payload, as ffprobe prints it. */
  hash: string;
}

export function frameHash(payload: Uint8Array): string {
  return `MD5:${createHash("md5").update(payload).digest("hex")}`;
}

/** A consumer of one in-stream; a stalled one reads nothing. */
export class Collector implements Cursor {
  readonly frames: SeenFrame[] = [];
  readonly gaps: Gap[] = [];
  endReason: string | undefined;
  isStalled = false;
  #tail: number;

  constructor(
    readonly inStream: InStream,
    private readonly arena: Arena,
  ) {
    this.#tail = inStream.ring.head;
    inStream.attach(this);
    inStream.on("gap", (gap) => this.gaps.push(gap));
    inStream.on("ended", (reason) => {
      this.endReason = reason;
      this.isStalled = false;
      this.drain();
      inStream.leave(this);
    });
  }

  tail(): number {
    return this.#tail;
  }
  get mainVideo(): number | undefined {
    return this.inStream.mainVideo;
  }
  hasTaken(): boolean {
    return false;
  }
  tryLock(): boolean {
    return true;
  }
  unlock(): void {}
  jump(index: number): void {
    this.#tail = index;
  }
  onGap(gap: Gap): void {
    this.gaps.push(gap);
  }

  drain(): void {
    if (this.isStalled) return;
    const { ring } = this.inStream;
    for (let frame = ring.frameAt(this.#tail); frame; frame = ring.frameAt(this.#tail)) {
      this.frames.push({
        track: frame.track === TRACK_VIDEO ? "video" : "audio",
        dts90k: frame.dts90k,
        pts90k: frame.dts90k + frame.ctsOffset90k,
        isKey: (frame.flags & FLAG_RANDOM_ACCESS) !== 0,
        sizeBytes: frame.sizeBytes,
        hash: frameHash(this.arena.u8.slice(frame.payload, frame.payload + frame.sizeBytes)),
      });
      this.#tail = frame.next;
    }
    this.inStream.onDrained();
  }

  of(track: "video" | "audio"): SeenFrame[] {
    return this.frames.filter((frame) => frame.track === track);
  }
}

export class RecordingLogger implements Logger {
  readonly lines: { level: string; context: object; message: string }[] = [];
  debug(context: object, message: string): void {
    this.lines.push({ level: "debug", context, message });
  }
  info(context: object, message: string): void {
    this.lines.push({ level: "info", context, message });
  }
  warn(context: object, message: string): void {
    this.lines.push({ level: "warn", context, message });
  }
}

export interface RingSizes {
  ringBytes?: number;
  maxRingBytes?: number;
}

/** Arena, registry and collectors: what both kinds of rig have. */
export class IngestRig {
  readonly arena = new Arena({ maximumBytes: 512 * 1048576 });
  readonly clock = new TestClock();
  readonly logger = new RecordingLogger();
  readonly registry: StreamRegistry;
  readonly collectors: Collector[] = [];
  /** Collectors of streams that open from here on are stalled. */
  stallNew = false;
  #drain: NodeJS.Timeout | undefined;

  constructor(options: RingSizes = {}) {
    let id = 0;
    const { ringBytes = 262144, maxRingBytes = 4194304 } = options;
    this.registry = new StreamRegistry(
      this.arena,
      this.clock,
      { ringBytes, maxRingBytes, lagLimitMs: 2000 },
      () => ++id,
    );
    this.registry.on("opened", (inStream) => {
      const collector = new Collector(inStream, this.arena);
      collector.isStalled = this.stallNew;
      this.collectors.push(collector);
    });
  }

  get only(): Collector {
    const [collector] = this.collectors;
    if (!collector || this.collectors.length !== 1) throw new Error(`${this.collectors.length} streams were published`);
    return collector;
  }

  drainContinuously(): void {
    this.#drain = setInterval(() => {
      for (const collector of this.collectors) if (collector.endReason === undefined) collector.drain();
    }, 5);
  }

  stop(): void {
    clearInterval(this.#drain);
  }
}

export interface ServerRig extends IngestRig {
  server: RtmpServer;
  /** Threads that read what is published; undefined where the main one does. */
  workers: IngestWorkers | undefined;
  port: number;
  url(name: string): string;
}

export async function startRtmpRig(
  options: Partial<RtmpServerOptions> = {},
  ring: RingSizes = {},
  ingestWorkers = INGEST_WORKERS,
  thread?: URL,
): Promise<ServerRig> {
  const rig = new IngestRig(ring);
  const { arena, clock, logger } = rig;
  const workers =
    ingestWorkers > 0
      ? await IngestWorkers.start({ arena, clock, logger, workers: ingestWorkers, ...(thread && { thread }) })
      : undefined;
  const server = new RtmpServer({
    registry: rig.registry,
    arena: rig.arena,
    clock: rig.clock,
    logger: rig.logger,
    options,
    workers,
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  rig.drainContinuously();
  return Object.assign(rig, { server, workers, port, url: (name: string) => `rtmp://127.0.0.1:${port}/live/${name}` });
}

const READ_BYTES = 65536;

/** One connection fed by the test: no socket, no event loop. */
export class DirectConnection {
  readonly connection: RtmpConnection;
  readonly sent: Buffer[] = [];
  closeReason: string | undefined;
  error: unknown;
  isResumed = false;
  #buffer: Buffer;
  #pointer: number;
  #rig: IngestRig;
  #left = Buffer.alloc(0);

  constructor(rig: IngestRig, options: { scratchBytes?: number } = {}) {
    this.#rig = rig;
    this.#pointer = rig.arena.allocate(HEADROOM_BYTES + READ_BYTES);
    this.#buffer = Buffer.from(rig.arena.memory.buffer, this.#pointer, HEADROOM_BYTES + READ_BYTES);
    const gate = new PublishGate(rig.registry, rig.clock, { publishKeys: undefined, takeOverAfterMs: 3000 });
    const host: ConnectionHost = {
      arena: rig.arena,
      clock: rig.clock,
      maxPublishes: 1000,
      workers: undefined,
      scratchBudget: new ScratchBudget(options.scratchBytes ?? 1 << 28),
      open: (request, publisher) => gate.open(request, publisher),
      closed: (_connection, reason, error) => {
        this.closeReason = reason;
        this.error = error;
      },
      note: (_connection, stream, note) => rig.logger.info({ stream }, note),
      refused: (_connection, app, stream, refusal) => rig.logger.warn({ app, stream }, refusal.description),
    };
    const socket: ConnectionSocket = {
      write: (bytes) => void this.sent.push(Buffer.from(bytes)),
      unsentBytes: 0,
      end: () => {},
      destroy: () => {},
      replay: (bytes) => this.feed(bytes, READ_BYTES, 0),
      readNow: () => {},
      handOver: () => undefined,
      takeBack: () => {},
      resume: () => {
        this.isResumed = true;
      },
    };
    const address = {
      ip: "127.0.0.1",
      port: 1935,
      nearIp: "127.0.0.1",
      nearPort: 1935,
      farIp: "127.0.0.1",
      farPort: 50000,
    };
    this.connection = new RtmpConnection(host, address, (_consumer: ByteConsumer) => socket);
  }

  /** Gives bytes in pieces of `pieceBytes`, as reads of a socket would. */
  feed(bytes: Uint8Array, pieceBytes = READ_BYTES, newBytesFactor = 1): void {
    for (let from = 0; from < bytes.byteLength; from += pieceBytes) {
      const piece = bytes.subarray(from, from + pieceBytes);
      const start = HEADROOM_BYTES - this.#left.length;
      this.#left.copy(this.#buffer, start);
      this.#buffer.set(piece, HEADROOM_BYTES);
      const end = HEADROOM_BYTES + piece.byteLength;
      const at = this.connection.onBytes(this.#buffer, start, end, piece.byteLength * newBytesFactor);
      if (end - at > HEADROOM_BYTES) throw new Error(`${end - at} bytes were left over`);
      this.#left = Buffer.from(this.#buffer.subarray(at, end));
      for (const collector of this.#rig.collectors) if (collector.endReason === undefined) collector.drain();
    }
  }

  /** Replies after the handshake, as text to search in. */
  get replies(): string {
    return Buffer.concat(this.sent).toString("latin1");
  }

  close(): void {
    this.connection.close("the test is over");
    this.#rig.arena.free(this.#pointer);
  }
}
