// An in-stream: one live source under one localStreamName. It takes frames from an ingest, gives them their place in
// time and puts them into its ring; recordings hang cursors on the ring. It knows nothing of files.
//
//   ingest: reserve ─▶ (payload) ─▶ commit        recording: attach ─▶ … kernel reads … ─▶ detach
//
// A full ring never overwrites. In this order: a slow consumer among the recordings loses its place (and is told), the
// ring grows, the source is held back (`reserve` answers 0; `room` is emitted when there is room again). Memory is
// O(buffer).

import { EventEmitter } from "node:events";
import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, FLAG_TRACK_START, MAX_TRACKS } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import { FrameRing, frameStride } from "../arena/frame-ring.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import { Timeline } from "../time/timeline.js";
import { type Clock, type Millis, TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import type { Cursor } from "./cursor.js";
import type { DecoderConfig } from "./decoder-config.js";
import { DecoderConfigs } from "./decoder-configs.js";
import { type Gap, trackName } from "./gap.js";
import { JitterRun } from "./jitter-run.js";
import { OverflowRun } from "./overflow-run.js";
import { PacedNotice } from "./paced-notice.js";
import type { PacketReception } from "./packet-reception.js";
import { type From, type KeptPast, Past, type PastSettings, type Pin } from "./past.js";
import { growRing } from "./ring-growth.js";
import { jumpSlowConsumers } from "./slow-consumers.js";
import type { NewTrack, Track } from "./track.js";
import { Tracks } from "./tracks.js";
import { MAX_UNRECORDED, sameTracks, type UnrecordedTrack } from "./unrecorded-track.js";

const UNRECORDED_INTERVAL_MS = 1000;

export interface InStreamOptions {
  ringBytes: number;
  /** A ring grows up to this. */
  maxRingBytes: number;
  /** How far a recording may lag behind its siblings before its cursor jumps. */
  lagLimitMs: number;
  /** What is kept for recordings that begin in the past; nothing where it is left out. */
  past?: PastSettings | undefined;
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
  /** Of a pulled source: what reads it, and why that way. */
  reader?: string;
}

export interface TrackStatistics {
  frames: number;
  bytes: number;
  droppedFrames: number;
  droppedBytes: number;
}

interface InStreamEvents {
  /** All tracks are known, or as many as there will be: recordings may open. */
  settled: [];
  /** A first or a changed decoder configuration. */
  config: [track: number];
  /** Other tracks than before are not recorded. */
  unrecorded: [];
  /** A gap that concerns every recording of the stream. */
  gap: [gap: Gap];
  /** The ring is full and the source is held back: drains are wanted now. */
  full: [];
  /** There is room in the ring again after `reserve` answered 0. */
  room: [];
  ended: [reason: string];
}

/** Media time after which a stream no longer waits for tracks that have not come. */
const SETTLE_90K = TICKS_PER_SECOND;
/** Encoders reorder over a few frames; one that says hours has a broken clock. The same as for MPEG-TS. */
const MAX_CTS_OFFSET_90K = 10 * TICKS_PER_SECOND;
/** Short holds are how back-pressure works; one that a viewer could notice is reported. */
const HELD_BACK_MS = 1000;

export class InStream extends EventEmitter<InStreamEvents> {
  readonly createdMs: number;
  /** For how long it lives: the wall clock may be set. */
  readonly createdMonotonicMs: number;
  readonly ring: FrameRing;
  readonly statistics: TrackStatistics[] = [];
  /** How its packets arrive; undefined where it does not come in packets. Set by its ingest. */
  reception: (() => PacketReception) | undefined;
  settled = false;
  ended = false;
  /** Wall time of the last committed frame, monotonic. */
  lastFrameMs: number;
  /** dts of the newest frame of each track; -Infinity before the first. */
  readonly lastDts90k: Ticks90k[] = [];
  /** dts of the newest random access point of the video; -Infinity before the first. */
  lastRandomAccess90k: Ticks90k = Number.NEGATIVE_INFINITY;
  /** Between the last two of them; NaN before there were two. */
  randomAccessInterval90k: Ticks90k = Number.NaN;
  #arena: Arena;
  #clock: Clock;
  #options: InStreamOptions;
  #timeline: Timeline;
  #configs: DecoderConfigs;
  readonly #tracks: Tracks;
  #past: Past | undefined;
  #cursors = new Set<Cursor>();
  /** Cursors whose kernels may still read the ring, detached ones included. */
  #users = new Set<Cursor>();
  /** Who may still need the decoder configurations: a finish does, and reads no ring. */
  #configHolders = new Set<object>();
  #firstDts90k: Ticks90k = Number.NaN;
  #isHeldBack = false;
  #isRingFreed = false;
  #heldBackSinceMs = 0;
  #jitter = new JitterRun("jitter");
  #offsets = new JitterRun("compositionOffset");
  #overflow = new OverflowRun();
  #unrecorded: readonly UnrecordedTrack[] = [];
  /** Publishers can change the list with every message. */
  readonly #unrecordedNotice: PacedNotice;
  /** The next frame of the track carries FLAG_DISCONTINUITY. */
  #discontinuity: boolean[] = new Array(MAX_TRACKS).fill(false);
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
    this.#tracks = new Tracks(name);
    this.#configs = new DecoderConfigs(arena, name, () => this.#past?.clear());
    this.#unrecordedNotice = new PacedNotice(clock, UNRECORDED_INTERVAL_MS, () => this.emit("unrecorded"));
    this.createdMs = clock.wallMs();
    this.createdMonotonicMs = clock.monotonicMs();
    this.lastFrameMs = this.createdMonotonicMs;
    this.ring = new FrameRing(arena, options.ringBytes);
    this.refreshPast();
    for (let track = 0; track < MAX_TRACKS; track++) {
      this.statistics.push({ frames: 0, bytes: 0, droppedFrames: 0, droppedBytes: 0 });
      this.lastDts90k.push(Number.NEGATIVE_INFINITY);
    }
  }

  /** The decoder configuration in force for a track. */
  config(track: number): DecoderConfig | undefined {
    return this.#configs.of(track);
  }

  /** The same, for a recording that keeps its pointer: the block stays while the recording does. */
  referToConfig(track: number): DecoderConfig | undefined {
    const config = this.#configs.of(track);
    if (config) config.isReferredTo = true;
    return config;
  }

  get hasVideo(): boolean {
    return this.#tracks.mainVideo !== undefined;
  }

  /** The track whose random access points start and cut recordings: the first video track that has a configuration. */
  get mainVideo(): number | undefined {
    return this.#tracks.mainVideo;
  }

  /** All tracks that were added or configured, by number; they are still told after the end. */
  get tracks(): readonly Track[] {
    return this.#tracks.all;
  }

  kindOf(track: number): TrackKind | undefined {
    return this.#tracks.kindOf(track);
  }

  /** What the source brings besides, and nobody records. */
  get unrecorded(): readonly UnrecordedTrack[] {
    return this.#unrecorded;
  }

  setUnrecorded(tracks: readonly UnrecordedTrack[]): void {
    const listed = tracks.slice(0, MAX_UNRECORDED);
    if (sameTracks(listed, this.#unrecorded)) return;
    this.#unrecorded = listed;
    this.#unrecordedNotice.give();
  }

  /**
   * Takes the next free number for a track whose configuration is still to come. Sources with a fixed numbering need
   * not call it: their first configuration says the kind. Throws ReelError `badInput` beyond MAX_TRACKS tracks.
   */
  addTrack(track: NewTrack): number {
    return this.#tracks.add(track);
  }

  /** The same for a source that numbers its tracks. Kind and codec that are known stay; language and label are
   * replaced, and go into the next configuration. Throws ReelError `badInput`. */
  describeTrack(number: number, track: NewTrack): void {
    if (!this.ended) this.#tracks.describe(number, track);
  }

  /** A track that was described is not waited for. One that has had a configuration stays. */
  withdrawTrack(number: number): void {
    if (!this.ended) this.#tracks.withdraw(number);
  }

  /** Place of the newest frame of all tracks. */
  get newest90k(): Ticks90k {
    let newest = 0;
    for (const dts90k of this.lastDts90k) if (dts90k > newest) newest = dts90k;
    return newest;
  }

  get #hasFrames(): boolean {
    return this.statistics.some(({ frames }) => frames > 0);
  }

  get cursorCount(): number {
    return this.#cursors.size;
  }

  /**
   * A decoder configuration, from the source or from the embedding program. Repeats are ignored. Throws ReelError
   * `badConfig`, `badInput`.
   */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    const isFirst = this.#configs.of(track) === undefined;
    const entry = this.#tracks.forConfig(track, codec);
    if (!this.#configs.set(track, codec, bytes, entry, this.#users.size + this.#configHolders.size > 0)) return;
    this.#tracks.configured(entry, codec);
    this.emit("config", track);
    // Multitrack encoders send the headers of all tracks in front of the first frame: then none is late.
    if (isFirst && this.settled && this.#hasFrames) {
      this.#emitGap({
        cause: "lateTrack",
        track: trackName(entry.kind),
        dtsMs: this.newest90k / TICKS_PER_MS,
        durationMs: 0,
        frames: 0,
        bytes: 0,
      });
    }
    if (this.#tracks.isComplete) this.settle();
  }

  /** Ends the wait for further tracks. Embedding programs that know their tracks call it themselves. */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.emit("settled");
  }

  /**
   * Room for a frame's payload of `sizeBytes`: a pointer into the arena, valid until the next call of anything here, or
   * 0 where the source must wait for `room`. With `mayGrow` false the ring is not made larger (a size that was
   * announced, not received).
   */
  reserve(sizeBytes: number, mayGrow = true): number {
    if (this.ended) throw new ReelError("closed", `in-stream ${this.name} has ended`);
    let pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    this.refreshTail();
    pointer = this.ring.reserve(sizeBytes);
    if (pointer !== 0) return pointer;
    pointer = this.#reserveInPast(sizeBytes, mayGrow);
    if (pointer !== 0) return pointer;
    if (this.#cursors.size > 1 && jumpSlowConsumers(this, this.#cursors, this.#options.lagLimitMs * TICKS_PER_MS)) {
      this.refreshTail();
      pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    if (
      mayGrow &&
      growRing(this.ring, this.#cursors, sizeBytes, this.#options.maxRingBytes, () => this.refreshTail())
    ) {
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

  /** Where the past fills the ring, the ring grows, or else the past gives way: no recording suffers for it. */
  #reserveInPast(sizeBytes: number, mayGrow: boolean): number {
    const past = this.#past;
    while (past && mayGrow) {
      const { head } = this.ring;
      const others = this.#heldByCursors();
      const held = past.heldBytes(head);
      if (held < others || held === 0) return 0;
      const hasGrown = growRing(this.ring, this.#cursors, sizeBytes, this.#options.maxRingBytes, () =>
        this.refreshTail(),
      );
      if (!hasGrown && (held === others || !past.giveUpOldest(head))) return 0;
      this.refreshTail();
      const pointer = this.ring.reserve(sizeBytes);
      if (pointer !== 0) return pointer;
    }
    return 0;
  }

  /**
   * Holds the place in the ring where a recording begins that begins in the past; undefined where it begins with the
   * next frame. Throws ReelError `badArgument`, `limit` where so much is not kept, but with `orLess`.
   */
  pinPast(from: From, orLess = false): Pin | undefined {
    if (!this.#past?.seconds)
      throw new ReelError("badArgument", `${this.name} keeps nothing of its past: set preRecord.seconds in reel.json`);
    return this.#past.pin(from, this.newest90k, orLess);
  }

  /** What is to be kept of its past may have changed. */
  refreshPast(): void {
    const settings = this.#options.past;
    if (!settings || this.ended) return;
    const seconds = settings.secondsOf(this.name);
    if (this.#past) this.#past.keep(seconds);
    else if (seconds > 0) this.#past = new Past(this.name, seconds, settings.budget, this.#hasFrames);
  }

  /** What is kept for recordings that begin in the past; undefined where nothing is. */
  get past(): KeptPast | undefined {
    const past = this.#past;
    if (!past?.seconds) return undefined;
    return { seconds: past.seconds, keptSeconds: past.keptSeconds(this.newest90k), keptBytes: past.keptBytes };
  }

  abandon(): void {
    this.ring.abandon();
  }

  /**
   * Publishes the reserved frame. `wireDts90k` is the source's unwrapped clock; `leading` FLAG_LEADING and
   * FLAG_SKIPPED_LEADING.
   */
  commit(
    track: number,
    sizeBytes: number,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading = 0,
  ): void {
    const config = this.#configs.of(track);
    if (!config)
      throw new ReelError("badConfig", `a frame of track ${track} came before its decoder configuration`, {
        stream: this.name,
      });
    // Read once a frame: with several thousand frames a second a clock is no small cost.
    const nowMs = this.#clock.monotonicMs();
    const placed = this.#timeline.place(track, wireDts90k, nowMs);
    const dts90k = placed.dts90k;
    if (placed.clamped) this.#jitter.mended(track, config.kind, dts90k);
    else if (this.#jitter.isRunning) this.#emitGap(this.#jitter.end(this.lastDts90k, track));
    const splice = placed.splice;
    if (splice) {
      this.#discontinuity.fill(true, 0, MAX_TRACKS);
      this.#emitGap({
        cause: splice.cause,
        track: trackName(config.kind),
        dtsMs: dts90k / TICKS_PER_MS,
        durationMs: splice.jump90k / TICKS_PER_MS,
        frames: 0,
        bytes: 0,
      });
    }
    const header = this.#header;
    header.track = track;
    header.flags =
      (isRandomAccess || config.isEveryFrameRandomAccess ? FLAG_RANDOM_ACCESS : 0) |
      (this.#discontinuity[track] ? FLAG_DISCONTINUITY : 0) |
      (this.statistics[track]?.frames === 0 ? FLAG_TRACK_START : 0) |
      leading;
    header.dts90k = dts90k;
    header.ctsOffset90k = this.#boundedOffset(track, dts90k, ctsOffset90k);
    header.config = config.pointer;
    config.isReferredTo = true;
    this.lastFrameMs = nowMs;
    this.#discontinuity[track] = false;
    const index = this.ring.commit(header, sizeBytes);
    const statistics = this.statistics[track];
    if (statistics) {
      statistics.frames++;
      statistics.bytes += sizeBytes;
    }
    this.lastDts90k[track] = dts90k;
    if (isRandomAccess && track === this.#tracks.mainVideo) {
      if (Number.isFinite(this.lastRandomAccess90k)) this.randomAccessInterval90k = dts90k - this.lastRandomAccess90k;
      this.lastRandomAccess90k = dts90k;
    }
    if (this.#past) {
      const main = this.#tracks.mainVideo;
      const isPoint = main === undefined || (track === main && (header.flags & FLAG_RANDOM_ACCESS) !== 0);
      this.#past.committed(index, this.ring.head, dts90k, isPoint);
    }
    if (!this.settled) {
      if (Number.isNaN(this.#firstDts90k)) this.#firstDts90k = dts90k;
      else if (dts90k - this.#firstDts90k >= SETTLE_90K) this.settle();
    }
    if (this.#cursors.size === 0) this.refreshTail();
  }

  /**
   * A whole frame at once, copied into the ring. False where the source must wait for `room` (the frame was not taken).
   */
  writeFrame(
    track: number,
    payload: Uint8Array,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading = 0,
  ): boolean {
    const pointer = this.reserve(payload.byteLength);
    if (pointer === 0) return false;
    this.#arena.u8.set(payload, pointer);
    this.commit(track, payload.byteLength, wireDts90k, ctsOffset90k, isRandomAccess, leading);
    return true;
  }

  /**
   * The same for a source that cannot wait: where the ring is full the frame is dropped, and with it all up to the next
   * random access point; counted and reported as `overflow`. True where the frame was taken.
   */
  writeFrameOrDrop(
    track: number,
    payload: Uint8Array,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading = 0,
  ): boolean {
    const mayResume = !this.hasVideo || (track === this.#tracks.mainVideo && isRandomAccess);
    if (this.#overflow.isRunning) this.#discontinuity.fill(true, 0, MAX_TRACKS);
    if (
      (!this.#overflow.isRunning || mayResume) &&
      this.writeFrame(track, payload, wireDts90k, ctsOffset90k, isRandomAccess, leading)
    ) {
      this.#emitGap(this.#overflow.end(this.lastDts90k[track] ?? 0));
      return true;
    }
    this.#isHeldBack = false;
    this.#overflow.dropped(payload.byteLength, this.newest90k);
    const statistics = this.statistics[track];
    if (statistics) {
      statistics.droppedFrames++;
      statistics.droppedBytes += payload.byteLength;
    }
    return false;
  }

  /** The transport lost data before it reached us: the next frame of each track is marked, the loss reported. */
  reportSourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void {
    this.#discontinuity.fill(true, 0, MAX_TRACKS);
    this.#emitGap({
      cause: "sourceLoss",
      dtsMs: this.newest90k / TICKS_PER_MS,
      durationMs: gap.durationMs,
      frames: gap.frames,
      bytes: gap.bytes,
      track: gap.track === null ? null : trackName(this.kindOf(gap.track)),
    });
  }

  /** The ingest has mended the clock of a track (`src/time/track-clocks.ts`). */
  reportClock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void {
    this.#emitGap({
      cause,
      track: trackName(this.kindOf(track)),
      dtsMs: this.newest90k / TICKS_PER_MS,
      durationMs: duration90k / TICKS_PER_MS,
      frames: 0,
      bytes: 0,
    });
  }

  /** Monotonic: the clock that frames are placed by. */
  get nowMs(): Millis {
    return this.#clock.monotonicMs();
  }

  /** No more frames will come. The ring stays until the last cursor is detached. */
  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.ring.abandon();
    this.#emitGap(this.#jitter.end(this.lastDts90k));
    this.#emitGap(this.#offsets.end(this.lastDts90k));
    this.#emitGap(this.#overflow.end(this.newest90k));
    if (this.#isHeldBack) this.#releaseHold();
    this.settle();
    this.#unrecordedNotice.stop();
    this.#past?.end();
    this.emit("ended", reason);
    this.#releaseUnused();
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
    if (this.#users.delete(cursor)) this.#releaseUnused();
  }

  /** The decoder configurations stay, also when the last cursor has left. */
  holdConfigs(holder: object): void {
    this.#configHolders.add(holder);
  }

  releaseConfigs(holder: object): void {
    if (this.#configHolders.delete(holder)) this.#releaseUnused();
  }

  /**
   * Called after drains: takes over how far the cursors have come, and lets a waiting source go on when a quarter of
   * the ring is free.
   */
  onDrained(): void {
    if (this.ended) return;
    this.refreshTail();
    if (!this.#isHeldBack) return;
    const enough = this.ring.capacity * 0.75;
    while (this.ring.heldBytes > enough && this.#past?.giveUpOldest(this.ring.head)) this.refreshTail();
    if (this.ring.heldBytes <= enough) this.#releaseHold();
  }

  refreshTail(): void {
    const { head } = this.ring;
    const most = Math.max(this.#heldByCursors(), this.#past?.heldBytes(head) ?? 0);
    this.ring.setTail((head - most) >>> 0);
  }

  #heldByCursors(): number {
    const { head } = this.ring;
    let most = 0;
    for (const cursor of this.#cursors) {
      const held = (head - cursor.tail()) >>> 0;
      if (held > most) most = held;
    }
    return most;
  }

  /** A picture is never shown more than 10 s from its decoding, whatever its source says. */
  #boundedOffset(track: number, dts90k: Ticks90k, ctsOffset90k: Ticks90k): Ticks90k {
    if (Math.abs(ctsOffset90k) <= MAX_CTS_OFFSET_90K) {
      if (this.#offsets.isRunning) this.#emitGap(this.#offsets.end(this.lastDts90k, track));
      return ctsOffset90k;
    }
    this.#offsets.mended(track, this.kindOf(track), dts90k);
    return 0;
  }

  #emitGap(gap: Gap | undefined): void {
    if (gap) this.emit("gap", gap);
  }

  /** Frames whose composition offset was out of bounds. */
  get unboundOffsetFrames(): number {
    return this.#offsets.totalFrames;
  }

  /** Frames that were clamped to just after their predecessors. */
  get jitterFrames(): number {
    return this.#jitter.totalFrames;
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
    if (ms >= HELD_BACK_MS)
      this.#emitGap({
        cause: "heldBack",
        track: null,
        dtsMs: this.newest90k / TICKS_PER_MS,
        durationMs: ms,
        frames: 0,
        bytes: 0,
      });
    this.emit("room");
  }
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** A cursor that leaves while "ended" is being told has released already. */
  #releaseUnused(): void {
    if (!this.ended || this.#users.size > 0) return;
    if (!this.#isRingFreed) {
      this.#isRingFreed = true;
      this.ring.free();
    }
    if (this.#configHolders.size === 0) this.#configs.free();
  }
}
