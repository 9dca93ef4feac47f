// The arena: one shared WebAssembly.Memory that is the shared memory of all threads and the linear memory of every
// muxer instance (design.md §2). Blocks are handed out here, on the main thread only; workers get pointers.
//
//   0            ARENA_BASE                                   memory.buffer.byteLength
//   | constants  | block | block | free | block | …           |
//
// Blocks are aligned to 64 bytes (a cache line) and never move. Views are made by the accessors and never kept across a
// growth: `memory.buffer` is another object after each one.

import { ReelError } from "../base/reel-error.js";
import { type Collector, gauge, type Sample } from "../base/samples.js";
import { ArenaMemory } from "./arena-memory.js";

const PAGE_SIZE = 65536;
const BLOCK_ALIGN = 64;
/** Where blocks begin; the module's constants must end before (checked when a module is instantiated). */
export const ARENA_BASE = PAGE_SIZE;
/**
 * The limit compiled into the module (asconfig.json, maximumMemory): 4 GiB less one page, so that a pointer past the
 * end fits into 32 bits.
 */
const MAXIMUM_PAGES = 65535;
const GROWTH_PAGES = 256; // 16 MiB at a time: growth is rare, and untouched pages cost nothing

export interface ArenaStats {
  blocks: number;
  usedBytes: number;
  sizeBytes: number;
}

export class Arena extends ArenaMemory implements Collector {
  #maximumPages: number;
  /** Free ranges, sorted by pointer, never adjacent. */
  #free: { pointer: number; size: number }[] = [];
  /** The memory as `u8` has had it: views of that show it for ever. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #blocks = new Map<number, number>();
  #usedBytes = 0;

  constructor(options: { maximumBytes?: number } = {}) {
    const maximumPages = Math.min(
      MAXIMUM_PAGES,
      Math.ceil((options.maximumBytes ?? MAXIMUM_PAGES * PAGE_SIZE) / PAGE_SIZE),
    );
    // The declared maximum must not exceed the module's; shared memory reserves it as address space, not as memory.
    super(new WebAssembly.Memory({ initial: 2, maximum: maximumPages, shared: true }));
    this.#maximumPages = maximumPages;
    this.#buffers.add(this.u8.buffer);
    this.#free.push({ pointer: ARENA_BASE, size: this.u8.byteLength - ARENA_BASE });
  }

  /** Where the bytes lie in the arena, whenever the view of them was made from `u8`; -1 where they do not. */
  pointerOf(bytes: Uint8Array): number {
    return this.#buffers.has(bytes.buffer) ? bytes.byteOffset : -1;
  }

  /** A block, zeroed unless its owner writes before it reads anyway. Throws ReelError `arenaFull`. */
  allocate(sizeBytes: number, zeroed = true): number {
    const size = Math.ceil(sizeBytes / BLOCK_ALIGN) * BLOCK_ALIGN;
    if (!(size > 0)) throw new ReelError("badArgument", `cannot allocate ${sizeBytes} bytes`);
    let at = this.#free.findIndex((range) => range.size >= size);
    if (at < 0) {
      this.#grow(size);
      at = this.#free.findIndex((range) => range.size >= size);
    }
    const range = this.#free[at];
    if (!range) throw new ReelError("arenaFull", "the arena has no room");
    const pointer = range.pointer;
    if (range.size === size) this.#free.splice(at, 1);
    else {
      range.pointer += size;
      range.size -= size;
    }
    this.#blocks.set(pointer, size);
    this.#usedBytes += size;
    if (zeroed) this.u8.fill(0, pointer, pointer + size);
    return pointer;
  }

  free(pointer: number): void {
    const size = this.#blocks.get(pointer);
    if (size === undefined) throw new ReelError("badArgument", `no block at ${pointer}`);
    this.#blocks.delete(pointer);
    this.#usedBytes -= size;
    this.#release(pointer, size);
  }

  stats(): ArenaStats {
    return { blocks: this.#blocks.size, usedBytes: this.#usedBytes, sizeBytes: this.u8.byteLength };
  }

  collect(): readonly Sample[] {
    const { blocks, usedBytes, sizeBytes } = this.stats();
    return [
      gauge("reel_arena_used_bytes", "Shared memory in use.", usedBytes),
      gauge("reel_arena_size_bytes", "Shared memory taken from the system so far.", sizeBytes),
      gauge("reel_arena_limit_bytes", "What the shared memory may grow to.", this.#maximumPages * PAGE_SIZE),
      gauge("reel_arena_blocks", "Blocks of shared memory in use.", blocks),
    ];
  }

  #release(pointer: number, size: number): void {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#free[middle];
      if (range && range.pointer < pointer) low = middle + 1;
      else high = middle;
    }
    const before = this.#free[low - 1];
    const after = this.#free[low];
    const joinsBefore = before !== undefined && before.pointer + before.size === pointer;
    const joinsAfter = after !== undefined && pointer + size === after.pointer;
    if (joinsBefore && joinsAfter) {
      before.size += size + after.size;
      this.#free.splice(low, 1);
    } else if (joinsBefore) before.size += size;
    else if (joinsAfter) {
      after.pointer = pointer;
      after.size += size;
    } else this.#free.splice(low, 0, { pointer, size });
  }

  #grow(size: number): void {
    const oldBytes = this.u8.byteLength;
    const pages = oldBytes / PAGE_SIZE;
    const wanted = Math.max(GROWTH_PAGES, Math.ceil(size / PAGE_SIZE));
    const by = Math.min(wanted, this.#maximumPages - pages);
    if (by * PAGE_SIZE < size && by <= 0) this.#full(size);
    try {
      this.memory.grow(by);
    } catch {
      this.#full(size);
    }
    this.refresh();
    this.#buffers.add(this.u8.buffer);
    this.#release(oldBytes, by * PAGE_SIZE);
  }

  #full(size: number): never {
    const limitMib = Math.floor((this.#maximumPages * PAGE_SIZE) / 1048576);
    throw new ReelError(
      "arenaFull",
      `the arena's limit of ${limitMib} MiB is reached; raise arena.maximumMib or record fewer streams`,
      { size },
    );
  }
}
