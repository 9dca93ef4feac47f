// One output file while it grows: its state block in the arena, its name, and what went missing in it.

import { CONFIG_KIND_OFFSET } from "../../abi/decoder-config.js";
import { MAX_TRACKS } from "../../abi/frame.js";
import {
  SEG_CONFIG_OFFSET,
  SEG_CREATED_MS_OFFSET,
  SEG_LEFT_OUT_BYTES_OFFSET,
  SEG_LEFT_OUT_FRAMES_OFFSET,
  SEG_LEFT_OUT_FROM_OFFSET,
  SEG_LEFT_OUT_TO_OFFSET,
  SEG_LEFT_OUT_TOTAL_OFFSET,
  SEG_NEEDED_OUTPUT_OFFSET,
  SEG_OUTPUT_COUNT,
  SEG_OUTPUT_FD_OFFSET,
  SEG_OUTPUT_POSITION_OFFSET,
  SEG_OUTPUT_SIZE,
  SEG_OUTPUTS_OFFSET,
  SEG_SIZE,
  SEG_STRAGGLER_TRACKS_OFFSET,
  SEG_STRAGGLERS_FROM_OFFSET,
  SEG_STRAGGLERS_OFFSET,
  SEG_STRAGGLERS_TO_OFFSET,
  SEG_TRACK_BYTES_OFFSET,
  SEG_TRACK_FIRST_DTS_OFFSET,
  SEG_TRACK_FRAMES_OFFSET,
  SEG_TRACK_LAST_DTS_OFFSET,
  SEG_TRACK_SIZE,
  SEG_TRACKS_OFFSET,
  SEG_UNSUPPORTED_OFFSET,
  SEG_ZERO_OFFSET,
} from "../../abi/segment.js";
import type { Arena } from "../../arena/arena.js";
import type { ReelError } from "../../base/reel-error.js";
import type { Lost, SegmentReport } from "../../catalog/segment-report.js";
import type { SegmentOrigin, SegmentTrack } from "../../container/segment-origin.js";
import type { ContainerName } from "../../container/table.js";
import { CODECS, KIND_NUMBERS } from "../../media/codec/table.js";
import { type Gap, trackName, unsupportedTrack } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import { type Moment, TICKS_PER_MS } from "../../time/units.js";
import type { Synced } from "../../worker/sync-task.js";
import type { Reservation } from "../naming/reservations.js";

/** A broken source could report for ever: beyond this only the sums go on. */
export const MAX_GAPS = 200;

export class Segment {
  readonly pointer: number;
  isOpen = false;
  /** What the last sync has covered. */
  synced: Synced = { files: 0, infoBytes: 0 };
  /** Where the media file ended when its last sync began, modulo 2^32. */
  syncedEnd = 0;
  /** A sync has failed. That is final: a later one would pass and prove nothing. */
  syncFailure: ReelError | undefined;
  sequence = 0;
  /** From the multiple of the wall clock where it was to begin (alignTo) to its first frame. */
  alignOffsetMs: number | undefined;
  /** Hashes of its first blocks of media; undefined where it has no manifest. */
  readonly blocks: string[] | undefined;
  readonly gaps: Gap[] = [];
  #lost: Lost | null = null;
  #users = 1;
  /** Tracks that are said to be left out, a bit each; codecs of those that the stream does not record. */
  #unsupported = 0;
  readonly #unrecorded = new Set<string>();
  #tracks: (SegmentTrack | undefined)[] = [];
  #newGaps: Gap[] = [];
  #knownFiles = 0;
  /** Set where somebody has taken its file away. */
  lostError: ReelError | undefined;
  #arena: Arena;

  constructor(
    arena: Arena,
    /** Released by the recording, when the segment is final or was never written. */
    readonly name: Reservation,
    /** st_dev of its volume. */
    readonly volume: number,
    /** It replaces a file of its name (overwrite=1). */
    readonly mayReplace: boolean,
    readonly started: Moment,
    readonly container: ContainerName,
    readonly origin: SegmentOrigin,
  ) {
    this.#arena = arena;
    this.blocks = origin.wishes?.manifest ? [] : undefined;
    this.pointer = arena.allocate(SEG_SIZE);
    arena.view.setFloat64(this.pointer + SEG_CREATED_MS_OFFSET, started.wallMs, true);
    for (let output = 0; output < SEG_OUTPUT_COUNT; output++)
      arena.view.setInt32(
        this.pointer + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE + SEG_OUTPUT_FD_OFFSET,
        -1,
        true,
      );
  }

  /** Unix milliseconds. */
  get startedMs(): number {
    return this.started.wallMs;
  }

  /** Absolute, final. */
  get path(): string {
    return this.name.path;
  }

  /** All that it held, as a loss. Only while no worker has it. */
  asLost(): Gap {
    let frames = 0;
    let bytes = 0;
    let from90k = Number.POSITIVE_INFINITY;
    let to90k = 0;
    for (let track = 0; track < MAX_TRACKS; track++) {
      if (this.frames(track) === 0) continue;
      const at = this.#track(track);
      frames += this.frames(track);
      bytes += this.#arena.i64(at + SEG_TRACK_BYTES_OFFSET);
      from90k = Math.min(from90k, this.#arena.i64(at + SEG_TRACK_FIRST_DTS_OFFSET));
      to90k = Math.max(to90k, this.#arena.i64(at + SEG_TRACK_LAST_DTS_OFFSET));
    }
    if (frames === 0) from90k = 0;
    const [dtsMs, durationMs] = [from90k / TICKS_PER_MS, (to90k - from90k) / TICKS_PER_MS];
    return { cause: "lostFile", track: null, dtsMs, durationMs, frames, bytes };
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
  takeLeftOut(stream: InStream): Gap | undefined {
    const { view } = this.#arena;
    const at = this.pointer;
    const total = view.getUint32(at + SEG_LEFT_OUT_TOTAL_OFFSET, true);
    if (total === 0) return undefined;
    const kinds = new Set<Gap["track"]>();
    for (let track = 0; track < MAX_TRACKS; track++) {
      const frames = at + SEG_LEFT_OUT_FRAMES_OFFSET + track * 4;
      if (view.getUint32(frames, true) > 0) kinds.add(trackName(stream.kindOf(track)));
      view.setUint32(frames, 0, true);
    }
    const [kind = null] = kinds;
    const from90k = this.#arena.i64(at + SEG_LEFT_OUT_FROM_OFFSET);
    const gap: Gap = {
      cause: "unusable",
      track: kinds.size === 1 ? kind : null,
      dtsMs: from90k / TICKS_PER_MS,
      durationMs: (this.#arena.i64(at + SEG_LEFT_OUT_TO_OFFSET) - from90k) / TICKS_PER_MS,
      frames: total,
      bytes: this.#arena.i64(at + SEG_LEFT_OUT_BYTES_OFFSET),
    };
    view.setUint32(at + SEG_LEFT_OUT_TOTAL_OFFSET, 0, true);
    this.#arena.setI64(at + SEG_LEFT_OUT_BYTES_OFFSET, 0);
    return gap;
  }

  /** Frames that came too late for the segment before, since the last call. Only while no worker has the segment. */
  takeStragglers(stream: InStream): Gap | undefined {
    const { view } = this.#arena;
    const at = this.pointer;
    if (view.getUint32(at + SEG_STRAGGLERS_OFFSET, true) === 0) return undefined;
    const tracks = view.getUint32(at + SEG_STRAGGLER_TRACKS_OFFSET, true);
    const from90k = this.#arena.i64(at + SEG_STRAGGLERS_FROM_OFFSET);
    view.setUint32(at + SEG_STRAGGLERS_OFFSET, 0, true);
    view.setUint32(at + SEG_STRAGGLER_TRACKS_OFFSET, 0, true);
    return {
      cause: "straggler",
      track: (tracks & (tracks - 1)) === 0 ? trackName(stream.kindOf(31 - Math.clz32(tracks))) : null,
      dtsMs: from90k / TICKS_PER_MS,
      durationMs: (this.#arena.i64(at + SEG_STRAGGLERS_TO_OFFSET) - from90k) / TICKS_PER_MS,
      frames: 0,
      bytes: 0,
    };
  }

  /** One entry a segment for each track that the container cannot carry, or that nobody records. */
  takeUnsupported(stream: InStream, hasAudio: boolean): Gap[] {
    const tracks = this.#arena.view.getUint32(this.pointer + SEG_UNSUPPORTED_OFFSET, true);
    const gaps: Gap[] = [];
    for (let track = 0; track < MAX_TRACKS; track++) {
      if ((tracks & ~this.#unsupported & (1 << track)) === 0) continue;
      const codec = stream.config(track)?.codec;
      gaps.push(unsupportedTrack(trackName(stream.kindOf(track)), codec ? CODECS[codec].title : "", this.zero90k));
    }
    this.#unsupported = tracks;
    for (const { kind, codec } of stream.unrecorded) {
      if ((kind === "audio" && !hasAudio) || this.#unrecorded.has(codec)) continue;
      this.#unrecorded.add(codec);
      gaps.push(unsupportedTrack(kind, codec, this.zero90k));
    }
    return gaps;
  }

  /** False where its container has no place for the track. */
  carries(track: number): boolean {
    return (this.#unsupported & (1 << track)) === 0;
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

  /** Of all tracks. */
  get taken(): { frames: number; bytes: number } {
    const taken = { frames: 0, bytes: 0 };
    for (let track = 0; track < MAX_TRACKS; track++) {
      const frames = this.frames(track);
      if (frames === 0) continue;
      taken.frames += frames;
      taken.bytes += this.bytes(track);
    }
    return taken;
  }

  /** Its time zero on the in-stream's timeline. */
  get zero90k(): number {
    return this.#arena.i64(this.pointer + SEG_ZERO_OFFSET);
  }

  /** Media time from the segment's zero to its last frame. */
  get durationMs(): number {
    let end = 0;
    for (let track = 0; track < MAX_TRACKS; track++) {
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

  /** Where the next bytes of the media file go, modulo 2^32: another value than before says that it grew. */
  get mediaEnd(): number {
    return this.#arena.view.getUint32(this.pointer + SEG_OUTPUTS_OFFSET + SEG_OUTPUT_POSITION_OFFSET, true);
  }

  /** Descriptors in its outputs: a track that joins late adds one. */
  get openFiles(): number {
    let files = 0;
    for (let output = 0; output < SEG_OUTPUT_COUNT; output++) {
      const at = this.pointer + SEG_OUTPUTS_OFFSET + output * SEG_OUTPUT_SIZE + SEG_OUTPUT_FD_OFFSET;
      if (this.#arena.view.getInt32(at, true) >= 0) files++;
    }
    return files;
  }

  /** True once for every file that was added since the opening. Only while no worker has the segment. */
  takeAddedFile(): boolean {
    const known = this.#knownFiles;
    this.#knownFiles = this.openFiles;
    return known > 0 && this.#knownFiles > known;
  }

  /** A drain is about to find these tracks. A segment keeps the codecs it began with: another one cuts. */
  noteTracks(stream: InStream, hasAudio: boolean): void {
    for (let track = 0; track < MAX_TRACKS; track++) {
      const config = stream.config(track);
      if (!config || config.kind === "data" || (config.kind === "audio" && !hasAudio)) continue;
      this.#tracks[track] ??= { kind: config.kind, codec: config.codec };
    }
  }

  /** Frames of all tracks of a kind. */
  framesOf(kind: "video" | "audio"): number {
    let frames = 0;
    for (let track = 0; track < MAX_TRACKS; track++) {
      const config = this.#arena.view.getUint32(this.pointer + SEG_CONFIG_OFFSET + track * 4, true);
      if (config === 0 || this.#arena.view.getUint32(config + CONFIG_KIND_OFFSET, true) !== KIND_NUMBERS[kind])
        continue;
      frames += this.frames(track);
    }
    return frames;
  }

  /** What is announced; of a segment that has ended, what is in the file. */
  tracks(isEnded: boolean): SegmentTrack[] {
    return this.#tracks.flatMap((track, number) => (!track || (isEnded && this.frames(number) === 0) ? [] : [track]));
  }

  report(isEnded = false): SegmentReport {
    return {
      ...this.origin,
      path: this.path,
      container: this.container,
      tracks: this.tracks(isEnded),
      startedMs: this.startedMs,
      sequence: this.sequence,
      ...(this.alignOffsetMs !== undefined && { alignOffsetMs: this.alignOffsetMs }),
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
