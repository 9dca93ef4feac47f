// The counters of an in-stream whose frames another thread puts into the ring (src/abi/in-stream.ts): the producer
// stores them with each frame, the main thread loads them together with the ring's head.

import { MAX_TRACKS } from "../abi/frame.js";
import {
  COUNTERS_HEAD_OFFSET,
  COUNTERS_JITTER_OFFSET,
  COUNTERS_LAST_FRAME_OFFSET,
  COUNTERS_LAST_RANDOM_ACCESS_OFFSET,
  COUNTERS_RANDOM_ACCESS_INTERVAL_OFFSET,
  COUNTERS_TRACK_SIZE,
  COUNTERS_TRACKS_OFFSET,
  COUNTERS_UNBOUND_OFFSET,
  COUNTERS_VERSION_OFFSET,
  TRACK_BYTES_OFFSET,
  TRACK_FRAMES_OFFSET,
  TRACK_LAST_DTS_OFFSET,
} from "../abi/in-stream.js";
import type { ArenaMemory } from "../arena/arena-memory.js";
import type { StreamCounters } from "./stream-counters.js";

/** Of the block. */
export const COUNTERS_SIZE = COUNTERS_TRACKS_OFFSET + MAX_TRACKS * COUNTERS_TRACK_SIZE;
/** A store takes less than a microsecond, unless its thread is interrupted in the middle of it. */
const MAX_TRIES = 10_000;

export class SharedCounters {
  /** Of the last load. */
  #version = -1;

  constructor(
    private readonly memory: ArenaMemory,
    readonly pointer: number,
  ) {}

  /** By the producer: what follows, up to `end`, is seen as one. */
  begin(): void {
    Atomics.add(this.memory.i32, (this.pointer + COUNTERS_VERSION_OFFSET) >>> 2, 1);
  }

  /** A frame of the track has been published, or the source goes on after a hold. */
  end(counters: StreamCounters, head: number, track: number): void {
    const { pointer } = this;
    const { view, i32 } = this.memory;
    const own = counters.statistics[track];
    view.setUint32(pointer + COUNTERS_HEAD_OFFSET, head, true);
    view.setFloat64(pointer + COUNTERS_LAST_FRAME_OFFSET, counters.lastFrameMs, true);
    view.setFloat64(pointer + COUNTERS_LAST_RANDOM_ACCESS_OFFSET, counters.lastRandomAccess90k, true);
    view.setFloat64(pointer + COUNTERS_RANDOM_ACCESS_INTERVAL_OFFSET, counters.randomAccessInterval90k, true);
    view.setFloat64(pointer + COUNTERS_JITTER_OFFSET, counters.jitterFrames, true);
    view.setFloat64(pointer + COUNTERS_UNBOUND_OFFSET, counters.unboundOffsetFrames, true);
    if (own && own.frames > 0) {
      const at = pointer + COUNTERS_TRACKS_OFFSET + track * COUNTERS_TRACK_SIZE;
      view.setFloat64(at + TRACK_FRAMES_OFFSET, own.frames, true);
      view.setFloat64(at + TRACK_BYTES_OFFSET, own.bytes, true);
      view.setFloat64(at + TRACK_LAST_DTS_OFFSET, counters.lastDts90k[track] ?? 0, true);
    }
    Atomics.add(i32, (pointer + COUNTERS_VERSION_OFFSET) >>> 2, 1);
  }

  /** By the main thread: the head of the ring at that moment; undefined where nothing has come since the last load. */
  load(counters: StreamCounters): number | undefined {
    const { i32 } = this.memory;
    const versionAt = (this.pointer + COUNTERS_VERSION_OFFSET) >>> 2;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = Atomics.load(i32, versionAt);
      if (version === this.#version || version === 0) return undefined;
      if ((version & 1) !== 0) continue;
      const head = this.#copy(counters);
      if (Atomics.load(i32, versionAt) !== version) continue;
      this.#version = version;
      return head;
    }
    return undefined;
  }

  /**
   * The producer is gone, maybe between `begin` and `end`: what each field says by itself, of the last frame or of the
   * one before it.
   */
  loadLoose(counters: StreamCounters): void {
    const { pointer } = this;
    const { view } = this.memory;
    if (Atomics.load(this.memory.i32, (pointer + COUNTERS_VERSION_OFFSET) >>> 2) <= 1) return;
    counters.lastFrameMs = view.getFloat64(pointer + COUNTERS_LAST_FRAME_OFFSET, true);
    counters.jitterFrames = view.getFloat64(pointer + COUNTERS_JITTER_OFFSET, true);
    counters.unboundOffsetFrames = view.getFloat64(pointer + COUNTERS_UNBOUND_OFFSET, true);
  }

  #copy(counters: StreamCounters): number {
    const { pointer } = this;
    const { view } = this.memory;
    this.loadLoose(counters);
    counters.lastRandomAccess90k = view.getFloat64(pointer + COUNTERS_LAST_RANDOM_ACCESS_OFFSET, true);
    counters.randomAccessInterval90k = view.getFloat64(pointer + COUNTERS_RANDOM_ACCESS_INTERVAL_OFFSET, true);
    for (let track = 0; track < MAX_TRACKS; track++) {
      const own = counters.statistics[track];
      const at = pointer + COUNTERS_TRACKS_OFFSET + track * COUNTERS_TRACK_SIZE;
      const frames = view.getFloat64(at + TRACK_FRAMES_OFFSET, true);
      if (!own || frames === 0) continue;
      own.frames = frames;
      own.bytes = view.getFloat64(at + TRACK_BYTES_OFFSET, true);
      counters.lastDts90k[track] = view.getFloat64(at + TRACK_LAST_DTS_OFFSET, true);
    }
    return view.getUint32(pointer + COUNTERS_HEAD_OFFSET, true);
  }
}
