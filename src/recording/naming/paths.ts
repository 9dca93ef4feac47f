// What a path is, by its text or by a look: nothing here knows media folders.

import { realpathSync } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { ReelError } from "../../base/reel-error.js";

const MAX_NAME_BYTES = 200;

/** Throws ReelError `badPath`: the kernel takes 255 bytes, and suffixes come behind it. */
export function mustBeShort(name: string): void {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new ReelError("badPath", `the name ${name} is longer than ${MAX_NAME_BYTES} bytes`);
}

export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith(`..${sep}`) && way !== ".." && !isAbsolute(way));
}

export function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Anything of that name, a symbolic link that leads nowhere included. */
export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

export function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
