// AMF0 values as RTMP commands carry them (Adobe AMF 0, December 2007): plain values in, plain values out. What needs
// AMF3 ends the list instead of failing, for encoders put nothing that matters behind it.

import {
  AMF_BOOLEAN,
  AMF_LONG_STRING,
  AMF_NULL,
  AMF_NUMBER,
  AMF_NUMBER_BYTES,
  AMF_OBJECT,
  AMF_OBJECT_END,
  AMF_STRICT_ARRAY,
  AMF_STRING,
  AMF_UNDEFINED,
  type AmfNode,
  AmfReader,
  numberAt,
} from "./amf0-reader.js";

export type AmfValue = number | boolean | string | null | undefined | AmfValue[] | AmfObject;
export interface AmfObject {
  [name: string]: AmfValue;
}

const MAX_VALUES = 1024;

/** The values of a command or data message, up to the first that is AMF3. Throws ReelError `badInput`. */
export function parseAmf0(bytes: Uint8Array): AmfValue[] {
  const reader = new AmfReader(bytes, MAX_VALUES);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: AmfValue[] = [];
  while (!reader.isAtEnd && !reader.isAtAmf3) values.push(plain(reader.readValue(), buffer));
  return values;
}

function plain(node: AmfNode, bytes: Buffer): AmfValue {
  switch (node.type) {
    case "number":
    case "boolean":
    case "string":
      return node.value;
    case "date":
      return node.milliseconds;
    case "null":
      return null;
    case "undefined":
      return undefined;
    case "array":
      return node.values.map((value) => plain(value, bytes));
    case "numbers":
      return Array.from({ length: node.count }, (_, i) => numberAt(bytes, node, i));
    case "object": {
      // Without a prototype, so that a property named __proto__ is only a property.
      const object: AmfObject = Object.create(null) as AmfObject;
      for (const [name, value] of node.fields) object[name] = plain(value, bytes);
      return object;
    }
  }
}

function writeValue(parts: Buffer[], value: AmfValue): void {
  if (typeof value === "number") {
    parts.push(amfNumber(value));
  } else if (typeof value === "boolean") parts.push(Buffer.from([AMF_BOOLEAN, value ? 1 : 0]));
  else if (typeof value === "string") writeString(parts, value);
  else if (value === null) parts.push(Buffer.from([AMF_NULL]));
  else if (value === undefined) parts.push(Buffer.from([AMF_UNDEFINED]));
  else if (Array.isArray(value)) {
    const head = Buffer.alloc(5);
    head[0] = AMF_STRICT_ARRAY;
    head.writeUInt32BE(value.length, 1);
    parts.push(head);
    for (const element of value) writeValue(parts, element);
  } else {
    parts.push(Buffer.from([AMF_OBJECT]));
    for (const [name, property] of Object.entries(value)) {
      parts.push(amfName(name));
      writeValue(parts, property);
    }
    parts.push(Buffer.from([0, 0, AMF_OBJECT_END]));
  }
}

function writeString(parts: Buffer[], value: string): void {
  const text = Buffer.from(value);
  if (text.length <= 0xffff) {
    parts.push(Buffer.from([AMF_STRING]), amfName(value));
    return;
  }
  const head = Buffer.alloc(5);
  head[0] = AMF_LONG_STRING;
  head.writeUInt32BE(text.length, 1);
  parts.push(head, text);
}

/** The name of a property, or a string's bytes behind its marker. */
export function amfName(value: string): Buffer {
  const text = Buffer.from(value);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(text.length);
  return Buffer.concat([size, text]);
}

export function amfNumber(value: number): Buffer {
  const number = Buffer.alloc(AMF_NUMBER_BYTES, AMF_NUMBER);
  number.writeDoubleBE(value, 1);
  return number;
}

export function amfNumbers(values: readonly number[]): Buffer {
  const head = Buffer.alloc(5, AMF_STRICT_ARRAY);
  head.writeUInt32BE(values.length, 1);
  return Buffer.concat([head, ...values.map(amfNumber)]);
}

export function encodeAmf0(...values: AmfValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) writeValue(parts, value);
  return Buffer.concat(parts);
}
