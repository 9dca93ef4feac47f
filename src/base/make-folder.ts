// Makes a folder with those above it. Node's own `recursive` repeats for ever in a file system that makes none (/proc).

import { existsSync, mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Throws as mkdir does: EEXIST where a file has the name. */
export async function makeFolder(path: string): Promise<void> {
  for (const folder of missingFolders(path))
    await mkdir(folder).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
    });
}

export function makeFolderSync(path: string, mode: number): void {
  for (const folder of missingFolders(path))
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !statSync(folder).isDirectory()) throw error;
    }
}

/**
 * The last is `path` itself, which is tried also where it is there; what is above it may be made by others meanwhile.
 */
function missingFolders(path: string): string[] {
  const folders = [resolve(path)];
  for (let above = dirname(folders[0] ?? ""); !existsSync(above); above = dirname(above)) folders.unshift(above);
  return folders;
}
