// Finds the lines of a segment by its id, and its id by its path: the day files are by stream and time alone.
//
//   lookup/ids         at id × 8: the day of its beginning (days since 1970, u32), CRC-32 of its file's name (u32);
//                      0, 0 = none
//   lookup/other-ids   for ids beyond, one behind the other: id (u64), the same two
//   lookup/paths/<xx>  by the first byte of the path's SHA-256: its next 8 bytes, id (u64)
//   lookup/complete    made when all day files have been gone through: an index of an earlier version had no lookup
//
// Little-endian, never rewritten but for `ids`. An entry may be stale or stand twice: who looks up checks what it
// finds.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/private-files.js";
import type { CatalogSegment } from "./catalog-segment.js";
import { DAY_MS, fileNameOf } from "./day-file.js";

const ID_ENTRY_SIZE = 8;
const OTHER_ENTRY_SIZE = 16;
const PATH_ENTRY_SIZE = 16;
/** `ids` is a file with holes; this bounds its size to 32 GiB. */
const OTHER_IDS_FROM = 2 ** 32;
const BLOCK_BYTES = 64 * 1024;

/** Where lines of a segment are: a day, and what the name of its file has as a checksum. */
export interface LinePlace {
  day: string;
  nameCrc: number;
}

interface Write {
  position: number | undefined;
  bytes: Buffer;
}

export class SegmentLookup {
  readonly #folder: string;
  #isMade = false;

  constructor(catalogFolder: string) {
    this.#folder = join(catalogFolder, "lookup");
  }

  /** Returns the files that were written and are not synced. */
  async add(segments: readonly CatalogSegment[]): Promise<string[]> {
    if (segments.length === 0) return [];
    await this.#make();
    const files = new Map<string, Write[]>();
    const put = (name: string, write: Write): void => {
      const path = join(this.#folder, name);
      const writes = files.get(path);
      if (writes) writes.push(write);
      else files.set(path, [write]);
    };
    for (const segment of segments) {
      const place = placeEntry(segment);
      if (segment.id < OTHER_IDS_FROM) put("ids", { position: segment.id * ID_ENTRY_SIZE, bytes: place });
      else put("other-ids", { position: undefined, bytes: Buffer.concat([u64(segment.id), place]) });
      if (segment.path === "" || segment.state === "deleted") continue;
      const { bucket, hash } = hashOf(segment.path);
      put(bucket, { position: undefined, bytes: Buffer.concat([hash, u64(segment.id)]) });
    }
    for (const [path, writes] of files) await writeAll(path, writes);
    return [...files.keys()];
  }

  async placeOf(id: number): Promise<LinePlace | undefined> {
    if (!Number.isSafeInteger(id) || id < 0) return undefined;
    if (id < OTHER_IDS_FROM) return this.#placeAt(id);
    let found: LinePlace | undefined;
    const wanted = u64(id);
    await this.#eachEntry("other-ids", OTHER_ENTRY_SIZE, (entry) => {
      if (entry.subarray(0, 8).equals(wanted)) found = readPlace(entry.subarray(8));
    });
    return found;
  }

  /** Ids of segments that had this path, the newest entry first. */
  async idsOf(path: string): Promise<number[]> {
    const { bucket, hash } = hashOf(path);
    const ids = new Set<number>();
    await this.#eachEntry(bucket, PATH_ENTRY_SIZE, (entry) => {
      if (!entry.subarray(0, 8).equals(hash)) return;
      const id = Number(entry.readBigUInt64LE(8));
      ids.delete(id);
      ids.add(id);
    });
    return [...ids].reverse();
  }

  async isComplete(): Promise<boolean> {
    return access(join(this.#folder, "complete")).then(
      () => true,
      () => false,
    );
  }

  async markComplete(): Promise<void> {
    await this.#make();
    await writeFile(join(this.#folder, "complete"), "", { mode: PRIVATE_FILE });
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await mkdir(join(this.#folder, "paths"), { recursive: true, mode: PRIVATE_FOLDER });
    this.#isMade = true;
  }

  async #placeAt(id: number): Promise<LinePlace | undefined> {
    return this.#read("ids", async (file) => {
      const entry = Buffer.alloc(ID_ENTRY_SIZE);
      const { bytesRead } = await file.read(entry, 0, ID_ENTRY_SIZE, id * ID_ENTRY_SIZE);
      return bytesRead === ID_ENTRY_SIZE ? readPlace(entry) : undefined;
    });
  }

  async #eachEntry(name: string, size: number, take: (entry: Buffer) => void): Promise<void> {
    await this.#read(name, async (file) => {
      const block = Buffer.alloc(BLOCK_BYTES);
      for (let position = 0; ; ) {
        const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, position);
        const whole = bytesRead - (bytesRead % size);
        for (let at = 0; at < whole; at += size) take(block.subarray(at, at + size));
        if (whole === 0) return;
        position += whole;
      }
    });
  }

  async #read<T>(name: string, use: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
    let file: FileHandle;
    try {
      file = await open(join(this.#folder, name), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return use(file).finally(() => file.close());
  }
}

export function nameCrcOf(fileName: string): number {
  return crc32(fileName);
}

function placeEntry({ startedMs, localStreamName }: CatalogSegment): Buffer {
  const bytes = Buffer.alloc(ID_ENTRY_SIZE);
  bytes.writeUInt32LE(Math.max(0, Math.floor(startedMs / DAY_MS)), 0);
  bytes.writeUInt32LE(nameCrcOf(fileNameOf(localStreamName)), 4);
  return bytes;
}

function readPlace(bytes: Buffer): LinePlace | undefined {
  const days = bytes.readUInt32LE(0);
  const nameCrc = bytes.readUInt32LE(4);
  if (days === 0 && nameCrc === 0) return undefined;
  // Beyond the years that have four digits there are no day files.
  return days > 2_932_896 ? undefined : { day: new Date(days * DAY_MS).toISOString().slice(0, 10), nameCrc };
}

function hashOf(path: string): { bucket: string; hash: Buffer } {
  const digest = createHash("sha256").update(path).digest();
  return { bucket: join("paths", digest.toString("hex", 0, 1)), hash: digest.subarray(1, 9) };
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

async function writeAll(path: string, writes: readonly Write[]): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, PRIVATE_FILE);
  try {
    const appended = writes.filter(({ position }) => position === undefined).map(({ bytes }) => bytes);
    if (appended.length > 0) {
      const { size } = await file.stat();
      // Entries have one size in a file: what a crash tore is written over.
      const end = size - (size % PATH_ENTRY_SIZE);
      await file.write(Buffer.concat(appended), 0, undefined, end);
    }
    for (const { position, bytes } of writes)
      if (position !== undefined) await file.write(bytes, 0, undefined, position);
  } finally {
    await file.close();
  }
}
