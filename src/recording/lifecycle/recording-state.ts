// The main thread's side of a recording's state block (src/abi/recording.ts): set-up, the cursor's lock, claims, stops,
// counters.

import { MAX_TRACKS } from "../../abi/frame.js";
import {
  CLAIM_DISPATCHED,
  CLAIM_IDLE,
  CLAIM_RUNNING,
  CLAIM_STATE_MASK,
  CLAIM_TICKET_SHIFT,
  LOCK_FREE,
  LOCK_KERNEL,
  LOCK_MAIN,
  REC_BEGIN_DTS_OFFSET,
  REC_CHUNK_LENGTH_OFFSET,
  REC_CLAIM_OFFSET,
  REC_CONFIG_OFFSET,
  REC_CONTAINER_OFFSET,
  REC_CUT_AT_OFFSET,
  REC_CUT_STATUS_OFFSET,
  REC_FLAG_DECIDE_NOW,
  REC_FLAG_DROPPED_VIDEO,
  REC_FLAG_HAS_AUDIO,
  REC_FLAG_HAS_VIDEO_TRACK,
  REC_FLAG_SKIP_TO_RANDOM_ACCESS,
  REC_FLAG_START_ANYWHERE,
  REC_FLAG_TAKEN_AHEAD,
  REC_FLAG_WAIT_FOR_IDR,
  REC_FLAGS_OFFSET,
  REC_LOCK_OFFSET,
  REC_MAIN_VIDEO_OFFSET,
  REC_MAX_BYTES_OFFSET,
  REC_RING_OFFSET,
  REC_SIZE,
  REC_SKIPPED_BYTES_OFFSET,
  REC_SKIPPED_FRAMES_OFFSET,
  REC_SKIPPED_FROM_OFFSET,
  REC_SKIPPED_TO_OFFSET,
  REC_STOP_INDEX_OFFSET,
  REC_STOP_MODE_OFFSET,
  REC_TAIL_OFFSET,
  REC_TAKEN_END_OFFSET,
  REC_TAKEN_OFFSET,
  STOP_AT_INDEX,
} from "../../abi/recording.js";
import type { Arena } from "../../arena/arena.js";
import { CONTAINERS } from "../../container/table.js";
import type { Gap } from "../../stream/gap.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import type { RecordConfig } from "../record-config.js";

/** A kernel call takes milliseconds at most; a machine that is short of cores may interrupt it. */
const MAX_LOCK_WAIT_MS = 100;

export class RecordingState {
  readonly pointer: number;
  #arena: Arena;
  #ticket = 0;

  /** `predecessor`: the recording that hands over to it. */
  constructor(arena: Arena, ring: number, tail: number, config: RecordConfig, predecessor?: RecordingState) {
    this.#arena = arena;
    this.pointer = arena.allocate(REC_SIZE);
    this.#set(REC_TAIL_OFFSET, tail);
    this.#set(REC_RING_OFFSET, ring);
    this.#set(REC_CONTAINER_OFFSET, CONTAINERS[config.type].number);
    this.#set(
      REC_FLAGS_OFFSET,
      (config.waitForIDR ? REC_FLAG_WAIT_FOR_IDR : 0) | (config.hasAudio ? REC_FLAG_HAS_AUDIO : 0),
    );
    arena.setI64(this.pointer + REC_CHUNK_LENGTH_OFFSET, config.chunkLength * TICKS_PER_SECOND);
    arena.setI64(this.pointer + REC_MAX_BYTES_OFFSET, config.maxBytes);
    arena.setI64(this.pointer + REC_SKIPPED_FROM_OFFSET, -1);
    if (predecessor) this.#inherit(predecessor);
  }

  /**
   * What was dropped in front of the cursor, or was cut at, and so decides where the next segment may begin; and what
   * was taken from behind it.
   */
  #inherit(predecessor: RecordingState): void {
    const flags =
      REC_FLAG_DROPPED_VIDEO | REC_FLAG_SKIP_TO_RANDOM_ACCESS | REC_FLAG_START_ANYWHERE | REC_FLAG_TAKEN_AHEAD;
    this.#set(REC_FLAGS_OFFSET, this.#get(REC_FLAGS_OFFSET) | (predecessor.#get(REC_FLAGS_OFFSET) & flags));
    this.#set(REC_TAKEN_END_OFFSET, predecessor.#get(REC_TAKEN_END_OFFSET));
    for (let track = 0; track < MAX_TRACKS; track++) {
      const offset = REC_TAKEN_OFFSET + track * 4;
      this.#set(offset, predecessor.#get(offset));
    }
    this.#arena.setI64(
      this.pointer + REC_BEGIN_DTS_OFFSET,
      this.#arena.i64(predecessor.pointer + REC_BEGIN_DTS_OFFSET),
    );
  }

  /** True where a frame behind the cursor went into the segment that the last cut has ended. */
  hasTaken(track: number, index: number): boolean {
    if ((this.#get(REC_FLAGS_OFFSET) & REC_FLAG_TAKEN_AHEAD) === 0) return false;
    const isBefore = (offset: number): boolean => ((index - this.#get(offset)) | 0) < 0;
    return isBefore(REC_TAKEN_END_OFFSET) && isBefore(REC_TAKEN_OFFSET + track * 4);
  }

  /** Whether a cut has to be decided with what the ring holds. Only while no worker has the recording. */
  setDecideNow(decideNow: boolean): void {
    const flags = this.#get(REC_FLAGS_OFFSET);
    this.#set(REC_FLAGS_OFFSET, decideNow ? flags | REC_FLAG_DECIDE_NOW : flags & ~REC_FLAG_DECIDE_NOW);
  }

  /** From where on the next random access point is cut at; 0 = none. Only while no worker has the recording. */
  setCutAt(dts90k: Ticks90k): void {
    this.#arena.setI64(this.pointer + REC_CUT_AT_OFFSET, dts90k);
  }

  /** Where the last cut was. */
  get lastCut90k(): Ticks90k {
    return this.#arena.i64(this.pointer + REC_BEGIN_DTS_OFFSET);
  }

  tail(): number {
    return Atomics.load(this.#arena.i32, (this.pointer + REC_TAIL_OFFSET) >>> 2) >>> 0;
  }

  tryLock(): boolean {
    return (
      Atomics.compareExchange(this.#arena.i32, (this.pointer + REC_LOCK_OFFSET) >>> 2, LOCK_FREE, LOCK_MAIN) ===
      LOCK_FREE
    );
  }

  unlock(): void {
    Atomics.store(this.#arena.i32, (this.pointer + REC_LOCK_OFFSET) >>> 2, LOCK_FREE);
  }

  /** The lock is held. */
  jump(index: number, skip: boolean): void {
    Atomics.store(this.#arena.i32, (this.pointer + REC_TAIL_OFFSET) >>> 2, index | 0);
    if (skip) this.#set(REC_FLAGS_OFFSET, this.#get(REC_FLAGS_OFFSET) | REC_FLAG_SKIP_TO_RANDOM_ACCESS);
  }

  /** It goes on in another ring. No worker has the recording, and it has taken all of the ring that it leaves. */
  goOnIn(ring: number, index: number): void {
    this.#set(REC_RING_OFFSET, ring);
    // An index of the ring that it leaves.
    this.#set(REC_FLAGS_OFFSET, this.#get(REC_FLAGS_OFFSET) & ~REC_FLAG_TAKEN_AHEAD);
    Atomics.store(this.#arena.i32, (this.pointer + REC_TAIL_OFFSET) >>> 2, index | 0);
  }

  /** What is in the middle of a group of pictures can begin no file: dropped, and counted, up to where one can. */
  skipToRandomAccess(): void {
    const isLocked = this.#lock();
    this.jump(this.tail(), true);
    // A cut of the file that is gone.
    this.#set(REC_CUT_STATUS_OFFSET, 0);
    if (isLocked) this.unlock();
  }

  /** What the in-stream's tracks are now. Only while no worker has the recording. */
  setTracks(configOf: (track: number) => number | undefined, mainVideo: number | undefined): void {
    for (let track = 0; track < MAX_TRACKS; track++) this.#set(REC_CONFIG_OFFSET + track * 4, configOf(track) ?? 0);
    this.#set(REC_MAIN_VIDEO_OFFSET, mainVideo === undefined ? 0 : mainVideo + 1);
    const flags = this.#get(REC_FLAGS_OFFSET);
    this.#set(
      REC_FLAGS_OFFSET,
      mainVideo !== undefined ? flags | REC_FLAG_HAS_VIDEO_TRACK : flags & ~REC_FLAG_HAS_VIDEO_TRACK,
    );
  }

  /** The index first: a kernel that sees the mode sees its index. */
  stop(mode: number, index: number): void {
    Atomics.store(this.#arena.i32, (this.pointer + REC_STOP_INDEX_OFFSET) >>> 2, index | 0);
    Atomics.store(this.#arena.i32, (this.pointer + REC_STOP_MODE_OFFSET) >>> 2, mode);
  }

  /**
   * Ends it where its cursor stands, and answers that index. Under the lock: a worker whose write returns in this
   * moment would else take frames that its successor reports as lost. A kernel call is short, so a busy one is waited
   * for.
   */
  stopAtCursor(): number {
    const isLocked = this.#lock();
    const tail = this.tail();
    this.stop(STOP_AT_INDEX, tail);
    if (isLocked) this.unlock();
    return tail;
  }

  /** False where the lock is held for longer than any kernel call takes. */
  #lock(): boolean {
    for (let waitedMs = 0; waitedMs < MAX_LOCK_WAIT_MS; waitedMs++) {
      if (this.tryLock()) return true;
      Atomics.wait(this.#arena.i32, (this.pointer + REC_LOCK_OFFSET) >>> 2, LOCK_KERNEL, 1);
    }
    return this.tryLock();
  }

  dispatch(ticket: number): void {
    this.#ticket = ticket << CLAIM_TICKET_SHIFT;
    Atomics.store(this.#arena.i32, (this.pointer + REC_CLAIM_OFFSET) >>> 2, this.#ticket | CLAIM_DISPATCHED);
  }

  /** Takes a recording back that its worker has not yet taken up. */
  reclaim(): boolean {
    const dispatched = this.#ticket | CLAIM_DISPATCHED;
    return (
      Atomics.compareExchange(
        this.#arena.i32,
        (this.pointer + REC_CLAIM_OFFSET) >>> 2,
        dispatched,
        this.#ticket | CLAIM_IDLE,
      ) === dispatched
    );
  }

  /** The worker of a dispatch has died: its lock and claim go. False where the dispatch is not the last one. */
  releaseDead(ticket: number): boolean {
    if (this.#ticket !== ticket << CLAIM_TICKET_SHIFT) return false;
    Atomics.compareExchange(this.#arena.i32, (this.pointer + REC_LOCK_OFFSET) >>> 2, LOCK_KERNEL, LOCK_FREE);
    Atomics.store(this.#arena.i32, (this.pointer + REC_CLAIM_OFFSET) >>> 2, this.#ticket | CLAIM_IDLE);
    return true;
  }

  get isRunning(): boolean {
    return (
      (Atomics.load(this.#arena.i32, (this.pointer + REC_CLAIM_OFFSET) >>> 2) & CLAIM_STATE_MASK) === CLAIM_RUNNING
    );
  }

  /**
   * Frames the kernel dropped after a jump, once it has found a random access point; the counters start again. With
   * `end90k` also those after which none will come: that is where the gap ends then.
   */
  takeSkipped(end90k: number | undefined): Gap | undefined {
    const isSkipping = (this.#get(REC_FLAGS_OFFSET) & REC_FLAG_SKIP_TO_RANDOM_ACCESS) !== 0;
    if (isSkipping && end90k === undefined) return undefined;
    let frames = 0;
    for (let track = 0; track < MAX_TRACKS; track++) frames += this.#get(REC_SKIPPED_FRAMES_OFFSET + track * 4);
    if (frames === 0) return undefined;
    const at = this.pointer;
    const from90k = this.#arena.i64(at + REC_SKIPPED_FROM_OFFSET);
    const skipped: Gap = {
      cause: "lag",
      track: null,
      dtsMs: from90k / TICKS_PER_MS,
      durationMs:
        ((isSkipping && end90k !== undefined ? end90k : this.#arena.i64(at + REC_SKIPPED_TO_OFFSET)) - from90k) /
        TICKS_PER_MS,
      frames,
      bytes: this.#arena.i64(at + REC_SKIPPED_BYTES_OFFSET),
    };
    for (let track = 0; track < MAX_TRACKS; track++) this.#set(REC_SKIPPED_FRAMES_OFFSET + track * 4, 0);
    this.#arena.setI64(at + REC_SKIPPED_BYTES_OFFSET, 0);
    this.#arena.setI64(at + REC_SKIPPED_FROM_OFFSET, -1);
    return skipped;
  }

  free(): void {
    this.#arena.free(this.pointer);
  }

  #get(offset: number): number {
    return this.#arena.view.getUint32(this.pointer + offset, true);
  }

  #set(offset: number, value: number): void {
    this.#arena.view.setUint32(this.pointer + offset, value, true);
  }
}
