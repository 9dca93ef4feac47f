// AMF0 values (Adobe AMF 0, December 2007), as RTMP commands carry them. Reading is total: depth and count are bounded,
// and what needs AMF3 ends the list instead of failing, for encoders put nothing that matters behind it.

import { badInput } from "../../base/reel-error.js";

export type AmfValue = number | boolean | string | null | undefined | AmfValue[] | AmfObject;
export interface AmfObject {
  [name: string]: AmfValue;
}

const MARKER_NUMBER = 0;
const MARKER_BOOLEAN = 1;
const MARKER_STRING = 2;
const MARKER_OBJECT = 3;
const MARKER_NULL = 5;
const MARKER_UNDEFINED = 6;
const MARKER_REFERENCE = 7;
const MARKER_ECMA_ARRAY = 8;
const MARKER_OBJECT_END = 9;
const MARKER_STRICT_ARRAY = 10;
const MARKER_DATE = 11;
const MARKER_LONG_STRING = 12;
const MARKER_UNSUPPORTED = 13;
const MARKER_XML = 15;
const MARKER_TYPED_OBJECT = 16;
const MARKER_AVMPLUS = 17;

const MAX_DEPTH = 8;
const MAX_VALUES = 1024;

class Amf0Reader {
  #bytes: Buffer;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  nextIsAmf3(): boolean {
    return this.#bytes[this.#at] === MARKER_AVMPLUS;
  }

  value(depth = 0): AmfValue {
    if (depth > MAX_DEPTH) badInput("AMF0 values nested too deep");
    if (++this.#values > MAX_VALUES) badInput("too many AMF0 values in one message");
    const marker = this.#take(1)[0];
    switch (marker) {
      case MARKER_NUMBER:
        return this.#take(8).readDoubleBE(0);
      case MARKER_BOOLEAN:
        return this.#take(1)[0] !== 0;
      case MARKER_STRING:
        return this.#string(this.#take(2).readUInt16BE(0));
      case MARKER_LONG_STRING:
      case MARKER_XML:
        return this.#string(this.#take(4).readUInt32BE(0));
      case MARKER_OBJECT:
        return this.#object(depth);
      case MARKER_TYPED_OBJECT:
        this.#string(this.#take(2).readUInt16BE(0)); // class-name
        return this.#object(depth);
      case MARKER_ECMA_ARRAY:
        this.#take(4); // associative-count: a hint, encoders write 0
        return this.#object(depth);
      case MARKER_STRICT_ARRAY:
        return this.#array(this.#take(4).readUInt32BE(0), depth);
      case MARKER_DATE: {
        const milliseconds = this.#take(8).readDoubleBE(0);
        this.#take(2); // time-zone, reserved
        return milliseconds;
      }
      case MARKER_REFERENCE:
        this.#take(2);
        return undefined;
      case MARKER_NULL:
        return null;
      case MARKER_UNDEFINED:
      case MARKER_UNSUPPORTED:
        return undefined;
      default:
        return badInput(`AMF0 marker ${marker}`);
    }
  }

  #array(count: number, depth: number): AmfValue[] {
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  #object(depth: number): AmfObject {
    // Without a prototype, so that a property named __proto__ is only a property.
    const object: AmfObject = Object.create(null) as AmfObject;
    for (;;) {
      const name = this.#string(this.#take(2).readUInt16BE(0));
      if (name === "" && this.#bytes[this.#at] === MARKER_OBJECT_END) {
        this.#at++;
        return object;
      }
      object[name] = this.value(depth + 1);
    }
  }

  #string(sizeBytes: number): string {
    return this.#take(sizeBytes).toString("utf8");
  }

  #take(sizeBytes: number): Buffer {
    if (sizeBytes > this.#bytes.length - this.#at) badInput("an AMF0 value reaches past the end of its message");
    this.#at += sizeBytes;
    return this.#bytes.subarray(this.#at - sizeBytes, this.#at);
  }
}

/** The values of a command or data message, up to the first that is AMF3. Throws ReelError `badInput`. */
export function parseAmf0(bytes: Uint8Array): AmfValue[] {
  const reader = new Amf0Reader(bytes);
  const values: AmfValue[] = [];
  while (!reader.atEnd && !reader.nextIsAmf3()) values.push(reader.value());
  return values;
}

function writeValue(parts: Buffer[], value: AmfValue): void {
  if (typeof value === "number") {
    const number = Buffer.alloc(9);
    number[0] = MARKER_NUMBER;
    number.writeDoubleBE(value, 1);
    parts.push(number);
  } else if (typeof value === "boolean") parts.push(Buffer.from([MARKER_BOOLEAN, value ? 1 : 0]));
  else if (typeof value === "string") writeString(parts, value);
  else if (value === null) parts.push(Buffer.from([MARKER_NULL]));
  else if (value === undefined) parts.push(Buffer.from([MARKER_UNDEFINED]));
  else if (Array.isArray(value)) {
    const head = Buffer.alloc(5);
    head[0] = MARKER_STRICT_ARRAY;
    head.writeUInt32BE(value.length, 1);
    parts.push(head);
    for (const element of value) writeValue(parts, element);
  } else {
    parts.push(Buffer.from([MARKER_OBJECT]));
    for (const [name, property] of Object.entries(value)) {
      parts.push(shortString(name));
      writeValue(parts, property);
    }
    parts.push(Buffer.from([0, 0, MARKER_OBJECT_END]));
  }
}

function writeString(parts: Buffer[], value: string): void {
  const text = Buffer.from(value);
  if (text.length <= 0xffff) {
    parts.push(Buffer.from([MARKER_STRING]), shortString(value));
    return;
  }
  const head = Buffer.alloc(5);
  head[0] = MARKER_LONG_STRING;
  head.writeUInt32BE(text.length, 1);
  parts.push(head, text);
}

function shortString(value: string): Buffer {
  const text = Buffer.from(value);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(text.length);
  return Buffer.concat([size, text]);
}

export function encodeAmf0(...values: AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) writeValue(parts, value);
  return Buffer.concat(parts);
}
