// The media folders as they were at the start. An unmounted volume leaves an empty folder of another file system in its
// place, where every file seems to be gone.

import { stat } from "node:fs/promises";
import { ReelError } from "../base/reel-error.js";

export class MediaRoots {
  readonly #identities = new Map<string, string>();

  private constructor(
    /** Absolute, real. */
    readonly folders: readonly string[],
  ) {}

  static async look(folders: readonly string[]): Promise<MediaRoots> {
    const roots = new MediaRoots(folders);
    for (const folder of folders) {
      const identity = await identityOf(folder);
      if (identity !== undefined) roots.#identities.set(folder, identity);
    }
    return roots;
  }

  /** Throws ReelError `targetBusy` where the media folder of a path is not the one of the start. */
  async mustBeThere(path: string): Promise<void> {
    const folder = longestOf(this.folders, path);
    if (folder === undefined) return;
    const before = this.#identities.get(folder);
    if (before !== undefined && (await identityOf(folder)) === before) return;
    throw new ReelError("targetBusy", `${path} is not there, nor is the media folder that was there at the start`, {
      path,
    });
  }
}

/** The innermost folder that has a path. */
export function longestOf(folders: readonly string[], path: string): string | undefined {
  let longest: string | undefined;
  for (const folder of folders)
    if (path.startsWith(`${folder}/`) && folder.length > (longest?.length ?? 0)) longest = folder;
  return longest;
}

async function identityOf(folder: string): Promise<string | undefined> {
  return stat(folder).then(
    ({ dev, ino }) => `${dev}.${ino}`,
    () => undefined,
  );
}
