// Streams sample records through the index kernel (assembly/container/mp4/) in a memory of its own: no arena, no server
// needed. What is held is one block of records and one block of each table, however long the recording is. Of one with
// up to a million samples the first pass keeps all entries that it makes, so that the records need not be read a second
// time.
//
//   scan(track) … ─▶ layout(shift) ─▶ size, duration ─▶ write(to file)
//
//   0          64 KiB                                                                                    16 MiB
//   | constants | movie and tracks | records | six tables | configurations, then headers (grown to fit) … | kept tables, where there are any

import { readSync } from "node:fs";
import { CONFIG_SAMPLE_RATE_OFFSET, KIND_AUDIO } from "../../abi/decoder-config.js";
import { MAX_TRACKS } from "../../abi/frame.js";
import {
  INDEX_BYTES_OFFSET,
  INDEX_CONFIG_OFFSET,
  INDEX_CREATED_OFFSET,
  INDEX_CTS_SHIFT_OFFSET,
  INDEX_DURATION_OFFSET,
  INDEX_END_POSITION_OFFSET,
  INDEX_FLAG_LARGE,
  INDEX_FLAGS_OFFSET,
  INDEX_MEDIA_END_OFFSET,
  INDEX_MEDIA_START_OFFSET,
  INDEX_MOOV_SIZE_OFFSET,
  INDEX_MOVIE_SIZE,
  INDEX_PIECE_SIZE,
  INDEX_PIECE_TABLE_OFFSET,
  INDEX_PIECES_OFFSET,
  INDEX_PREVIOUS_DTS_OFFSET,
  INDEX_SHIFT_OFFSET,
  INDEX_SIZE,
  INDEX_TABLE_OUT_OFFSET,
  INDEX_TABLE_SIZE,
  INDEX_TABLES_OFFSET,
  INDEX_TIMESCALE_OFFSET,
  INDEX_TRACK_SIZE,
  MOVIE_TIMESCALE,
  SAMPLE_CHECK_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_RECORD_SIZE,
  TABLE_COUNT,
  TABLE_MAX_ENTRY_SIZE,
  TABLE_STCO,
  TABLE_STSS,
  VIDEO_TIMESCALE,
} from "../../abi/mp4.js";
import { ArenaViews } from "../../arena/arena-views.js";
import { instantiateKernel, type Kernel } from "../../arena/kernel.js";
import { ReelError } from "../../base/reel-error.js";
import { TICKS_PER_MS } from "../../time/units.js";
import { kindOfBlock } from "./track-config.js";

export interface IndexKernel extends Kernel {
  mp4IndexBegin(track: number): void;
  mp4IndexTake(movie: number, track: number, records: number, count: number): number;
  mp4IndexEnd(track: number): void;
  mp4IndexLayout(movie: number, out: number): number;
  mp4SampleCheck(record: number): number;
}

const PAGE_SIZE = 65536;
const BASE = PAGE_SIZE;
const BLOCK_RECORDS = 8192;
const RECORDS_SIZE = BLOCK_RECORDS * SAMPLE_RECORD_SIZE;
/** One entry more than records: the end of a pass closes a run. */
const TABLE_SIZE = Math.ceil(((BLOCK_RECORDS + 1) * TABLE_MAX_ENTRY_SIZE) / 64) * 64;
const RECORDS_AT = BASE + INDEX_SIZE;
const TABLES_AT = RECORDS_AT + RECORDS_SIZE;
const CONFIGS_AT = TABLES_AT + TABLE_COUNT * TABLE_SIZE;
/** All headers of an index but its configurations. */
const HEADERS_SIZE = 16 * 1024;
/** A decoder configuration is a few hundred bytes; one beyond this comes from a damaged or hostile source. */
const MAX_CONFIG_BYTES = 4 << 20;
const KEPT_AT = 16 << 20;
/** What is reserved for kept tables; of it only what they fill is ever touched, about 6 bytes a sample. */
const KEPT_BYTES = 48 << 20;
/**
 * The most that one sample adds to all tables: stts 8, ctts 8, stss 4, stsc 12, stsz 4, stco 4; one more entry for each
 * run that the end closes.
 */
const KEPT_ENTRY_SIZES: readonly number[] = [8, 8, 4, 12, 4, 4];
const MAXIMUM_PAGES = (KEPT_AT + KEPT_BYTES) / PAGE_SIZE;
const SECONDS_1904_TO_1970 = 2082844800;
const UINT32_LIMIT = 4294967296;

export interface IndexOptions {
  createdMs: number;
  /** 64-bit forms everywhere (winQtCompat=0). */
  large: boolean;
  mediaStart: number;
  mediaEnd: number;
  onRecords?: ((records: number) => void) | undefined;
  /** Room for entries that are kept between the passes; default 48 MiB. */
  keptBytes?: number | undefined;
}

export interface ScannedTrack {
  samples: number;
  /** Whole records behind the first that is not sound, it included. */
  lostRecords: number;
  /** Media time that they cover, as far as they can be believed. */
  lostMs: number;
  bytes: number;
  endPosition: number;
}

/** A descriptor of their file, or the records themselves. */
export type SampleRecords = number | Uint8Array;

interface TrackSource {
  track: number;
  isAudio: boolean;
  recordsFrom: SampleRecords;
  samples: number;
  /** Where the first pass left the entries of each table; undefined where there was no room. */
  kept: { pointer: number; bytes: number }[] | undefined;
}

interface Gap {
  position: number;
  bytes: number;
}

type Write = (bytes: Uint8Array, position: number) => void;

/**
 * The memory of the last finish of this thread. A collector does not see how much of a shared memory is touched: each
 * left to it would pile up.
 */
let spareMemory: WebAssembly.Memory | undefined;

export class IndexBuilder {
  #kernel: IndexKernel;
  #memory: ArenaViews;
  #options: IndexOptions;
  #sources: TrackSource[] = [];
  #configsEnd = CONFIGS_AT;
  #keptAt = KEPT_AT;
  #keptEnd: number;
  #wasm: WebAssembly.Memory;

  constructor(module: WebAssembly.Module, options: IndexOptions) {
    const pages = Math.ceil((CONFIGS_AT + HEADERS_SIZE + PAGE_SIZE) / PAGE_SIZE);
    this.#wasm = spareMemory ?? new WebAssembly.Memory({ initial: pages, maximum: MAXIMUM_PAGES, shared: true });
    spareMemory = undefined;
    this.#kernel = instantiateKernel<IndexKernel>(module, this.#wasm, BASE);
    this.#memory = new ArenaViews(this.#wasm);
    this.#memory.bytes(BASE, INDEX_SIZE).fill(0);
    this.#options = options;
    this.#keptEnd = KEPT_AT + (options.keptBytes ?? KEPT_BYTES);
    this.#memory.setU32(BASE + INDEX_FLAGS_OFFSET, options.large ? INDEX_FLAG_LARGE : 0);
    this.#memory.setI64(
      BASE + INDEX_CREATED_OFFSET,
      Math.max(0, Math.floor(options.createdMs / 1000) + SECONDS_1904_TO_1970),
    );
    this.#memory.setI64(BASE + INDEX_MEDIA_START_OFFSET, options.mediaStart);
    this.#memory.setI64(BASE + INDEX_MEDIA_END_OFFSET, options.mediaEnd);
  }

  /** Gives the memory back. Nothing else may be called afterwards. */
  close(): void {
    spareMemory = this.#wasm;
  }

  /** Writes the checksum of a record that did not come from a file. */
  seal(record: Buffer): void {
    this.#memory.bytes(RECORDS_AT, SAMPLE_RECORD_SIZE).set(record);
    record.writeUInt32LE(this.#kernel.mp4SampleCheck(RECORDS_AT) >>> 0, SAMPLE_CHECK_OFFSET);
  }

  /** First pass over a track's records. `config`: its decoder configuration block. */
  scan(track: number, config: Uint8Array, recordsFrom: SampleRecords, sizeBytes: number): ScannedTrack {
    const at = trackAt(track);
    this.#memory.setU32(at + INDEX_CONFIG_OFFSET, this.#storeConfig(config));
    const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
    const isAudio = kindOfBlock(config) === KIND_AUDIO;
    this.#memory.setU32(
      at + INDEX_TIMESCALE_OFFSET,
      isAudio ? view.getUint32(CONFIG_SAMPLE_RATE_OFFSET, true) : VIDEO_TIMESCALE,
    );
    const records = Math.floor(sizeBytes / SAMPLE_RECORD_SIZE);
    const source: TrackSource = { track, isAudio, recordsFrom, samples: 0, kept: undefined };
    const places = this.#takePlaces(records);
    source.samples = this.#pass(source, records, places);
    source.kept = places?.map((pointer, table) => ({
      pointer,
      bytes: this.#memory.u32(trackTableAt(at, table) + INDEX_TABLE_OUT_OFFSET) - pointer,
    }));
    this.#sources.push(source);
    const { samples } = source;
    const lostMs = samples < records ? this.#lostMs(at, recordsFrom, records) : 0;
    const bytes = this.#memory.i64(at + INDEX_BYTES_OFFSET);
    return {
      samples,
      lostRecords: records - samples,
      lostMs,
      bytes,
      endPosition: this.#memory.i64(at + INDEX_END_POSITION_OFFSET),
    };
  }

  /**
   * Lays the index out for media that lies `shift` bytes behind where the records say. May be called again with another
   * shift.
   */
  layout(shift: number): { moovBytes: number; tableBytes: number; durationMs: number } {
    this.#memory.setI64(BASE + INDEX_SHIFT_OFFSET, shift);
    this.#kernel.mp4IndexLayout(BASE, this.#configsEnd);
    const moovBytes = this.#memory.i64(BASE + INDEX_MOOV_SIZE_OFFSET);
    if (moovBytes >= UINT32_LIMIT)
      throw new ReelError("corrupt", `an index of ${moovBytes} bytes does not fit into a box`);
    const durationMs = this.#memory.i64(BASE + INDEX_DURATION_OFFSET) / (MOVIE_TIMESCALE / 1000);
    return { moovBytes, tableBytes: this.#tableBytes(), durationMs };
  }

  /** What grows with the recording: the entries of all tables, as they were laid out last. */
  #tableBytes(): number {
    let bytes = 0;
    for (let piece = 0; piece < this.#memory.u32(BASE + INDEX_PIECES_OFFSET); piece++)
      bytes += this.#memory.u32(BASE + INDEX_PIECE_TABLE_OFFSET + piece * INDEX_PIECE_SIZE + 4);
    return bytes;
  }

  /** Writes the index that was laid out last, through `write`, from `position` on. Returns the bytes written. */
  write(position: number, write: Write): number {
    const gaps: Gap[] = [];
    const pieces = this.#memory.u32(BASE + INDEX_PIECES_OFFSET);
    let at = position;
    let from = this.#configsEnd;
    for (let i = 0; i < pieces; i++) {
      const piece = BASE + INDEX_PIECE_TABLE_OFFSET + i * INDEX_PIECE_SIZE;
      const end = this.#memory.u32(piece);
      const bytes = this.#memory.u32(piece + 4);
      if (end > from) write(this.#memory.bytes(from, end - from), at);
      at += end - from;
      gaps.push({ position: at, bytes });
      at += bytes;
      from = end;
    }
    const present = this.#sources.filter((source) => source.samples > 0).sort((a, b) => a.track - b.track);
    for (const [i, source] of present.entries()) {
      const own = gaps.slice(i * TABLE_COUNT, (i + 1) * TABLE_COUNT);
      if (!this.#writeKept(source, own, write)) this.#writeAgain(source, own, write);
    }
    return at - position;
  }

  /** Room for all entries of `records` samples, a place per table; undefined where they are too many. */
  #takePlaces(records: number): number[] | undefined {
    const sizes = KEPT_ENTRY_SIZES.map((size) => (records + 1) * size);
    const end = this.#keptAt + sizes.reduce((sum, size) => sum + size, 0);
    if (end > this.#keptEnd) return undefined;
    this.#growTo(end);
    return sizes.map((size) => {
      const place = this.#keptAt;
      this.#keptAt += size;
      return place;
    });
  }

  /**
   * From the first pass, which knew neither a shift of composition offsets nor that chunk offsets would be wide. False
   * where they are.
   */
  #writeKept({ track, kept }: TrackSource, gaps: readonly Gap[], write: Write): boolean {
    if (!kept || this.#memory.u32(trackAt(track) + INDEX_CTS_SHIFT_OFFSET) !== 0) return false;
    // A table that is left out has no gap, whatever was kept of it.
    if (gaps.some((gap, table) => gap.bytes !== 0 && gap.bytes !== kept[table]?.bytes)) return false;
    const shift = this.#memory.i64(BASE + INDEX_SHIFT_OFFSET);
    for (const [table, { pointer, bytes }] of kept.entries()) {
      const gap = gaps[table];
      if (!gap || gap.bytes === 0) continue;
      const entries = this.#memory.bytes(pointer, bytes);
      write(table === TABLE_STCO && shift !== 0 ? shifted(entries, shift) : entries, gap.position);
    }
    return true;
  }

  /**
   * The second pass. One that fails (disk full) leaves what the first found out: the index may be laid out again, for
   * another place.
   */
  #writeAgain(source: TrackSource, gaps: Gap[], write: Write): void {
    const state = this.#memory.bytes(trackAt(source.track), INDEX_TRACK_SIZE).slice();
    try {
      this.#streamTables(source, gaps, write);
    } catch (error) {
      this.#memory.bytes(trackAt(source.track), INDEX_TRACK_SIZE).set(state);
      throw error;
    }
  }

  #streamTables(source: TrackSource, gaps: Gap[], write: Write): void {
    const places = KEPT_ENTRY_SIZES.map((_, table) => TABLES_AT + table * TABLE_SIZE);
    const samples = this.#pass(source, source.samples, places, () => {
      for (const [table, place] of places.entries()) {
        const out = trackTableAt(trackAt(source.track), table) + INDEX_TABLE_OUT_OFFSET;
        const bytes = this.#memory.u32(out) - place;
        const gap = gaps[table];
        // Only a pass that disagrees with the first would have more than the gap holds.
        if (gap && bytes > 0 && bytes <= gap.bytes) {
          write(this.#memory.bytes(place, bytes), gap.position);
          gap.position += bytes;
          gap.bytes -= bytes;
        }
        if (bytes > 0) this.#memory.setU32(out, place);
      }
    });
    if (samples !== source.samples || gaps.some((gap) => gap.bytes !== 0))
      throw new ReelError("corrupt", "the sample records changed while they were read");
  }

  /**
   * Takes a track's records; their entries go to `places`, one per table, or are only counted. Returns how many records
   * were sound.
   */
  #pass(
    { track, isAudio, recordsFrom }: TrackSource,
    records: number,
    places: readonly number[] | undefined,
    afterBlock?: () => void,
  ): number {
    const at = trackAt(track);
    this.#kernel.mp4IndexBegin(at);
    for (const [table, place] of (places ?? []).entries()) {
      // Every audio frame is a sync sample: that table is left out.
      if (!isAudio || table !== TABLE_STSS)
        this.#memory.setU32(trackTableAt(at, table) + INDEX_TABLE_OUT_OFFSET, place);
    }
    const samples = this.#stream(at, recordsFrom, records, afterBlock);
    this.#kernel.mp4IndexEnd(at);
    afterBlock?.();
    return samples;
  }

  #stream(track: number, recordsFrom: SampleRecords, records: number, afterBlock?: () => void): number {
    let done = 0;
    while (done < records) {
      const count = Math.min(BLOCK_RECORDS, records - done);
      this.#read(recordsFrom, RECORDS_AT, count * SAMPLE_RECORD_SIZE, done * SAMPLE_RECORD_SIZE);
      const taken = this.#kernel.mp4IndexTake(BASE, track, RECORDS_AT, count) >>> 0;
      done += taken;
      afterBlock?.();
      this.#options.onRecords?.(taken);
      if (taken < count) break;
    }
    return done;
  }

  #read(from: SampleRecords, pointer: number, bytes: number, position: number): void {
    if (typeof from !== "number") {
      this.#memory.bytes(pointer, bytes).set(from.subarray(position, position + bytes));
      return;
    }
    for (let done = 0; done < bytes; ) {
      const read = readSync(from, this.#memory.bytes(pointer + done, bytes - done), 0, bytes - done, position + done);
      if (read === 0) throw new ReelError("corrupt", "a file of sample records became shorter while it was read");
      done += read;
    }
  }

  /** Media time between the last record that could be used and the last that is whole. */
  #lostMs(track: number, recordsFrom: SampleRecords, records: number): number {
    this.#read(recordsFrom, RECORDS_AT, SAMPLE_RECORD_SIZE, (records - 1) * SAMPLE_RECORD_SIZE);
    const isWhole =
      this.#memory.u32(RECORDS_AT + SAMPLE_CHECK_OFFSET) === this.#kernel.mp4SampleCheck(RECORDS_AT) >>> 0;
    const lost90k = isWhole
      ? this.#memory.i64(RECORDS_AT + SAMPLE_DTS_OFFSET) - this.#memory.i64(track + INDEX_PREVIOUS_DTS_OFFSET)
      : 0;
    return Math.max(0, lost90k / TICKS_PER_MS);
  }

  #growTo(end: number): void {
    const missing = Math.ceil((end - this.#wasm.buffer.byteLength) / PAGE_SIZE);
    if (missing > 0) this.#wasm.grow(missing);
  }

  #storeConfig(config: Uint8Array): number {
    if (config.byteLength > MAX_CONFIG_BYTES)
      throw new ReelError("corrupt", `a decoder configuration of ${config.byteLength} bytes`);
    const pointer = this.#configsEnd;
    this.#configsEnd += Math.ceil(config.byteLength / 64) * 64;
    // The headers that are laid out behind the configurations hold a copy of each.
    const needed = this.#configsEnd + (this.#configsEnd - CONFIGS_AT) + HEADERS_SIZE;
    if (needed > KEPT_AT)
      throw new ReelError("corrupt", `decoder configurations of ${this.#configsEnd - CONFIGS_AT} bytes`);
    this.#growTo(needed);
    this.#memory.bytes(pointer, config.byteLength).set(config);
    return pointer;
  }
}

/**
 * Chunk offsets of 32 bits behind a shift. Modulo 2^32, because the first pass wrote the low half of where the media
 * lay: behind a reserve that has since been cut out an offset may have come back below 4 GiB.
 */
function shifted(offsets: Uint8Array, shift: number): Buffer {
  const moved = Buffer.from(offsets);
  for (let at = 0; at < moved.byteLength; at += 4) moved.writeUInt32BE((moved.readUInt32BE(at) + shift) >>> 0, at);
  return moved;
}

function trackAt(track: number): number {
  if (track >= MAX_TRACKS) throw new ReelError("corrupt", `the journal names a track ${track}`);
  return BASE + INDEX_MOVIE_SIZE + track * INDEX_TRACK_SIZE;
}

function trackTableAt(track: number, table: number): number {
  return track + INDEX_TABLES_OFFSET + table * INDEX_TABLE_SIZE;
}
