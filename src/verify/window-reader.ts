// A window on an open file: bounded memory whatever the file's size, few large reads. `peek` is for the usual case and
// costs no promise; what it does not hold, `load` brings in:
//
//   const bytes = reader.peek(at, n) ?? (await reader.load(at, n));
//
// A slice is valid until the next `load` on the same window. At the end of the file it is shorter than asked for.

import { type FileHandle, open, stat } from "node:fs/promises";
import { ReelError } from "../base/reel-error.js";

const WINDOW_BYTES = 1024 * 1024;

export class WindowReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  #buffer: Buffer;
  #start = 0;
  #length = 0;

  private constructor(path: string, handle: FileHandle, sizeBytes: number, windowBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
    this.#buffer = Buffer.allocUnsafe(Math.min(windowBytes, sizeBytes));
  }

  /** Throws ReelError `notFound` or `io`. The caller closes. */
  static async open(path: string): Promise<WindowReader> {
    let handle: FileHandle | undefined;
    try {
      // Opening a pipe would wait for its writer.
      if (!(await stat(path)).isFile()) throw new ReelError("io", "not a regular file", { path });
      handle = await open(path, "r");
      return new WindowReader(path, handle, (await handle.stat()).size, WINDOW_BYTES);
    } catch (error) {
      await handle?.close();
      throw readFailure(error, path);
    }
  }

  /** Another window on the same file. */
  fork(windowBytes: number): WindowReader {
    return new WindowReader(this.path, this.#handle, this.sizeBytes, windowBytes);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** `bytes` bytes at `position`, where the window holds them all. */
  peek(position: number, bytes: number): Buffer | undefined {
    const from = position - this.#start;
    if (from < 0 || from + bytes > this.#length) return undefined;
    return this.#buffer.subarray(from, from + bytes);
  }

  /** Moves the window to `position`. Throws ReelError `io`. */
  async load(position: number, bytes: number): Promise<Buffer> {
    const held = this.peek(position, bytes);
    if (held) return held;
    if (bytes > this.#buffer.byteLength) this.#buffer = Buffer.allocUnsafe(bytes);
    this.#start = position;
    this.#length = 0;
    const wanted = Math.min(this.#buffer.byteLength, Math.max(0, this.sizeBytes - position));
    while (this.#length < wanted) {
      let bytesRead: number;
      try {
        ({ bytesRead } = await this.#handle.read(
          this.#buffer,
          this.#length,
          wanted - this.#length,
          position + this.#length,
        ));
      } catch (error) {
        throw readFailure(error, this.path);
      }
      if (bytesRead === 0) break;
      this.#length += bytesRead;
    }
    return this.#buffer.subarray(0, Math.min(bytes, this.#length));
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  EIO: "input/output error of the device",
};

function readFailure(error: unknown, path: string): ReelError {
  if (error instanceof ReelError) return error;
  const { code: errno = "", message } = error as NodeJS.ErrnoException;
  return new ReelError(
    errno === "ENOENT" ? "notFound" : "io",
    REASONS[errno] ?? message,
    { path, errno },
    { cause: error },
  );
}
