// AMF0 values of a script tag, with the places of its numbers in the tag, so that a repair can patch them. AMF 0
// specification §2; depth and counts are bounded by the bytes at hand. Strict arrays of numbers, the keyframe table,
// are kept as a place and a count: they may be long.

export type AmfValue =
  | { type: "number"; value: number; at: number }
  | { type: "boolean"; value: boolean; at: number }
  | { type: "string"; value: string }
  | { type: "object"; fields: Map<string, AmfValue> }
  /** `at`: its first element. */
  | { type: "numbers"; at: number; count: number; countAt: number }
  | { type: "other" };

const NUMBER = 0;
const BOOLEAN = 1;
const STRING = 2;
const OBJECT = 3;
const NULL = 5;
const UNDEFINED = 6;
const REFERENCE = 7;
const ECMA_ARRAY = 8;
const OBJECT_END = 9;
const STRICT_ARRAY = 10;
const DATE = 11;
const LONG_STRING = 12;
export const AMF_NUMBER_BYTES = 9;
const MAX_DEPTH = 8;

/** The bytes are no AMF0 value; the message says where. */
export class AmfError extends Error {}

export class AmfReader {
  #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.byteLength;
  }

  /** Throws AmfError. */
  readValue(depth = 0): AmfValue {
    if (depth > MAX_DEPTH) throw new AmfError(`values nested deeper than ${MAX_DEPTH}`);
    const marker = this.#need(1).readUInt8(0);
    switch (marker) {
      case NUMBER:
        return { type: "number", at: this.at, value: this.#need(8).readDoubleBE(0) };
      case BOOLEAN:
        return { type: "boolean", at: this.at, value: this.#need(1).readUInt8(0) !== 0 };
      case STRING:
        return { type: "string", value: this.#readString() };
      case LONG_STRING:
        return { type: "string", value: this.#need(this.#need(4).readUInt32BE(0)).toString() };
      case OBJECT:
        return { type: "object", fields: this.#readFields(depth) };
      case ECMA_ARRAY:
        this.#need(4); // associative-count: a hint, the end marker counts
        return { type: "object", fields: this.#readFields(depth) };
      case STRICT_ARRAY:
        return this.#readArray(depth);
      case NULL:
      case UNDEFINED:
        return { type: "other" };
      case REFERENCE:
        this.#need(2);
        return { type: "other" };
      case DATE:
        this.#need(10);
        return { type: "other" };
      default:
        throw new AmfError(`value type ${marker} at byte ${this.at - 1}`);
    }
  }

  #readString(): string {
    return this.#need(this.#need(2).readUInt16BE(0)).toString();
  }

  #readFields(depth: number): Map<string, AmfValue> {
    const fields = new Map<string, AmfValue>();
    for (;;) {
      const name = this.#readString();
      if (name === "" && this.#bytes[this.at] === OBJECT_END) {
        this.at++;
        return fields;
      }
      fields.set(name, this.readValue(depth + 1));
    }
  }

  #readArray(depth: number): AmfValue {
    const countAt = this.at;
    const count = this.#need(4).readUInt32BE(0);
    const at = this.at;
    let areNumbers = true;
    for (let i = 0; i < count; i++) {
      areNumbers &&= this.#bytes[this.at] === NUMBER;
      if (areNumbers) this.#need(AMF_NUMBER_BYTES);
      else this.readValue(depth + 1);
    }
    return areNumbers ? { type: "numbers", at, count, countAt } : { type: "other" };
  }

  #need(bytes: number): Buffer {
    if (this.at + bytes > this.#bytes.byteLength) throw new AmfError(`ends inside a value at byte ${this.at}`);
    this.at += bytes;
    return this.#bytes.subarray(this.at - bytes, this.at);
  }
}

/** Number `index` of an array that `readValue` has returned. */
export function numberAt(bytes: Buffer, numbers: { at: number }, index: number): number {
  return bytes.readDoubleBE(numbers.at + index * AMF_NUMBER_BYTES + 1);
}
