// The manifest task, run by the finish pool on a file that is final: hashes its head and what of its media no drain has
// hashed, and writes the manifest beside it. A file whose blocks are known costs its head and its last block.

import { closeSync, constants, fdatasyncSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename } from "node:path";
import type { ContainerName } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import {
  BLOCK_BYTES,
  MANIFEST_SUFFIX,
  MANIFEST_VERSION,
  type Manifest,
  type ManifestLink,
  type ManifestSubject,
  rootOf,
} from "../container/manifest.js";
import { syncFolderOf } from "../container/sync-file.js";
import { CONTAINERS } from "../container/table.js";
import { hashRange } from "./block-hash.js";

export interface ManifestRequest {
  readonly container: ContainerName;
  readonly path: string;
  readonly subject: ManifestSubject;
  /** Hashes of the first blocks, from the drains. */
  readonly known: readonly string[];
  readonly isRecovered: boolean;
  readonly previous: ManifestLink | null;
  readonly sync: boolean;
}

export interface ManifestResult {
  /** Undefined after a failure. */
  readonly root: string | undefined;
  readonly failure: FileFailure | undefined;
}

export function manifest(request: ManifestRequest): ManifestResult {
  try {
    return { root: writeManifest(request), failure: undefined };
  } catch (error) {
    return { root: undefined, failure: fileFailure(error, request.path) };
  }
}

function writeManifest(request: ManifestRequest): string {
  const made = describe(request);
  const root = rootOf(made);
  const path = request.path + MANIFEST_SUFFIX;
  const temporary = `${path}.new`;
  try {
    const fd = openSync(temporary, "w", 0o644);
    try {
      const bytes = Buffer.from(`${JSON.stringify({ ...made, root })}\n`);
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(fd, bytes, done);
      if (request.sync) fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    if (request.sync) syncFolderOf(path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return root;
}

function describe({ container, path, subject, known, isRecovered, previous }: ManifestRequest): Manifest {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    const start = CONTAINERS[container].mediaStart(fd) ?? size;
    const mediaBytes = size - start;
    const kept = known.slice(0, Math.floor(mediaBytes / BLOCK_BYTES));
    const blocks = [...kept];
    for (let at = kept.length * BLOCK_BYTES; at < mediaBytes; at += BLOCK_BYTES)
      blocks.push(hashRange(fd, start + at, Math.min(BLOCK_BYTES, mediaBytes - at)));
    return {
      version: MANIFEST_VERSION,
      file: basename(path),
      ...subject,
      sizeBytes: size,
      hash: "sha256",
      blockBytes: BLOCK_BYTES,
      head: { bytes: start, sha256: hashRange(fd, 0, start) },
      media: { bytes: mediaBytes, sha256: blocks },
      hashedWhileWritten: kept.length,
      isRecovered,
      previous,
    };
  } finally {
    closeSync(fd);
  }
}
