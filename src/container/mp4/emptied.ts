// A power cut may leave the names of an unfinished segment and nothing in its files, and a kill in the middle of its
// making the first name alone: then there is nothing that a later start, or a hand, could recover.

import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { writersOf } from "../../base/file-writer.js";
import { ReelError } from "../../base/reel-error.js";
import { FTYP_SIZE, MDAT_HEADER_ROOM } from "./file-head.js";
import { copyPathOf, infoPathOf, mdatPathOf, replacementPathOf } from "./journal-files.js";
import { readJournalInfo } from "./journal-info.js";

/** Where not all processes can be seen, a journal whose `.info` says nothing may be in the making for this long. */
const MAKING_MS = 10_000;
const READ_BYTES = 1 << 20;

/**
 * True where the media file holds no media: it ends with its head, or reads as zeros. A media file that is missing is
 * somebody's doing while `.info` lists tracks.
 */
export function isEmptied(finalPath: string, isOurs: boolean): boolean {
  const infoPath = infoPathOf(finalPath);
  const isReadable = canRead(infoPath);
  // Its maker keeps it open until it can be read: it is read again, in case it was just closed.
  if (!isReadable && (whyInTheMaking(finalPath, isOurs) !== undefined || canRead(infoPath))) return false;
  if (existsSync(copyPathOf(finalPath)) || existsSync(replacementPathOf(finalPath))) return false;
  const mdatPath = mdatPathOf(finalPath);
  if (!statSync(mdatPath, { throwIfNoEntry: false })) return !isReadable;
  const { pids, own } = writersOf(mdatPath);
  return pids.length === 0 && own === 0 && holdsNoMedia(mdatPath);
}

/**
 * Of a journal whose `.info` says nothing: why somebody may still be making it. `isOurs`: the ledger knows it from an
 * earlier run of this server, so nobody does.
 */
export function whyInTheMaking(finalPath: string, isOurs: boolean): string | undefined {
  const infoPath = infoPathOf(finalPath);
  const { pids, own, areAllSeen } = writersOf(infoPath);
  if (pids.length > 0 || own > 0) return `process ${pids[0] ?? process.pid} has it open`;
  if (isOurs || areAllSeen || Date.now() - statSync(infoPath).mtimeMs >= MAKING_MS) return undefined;
  return `it is younger than ${MAKING_MS / 1000} s, and what processes of other users have open cannot be seen`;
}

/** True where `.info` does not say what its segment is. */
export function isSilent(finalPath: string): boolean {
  return !canRead(infoPathOf(finalPath));
}

function canRead(infoPath: string): boolean {
  try {
    readJournalInfo(infoPath);
    return true;
  } catch (error) {
    if (error instanceof ReelError) return false;
    throw error;
  }
}

function holdsNoMedia(mdatPath: string): boolean {
  const fd = openSync(mdatPath, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(READ_BYTES);
    for (let at = mediaStart(fd), end = fstatSync(fd).size; at < end; ) {
      const read = readSync(fd, bytes, 0, READ_BYTES, at);
      if (bytes.subarray(0, read).some((byte) => byte !== 0)) return false;
      if (read === 0) break;
      at += read;
    }
    return true;
  } finally {
    closeSync(fd);
  }
}

/** By the head as the opening wrote it; 0 where it reads otherwise. */
function mediaStart(fd: number): number {
  const box = Buffer.alloc(8);
  readSync(fd, box, 0, box.byteLength, FTYP_SIZE);
  return box.toString("latin1", 4) === "free" ? FTYP_SIZE + box.readUInt32BE(0) + MDAT_HEADER_ROOM : 0;
}
