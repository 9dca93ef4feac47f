// An in-stream: one live source under one localStreamName. It takes frames from an ingest, gives them their place in time and puts them into its
// ring; recordings hang cursors on the ring. It knows nothing of files.
//
//   ingest: reserve ─▶ (payload) ─▶ commit        recording: attach ─▶ … kernel reads … ─▶ detach
//
// A full ring never overwrites. In this order: a laggard among the recordings loses its place (and is told), the ring grows, the source is held
// back (`reserve` answers 0; `room` is emitted when there is room again). Memory is O(buffer).

import { EventEmitter } from "node:events";
import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import { FrameRing, frameStride } from "../arena/frame-ring.js";
import { ReelError } from "../arena/reel-error.js";
import { Timeline } from "../time/timeline.js";
import { type Clock, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import { type CodecName, type DecoderConfig, sameBytes, storeDecoderConfig } from "./decoder-config.js";
import { type Gap, trackName } from "./gap.js";

export interface InStreamOptions {
  ringBytes: number;
  /** A ring grows up to this. */
  maxRingBytes: number;
  /** How far a recording may lag behind its siblings before its cursor jumps. */
  lagLimitMs: number;
}

/** Where a stream comes from, as the control interface shows it (ems-record-spec §2.0). */
export interface SourceInfo {
  /** EMS's tag of the kind of source: INR RTMP, INP RTSP, INTS MPEG-TS, INLFLV live FLV. */
  type: string;
  ip: string;
  port: number;
  farIp: string;
  farPort: number;
  nearIp: string;
  nearPort: number;
  pageUrl?: string;
  swfUrl?: string;
  tcUrl?: string;
  userAgent?: string;
}

export interface TrackStatistics {
  frames: number;
  bytes: number;
  droppedFrames: number;
  droppedBytes: number;
}

/** What a recording hangs on a ring. */
export interface Cursor {
  /** Index of the oldest frame it still wants. */
  tail(): number;
  /** Takes the cursor's lock, so that no kernel reads; false where one does right now (it will not for long). */
  tryLock(): boolean;
  unlock(): void;
  /** Moves the cursor (the lock is held). With `skip` the frames up to the next random access point are to be dropped and counted. */
  jump(index: number, skip: boolean): void;
  /** A gap that concerns this recording alone. */
  onGap(gap: Gap): void;
}

interface InStreamEvents {
  /** Both tracks are known, or as many as there will be: recordings may open. */
  settled: [];
  /** A first or a changed decoder configuration. */
  config: [track: number];
  /** A gap that concerns every recording of the stream. */
  gap: [gap: Gap];
  /** The ring is full and the source is held back: drains are wanted now. */
  full: [];
  /** There is room in the ring again after `reserve` answered 0. */
  room: [];
  ended: [reason: string];
}

/** Media time after which a stream with one track no longer waits for the other. */
const SETTLE_90K = TICKS_PER_SECOND;
/** Distinct decoder configurations of a stream: recordings point to them, so they stay while one is attached, and a source that sends more is at fault. */
const MAX_CONFIGS = 64;

export class InStream extends EventEmitter<InStreamEvents> {
  readonly createdMs: number;
  readonly ring: FrameRing;
  readonly statistics: TrackStatistics[] = [];
  settled = false;
  ended = false;
  /** Wall time of the last committed frame, monotonic. */
  lastFrameMs: number;
  /** dts of the newest frame of each track; -Infinity before the first. */
  readonly lastDts90k: Ticks90k[] = [];
  #arena: Arena;
  #clock: Clock;
  #options: InStreamOptions;
  #timeline: Timeline;
  #configs: (DecoderConfig | undefined)[] = new Array(TRACK_COUNT).fill(undefined);
  #allConfigs: DecoderConfig[] = [];
  #cursors = new Set<Cursor>();
  /** Cursors whose kernels may still read the ring, detached ones included. */
  #users = new Set<Cursor>();
  #firstDts90k: Ticks90k = Number.NaN;
  #isHeldBack = false;
  #isReleased = false;
  #heldBackSinceMs = 0;
  #jitter = { frames: 0, dts90k: 0, track: 0 };
  #dropping: { frames: number; bytes: number; from90k: Ticks90k } | undefined;
  /** The next frame of the track carries FLAG_DISCONTINUITY. */
  #discontinuity: boolean[] = new Array(TRACK_COUNT).fill(false);
  readonly #header = { track: 0, flags: 0, dts90k: 0, ctsOffset90k: 0, config: 0 };

  constructor(
    readonly id: number,
    readonly name: string,
    readonly source: SourceInfo,
    arena: Arena,
    clock: Clock,
    options: InStreamOptions,
    /** Asks the ingest to close the source; it answers by `end`. */
    readonly closeSource: (reason: string) => void,
  ) {
    super();
    this.setMaxListeners(0);
    this.#arena = arena;
    this.#clock = clock;
    this.#options = options;
    this.#timeline = new Timeline();
    this.createdMs = clock.wallMs();
    this.lastFrameMs = clock.monotonicMs();
    this.ring = new FrameRing(arena, options.ringBytes);
    for (let track = 0; track < TRACK_COUNT; track++) {
      this.statistics.push({ frames: 0, bytes: 0, droppedFrames: 0, droppedBytes: 0 });
      this.lastDts90k.push(Number.NEGATIVE_INFINITY);
    }
  }

  /** The decoder configuration in force for a track. */
  config(track: number): DecoderConfig | undefined {
    return this.#configs[track];
  }

  get cursorCount(): number {
    return this.#cursors.size;
  }

  /** A decoder configuration, from the source or from the embedding program. Repeats are ignored. Throws ReelError `badConfig`, `badInput`. */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    const current = this.#configs[track];
    if (current && current.codec === codec && sameBytes(current.bytes, bytes)) return;
    let config = this.#allConfigs.find((known) => known.codec === codec && sameBytes(known.bytes, bytes));
    if (!config) {
      if (this.#allConfigs.length >= MAX_CONFIGS && !this.#freeOldestConfig()) {
        throw new ReelError("badInput", `more than ${MAX_CONFIGS} different decoder configurations`, { stream: this.name });
      }
      config = storeDecoderConfig(this.#arena, codec, bytes);
      this.#allConfigs.push(config);
    }
    this.#configs[track] = config;
    this.emit("config", track);
    if (!current && this.settled) {
      const dts = Math.max(0, ...this.lastDts90k);
      this.#emitGap({ cause: "lateTrack", track: trackName(track), dtsMs: dts / TICKS_PER_MS, durationMs: 0, frames: 0, bytes: 0 });
    }
    if (this.#configs[TRACK_VIDEO] && this.#configs[TRACK_AUDIO]) this.settle();
  }

  /** Ends the wait for a second track. Embedding programs that know their tracks call it themselves. */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.emit("settled");
  }

  /**
   * Room for a frame's payload of `sizeBytes`: a pointer into the arena, valid until the next call of anything here, or 0 where the source must
   * wait for `room`. With `mayGrow` false the ring is not made larger (a size that was announced, not received).
   */
  reserve(sizeBytes: number, mayGrow = true): number {
    if (this.ended) throw new ReelError("closed", `in-stream ${this.name} has ended`);
    let pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    this.refreshTail();
    pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    if (this.#cursors.size > 1 && this.#jumpLaggards()) {
      this.refreshTail();
      pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    if (mayGrow && this.#grow(sizeBytes)) {
      pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    if (!mayGrow) return 0;
    // An empty ring that cannot grow any more will never have the room: waiting would have no end.
    if (frameStride(sizeBytes) * 2 > this.#options.maxRingBytes || this.ring.heldBytes === 0) {
      throw new ReelError(
        "arenaFull",
        `a frame of ${sizeBytes} bytes does not fit into a ring of at most ${this.#options.maxRingBytes} bytes (ring.maximumBytes)`,
        { stream: this.name },
      );
    }
    this.#holdBack();
    return 0;
  }

  abandon(): void {
    this.ring.abandon();
  }

  /** Publishes the reserved frame. `wireDts90k` is the source's unwrapped clock. */
  commit(track: number, sizeBytes: number, wireDts90k: Ticks90k, ctsOffset90k: Ticks90k, isRandomAccess: boolean): void {
    const config = this.#configs[track];
    if (!config) throw new ReelError("badConfig", `a frame of the ${trackName(track)} track came before its decoder configuration`, { stream: this.name });
    // Read once a frame: with several thousand frames a second a clock is no small cost.
    const nowMs = this.#clock.monotonicMs();
    const placed = this.#timeline.place(track, wireDts90k, nowMs);
    const dts90k = placed.dts90k;
    if (placed.clamped) this.#countJitter(track, dts90k);
    else if (this.#jitter.frames > 0) this.#reportJitter();
    const splice = placed.splice;
    if (splice) {
      this.#discontinuity.fill(true, 0, TRACK_COUNT);
      this.#emitGap({
        cause: splice.cause,
        track: trackName(track),
        dtsMs: dts90k / TICKS_PER_MS,
        durationMs: splice.jump90k / TICKS_PER_MS,
        frames: 0,
        bytes: 0,
      });
    }
    const header = this.#header;
    header.track = track;
    header.flags = (isRandomAccess || track === TRACK_AUDIO ? FLAG_RANDOM_ACCESS : 0) | (this.#discontinuity[track] ? FLAG_DISCONTINUITY : 0);
    header.dts90k = dts90k;
    header.ctsOffset90k = ctsOffset90k;
    header.config = config.pointer;
    this.lastFrameMs = nowMs;
    this.#discontinuity[track] = false;
    this.ring.commit(header, sizeBytes);
    const statistics = this.statistics[track];
    if (statistics) {
      statistics.frames++;
      statistics.bytes += sizeBytes;
    }
    this.lastDts90k[track] = dts90k;
    if (!this.settled) {
      if (Number.isNaN(this.#firstDts90k)) this.#firstDts90k = dts90k;
      else if (dts90k - this.#firstDts90k >= SETTLE_90K) this.settle();
    }
    if (this.#cursors.size === 0) this.ring.setTail(this.ring.head);
  }

  /**
   * A whole frame at once, copied into the ring. False where the source must wait for `room` (the frame was not taken).
   */
  writeFrame(track: number, payload: Uint8Array, wireDts90k: Ticks90k, ctsOffset90k: Ticks90k, isRandomAccess: boolean): boolean {
    const pointer = this.reserve(payload.byteLength);
    if (pointer === 0) return false;
    this.#arena.u8.set(payload, pointer);
    this.commit(track, payload.byteLength, wireDts90k, ctsOffset90k, isRandomAccess);
    return true;
  }

  /**
   * The same for a source that cannot wait: where the ring is full the frame is dropped, and with it all up to the next random access point;
   * counted and reported as `overflow`. True where the frame was taken.
   */
  writeFrameOrDrop(track: number, payload: Uint8Array, wireDts90k: Ticks90k, ctsOffset90k: Ticks90k, isRandomAccess: boolean): boolean {
    const hasVideo = this.#configs[TRACK_VIDEO] !== undefined;
    const mayResume = !hasVideo || (track === TRACK_VIDEO && isRandomAccess);
    if ((!this.#dropping || mayResume) && this.writeFrame(track, payload, wireDts90k, ctsOffset90k, isRandomAccess)) {
      const dropped = this.#dropping;
      this.#dropping = undefined;
      if (dropped) {
        const to90k = this.lastDts90k[track] ?? 0;
        this.#discontinuity.fill(true, 0, TRACK_COUNT);
        this.#emitGap({
          cause: "overflow",
          track: null,
          dtsMs: dropped.from90k / TICKS_PER_MS,
          durationMs: (to90k - dropped.from90k) / TICKS_PER_MS,
          frames: dropped.frames,
          bytes: dropped.bytes,
        });
      }
      return true;
    }
    this.#isHeldBack = false;
    this.#dropping ??= { frames: 0, bytes: 0, from90k: Math.max(0, ...this.lastDts90k) };
    this.#dropping.frames++;
    this.#dropping.bytes += payload.byteLength;
    const statistics = this.statistics[track];
    if (statistics) {
      statistics.droppedFrames++;
      statistics.droppedBytes += payload.byteLength;
    }
    return false;
  }

  /** The transport lost data before it reached us: the next frame of each track is marked, the loss reported. */
  reportSourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void {
    this.#discontinuity.fill(true, 0, TRACK_COUNT);
    const dtsMs = Math.max(0, ...this.lastDts90k) / TICKS_PER_MS;
    this.#emitGap({
      cause: "sourceLoss",
      dtsMs,
      durationMs: gap.durationMs,
      frames: gap.frames,
      bytes: gap.bytes,
      track: gap.track === null ? null : trackName(gap.track),
    });
  }

  /** No more frames will come. The ring stays until the last cursor is detached. */
  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.ring.abandon();
    if (this.#jitter.frames > 0) this.#reportJitter();
    if (this.#isHeldBack) this.#releaseHold();
    this.settle();
    this.emit("ended", reason);
    if (this.#users.size === 0) this.#release();
  }

  attach(cursor: Cursor): void {
    this.#cursors.add(cursor);
    this.#users.add(cursor);
    this.refreshTail();
  }

  /** The cursor no longer holds the ring up; the ring's memory stays until it leaves. */
  detach(cursor: Cursor): void {
    if (this.#cursors.delete(cursor)) this.onDrained();
  }

  /** Nothing reads the ring for this cursor any more. */
  leave(cursor: Cursor): void {
    this.detach(cursor);
    if (this.#users.delete(cursor) && this.ended && this.#users.size === 0) this.#release();
  }

  /** Called after drains: takes over how far the cursors have come, and lets a waiting source go on when a quarter of the ring is free. */
  onDrained(): void {
    if (this.ended) return;
    this.refreshTail();
    if (this.#isHeldBack && this.ring.heldBytes <= this.ring.capacity * 0.75) this.#releaseHold();
  }

  refreshTail(): void {
    const head = this.ring.head;
    let most = 0;
    for (const cursor of this.#cursors) {
      const held = (head - cursor.tail()) >>> 0;
      if (held > most) most = held;
    }
    this.ring.setTail((head - most) >>> 0);
  }

  /** Media time between a cursor and the newest frame. */
  lag90k(cursor: Cursor): Ticks90k {
    const frame = this.ring.frameAt(cursor.tail());
    return frame ? Math.max(0, (this.lastDts90k[frame.track] ?? 0) - frame.dts90k) : 0;
  }

  #emitGap(gap: Gap): void {
    this.emit("gap", gap);
  }

  #countJitter(track: number, dts90k: Ticks90k): void {
    if (this.#jitter.frames++ === 0) {
      this.#jitter.dts90k = dts90k;
      this.#jitter.track = track;
    }
  }

  /** A run of clamped frames is one entry: nothing is missing, and a source with a broken clock must not flood the events. */
  #reportJitter(): void {
    const { frames, dts90k, track } = this.#jitter;
    this.#jitter.frames = 0;
    const durationMs = Math.max(0, (this.lastDts90k[track] ?? dts90k) - dts90k) / TICKS_PER_MS;
    this.#emitGap({ cause: "jitter", track: trackName(track), dtsMs: dts90k / TICKS_PER_MS, durationMs, frames: 0, bytes: 0 });
    this.#timelineJitterFrames += frames;
  }
  #timelineJitterFrames = 0;
  /** Frames that were clamped to just after their predecessors. */
  get jitterFrames(): number {
    return this.#timelineJitterFrames + this.#jitter.frames;
  }

  #holdBack(): void {
    if (this.#isHeldBack) return;
    this.#isHeldBack = true;
    this.#heldBackSinceMs = this.#clock.monotonicMs();
    this.emit("full");
  }

  #releaseHold(): void {
    this.#isHeldBack = false;
    const ms = this.#clock.monotonicMs() - this.#heldBackSinceMs;
    this.#timeline.heldBack(ms);
    this.lastFrameMs = this.#clock.monotonicMs();
    // Short holds are how back-pressure works; one that a viewer could notice is reported.
    if (ms >= 1000)
      this.#emitGap({ cause: "heldBack", track: null, dtsMs: Math.max(0, ...this.lastDts90k) / TICKS_PER_MS, durationMs: ms, frames: 0, bytes: 0 });
    this.emit("room");
  }
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** Recordings that lag by more than the limit while a sibling keeps up lose their place. True where one was moved. */
  #jumpLaggards(): boolean {
    const limit90k = this.#options.lagLimitMs * TICKS_PER_MS;
    const lags = [...this.#cursors].map((cursor) => ({ cursor, lag90k: this.lag90k(cursor) }));
    if (Math.min(...lags.map((entry) => entry.lag90k)) > limit90k / 2) return false;
    let moved = false;
    for (const { cursor, lag90k } of lags) if (lag90k > limit90k) moved = this.#jump(cursor) || moved;
    return moved;
  }

  /** Moves a cursor to the newest random access point, or to the head to wait for the next, and tells its recording what it lost. */
  #jump(cursor: Cursor): boolean {
    if (!cursor.tryLock()) return false;
    try {
      const ring = this.ring;
      const from = ring.frameAt(cursor.tail());
      if (!from) return false;
      let target: number | undefined;
      let lost = { frames: 0, bytes: 0, dts90k: this.lastDts90k[from.track] ?? from.dts90k };
      let frames = 0;
      let bytes = 0;
      const hasVideo = this.#configs[TRACK_VIDEO] !== undefined;
      for (let frame: ReturnType<FrameRing["frameAt"]> = from; frame; frame = ring.frameAt(frame.next)) {
        const isStart = hasVideo ? frame.track === TRACK_VIDEO && (frame.flags & FLAG_RANDOM_ACCESS) !== 0 : true;
        if (isStart && frame.index !== from.index && (hasVideo || (ring.head - frame.index) >>> 0 < ring.capacity / 4)) {
          target = frame.index;
          lost = { frames, bytes, dts90k: frame.dts90k };
          if (!hasVideo) break;
        }
        frames++;
        bytes += frame.sizeBytes;
      }
      if (target === undefined) lost = { ...lost, frames, bytes };
      cursor.jump(target ?? ring.head, target === undefined);
      cursor.onGap({
        cause: "lag",
        track: null,
        dtsMs: from.dts90k / TICKS_PER_MS,
        durationMs: (lost.dts90k - from.dts90k) / TICKS_PER_MS,
        frames: lost.frames,
        bytes: lost.bytes,
      });
      return true;
    } finally {
      cursor.unlock();
    }
  }

  /** Doubles the ring until the frame fits. Every cursor is locked meanwhile: kernel calls are short, so a busy one is waited for. */
  #grow(sizeBytes: number): boolean {
    let capacity = this.ring.capacity;
    const wanted = this.ring.heldBytes + 2 * frameStride(sizeBytes);
    do capacity *= 2;
    while (capacity < wanted);
    if (capacity > this.#options.maxRingBytes) return false;
    const locked: Cursor[] = [];
    try {
      for (const cursor of this.#cursors) {
        let tries = 0;
        while (!cursor.tryLock()) if (++tries > 1_000_000) return false;
        locked.push(cursor);
      }
      this.refreshTail();
      this.ring.resize(capacity);
      return true;
    } catch (error) {
      if (error instanceof ReelError && error.code === "arenaFull") return false;
      throw error;
    } finally {
      for (const cursor of locked) cursor.unlock();
    }
  }

  #freeOldestConfig(): boolean {
    if (this.#users.size > 0) return false;
    const at = this.#allConfigs.findIndex((config) => !this.#configs.includes(config));
    const config = this.#allConfigs[at];
    if (!config) return false;
    this.#allConfigs.splice(at, 1);
    this.#arena.free(config.pointer);
    return true;
  }

  #release(): void {
    // A cursor that leaves while "ended" is being told has released already.
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.ring.free();
    for (const config of this.#allConfigs) this.#arena.free(config.pointer);
    this.#allConfigs = [];
    this.#configs.fill(undefined);
  }
}
