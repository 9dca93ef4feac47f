// One output file while it grows: its state block in the arena, its name, and what went missing in it.

import { TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../../abi/frame.js";
import {
  SEG_CREATED_MS_OFFSET,
  SEG_LEFT_OUT_BYTES_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_LEFT_OUT_FROM_OFFSET,
  SEG_LEFT_OUT_TO_OFFSET,
  SEG_NEEDED_OUTPUT_OFFSET,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../abi/segment.js";
import type { Arena } from "../../arena/arena.js";
import type { Lost, SegmentReport } from "../../catalog/segment-report.js";
import type { SegmentOrigin, SegmentTrack } from "../../container/segment-origin.js";
import type { ContainerName } from "../../container/table.js";
import { type Gap, trackName } from "../../stream/gap.js";
import { TICKS_PER_MS } from "../../time/units.js";
import type { Reservation } from "../naming/reservations.js";

/** A broken source could report for ever: beyond this only the sums go on. */
export const MAX_GAPS = 200;

export class Segment {
  readonly pointer: number;
  isOpen = false;
  sequence = 0;
  readonly gaps: Gap[] = [];
  #lost: Lost | null = null;
  #users = 1;
  #codecs: (string | undefined)[] = [];
  #newGaps: Gap[] = [];
  #arena: Arena;

  constructor(
    arena: Arena,
    /** Released by the recording, when the segment is final or was never written. */
    readonly name: Reservation,
    /** st_dev of its volume. */
    readonly volume: number,
    /** It replaces a file of its name (overwrite=1). */
    readonly mayReplace: boolean,
    readonly startedMs: number,
    readonly container: ContainerName,
    readonly origin: SegmentOrigin,
  ) {
    this.#arena = arena;
    this.pointer = arena.allocate(SEG_SIZE);
    arena.view.setFloat64(this.pointer + SEG_CREATED_MS_OFFSET, startedMs, true);
    for (let output = 0; output <= TRACK_COUNT; output++)
      arena.view.setInt32(
        this.pointer + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE + SEG_OUTPUT_FD_OFFSET,
        -1,
        true,
      );
  }

  /** Absolute, final. */
  get path(): string {
    return this.name.path;
  }

  addGap(gap: Gap): void {
    if (this.gaps.length < MAX_GAPS) {
      this.gaps.push(gap);
      this.#newGaps.push(gap);
    }
    if (gap.frames === 0 && gap.bytes === 0) return;
    this.#lost ??= { frames: 0, bytes: 0, durationMs: 0 };
    this.#lost.frames += gap.frames;
    this.#lost.bytes += gap.bytes;
    this.#lost.durationMs += gap.durationMs;
  }

  /** Gaps since the last call: the worker notes them in the journal, for a recovery to report. */
  takeNewGaps(): readonly Gap[] | undefined {
    return this.#newGaps.length > 0 ? this.#newGaps.splice(0) : undefined;
  }

  /** What the kernel left out of the file since the last call. Only while no worker has the segment. */
  takeLeftOut(): Gap | undefined {
    const { view } = this.#arena;
    const at = this.pointer;
    const [video = 0, audio = 0] = [TRACK_VIDEO, TRACK_AUDIO].map((track) =>
      view.getUint32(at + SEG_LEFT_OUT_FRAMES_OFFSET + track * 4, true),
    );
    if (video + audio === 0) return undefined;
    const from90k = this.#arena.i64(at + SEG_LEFT_OUT_FROM_OFFSET);
    const gap: Gap = {
      cause: "unusable",
      track: video > 0 && audio > 0 ? null : trackName(video > 0 ? TRACK_VIDEO : TRACK_AUDIO),
      dtsMs: from90k / TICKS_PER_MS,
      durationMs: (this.#arena.i64(at + SEG_LEFT_OUT_TO_OFFSET) - from90k) / TICKS_PER_MS,
      frames: video + audio,
      bytes: this.#arena.i64(at + SEG_LEFT_OUT_BYTES_OFFSET),
    };
    for (let track = 0; track < TRACK_COUNT; track++)
      view.setUint32(at + SEG_LEFT_OUT_FRAMES_OFFSET + track * 4, 0, true);
    this.#arena.setI64(at + SEG_LEFT_OUT_BYTES_OFFSET, 0);
    return gap;
  }

  get lost(): Lost | null {
    return this.#lost;
  }

  frames(track: number): number {
    return this.#arena.view.getUint32(this.#track(track) + SEG_TRACK_FRAMES_OFFSET, true);
  }

  bytes(track: number): number {
    return this.#arena.i64(this.#track(track) + SEG_TRACK_BYTES_OFFSET);
  }

  /** Of both tracks. */
  get taken(): { frames: number; bytes: number } {
    return {
      frames: this.frames(TRACK_VIDEO) + this.frames(TRACK_AUDIO),
      bytes: this.bytes(TRACK_VIDEO) + this.bytes(TRACK_AUDIO),
    };
  }

  /** Its time zero on the in-stream's timeline. */
  get zero90k(): number {
    return this.#arena.i64(this.pointer + SEG_ZERO_OFFSET);
  }

  /** Media time from the segment's zero to its last frame. */
  get durationMs(): number {
    let end = 0;
    for (const track of [TRACK_VIDEO, TRACK_AUDIO]) {
      const frames = this.frames(track);
      if (frames === 0) continue;
      const first = this.#arena.i64(this.#track(track) + SEG_TRACK_FIRST_DTS_OFFSET);
      const last = this.#arena.i64(this.#track(track) + SEG_TRACK_LAST_DTS_OFFSET);
      // The last frame lasts as long as the mean of those before it.
      const mean = frames > 1 ? (last - first) / (frames - 1) : 0;
      end = Math.max(end, last + mean - this.#arena.i64(this.pointer + SEG_ZERO_OFFSET));
    }
    return end / TICKS_PER_MS;
  }

  /** With STATUS_NEED_OUTPUT: the bytes the next frame wants. */
  get neededOutput(): number {
    return this.#arena.view.getUint32(this.pointer + SEG_NEEDED_OUTPUT_OFFSET, true);
  }

  /** A drain is about to find this track. A segment keeps the codec it began with: another one cuts. */
  noteCodec(track: number, codec: string | undefined): void {
    this.#codecs[track] ??= codec;
  }

  /** What is announced; of a segment that has ended, what is in the file. */
  tracks(isEnded: boolean): SegmentTrack[] {
    return this.#codecs.flatMap((codec, track) =>
      codec === undefined || (isEnded && this.frames(track) === 0) ? [] : [{ kind: trackName(track), codec }],
    );
  }

  report(isEnded = false): SegmentReport {
    return {
      ...this.origin,
      path: this.path,
      container: this.container,
      tracks: this.tracks(isEnded),
      startedMs: this.startedMs,
      sequence: this.sequence,
    };
  }

  /** One more user of the state block; each ends with `free`. */
  hold(): void {
    this.#users++;
  }

  free(): void {
    if (--this.#users === 0) this.#arena.free(this.pointer);
  }

  #track(track: number): number {
    return this.pointer + SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE;
  }
}
