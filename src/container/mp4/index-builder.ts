// Streams sample records through the index kernel (assembly/container/mp4/): no arena, no server needed. What is held
// is one block of records and one block of each table, however long the recording is (index-memory.ts). Of one with up
// to a million samples the first pass keeps all entries that it makes, so that the records are not read again.
//
//   scan(track) … ─▶ layout(shift) ─▶ size, duration ─▶ write(to file)

import { CONFIG_SAMPLE_RATE_OFFSET, KIND_AUDIO } from "../../abi/decoder-config.js";
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
  INDEX_PIECE_SIZE,
  INDEX_PIECE_TABLE_OFFSET,
  INDEX_PIECES_OFFSET,
  INDEX_PREVIOUS_DTS_OFFSET,
  INDEX_SHIFT_OFFSET,
  INDEX_TABLE_OUT_OFFSET,
  INDEX_TIMESCALE_OFFSET,
  INDEX_TRACK_SIZE,
  MOVIE_TIMESCALE,
  SAMPLE_CHECK_OFFSET,
  SAMPLE_DTS_OFFSET,
  SAMPLE_RECORD_SIZE,
  TABLE_COUNT,
  TABLE_STCO,
  TABLE_STSS,
  VIDEO_TIMESCALE,
} from "../../abi/mp4.js";
import type { ArenaViews } from "../../arena/arena-views.js";
import { ReelError } from "../../base/reel-error.js";
import { TICKS_PER_MS } from "../../time/units.js";
import {
  BASE,
  BLOCK_RECORDS,
  type IndexKernel,
  IndexMemory,
  KEPT_ENTRY_SIZES,
  RECORDS_AT,
  type SampleRecords,
  TABLE_SIZE,
  TABLES_AT,
  trackAt,
  trackTableAt,
} from "./index-memory.js";
import { kindOfBlock } from "./track-config.js";

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

export class IndexBuilder {
  readonly #place: IndexMemory;
  readonly #kernel: IndexKernel;
  readonly #memory: ArenaViews;
  #options: IndexOptions;
  #sources: TrackSource[] = [];

  constructor(module: WebAssembly.Module, options: IndexOptions) {
    this.#place = new IndexMemory(module, options.keptBytes);
    this.#kernel = this.#place.kernel;
    this.#memory = this.#place.views;
    this.#options = options;
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
    this.#place.close();
  }

  /** Writes the checksum of a record that did not come from a file. */
  seal(record: Buffer): void {
    this.#memory.bytes(RECORDS_AT, SAMPLE_RECORD_SIZE).set(record);
    record.writeUInt32LE(this.#kernel.mp4SampleCheck(RECORDS_AT) >>> 0, SAMPLE_CHECK_OFFSET);
  }

  /** First pass over a track's records. `config`: its decoder configuration block. */
  scan(track: number, config: Uint8Array, recordsFrom: SampleRecords, sizeBytes: number): ScannedTrack {
    const at = trackAt(track);
    this.#memory.setU32(at + INDEX_CONFIG_OFFSET, this.#place.storeConfig(config));
    const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
    const isAudio = kindOfBlock(config) === KIND_AUDIO;
    this.#memory.setU32(
      at + INDEX_TIMESCALE_OFFSET,
      isAudio ? view.getUint32(CONFIG_SAMPLE_RATE_OFFSET, true) : VIDEO_TIMESCALE,
    );
    const records = Math.floor(sizeBytes / SAMPLE_RECORD_SIZE);
    const source: TrackSource = { track, isAudio, recordsFrom, samples: 0, kept: undefined };
    const places = this.#place.takePlaces(records);
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
    this.#kernel.mp4IndexLayout(BASE, this.#place.configsEnd);
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
    let from = this.#place.configsEnd;
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
      this.#place.readRecords(recordsFrom, count * SAMPLE_RECORD_SIZE, done * SAMPLE_RECORD_SIZE);
      const taken = this.#kernel.mp4IndexTake(BASE, track, RECORDS_AT, count) >>> 0;
      done += taken;
      afterBlock?.();
      this.#options.onRecords?.(taken);
      if (taken < count) break;
    }
    return done;
  }

  /** Media time between the last record that could be used and the last that is whole. */
  #lostMs(track: number, recordsFrom: SampleRecords, records: number): number {
    this.#place.readRecords(recordsFrom, SAMPLE_RECORD_SIZE, (records - 1) * SAMPLE_RECORD_SIZE);
    const isWhole =
      this.#memory.u32(RECORDS_AT + SAMPLE_CHECK_OFFSET) === this.#kernel.mp4SampleCheck(RECORDS_AT) >>> 0;
    const lost90k = isWhole
      ? this.#memory.i64(RECORDS_AT + SAMPLE_DTS_OFFSET) - this.#memory.i64(track + INDEX_PREVIOUS_DTS_OFFSET)
      : 0;
    return Math.max(0, lost90k / TICKS_PER_MS);
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
