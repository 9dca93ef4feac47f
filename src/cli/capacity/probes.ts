// Short measurements of a host's parts that a trial with few streams does not load: its volumes and its memory.

import { constants } from "node:fs";
import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { VolumeSpeed } from "./limits.js";

const MIB = 2 ** 20;
const BLOCK_BYTES = 8 * MIB;
/** Between syncs: small ones would measure the seeks of a disk, not its speed. */
const SYNC_BYTES = 64 * MIB;
const MOST_BYTES = 4096 * MIB;
/** At most this part of what is free. */
const FREE_SHARE = 0.1;
const COPY_BYTES = 256 * MIB;
const LEAST_COPIES = 2;

/** Writes for `seconds` into a file in `folder`, synced as it goes, and removes it. Throws what the volume says. */
export async function volumeSpeed(
  volume: string,
  folder: string,
  seconds: number,
  signal: AbortSignal,
): Promise<VolumeSpeed> {
  const path = join(folder, "write");
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const most = Math.min(MOST_BYTES, freeBytes * FREE_SHARE);
  // Not zeros, which some volumes do not write.
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 4) block.writeInt32LE((Math.random() * 2 ** 32) | 0, at);
  const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    const startMs = performance.now();
    let bytes = 0;
    let unsynced = 0;
    do {
      signal.throwIfAborted();
      bytes += (await file.write(block)).bytesWritten;
      unsynced += BLOCK_BYTES;
      if (unsynced >= SYNC_BYTES) {
        await file.datasync();
        unsynced = 0;
      }
    } while (performance.now() - startMs < 1000 * seconds && bytes < most);
    await file.datasync();
    return { folder: volume, bytesPerSecond: bytes / ((performance.now() - startMs) / 1000), freeBytes };
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** Bytes a second that one core copies where no cache holds them. */
export function copySpeed(seconds: number): number {
  const from = new Uint8Array(COPY_BYTES).fill(1);
  const to = new Uint8Array(COPY_BYTES).fill(2);
  const startMs = performance.now();
  let copies = 0;
  do {
    to.set(from);
    copies++;
  } while (copies < LEAST_COPIES || performance.now() - startMs < 1000 * seconds);
  return (copies * COPY_BYTES) / ((performance.now() - startMs) / 1000);
}
