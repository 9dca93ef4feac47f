// A failed file operation as it crosses from a worker to the main thread: a code, a sentence, the file. Errors
// themselves would lose their type.

import { type ErrorCode, ReelError } from "../base/reel-error.js";

export interface FileFailure {
  code: ErrorCode;
  message: string;
  path: string;
  /** The system's name of the error (`ENOSPC`), where there is one. */
  errno: string | undefined;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "diskFull",
  EDQUOT: "diskFull",
  ENOENT: "notWritable",
  ENOTDIR: "notWritable",
  EACCES: "notWritable",
  EPERM: "notWritable",
  EROFS: "notWritable",
  EEXIST: "targetBusy",
  ELOOP: "badPath",
};

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the volume",
  EDQUOT: "the disk quota is used up",
  ENOENT: "the folder does not exist",
  ENOTDIR: "a part of the path is not a folder",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the volume is read-only",
  EEXIST: "the file exists already",
  EISDIR: "a folder stands where the file should be",
  ELOOP: "the file is a symbolic link",
  EMFILE: "too many open files; raise the limit (ulimit -n)",
  ENFILE: "the system has too many open files",
  EFBIG: "the file is larger than the volume allows",
  EIO: "input/output error of the device",
};

export function fileFailure(error: unknown, path: string): FileFailure {
  if (error instanceof ReelError) return { code: error.code, message: error.message, path, errno: undefined };
  if (error instanceof WebAssembly.RuntimeError)
    return { code: "trap", message: `the muxer kernel trapped: ${error.message}`, path, errno: undefined };
  const { code: errno } = error as NodeJS.ErrnoException;
  return { code: (errno && CODES[errno]) || "io", message: `Unable to write ${path}: ${reasonOf(error)}`, path, errno };
}

/** What the system says of a failed call, for people. */
export function reasonOf(error: unknown): string {
  const { code: errno, message } = error as NodeJS.ErrnoException;
  return errno === undefined ? message : (REASONS[errno] ?? message);
}

export function failureToError(failure: FileFailure): ReelError {
  return new ReelError(failure.code, failure.message, { path: failure.path, errno: failure.errno });
}
