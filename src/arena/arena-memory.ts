// One thread's view of the arena: typed arrays over the shared memory, and memory.copy within it. The main thread
// allocates (arena.ts); other threads get pointers, and look again whether the memory has grown when one lies beyond
// what they see.

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

export class ArenaMemory {
  readonly memory: WebAssembly.Memory;
  /** Moves `sizeBytes` from one place of the arena to another; the ranges may overlap. */
  readonly copy: (to: number, from: number, sizeBytes: number) => void;
  #u8!: Uint8Array;
  #u32!: Uint32Array;
  #i32!: Int32Array;
  #view!: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.copy = new WebAssembly.Instance(new WebAssembly.Module(COPY_MODULE), { env: { memory } }).exports
      .copy as typeof this.copy;
    this.#remakeViews();
  }

  /** Bytes of the arena. Valid until the next allocation or `cover`; views of it stay good. */
  get u8(): Uint8Array {
    return this.#u8;
  }
  /** 32-bit words, index = pointer / 4. Valid until the next allocation or `cover`. */
  get u32(): Uint32Array {
    return this.#u32;
  }
  get i32(): Int32Array {
    return this.#i32;
  }
  get view(): DataView {
    return this.#view;
  }

  /**
   * A range that comes from another thread may lie where the memory has grown since. Only then is it looked at: each
   * look, by whatever thread, gives every thread another `memory.buffer`.
   */
  cover(end: number): void {
    if (end > this.#u8.byteLength) this.refresh();
  }

  /** Looks how large the memory is. */
  protected refresh(): void {
    this.memory.grow(0);
    this.#remakeViews();
  }

  /** Reads an i64 that is known to be a safe integer. */
  i64(pointer: number): number {
    return this.#view.getInt32(pointer + 4, true) * 4294967296 + this.#view.getUint32(pointer, true);
  }

  setI64(pointer: number, value: number): void {
    this.#view.setUint32(pointer, value >>> 0, true);
    this.#view.setInt32(pointer + 4, Math.floor(value / 4294967296), true);
  }

  #remakeViews(): void {
    // Once: another thread may give it a new one at any time.
    const { buffer } = this.memory;
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#view = new DataView(buffer);
  }
}
