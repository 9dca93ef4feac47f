// Views of the arena in a worker. The memory may have grown on the main thread since the last look; a view is remade
// when a pointer lies beyond it (`grow(0)` makes this thread see the new size).

export class ArenaViews {
  #memory: WebAssembly.Memory;
  #u8!: Uint8Array;
  #i32!: Int32Array;
  #view!: DataView;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#remake();
  }

  /** A view that covers at least the byte at `pointer`. Not to be kept. */
  u8(pointer: number): Uint8Array {
    if (pointer >= this.#u8.byteLength) this.#remake();
    return this.#u8;
  }

  i32(pointer: number): Int32Array {
    if (pointer >= this.#u8.byteLength) this.#remake();
    return this.#i32;
  }

  /** Bytes [pointer, pointer + size) without a copy; for immediate use. */
  bytes(pointer: number, size: number): Uint8Array {
    return this.u8(pointer + size - 1).subarray(pointer, pointer + size);
  }

  u32(pointer: number): number {
    return this.#at(pointer).getUint32(pointer, true);
  }

  setU32(pointer: number, value: number): void {
    this.#at(pointer).setUint32(pointer, value, true);
  }

  f64(pointer: number): number {
    return this.#at(pointer).getFloat64(pointer, true);
  }

  i64(pointer: number): number {
    const view = this.#at(pointer);
    return view.getInt32(pointer + 4, true) * 4294967296 + view.getUint32(pointer, true);
  }

  setI64(pointer: number, value: number): void {
    const view = this.#at(pointer);
    view.setUint32(pointer, value >>> 0, true);
    view.setInt32(pointer + 4, Math.floor(value / 4294967296), true);
  }

  #at(pointer: number): DataView {
    if (pointer >= this.#u8.byteLength) this.#remake();
    return this.#view;
  }

  #remake(): void {
    this.#memory.grow(0);
    this.#u8 = new Uint8Array(this.#memory.buffer);
    this.#i32 = new Int32Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}
