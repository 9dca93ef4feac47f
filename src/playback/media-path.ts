// Where a file of the catalogue is to be had over HTTP, and back: `/media/<path below its media folder>`. A file of
// another folder than the first has `?folder=<its number>`.

import { join } from "node:path";
import { ReelError } from "../base/reel-error.js";

const MAX_PATH_BYTES = 4096;

/** Undefined where the file lies in no media folder: it was configured away. */
export function mediaUrl(path: string, folders: readonly string[]): string | undefined {
  const folder = folders.findIndex((one) => path.startsWith(`${one}/`));
  if (folder < 0) return undefined;
  const below = path.slice((folders[folder] as string).length + 1);
  const url = `/media/${below.split("/").map(encodeURIComponent).join("/")}`;
  return folder === 0 ? url : `${url}?folder=${folder}`;
}

/** The absolute path of what a request names, still to be looked up. Throws ReelError `notFound`. */
export function mediaPath(below: string, folder: string | null, folders: readonly string[]): string {
  const root = /^\d{1,3}$/.test(folder ?? "0") ? folders[Number(folder ?? "0")] : undefined;
  const parts = below.split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  const isOdd = parts.some((part) => part === "" || part === "." || part === ".." || /[\u0000\\]/.test(part));
  if (root === undefined || isOdd || Buffer.byteLength(below) > MAX_PATH_BYTES)
    throw new ReelError("notFound", "the catalogue knows no such file");
  return join(root, ...parts);
}
