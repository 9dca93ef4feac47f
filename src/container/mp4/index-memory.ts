// The memory of an index kernel (assembly/container/mp4/), what lies where in it, and how it is filled. It is one of
// its own, and grows to fit.
//
//   0          64 KiB                                                                                    16 MiB
//   | constants | movie and tracks | records | six tables | configurations, then headers (grown to fit) | kept tables |

import { readSync } from "node:fs";
import { MAX_TRACKS } from "../../abi/frame.js";
import {
  INDEX_MOVIE_SIZE,
  INDEX_SIZE,
  INDEX_TABLE_SIZE,
  INDEX_TABLES_OFFSET,
  INDEX_TRACK_SIZE,
  SAMPLE_RECORD_SIZE,
  TABLE_COUNT,
  TABLE_MAX_ENTRY_SIZE,
} from "../../abi/mp4.js";
import { ArenaViews } from "../../arena/arena-views.js";
import { instantiateKernel, type Kernel } from "../../arena/kernel.js";
import { ReelError } from "../../base/reel-error.js";

export interface IndexKernel extends Kernel {
  mp4IndexBegin(track: number): void;
  mp4IndexTake(movie: number, track: number, records: number, count: number): number;
  mp4IndexEnd(track: number): void;
  mp4IndexLayout(movie: number, out: number): number;
  mp4SampleCheck(record: number): number;
}

const PAGE_SIZE = 65536;
export const BASE = PAGE_SIZE;
export const BLOCK_RECORDS = 8192;
const RECORDS_SIZE = BLOCK_RECORDS * SAMPLE_RECORD_SIZE;
/** One entry more than records: the end of a pass closes a run. */
export const TABLE_SIZE = Math.ceil(((BLOCK_RECORDS + 1) * TABLE_MAX_ENTRY_SIZE) / 64) * 64;
export const RECORDS_AT = BASE + INDEX_SIZE;
export const TABLES_AT = RECORDS_AT + RECORDS_SIZE;
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
export const KEPT_ENTRY_SIZES: readonly number[] = [8, 8, 4, 12, 4, 4];
const MAXIMUM_PAGES = (KEPT_AT + KEPT_BYTES) / PAGE_SIZE;
/** A descriptor of their file, or the records themselves. */
export type SampleRecords = number | Uint8Array;

/**
 * The memory of the last finish of this thread. A collector does not see how much of a shared memory is touched: each
 * left to it would pile up.
 */
let spareMemory: WebAssembly.Memory | undefined;

export class IndexMemory {
  readonly kernel: IndexKernel;
  readonly views: ArenaViews;
  /** Behind the configurations: the headers are laid out from here on. */
  configsEnd = CONFIGS_AT;
  #keptAt = KEPT_AT;
  readonly #keptEnd: number;
  readonly #wasm: WebAssembly.Memory;

  /** `keptBytes`: room for entries that are kept between the passes. */
  constructor(module: WebAssembly.Module, keptBytes = KEPT_BYTES) {
    const pages = Math.ceil((CONFIGS_AT + HEADERS_SIZE + PAGE_SIZE) / PAGE_SIZE);
    this.#wasm = spareMemory ?? new WebAssembly.Memory({ initial: pages, maximum: MAXIMUM_PAGES, shared: true });
    spareMemory = undefined;
    this.kernel = instantiateKernel<IndexKernel>(module, this.#wasm, BASE);
    this.views = new ArenaViews(this.#wasm);
    this.views.bytes(BASE, INDEX_SIZE).fill(0);
    this.#keptEnd = KEPT_AT + keptBytes;
  }

  /** Gives the memory back. Nothing else may be called afterwards. */
  close(): void {
    spareMemory = this.#wasm;
  }

  /** Room for all entries of `records` samples, a place per table; undefined where they are too many. */
  takePlaces(records: number): number[] | undefined {
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

  /** Fills the block of records, from `position` of theirs on. */
  readRecords(from: SampleRecords, bytes: number, position: number): void {
    if (typeof from !== "number") {
      this.views.bytes(RECORDS_AT, bytes).set(from.subarray(position, position + bytes));
      return;
    }
    for (let done = 0; done < bytes; ) {
      const read = readSync(from, this.views.bytes(RECORDS_AT + done, bytes - done), 0, bytes - done, position + done);
      if (read === 0) throw new ReelError("corrupt", "a file of sample records became shorter while it was read");
      done += read;
    }
  }

  /** Copies a decoder configuration; answers where it is. Throws ReelError `corrupt` where it is too large. */
  storeConfig(config: Uint8Array): number {
    if (config.byteLength > MAX_CONFIG_BYTES)
      throw new ReelError("corrupt", `a decoder configuration of ${config.byteLength} bytes`);
    const pointer = this.configsEnd;
    this.configsEnd += Math.ceil(config.byteLength / 64) * 64;
    // The headers that are laid out behind the configurations hold a copy of each.
    const needed = this.configsEnd + (this.configsEnd - CONFIGS_AT) + HEADERS_SIZE;
    if (needed > KEPT_AT)
      throw new ReelError("corrupt", `decoder configurations of ${this.configsEnd - CONFIGS_AT} bytes`);
    this.#growTo(needed);
    this.views.bytes(pointer, config.byteLength).set(config);
    return pointer;
  }

  #growTo(end: number): void {
    const missing = Math.ceil((end - this.#wasm.buffer.byteLength) / PAGE_SIZE);
    if (missing > 0) this.#wasm.grow(missing);
  }
}

/** Where the kernel keeps a track. Throws ReelError `corrupt` where there is none of that number. */
export function trackAt(track: number): number {
  if (track >= MAX_TRACKS) throw new ReelError("corrupt", `the journal names a track ${track}`);
  return BASE + INDEX_MOVIE_SIZE + track * INDEX_TRACK_SIZE;
}

export function trackTableAt(track: number, table: number): number {
  return track + INDEX_TABLES_OFFSET + table * INDEX_TABLE_SIZE;
}
