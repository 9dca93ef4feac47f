// An in-stream: one live source under one localStreamName. It takes frames from an ingest, gives them their place in
// time and puts them into its ring; recordings hang cursors on the ring. It knows nothing of files.
//
//   ingest: reserve ─▶ (payload) ─▶ commit        recording: attach ─▶ … kernel reads … ─▶ detach

import { EventEmitter } from "node:events";
import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, FLAG_TRACK_START, MAX_TRACKS } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import type { FrameRing } from "../arena/frame-ring.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import { Timeline } from "../time/timeline.js";
import { type Clock, type Millis, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import type { Cursor } from "./cursor.js";
import type { DecoderConfig } from "./decoder-config.js";
import { DecoderConfigs } from "./decoder-configs.js";
import type { Gap } from "./gap.js";
import { PacedNotice } from "./paced-notice.js";
import type { PacketReception } from "./packet-reception.js";
import { type From, type KeptPast, Past, type PastSettings } from "./past.js";
import type { PastPlace } from "./past-place.js";
import { type RingLimits, RingRoom } from "./ring-room.js";
import type { SourceInfo } from "./source-info.js";
import { StreamGaps } from "./stream-gaps.js";
import type { NewTrack, Track } from "./track.js";
import { Tracks } from "./tracks.js";
import { MAX_UNRECORDED, sameTracks, type UnrecordedTrack } from "./unrecorded-track.js";

const UNRECORDED_INTERVAL_MS = 1000;

export interface InStreamOptions extends RingLimits {
  /** What is kept for recordings that begin in the past; nothing where it is left out. */
  past?: PastSettings | undefined;
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
  /** Wall time of the last committed frame, monotonic. A number from the start, as in TrackClock. */
  lastFrameMs: Millis = Number.NaN;
  /** dts of the newest frame of each track; -Infinity before the first. */
  readonly lastDts90k: Ticks90k[] = [];
  /** dts of the newest random access point of the video; -Infinity before the first. */
  lastRandomAccess90k: Ticks90k = Number.NEGATIVE_INFINITY;
  /** Between the last two of them; NaN before there were two. */
  randomAccessInterval90k: Ticks90k = Number.NaN;
  #arena: Arena;
  #clock: Clock;
  #timeline: Timeline;
  #configs: DecoderConfigs;
  readonly #tracks: Tracks;
  readonly #pastSettings: PastSettings | undefined;
  #past: Past | undefined;
  readonly #room: RingRoom;
  /** Who may still need the decoder configurations: a finish does, and reads no ring. */
  #configHolders = new Set<object>();
  #firstDts90k: Ticks90k = Number.NaN;
  #isRingFreed = false;
  readonly #gaps = new StreamGaps(this, (gap) => this.emit("gap", gap));
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
    this.#timeline = new Timeline();
    this.#tracks = new Tracks(name);
    this.#configs = new DecoderConfigs(arena, name, () => this.#past?.clear());
    this.#unrecordedNotice = new PacedNotice(clock, UNRECORDED_INTERVAL_MS, () => this.emit("unrecorded"));
    this.createdMs = clock.wallMs();
    this.createdMonotonicMs = clock.monotonicMs();
    this.lastFrameMs = this.createdMonotonicMs;
    this.#room = new RingRoom({
      ...{ streamName: name, arena, clock, limits: options, lastDts90k: this.lastDts90k },
      events: { full: () => this.emit("full"), room: (heldMs) => this.#goOn(heldMs) },
    });
    this.ring = this.#room.ring;
    this.#pastSettings = options.past;
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
    return this.#room.cursorCount;
  }

  /**
   * A decoder configuration, from the source or from the embedding program. Repeats are ignored. Throws ReelError
   * `badConfig`, `badInput`.
   */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    const isFirst = this.#configs.of(track) === undefined;
    const entry = this.#tracks.forConfig(track, codec);
    if (!this.#configs.set(track, codec, bytes, entry, this.#room.isUsed || this.#configHolders.size > 0)) return;
    this.#tracks.configured(entry, codec);
    this.emit("config", track);
    // Multitrack encoders send the headers of all tracks in front of the first frame: then none is late.
    if (isFirst && this.settled && this.#hasFrames) this.#gaps.lateTrack(entry.kind);
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
   * announced, not received). How room is made: ring-room.ts.
   */
  reserve(sizeBytes: number, mayGrow = true): number {
    if (this.ended) throw new ReelError("closed", `in-stream ${this.name} has ended`);
    return this.#room.reserve(sizeBytes, mayGrow);
  }

  /**
   * Holds the place in the ring where a recording begins that begins in the past; undefined where it begins with the
   * next frame. Throws ReelError `badArgument`, `limit` where so much is not kept, but with `orLess`.
   */
  pinPast(from: From, orLess = false): PastPlace | undefined {
    if (!this.#past?.seconds)
      throw new ReelError("badArgument", `${this.name} keeps nothing of its past: set preRecord.seconds in reel.json`);
    return this.#past.pin(from, this.newest90k, orLess);
  }

  /** What is to be kept of its past may have changed. */
  refreshPast(): void {
    const settings = this.#pastSettings;
    if (!settings || this.ended) return;
    const seconds = settings.secondsOf(this.name);
    if (this.#past) this.#past.keep(seconds);
    else if (seconds > 0) {
      this.#past = new Past(this.name, seconds, settings.budget, this.ring, this.#hasFrames, settings.onShort);
      this.#room.past = this.#past;
    }
  }

  /** What is kept for recordings that begin in the past; undefined where nothing is. */
  get past(): KeptPast | undefined {
    return this.#past?.seconds ? this.#past.kept(this.newest90k) : undefined;
  }

  /** What its past holds, for a recording that reads it; undefined where it has never had one. */
  get keptPast(): Past | undefined {
    return this.#past;
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
    if (placed.clamped) this.#gaps.clamped(track, config.kind, dts90k);
    else this.#gaps.inOrder(track);
    const { splice } = placed;
    if (splice) {
      this.#discontinuity.fill(true, 0, MAX_TRACKS);
      this.#gaps.spliced(splice, config.kind);
    }
    const header = this.#header;
    header.track = track;
    header.flags =
      (isRandomAccess || config.isEveryFrameRandomAccess ? FLAG_RANDOM_ACCESS : 0) |
      (this.#discontinuity[track] ? FLAG_DISCONTINUITY : 0) |
      (this.statistics[track]?.frames === 0 ? FLAG_TRACK_START : 0) |
      leading;
    header.dts90k = dts90k;
    header.ctsOffset90k = this.#gaps.boundedOffset(track, dts90k, ctsOffset90k);
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
    if (this.#room.cursorCount === 0) this.#room.refreshTail();
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
    if (this.#gaps.isOverflowing) this.#discontinuity.fill(true, 0, MAX_TRACKS);
    if (
      (!this.#gaps.isOverflowing || mayResume) &&
      this.writeFrame(track, payload, wireDts90k, ctsOffset90k, isRandomAccess, leading)
    ) {
      this.#gaps.taken(track);
      return true;
    }
    this.#room.forgetHold();
    this.#gaps.dropped(payload.byteLength);
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
    this.#gaps.sourceLoss(gap);
  }

  /** The ingest has mended the clock of a track (`src/time/track-clocks.ts`). */
  reportClock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void {
    this.#gaps.clock(cause, track, duration90k);
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
    this.#gaps.end();
    this.#room.release();
    this.settle();
    this.#unrecordedNotice.stop();
    this.#past?.end();
    this.emit("ended", reason);
    this.#releaseUnused();
  }

  attach(cursor: Cursor): void {
    this.#room.attach(cursor);
  }

  /** The ring's memory stays until it leaves; the ring is not held up for it. */
  use(cursor: Cursor): void {
    this.#room.use(cursor);
  }

  /** The cursor no longer holds the ring up; the ring's memory stays until it leaves. */
  detach(cursor: Cursor): void {
    if (this.#room.detach(cursor)) this.onDrained();
  }

  /** Nothing reads the ring for this cursor any more. */
  leave(cursor: Cursor): void {
    this.detach(cursor);
    if (this.#room.leave(cursor)) this.#releaseUnused();
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
    if (!this.ended) this.#room.onDrained();
  }

  refreshTail(): void {
    this.#room.refreshTail();
  }

  get isHeldBack(): boolean {
    return this.#room.isHeldBack;
  }

  /** Frames whose composition offset was out of bounds. */
  get unboundOffsetFrames(): number {
    return this.#gaps.unboundOffsetFrames;
  }

  /** Frames that were clamped to just after their predecessors. */
  get jitterFrames(): number {
    return this.#gaps.jitterFrames;
  }

  #goOn(heldMs: Millis): void {
    this.#timeline.heldBack(heldMs);
    this.lastFrameMs = this.#clock.monotonicMs();
    this.#gaps.heldBack(heldMs);
    this.emit("room");
  }

  /** A cursor that leaves while "ended" is being told has released already. */
  #releaseUnused(): void {
    if (!this.ended || this.#room.isUsed) return;
    if (!this.#isRingFreed) {
      this.#isRingFreed = true;
      this.ring.free();
    }
    if (this.#configHolders.size === 0) this.#configs.free();
  }
}
