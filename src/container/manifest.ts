// The manifest of a file, `<file>.manifest` beside it: SHA-256 of every 4 MiB of its media, hashed as it was written,
// and of the head in front of the media, which the finish patches. It names the manifest before it by its root, so that
// one root vouches for all that was recorded before.
//
//   | head            | media: block 0 | block 1 | … |      root = SHA-256 of the manifest's JSON without its root
//     one hash          a hash each

import { createHash } from "node:crypto";
import { rmSync } from "node:fs";

export const MANIFEST_SUFFIX = ".manifest";
export const BLOCK_BYTES = 4 * 1024 * 1024;
export const MANIFEST_VERSION = 1;

/** The manifest before: of the file of the same config that was closed last. */
export interface ManifestLink {
  /** Its name, without folders. */
  readonly file: string;
  readonly root: string;
}

export interface ManifestSubject {
  readonly localStreamName: string;
  readonly configId: number;
  /** Of the segment's opening. */
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly startTime: string;
}

/** Hashes are hexadecimal. */
export interface Manifest extends ManifestSubject {
  readonly version: number;
  /** Its name, without folders. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly hash: "sha256";
  readonly blockBytes: number;
  readonly head: { readonly bytes: number; readonly sha256: string };
  readonly media: { readonly bytes: number; readonly sha256: readonly string[] };
  /** How many of the blocks were hashed as they were written; the others when the file was closed, or recovered. */
  readonly hashedWhileWritten: number;
  /** A crash had ended the file: it was hashed as the next start found it. */
  readonly isRecovered: boolean;
  readonly previous: ManifestLink | null;
}

/** A new file gets the name: what lies beside it is the manifest of another one, which it would never match. */
export function removeStaleManifest(path: string): void {
  try {
    rmSync(path + MANIFEST_SUFFIX, { force: true });
  } catch {
    // No reason not to record: who verifies the file will hear of it.
  }
}

/** JSON keeps the order of its keys, so that a manifest that is read back has the same root. */
export function rootOf(manifest: Manifest): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}
