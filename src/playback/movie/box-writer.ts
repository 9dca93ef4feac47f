// Writes boxes, ISO/IEC 14496-12 §4.2, into a buffer that grows. Sizes are patched by `end`.

const FIRST_BYTES = 4096;

export class BoxWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  get position(): number {
    return this.#at;
  }

  begin(type: string): number {
    const box = this.#at;
    this.u32(0); // size
    this.text(type);
    return box;
  }

  beginFull(type: string, version: number, flags: number): number {
    const box = this.begin(type);
    this.u32(version * 2 ** 24 + flags);
    return box;
  }

  end(box: number): void {
    this.#bytes.writeUInt32BE(this.#at - box, box);
  }

  u16(value: number): void {
    this.#room(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }

  i32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
  }

  u64(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigUInt64BE(BigInt(value), this.#at);
  }

  i64(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at);
  }

  text(text: string): void {
    this.#room(text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  zeros(bytes: number): void {
    this.#room(bytes);
    this.#bytes.fill(0, this.#at, this.#at + bytes);
    this.#at += bytes;
  }

  copy(bytes: Uint8Array): void {
    this.#room(bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  patchU32(position: number, value: number): void {
    this.#bytes.writeUInt32BE(value, position);
  }

  patchU64(position: number, value: number): void {
    this.#bytes.writeBigUInt64BE(BigInt(value), position);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.byteLength, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
