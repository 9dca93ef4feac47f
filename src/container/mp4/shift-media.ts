// Moves the media of a `.mdat` without copying it: whole file-system blocks are inserted in front of it, or cut out, by
// fallocate(1) of util-linux (ext4 and XFS; Node cannot call fallocate(2)).
//
// The journal says so before and after. What a crash left in between is told from the size of the file and from where
// the open `mdat` header lies: the file systems change both in one call, which a killed process does not interrupt.
// fallocate(1) outlives a killed parent, so it holds the lock of `.info`, for which the next finish waits: inherited
// from a recovery, which has it, or taken by the same command.

import { spawnSync } from "node:child_process";
import { fstatSync, readSync } from "node:fs";
import { CONFLICT_EXIT_CODE } from "../../base/file-lock.js";
import { ReelError } from "../../base/reel-error.js";
import { MDAT_HEADER_ROOM, openMediaDataHeader } from "./file-head.js";
import { appendLine, type ShiftLine } from "./journal-info.js";

/** Volumes (st_dev) whose file system has been seen to refuse. */
const refusing = new Set<bigint>();

export interface ShiftTarget {
  mdatPath: string;
  mdatFd: number;
  infoFd: number;
  infoPath: string;
  /** `infoFd` holds the lock of `.info`. */
  isLocked: boolean;
  /** Where the head of the media lies now. */
  mdatHeaderAt: number;
}

export function mayShift(mdatFd: number): boolean {
  return !refusing.has(fstatSync(mdatFd, { bigint: true }).dev);
}

/**
 * Inserts (bytes > 0) or cuts out (bytes < 0) whole blocks right in front of the media's head. False where the volume
 * cannot.
 */
export function shiftMedia(target: ShiftTarget, bytes: number, blockBytes: number): boolean {
  const { mdatFd, infoFd, infoPath, mdatPath, mdatHeaderAt } = target;
  const sizeBefore = fstatSync(mdatFd).size;
  const line: ShiftLine = { type: "shift", bytes, sizeBefore };
  appendLine(infoFd, line);
  const at = Math.floor(mdatHeaderAt / blockBytes) * blockBytes - (bytes < 0 ? -bytes : 0);
  const mode = bytes > 0 ? "--insert-range" : "--collapse-range";
  const shift = ["fallocate", mode, "--offset", `${at}`, "--length", `${Math.abs(bytes)}`, mdatPath];
  const lock = target.isLocked
    ? []
    : ["flock", "--nonblock", "--exclusive", "--conflict-exit-code", `${CONFLICT_EXIT_CODE}`, infoPath];
  const [command = "", ...args] = [...lock, ...shift];
  const { status, stderr, error } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "pipe", infoFd],
    env: { ...process.env, LC_ALL: "C" },
  });
  const moved = settleShift(target, line);
  if (moved) return true;
  if (status === CONFLICT_EXIT_CODE)
    throw new ReelError("locked", `${mdatPath} is being finished by another process`, { path: mdatPath });
  const reason = error?.message ?? stderr.toString();
  if (/No space left|quota/i.test(reason))
    throw new ReelError("diskFull", `Unable to make room for the index of ${mdatPath}: no space left on the volume`, {
      path: mdatPath,
    });
  if (status !== 0) refusing.add(fstatSync(mdatFd, { bigint: true }).dev);
  return false;
}

/** Notes what became of an announced shift. */
export function settleShift(target: Omit<ShiftTarget, "infoPath" | "isLocked">, line: ShiftLine): boolean {
  const moved = hasShifted(target, line);
  appendLine(target.infoFd, { type: "shifted", bytes: moved ? line.bytes : 0 });
  return moved;
}

/**
 * Whether an announced shift happened. Throws ReelError `corrupt` where it was cut off in the middle (by a power cut).
 */
export function hasShifted(
  { mdatFd, mdatPath, mdatHeaderAt }: Pick<ShiftTarget, "mdatFd" | "mdatPath" | "mdatHeaderAt">,
  { bytes, sizeBefore }: ShiftLine,
): boolean {
  const size = fstatSync(mdatFd).size;
  const isMoved = size === sizeBefore + bytes && isMediaHead(mdatFd, mdatHeaderAt + bytes);
  const isAsBefore = size === sizeBefore && isMediaHead(mdatFd, mdatHeaderAt);
  if (isMoved !== isAsBefore) return isMoved;
  throw new ReelError(
    "corrupt",
    `${mdatPath} was being moved by ${bytes} bytes when the machine stopped; it is neither as before nor moved`,
    {
      path: mdatPath,
    },
  );
}

function isMediaHead(fd: number, at: number): boolean {
  const head = Buffer.alloc(MDAT_HEADER_ROOM);
  return readSync(fd, head, 0, head.byteLength, at) === head.byteLength && head.equals(openMediaDataHeader());
}
