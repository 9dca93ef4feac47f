// Hashes blocks of media as they become whole. They are read back from the page cache: a hash that went on from batch
// to batch would need its state in the arena, which no fast SHA-256 lets out.

import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import type { Container } from "../container/container.js";
import { BLOCK_BYTES } from "../container/manifest.js";

/** Of one drain: it must not hold up the others of its batch. The rest is hashed by the next one, or at the finish. */
const MAX_BLOCKS = 4;
const READ_BYTES = 1 << 20;
let buffer: Buffer | undefined;

/**
 * The hashes of blocks from `hashed` on that are whole in the first `endBytes` of a growing file. Throws what fs
 * throws.
 */
export function hashWholeBlocks(container: Container, path: string, hashed: number, endBytes: number): string[] {
  if (endBytes < (hashed + 1) * BLOCK_BYTES) return [];
  const fd = openSync(container.mediaPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const start = container.mediaStart(fd);
    if (start === undefined) return [];
    const whole = Math.min(Math.floor((endBytes - start) / BLOCK_BYTES), hashed + MAX_BLOCKS);
    const hashes: string[] = [];
    for (let block = hashed; block < whole; block++)
      hashes.push(hashRange(fd, start + block * BLOCK_BYTES, BLOCK_BYTES));
    return hashes;
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 of a range of a file, hexadecimal. Throws where the file ends before it does. */
export function hashRange(fd: number, from: number, bytes: number): string {
  buffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const hash = createHash("sha256");
  for (let done = 0; done < bytes; ) {
    const read = readSync(fd, buffer, 0, Math.min(READ_BYTES, bytes - done), from + done);
    if (read === 0) throw new Error(`the file ends ${bytes - done} bytes before its block`);
    hash.update(buffer.subarray(0, read));
    done += read;
  }
  return hash.digest("hex");
}
