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

/**
 * (module (import "env" "memory" (memory 1 65536 shared))
 *   (func (export "copy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy))
 *
 * TypedArray.copyWithin on shared memory moves word by word with relaxed atomics; memory.copy is memmove. Measured on
 * the RTMP load of bench:density (200 × 2.6 Mb/s): copyWithin took a third of the main thread's cycles.
 */
const COPY_MODULE = Uint8Array.from(
  // biome-ignore format: one section a line
  [
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00, // type
    // import
    0x02, 0x12, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x03, 0x01, 0x80, 0x80, 0x04,
    0x03, 0x02, 0x01, 0x00, // function
    0x07, 0x08, 0x01, 0x04, 0x63, 0x6f, 0x70, 0x79, 0x00, 0x00, // export
    0x0a, 0x0e, 0x01, 0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0x0b, // code
  ],
);

export interface ArenaStats {
  blocks: number;
  usedBytes: number;
  sizeBytes: number;
}

export class Arena implements Collector {
  readonly memory: WebAssembly.Memory;
  /** Moves `sizeBytes` from one place of the arena to another; the ranges may overlap. */
  readonly copy: (to: number, from: number, sizeBytes: number) => void;
  #maximumPages: number;
  #u8: Uint8Array;
  #u32: Uint32Array;
  #i32: Int32Array;
  #view: DataView;
  /** Free ranges, sorted by pointer, never adjacent. */
  #free: { pointer: number; size: number }[] = [];
  /** The memory as it was after each growth: views that were made then still show it. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  #blocks = new Map<number, number>();
  #usedBytes = 0;

  constructor(options: { maximumBytes?: number } = {}) {
    this.#maximumPages = Math.min(
      MAXIMUM_PAGES,
      Math.ceil((options.maximumBytes ?? MAXIMUM_PAGES * PAGE_SIZE) / PAGE_SIZE),
    );
    // The declared maximum must not exceed the module's; shared memory reserves it as address space, not as memory.
    this.memory = new WebAssembly.Memory({ initial: 2, maximum: this.#maximumPages, shared: true });
    this.copy = new WebAssembly.Instance(new WebAssembly.Module(COPY_MODULE), { env: { memory: this.memory } }).exports
      .copy as typeof this.copy;
    this.#u8 = new Uint8Array(this.memory.buffer);
    this.#u32 = new Uint32Array(this.memory.buffer);
    this.#i32 = new Int32Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
    this.#buffers.add(this.memory.buffer);
    this.#free.push({ pointer: ARENA_BASE, size: this.#u8.byteLength - ARENA_BASE });
  }

  /** Bytes of the arena. Valid until the next allocation. */
  get u8(): Uint8Array {
    return this.#u8;
  }
  /** 32-bit words, index = pointer / 4. Valid until the next allocation. */
  get u32(): Uint32Array {
    return this.#u32;
  }
  get i32(): Int32Array {
    return this.#i32;
  }
  get view(): DataView {
    return this.#view;
  }

  /** Where the bytes lie in the arena, whenever the view of them was made; -1 where they do not. */
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
    if (zeroed) this.#u8.fill(0, pointer, pointer + size);
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
    return { blocks: this.#blocks.size, usedBytes: this.#usedBytes, sizeBytes: this.#u8.byteLength };
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

  /** Reads an i64 that is known to be a safe integer. */
  i64(pointer: number): number {
    return this.#view.getInt32(pointer + 4, true) * 4294967296 + this.#view.getUint32(pointer, true);
  }

  setI64(pointer: number, value: number): void {
    this.#view.setUint32(pointer, value >>> 0, true);
    this.#view.setInt32(pointer + 4, Math.floor(value / 4294967296), true);
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
    const oldBytes = this.#u8.byteLength;
    const pages = oldBytes / PAGE_SIZE;
    const wanted = Math.max(GROWTH_PAGES, Math.ceil(size / PAGE_SIZE));
    const by = Math.min(wanted, this.#maximumPages - pages);
    if (by * PAGE_SIZE < size && by <= 0) this.#full(size);
    try {
      this.memory.grow(by);
    } catch {
      this.#full(size);
    }
    this.#u8 = new Uint8Array(this.memory.buffer);
    this.#u32 = new Uint32Array(this.memory.buffer);
    this.#i32 = new Int32Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
    this.#buffers.add(this.memory.buffer);
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
