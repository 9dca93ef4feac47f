// The one reader of AMF0 values (AMF 0 specification §2): commands of RTMP and script tags of FLV. It keeps the places
// of numbers and booleans, so that a repair can patch them, and leaves strict arrays of numbers, the keyframe table,
// where they are: they may be long. Depth and counts are bounded.

import { ReelError } from "../../base/reel-error.js";

export type AmfNode =
  | { type: "number"; value: number; at: number }
  | { type: "boolean"; value: boolean; at: number }
  | { type: "string"; value: string }
  | { type: "object"; fields: Map<string, AmfNode> }
  /** `at`: its first element. */
  | { type: "numbers"; at: number; count: number; countAt: number }
  /** An array of other values. */
  | { type: "array"; values: AmfNode[] }
  | { type: "date"; milliseconds: number }
  | { type: "null" }
  /** Undefined, and what has no meaning here. */
  | { type: "undefined" };

export const AMF_NUMBER = 0;
export const AMF_BOOLEAN = 1;
export const AMF_STRING = 2;
export const AMF_OBJECT = 3;
export const AMF_NULL = 5;
export const AMF_UNDEFINED = 6;
const AMF_REFERENCE = 7;
export const AMF_ECMA_ARRAY = 8;
export const AMF_OBJECT_END = 9;
export const AMF_STRICT_ARRAY = 10;
const AMF_DATE = 11;
export const AMF_LONG_STRING = 12;
const AMF_UNSUPPORTED = 13;
const AMF_XML = 15;
const AMF_TYPED_OBJECT = 16;
const AMF_AVMPLUS = 17;
export const AMF_NUMBER_BYTES = 9;
const MAX_DEPTH = 8;

/** The bytes are no AMF0 value; the message says where. */
export class AmfError extends ReelError {
  constructor(message: string) {
    super("badInput", message);
  }
}

export class AmfReader {
  #bytes: Buffer;
  #maxValues: number;
  #values = 0;
  at = 0;

  /** `maxValues`: of all values that are kept; elements of an array of numbers are not. */
  constructor(bytes: Uint8Array, maxValues = 65_536) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#maxValues = maxValues;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.byteLength;
  }

  /** What comes next is AMF3. */
  get isAtAmf3(): boolean {
    return this.#bytes[this.at] === AMF_AVMPLUS;
  }

  /** Throws AmfError. */
  readValue(depth = 0): AmfNode {
    if (depth > MAX_DEPTH) throw new AmfError(`AMF0 values nested deeper than ${MAX_DEPTH}`);
    if (++this.#values > this.#maxValues) throw new AmfError(`more than ${this.#maxValues} AMF0 values`);
    const marker = this.#take(1).readUInt8(0);
    switch (marker) {
      case AMF_NUMBER:
        return { type: "number", at: this.at, value: this.#take(8).readDoubleBE(0) };
      case AMF_BOOLEAN:
        return { type: "boolean", at: this.at, value: this.#take(1).readUInt8(0) !== 0 };
      case AMF_STRING:
        return { type: "string", value: this.#readString() };
      case AMF_LONG_STRING:
      case AMF_XML:
        return { type: "string", value: this.#take(this.#take(4).readUInt32BE(0)).toString() };
      case AMF_TYPED_OBJECT:
        this.#readString(); // class-name
        return { type: "object", fields: this.#readFields(depth) };
      case AMF_OBJECT:
        return { type: "object", fields: this.#readFields(depth) };
      case AMF_ECMA_ARRAY:
        this.#take(4); // associative-count: a hint, the end marker counts
        return { type: "object", fields: this.#readFields(depth) };
      case AMF_STRICT_ARRAY:
        return this.#readArray(depth);
      case AMF_NULL:
        return { type: "null" };
      case AMF_UNDEFINED:
      case AMF_UNSUPPORTED:
        return { type: "undefined" };
      case AMF_REFERENCE:
        this.#take(2);
        return { type: "undefined" };
      case AMF_DATE:
        return { type: "date", milliseconds: this.#take(10).readDoubleBE(0) }; // and time-zone, reserved
      default:
        throw new AmfError(`value type ${marker} at byte ${this.at - 1}`);
    }
  }

  #readString(): string {
    return this.#take(this.#take(2).readUInt16BE(0)).toString();
  }

  #readFields(depth: number): Map<string, AmfNode> {
    const fields = new Map<string, AmfNode>();
    for (;;) {
      const name = this.#readString();
      if (name === "" && this.#bytes[this.at] === AMF_OBJECT_END) {
        this.at++;
        return fields;
      }
      fields.set(name, this.readValue(depth + 1));
    }
  }

  #readArray(depth: number): AmfNode {
    const countAt = this.at;
    const count = this.#take(4).readUInt32BE(0);
    const at = this.at;
    let numbers = 0;
    for (; numbers < count && this.#bytes[this.at] === AMF_NUMBER; numbers++) this.#take(AMF_NUMBER_BYTES);
    if (numbers === count) return { type: "numbers", at, count, countAt };
    this.at = at;
    const values: AmfNode[] = [];
    for (let i = 0; i < count; i++) values.push(this.readValue(depth + 1));
    return { type: "array", values };
  }

  #take(bytes: number): Buffer {
    if (bytes > this.#bytes.byteLength - this.at)
      throw new AmfError(`an AMF0 value reaches past the end at byte ${this.at}`);
    this.at += bytes;
    return this.#bytes.subarray(this.at - bytes, this.at);
  }
}

/** Number `index` of an array that `readValue` has returned. */
export function numberAt(bytes: Buffer, numbers: { at: number }, index: number): number {
  return bytes.readDoubleBE(numbers.at + index * AMF_NUMBER_BYTES + 1);
}
