// Streams sample records through the index kernel (assembly/mp4/) in a memory of its own: no arena, no server needed. What is held is one block of
// records and one block of each table, however long the recording is.
//
//   scan(track) … ─▶ layout(shift) ─▶ size, duration ─▶ write(to file)
//
//   0          64 KiB                                                              (grown for large configurations)
//   | constants | movie and tracks | records | six tables | configurations, then headers …

import { readSync } from "node:fs";
import { CODEC_AAC, CONFIG_CODEC_OFFSET, CONFIG_SAMPLE_RATE_OFFSET } from "../../abi/decoder-config.js";
import { TRACK_COUNT } from "../../abi/frame.js";
import {
  INDEX_BYTES_OFFSET,
  INDEX_CONFIG_OFFSET,
  INDEX_CREATED_OFFSET,
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
  VIDEO_TIMESCALE,
} from "../../abi/mp4.js";
import { ReelError } from "../../arena/reel-error.js";
import { TICKS_PER_MS } from "../../time/units.js";
import { ArenaViews } from "../arena-views.js";
import { instantiateKernel, type Kernel } from "../kernel.js";

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
const MAXIMUM_PAGES = 256;
const SECONDS_1904_TO_1970 = 2082844800;
const UINT32_LIMIT = 4294967296;

export interface IndexOptions {
  createdMs: number;
  /** 64-bit forms everywhere (winQtCompat=0). */
  large: boolean;
  mediaStart: number;
  mediaEnd: number;
  onRecords?: ((records: number) => void) | undefined;
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
  fd: number;
  samples: number;
}

export class IndexBuilder {
  #kernel: IndexKernel;
  #memory: ArenaViews;
  #options: IndexOptions;
  #sources: TrackSource[] = [];
  #configsEnd = CONFIGS_AT;
  #wasm: WebAssembly.Memory;

  constructor(module: WebAssembly.Module, options: IndexOptions) {
    const pages = Math.ceil((CONFIGS_AT + HEADERS_SIZE + PAGE_SIZE) / PAGE_SIZE);
    this.#wasm = new WebAssembly.Memory({ initial: pages, maximum: MAXIMUM_PAGES, shared: true });
    this.#kernel = instantiateKernel<IndexKernel>(module, this.#wasm, BASE);
    this.#memory = new ArenaViews(this.#wasm);
    this.#options = options;
    this.#memory.setU32(BASE + INDEX_FLAGS_OFFSET, options.large ? INDEX_FLAG_LARGE : 0);
    this.#memory.setI64(BASE + INDEX_CREATED_OFFSET, Math.max(0, Math.floor(options.createdMs / 1000) + SECONDS_1904_TO_1970));
    this.#memory.setI64(BASE + INDEX_MEDIA_START_OFFSET, options.mediaStart);
    this.#memory.setI64(BASE + INDEX_MEDIA_END_OFFSET, options.mediaEnd);
  }

  /** First pass over a track's records. `config`: its decoder configuration block. */
  scan(track: number, config: Uint8Array, fd: number, sizeBytes: number): ScannedTrack {
    const at = trackAt(track);
    this.#memory.setU32(at + INDEX_CONFIG_OFFSET, this.#storeConfig(config));
    const view = new DataView(config.buffer, config.byteOffset, config.byteLength);
    const isAudio = view.getUint32(CONFIG_CODEC_OFFSET, true) === CODEC_AAC;
    this.#memory.setU32(at + INDEX_TIMESCALE_OFFSET, isAudio ? view.getUint32(CONFIG_SAMPLE_RATE_OFFSET, true) : VIDEO_TIMESCALE);
    const records = Math.floor(sizeBytes / SAMPLE_RECORD_SIZE);
    this.#kernel.mp4IndexBegin(at);
    const samples = this.#stream(at, fd, records);
    this.#kernel.mp4IndexEnd(at);
    this.#sources.push({ track, fd, samples });
    const lostMs = samples < records ? this.#lostMs(at, fd, records) : 0;
    const bytes = this.#memory.i64(at + INDEX_BYTES_OFFSET);
    return { samples, lostRecords: records - samples, lostMs, bytes, endPosition: this.#memory.i64(at + INDEX_END_POSITION_OFFSET) };
  }

  /** Lays the index out for media that lies `shift` bytes behind where the records say. May be called again with another shift. */
  layout(shift: number): { moovBytes: number; durationMs: number } {
    this.#memory.setI64(BASE + INDEX_SHIFT_OFFSET, shift);
    this.#kernel.mp4IndexLayout(BASE, this.#configsEnd);
    const moovBytes = this.#memory.i64(BASE + INDEX_MOOV_SIZE_OFFSET);
    if (moovBytes >= UINT32_LIMIT) throw new ReelError("corrupt", `an index of ${moovBytes} bytes does not fit into a box`);
    return { moovBytes, durationMs: this.#memory.i64(BASE + INDEX_DURATION_OFFSET) / (MOVIE_TIMESCALE / 1000) };
  }

  /** Second pass: writes the index that was laid out last, through `write`, from `position` on. Returns the bytes written. */
  write(position: number, write: (bytes: Uint8Array, position: number) => void): number {
    const gaps: { position: number; bytes: number }[] = [];
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
    for (const [i, source] of present.entries()) this.#writeTables(source, gaps.slice(i * TABLE_COUNT, (i + 1) * TABLE_COUNT), write);
    return at - position;
  }

  #writeTables(source: TrackSource, gaps: { position: number; bytes: number }[], write: (bytes: Uint8Array, position: number) => void): void {
    const track = trackAt(source.track);
    const flush = (): void => {
      gaps.forEach((gap, table) => {
        const base = TABLES_AT + table * TABLE_SIZE;
        const out = trackTableAt(track, table) + INDEX_TABLE_OUT_OFFSET;
        const bytes = this.#memory.u32(out) - base;
        this.#memory.setU32(out, gap.bytes > 0 ? base : 0);
        if (gap.bytes === 0 || bytes <= 0) return;
        write(this.#memory.bytes(base, bytes), gap.position);
        gap.position += bytes;
        gap.bytes -= bytes;
        // A gap that is full takes no more; only a pass that disagrees with the first would have more.
        if (gap.bytes === 0) this.#memory.setU32(out, base);
      });
    };
    this.#kernel.mp4IndexBegin(track);
    gaps.forEach((gap, table) => {
      this.#memory.setU32(trackTableAt(track, table) + INDEX_TABLE_OUT_OFFSET, gap.bytes > 0 ? TABLES_AT + table * TABLE_SIZE : 0);
    });
    const samples = this.#stream(track, source.fd, source.samples, flush);
    this.#kernel.mp4IndexEnd(track);
    flush();
    if (samples !== source.samples || gaps.some((gap) => gap.bytes !== 0)) throw new ReelError("corrupt", "the sample records changed while they were read");
  }

  #stream(track: number, fd: number, records: number, afterBlock?: () => void): number {
    let done = 0;
    while (done < records) {
      const count = Math.min(BLOCK_RECORDS, records - done);
      this.#read(fd, RECORDS_AT, count * SAMPLE_RECORD_SIZE, done * SAMPLE_RECORD_SIZE);
      const taken = this.#kernel.mp4IndexTake(BASE, track, RECORDS_AT, count) >>> 0;
      done += taken;
      afterBlock?.();
      this.#options.onRecords?.(taken);
      if (taken < count) break;
    }
    return done;
  }

  #read(fd: number, pointer: number, bytes: number, position: number): void {
    for (let done = 0; done < bytes; ) {
      const read = readSync(fd, this.#memory.bytes(pointer + done, bytes - done), 0, bytes - done, position + done);
      if (read === 0) throw new ReelError("corrupt", "a file of sample records became shorter while it was read");
      done += read;
    }
  }

  /** Media time between the last record that could be used and the last that is whole. */
  #lostMs(track: number, fd: number, records: number): number {
    this.#read(fd, RECORDS_AT, SAMPLE_RECORD_SIZE, (records - 1) * SAMPLE_RECORD_SIZE);
    const isWhole = this.#memory.u32(RECORDS_AT + SAMPLE_CHECK_OFFSET) === this.#kernel.mp4SampleCheck(RECORDS_AT) >>> 0;
    const lost90k = isWhole ? this.#memory.i64(RECORDS_AT + SAMPLE_DTS_OFFSET) - this.#memory.i64(track + INDEX_PREVIOUS_DTS_OFFSET) : 0;
    return Math.max(0, lost90k / TICKS_PER_MS);
  }

  #storeConfig(config: Uint8Array): number {
    if (config.byteLength > MAX_CONFIG_BYTES) throw new ReelError("corrupt", `a decoder configuration of ${config.byteLength} bytes`);
    const pointer = this.#configsEnd;
    this.#configsEnd += Math.ceil(config.byteLength / 64) * 64;
    // The headers that are laid out behind the configurations hold a copy of each.
    const needed = this.#configsEnd + (this.#configsEnd - CONFIGS_AT) + HEADERS_SIZE;
    const missing = Math.ceil((needed - this.#wasm.buffer.byteLength) / PAGE_SIZE);
    if (missing > 0) this.#wasm.grow(missing);
    this.#memory.bytes(pointer, config.byteLength).set(config);
    return pointer;
  }
}

function trackAt(track: number): number {
  if (track >= TRACK_COUNT) throw new ReelError("corrupt", `the journal names a track ${track}`);
  return BASE + INDEX_MOVIE_SIZE + track * INDEX_TRACK_SIZE;
}

function trackTableAt(track: number, table: number): number {
  return track + INDEX_TABLES_OFFSET + table * INDEX_TABLE_SIZE;
}
