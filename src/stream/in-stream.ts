// An in-stream: one live source under one localStreamName. It takes frames from an ingest, gives them their place in
// time and puts them into its ring; recordings hang cursors on the ring. It knows nothing of files.
//
//   ingest: reserve ─▶ (payload) ─▶ commit        recording: attach ─▶ … kernel reads … ─▶ detach

import { EventEmitter } from "node:events";
import { FLAG_RANDOM_ACCESS } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import type { FrameRing } from "../arena/frame-ring.js";
import { ReelError } from "../base/reel-error.js";
import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import type { Clock, Millis, Ticks90k } from "../time/units.js";
import type { Cursor } from "./cursor.js";
import type { DecoderConfig } from "./decoder-config.js";
import { DecoderConfigs } from "./decoder-configs.js";
import type { Gap } from "./gap.js";
import { PacedNotice } from "./paced-notice.js";
import type { PacketReception } from "./packet-reception.js";
import { type From, type KeptPast, Past, type PastSettings } from "./past.js";
import type { PastPlace } from "./past-place.js";
import { RemoteProducer, type TellRoom } from "./remote-producer.js";
import { type RingLimits, RingRoom } from "./ring-room.js";
import type { SourceInfo } from "./source-info.js";
import type { SourceStream } from "./source-stream.js";
import { StreamCounters, type TrackStatistics } from "./stream-counters.js";
import { StreamProducer } from "./stream-producer.js";
import type { NewTrack, Track } from "./track.js";
import { Tracks } from "./tracks.js";
import { MAX_UNRECORDED, sameTracks, type UnrecordedTrack } from "./unrecorded-track.js";

const UNRECORDED_INTERVAL_MS = 1000;

export interface InStreamOptions extends RingLimits {
  /** What is kept for recordings that begin in the past; nothing where it is left out. */
  past?: PastSettings | undefined;
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

export class InStream extends EventEmitter<InStreamEvents> implements SourceStream {
  readonly createdMs: number;
  /** For how long it lives: the wall clock may be set. */
  readonly createdMonotonicMs: number;
  readonly ring: FrameRing;
  /** How its packets arrive; undefined where it does not come in packets. Set by its ingest. */
  reception: (() => PacketReception) | undefined;
  settled = false;
  ended = false;
  #arena: Arena;
  #clock: Clock;
  readonly #counters: StreamCounters;
  readonly #producer: StreamProducer;
  /** Where another thread puts the frames in. */
  #remote: RemoteProducer | undefined;
  #configs: DecoderConfigs;
  readonly #tracks: Tracks;
  readonly #pastSettings: PastSettings | undefined;
  #past: Past | undefined;
  readonly #room: RingRoom;
  /** Who may still need the decoder configurations: a finish does, and reads no ring. */
  #configHolders = new Set<object>();
  #isRingFreed = false;
  #unrecorded: readonly UnrecordedTrack[] = [];
  /** Publishers can change the list with every message. */
  readonly #unrecordedNotice: PacedNotice;
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
    this.#tracks = new Tracks(name);
    this.#configs = new DecoderConfigs(arena, name, () => this.#past?.clear());
    this.#unrecordedNotice = new PacedNotice(clock, UNRECORDED_INTERVAL_MS, () => this.emit("unrecorded"));
    this.createdMs = clock.wallMs();
    this.createdMonotonicMs = clock.monotonicMs();
    this.#counters = new StreamCounters(this.createdMonotonicMs);
    this.#room = new RingRoom({
      ...{ streamName: name, arena, clock, limits: options, lastDts90k: this.#counters.lastDts90k },
      events: { full: () => this.emit("full"), room: (heldMs) => this.#goOn(heldMs) },
    });
    this.ring = this.#room.ring;
    this.#producer = new StreamProducer(this, this.ring, this.#counters, clock);
    this.#pastSettings = options.past;
    this.refreshPast();
  }

  get statistics(): readonly TrackStatistics[] {
    return this.#counters.statistics;
  }

  /** dts of the newest frame of each track; -Infinity before the first. */
  get lastDts90k(): readonly Ticks90k[] {
    return this.#counters.lastDts90k;
  }

  /** Wall time of the last committed frame, monotonic. */
  get lastFrameMs(): Millis {
    return this.#counters.lastFrameMs;
  }

  /** dts of the newest random access point of the video; -Infinity before the first. */
  get lastRandomAccess90k(): Ticks90k {
    return this.#counters.lastRandomAccess90k;
  }

  /** Between the last two of them; NaN before there were two. */
  get randomAccessInterval90k(): Ticks90k {
    return this.#counters.randomAccessInterval90k;
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
    if (this.#tracks.isComplete) this.settle();
  }

  /** The source has described all of its tracks: when each has its configuration, no other is waited for. */
  tracksAreNamed(): void {
    this.#tracks.areNamed = true;
    if (this.#tracks.isComplete) this.settle();
  }

  /** Place of the newest frame of all tracks. */
  get newest90k(): Ticks90k {
    return this.#counters.newest90k;
  }

  get cursorCount(): number {
    return this.#room.cursorCount;
  }

  /**
   * A decoder configuration, from the source or from the embedding program. Repeats are ignored. Throws ReelError
   * `badConfig`, `badInput`.
   */
  setDecoderConfig(track: number, codec: CodecName, bytes: Uint8Array): void {
    this.look();
    const isFirst = this.#configs.of(track) === undefined;
    const entry = this.#tracks.forConfig(track, codec);
    if (!this.#configs.set(track, codec, bytes, entry, this.#room.isUsed || this.#configHolders.size > 0)) return;
    this.#tracks.configured(entry, codec);
    this.emit("config", track);
    // Multitrack encoders send the headers of all tracks in front of the first frame: then none is late.
    if (isFirst && this.settled && this.#counters.hasFrames) this.#producer.gaps.lateTrack(entry.kind);
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
    this.look();
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
      const { hasFrames } = this.#counters;
      this.#past = new Past(this.name, seconds, settings.budget, this.ring, hasFrames, settings.onShort);
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
    const index = this.#producer.commit(track, sizeBytes, wireDts90k, ctsOffset90k, isRandomAccess, leading);
    if (this.#past) {
      const { flags, dts90k } = this.#producer.header;
      this.#keep(this.#past, index, this.ring.head, track, flags, dts90k);
    }
    if (!this.settled && this.#producer.isOld) this.settle();
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
    if (
      this.#producer.mayTake(track, isRandomAccess) &&
      this.writeFrame(track, payload, wireDts90k, ctsOffset90k, isRandomAccess, leading)
    ) {
      this.#producer.gaps.taken(track);
      return true;
    }
    this.#room.forgetHold();
    this.#producer.dropped(track, payload.byteLength);
    return false;
  }

  /** The transport lost data before it reached us: the next frame of each track is marked, the loss reported. */
  reportSourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void {
    this.#producer.sourceLoss(gap);
  }

  /** The ingest has mended the clock of a track (`src/time/track-clocks.ts`). */
  reportClock(cause: "clockOffset" | "stuckClock", track: number, duration90k: Ticks90k): void {
    this.#producer.gaps.clock(cause, track, duration90k);
  }

  /** Monotonic: the clock that frames are placed by. */
  get nowMs(): Millis {
    return this.#clock.monotonicMs();
  }

  /**
   * Another thread puts the frames in from here on, none was before; `tellRoom` answers its `wantRoom`. Returns the
   * block where it counts. It has all until `letGo`.
   */
  handOver(tellRoom: TellRoom): number {
    this.#remote = new RemoteProducer(this.#arena, this.ring, () => this.look(), tellRoom);
    return this.#remote.pointer;
  }

  /** Looks what the other thread has brought: until the next look the in-stream is as it is now. */
  look(): void {
    const remote = this.#remote;
    if (remote?.load(this.#counters)) this.#keepSeen(remote);
  }

  /** What came since the last look may be where a recording begins. */
  #keepSeen(remote: RemoteProducer): void {
    const past = this.#past;
    if (past) {
      for (let frame = this.ring.frameAt(remote.seen); frame; frame = this.ring.frameAt(frame.next))
        this.#keep(past, frame.index, frame.next, frame.track, frame.flags, frame.dts90k);
    }
    remote.seen = this.ring.head;
  }

  /** The same, and takes over what need not stay in the ring. */
  sweep(): void {
    this.look();
    if (!this.ended) this.#room.refreshTail();
  }

  /** The other thread has a frame of that size, found no room, and waits. */
  wantRoom(sizeBytes: number): void {
    if (this.ended) return;
    this.look();
    try {
      if (this.#room.reserve(sizeBytes, true) === 0) return;
      this.ring.abandon();
      this.#remote?.room(0);
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "arenaFull") throw error;
      this.#remote?.room(0, error.message);
    }
  }

  /** The other thread will not touch anything of it any more. */
  letGo(): void {
    const remote = this.#remote;
    if (!remote?.isWriting) return;
    this.look();
    if (remote.countPublished(this.#counters, this.mainVideo)) this.#keepSeen(remote);
    remote.letGo();
    this.#releaseUnused();
  }

  /** No more frames will come. The ring stays until the last cursor is detached. */
  end(reason: string): void {
    if (this.ended) return;
    this.look();
    this.ended = true;
    this.ring.abandon();
    this.#producer.gaps.end();
    this.#room.release();
    this.settle();
    this.#unrecordedNotice.stop();
    this.#past?.end();
    this.emit("ended", reason);
    this.#releaseUnused();
  }

  /** Tells of a gap that concerns every recording. */
  gap(gap: Gap): void {
    this.emit("gap", gap);
  }

  onRoom(listener: () => void): void {
    this.on("room", listener);
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
    this.look();
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
    return this.#counters.unboundOffsetFrames;
  }

  /** Frames that were clamped to just after their predecessors. */
  get jitterFrames(): number {
    return this.#counters.jitterFrames;
  }

  /** A frame may be where a recording begins that begins in the past. */
  #keep(past: Past, index: number, head: number, track: number, flags: number, dts90k: Ticks90k): void {
    const main = this.#tracks.mainVideo;
    past.committed(index, head, dts90k, main === undefined || (track === main && (flags & FLAG_RANDOM_ACCESS) !== 0));
  }

  #goOn(heldMs: Millis): void {
    if (this.#remote) {
      this.#remote.room(heldMs);
      return;
    }
    this.#producer.goOn(heldMs);
    this.emit("room");
  }

  /** A cursor that leaves while "ended" is being told has released already. */
  #releaseUnused(): void {
    if (!this.ended || this.#room.isUsed || this.#remote?.isWriting) return;
    if (!this.#isRingFreed) {
      this.#isRingFreed = true;
      this.ring.free();
    }
    if (this.#configHolders.size === 0) this.#configs.free();
  }
}
