// Open bitstream units of AV1 (AV1 Bitstream & Decoding Process Specification §5.3), in the low-overhead format:
//
//   | forbidden 1 | obu_type 4 | extension 1 | has size 1 | reserved 1 | (extension u8) | (obu_size leb128) | payload |
//
// An OBU without a size goes on to the end. Bytes come from outside: nothing is read past `end`.

export const OBU_SEQUENCE_HEADER = 1;
export const OBU_TEMPORAL_DELIMITER = 2;
export const OBU_FRAME_HEADER = 3;
export const OBU_FRAME = 6;
export const OBU_TILE_LIST = 8;
export const OBU_PADDING = 15;

const HAS_EXTENSION = 4;
const HAS_SIZE = 2;
const LEB128_BYTES = 8;

/** Goes through OBUs one after the other. One object for many runs; nothing is allocated. */
export class ObuCursor {
  type = 0;
  hasSize = false;
  /** Of the OBU, its header included. */
  at = 0;
  payload = 0;
  /** Behind the OBU. */
  next = 0;
  /** What stands at `next` is no OBU. */
  isDamaged = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.next = start;
    this.isDamaged = false;
  }

  /** False behind the last one, and where the bytes do not fit. */
  advance(): boolean {
    const at = this.next;
    if (at >= this.#end) return false;
    const first = this.#bytes[at] ?? 0;
    this.at = at;
    this.type = (first >> 3) & 15;
    this.hasSize = (first & HAS_SIZE) !== 0;
    this.payload = at + ((first & HAS_EXTENSION) !== 0 ? 2 : 1);
    this.next = this.#end;
    if ((first & 0x80) !== 0 || this.payload > this.#end || (this.hasSize && !this.#takeSize())) this.isDamaged = true;
    return !this.isDamaged;
  }

  #takeSize(): boolean {
    let size = 0;
    for (let i = 0; i < LEB128_BYTES && this.payload < this.#end; i++) {
      const byte = this.#bytes[this.payload++] ?? 0;
      size += (byte & 127) * 2 ** (7 * i);
      if ((byte & 128) !== 0) continue;
      this.next = this.payload + size;
      return this.next <= this.#end;
    }
    return false;
  }
}

/** A copy of the OBUs in [start, end), which are whole, where the last one has its size too. */
export function withSizes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const obus = new ObuCursor();
  obus.begin(bytes, start, end);
  while (obus.advance()) {
    if (obus.hasSize) continue;
    const { at, payload } = obus;
    const extension = bytes.subarray(at + 1, payload);
    const sized = withSize([(bytes[at] ?? 0) | HAS_SIZE, ...extension], bytes.subarray(payload, end));
    return new Uint8Array(Buffer.concat([bytes.subarray(start, at), sized]));
  }
  return bytes.slice(start, end);
}

/** An OBU with a size and without an extension. */
export function sizedObu(type: number, payload: Uint8Array): Uint8Array {
  return withSize([(type << 3) | HAS_SIZE], payload);
}

function withSize(header: number[], payload: Uint8Array): Uint8Array {
  let rest = payload.byteLength;
  for (; rest > 127; rest = Math.floor(rest / 128)) header.push((rest & 127) | 128);
  header.push(rest);
  return Uint8Array.from([...header, ...payload]);
}
