// What was deleted on a volume and is not yet seen to be free: some file systems free space half a minute later, or
// when the last reader of a file closes it. Nothing else is deleted for that room meanwhile. What is written at the
// same time hides what becomes free, so nobody waits long on a volume that frees at once.

import type { Millis } from "../time/units.js";

/** Btrfs commits every 30 seconds. What has not come by then is not waited for any longer. */
const LATE_MS: Millis = 30_000;
const AT_ONCE_MS: Millis = 2000;

/** `f_type` of file systems that free space in a commit of theirs, or on another host (statfs(2), linux/magic.h). */
const FREE_LATE: ReadonlySet<number> = new Set([
  0x9123683e, // Btrfs
  0xca451a4e, // bcachefs
  0x2fc12fc1, // ZFS
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x65735546, // FUSE
  0x00c36400, // Ceph
]);

/** How long deleted bytes are waited for on a file system of this `f_type`. */
export function patienceMs(fileSystemType: number): Millis {
  return FREE_LATE.has(fileSystemType) ? LATE_MS : AT_ONCE_MS;
}

interface Deletion {
  readonly atMs: Millis;
  missingBytes: number;
}

export class SpaceToCome {
  readonly #patienceMs: Millis;
  #deletions: Deletion[] = [];
  #freeBytes = 0;

  constructor(patience: Millis) {
    this.#patienceMs = patience;
  }

  get bytes(): number {
    return this.#deletions.reduce((sum, { missingBytes }) => sum + missingBytes, 0);
  }

  deleted(bytes: number, atMs: Millis): void {
    if (bytes > 0) this.#deletions.push({ atMs, missingBytes: bytes });
  }

  /** Whatever has become free since the last look is what was deleted, the oldest first. */
  seen(freeBytes: number, nowMs: Millis): void {
    let come = Math.max(0, freeBytes - this.#freeBytes);
    this.#freeBytes = freeBytes;
    for (const deletion of this.#deletions) {
      const part = Math.min(come, deletion.missingBytes);
      deletion.missingBytes -= part;
      come -= part;
    }
    this.#deletions = this.#deletions.filter(
      ({ missingBytes, atMs }) => missingBytes > 0 && nowMs - atMs < this.#patienceMs,
    );
  }
}
