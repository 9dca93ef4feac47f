// Box structure, ISO/IEC 14496-12 §4.2: a box ends where its size says, inside its parent, and the boxes of a parent
// fill it. What does not is a defect with the path of the box; reading goes on with what is left of the parent.

import type { Findings } from "../findings.js";
import type { WindowReader } from "../window-reader.js";

export interface Box {
  type: string;
  path: string;
  start: number;
  /** First byte behind the header. */
  payload: number;
  end: number;
  children: Box[];
}

const HEADER_BYTES = 8;
const LARGE_HEADER_BYTES = 16;
const SIZE_IS_LARGE = 1;
const SIZE_TO_END = 0;
/** No sound file has more; garbage has millions. */
const MAX_CHILDREN = 4096;
/** Boxes that hold nothing but boxes, as far as the index of a recording needs them. */
const CONTAINERS = new Set(["moov", "trak", "edts", "mdia", "minf", "dinf", "stbl"]);

/** Reads the boxes between two bytes, and those in them. `parent` is their parent's path, "" at the top. */
export async function readBoxes(
  reader: WindowReader,
  from: number,
  to: number,
  parent: string,
  findings: Findings,
): Promise<Box[]> {
  const boxes: Box[] = [];
  const seen = new Map<string, number>();
  for (let at = from; at < to; ) {
    if (boxes.length === MAX_CHILDREN) {
      findings.defect(parent || "/", `more than ${MAX_CHILDREN} boxes; the rest was not read`);
      break;
    }
    const box = await readBox(reader, at, to, parent, seen, findings);
    if (!box) break;
    boxes.push(box);
    at = box.end;
  }
  for (const box of boxes)
    if (CONTAINERS.has(box.type)) box.children = await readBoxes(reader, box.payload, box.end, box.path, findings);
  return boxes;
}

async function readBox(
  reader: WindowReader,
  at: number,
  to: number,
  parent: string,
  seen: Map<string, number>,
  findings: Findings,
): Promise<Box | undefined> {
  if (to - at < HEADER_BYTES) {
    findings.defect(parent || "/", `${to - at} bytes behind the last box`);
    return undefined;
  }
  const headBytes = Math.min(LARGE_HEADER_BYTES, to - at);
  const head = reader.peek(at, headBytes) ?? (await reader.load(at, headBytes));
  const type = head.toString("latin1", 4, 8);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) {
    findings.defect(parent || "/", `no box type at byte ${at}; the rest of ${to - at} bytes was not read`);
    return undefined;
  }
  const ordinal = seen.get(type) ?? 0;
  seen.set(type, ordinal + 1);
  const path = `${parent}/${type}${type === "trak" || ordinal > 0 ? `[${ordinal}]` : ""}`;
  let size = head.readUInt32BE(0);
  let headerBytes = HEADER_BYTES;
  if (size === SIZE_IS_LARGE && head.byteLength === LARGE_HEADER_BYTES) {
    size = head.readUInt32BE(8) * 2 ** 32 + head.readUInt32BE(12);
    headerBytes = LARGE_HEADER_BYTES;
  } else if (size === SIZE_TO_END && parent === "") size = to - at;
  if (size < headerBytes) {
    findings.defect(path, `a size of ${size} bytes is less than its header`);
    return undefined;
  }
  if (at + size > to)
    findings.defect(path, `ends ${at + size - to} bytes past ${parent === "" ? "the end of the file" : "its parent"}`);
  return { type, path, start: at, payload: at + headerBytes, end: Math.min(at + size, to), children: [] };
}

export function child(parent: Box, type: string): Box | undefined {
  return parent.children.find((box) => box.type === type);
}

/** A mandatory child; its absence is a defect of the parent. */
export function requireChild(parent: Box, type: string, findings: Findings): Box | undefined {
  const found = child(parent, type);
  if (!found) findings.defect(parent.path, `has no ${type}`);
  return found;
}

/** The payload of a small box; undefined, and a defect, where it has fewer than `leastBytes`. */
export async function readPayload(
  reader: WindowReader,
  box: Box,
  leastBytes: number,
  findings: Findings,
): Promise<Buffer | undefined> {
  const bytes = Math.min(box.end - box.payload, MAX_PAYLOAD_BYTES);
  // A copy: the window moves on with the next box.
  const payload = Buffer.from(await reader.load(box.payload, bytes));
  if (payload.byteLength >= leastBytes) return payload;
  findings.defect(box.path, `has ${payload.byteLength} bytes of the ${leastBytes} that its fields need`);
  return undefined;
}

const MAX_PAYLOAD_BYTES = 64 * 1024;

export function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
