// The regular files of a folder and below, sorted by name, for commands that take folders.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ReelError } from "../base/reel-error.js";

/** Dated recordings nest three deep. */
const MAX_DEPTH = 8;

/** Throws ReelError `io` where a folder cannot be read. */
export function filesBelow(folder: string, depth = 0): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return depth < MAX_DEPTH ? filesBelow(path, depth + 1) : [];
        return entry.isFile() ? [path] : [];
      });
  } catch (error) {
    if (error instanceof ReelError) throw error;
    throw new ReelError("io", `cannot be searched: ${(error as Error).message}`, { path: folder }, { cause: error });
  }
}
