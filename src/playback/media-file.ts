// Opens a file below the media folders, and nothing else, whatever links there are: what was opened is looked at, so
// that nobody can put a link in between.

import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { ReelError } from "../base/reel-error.js";
import type { VolumeTurns } from "../base/volume-turns.js";
import { TurnFile } from "./turn-file.js";

export interface OpenMediaFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Strong: another file, or a file that has changed, has another. */
  readonly etag: string;
  /** Of a file that grows it stays the same. */
  readonly identity: string;
}

/** The same, every call of which waits for its turn. */
export type MediaFile = Omit<OpenMediaFile, "handle"> & { readonly handle: TurnFile };

export interface MediaVolumes {
  /** Real paths. */
  readonly mediaFolders: readonly string[];
  readonly volumes: VolumeTurns;
}

/** Throws ReelError `notFound`, also where a link leads out. `folders` are real paths. */
export async function openMediaFile(path: string, folders: readonly string[]): Promise<OpenMediaFile> {
  const handle = await openQuietly(path);
  try {
    const stat = await handle.stat({ bigint: true });
    const real = await readlink(`/proc/self/fd/${handle.fd}`);
    if (!stat.isFile() || !folders.some((folder) => real.startsWith(`${folder}/`))) throw gone();
    const sizeBytes = Number(stat.size);
    const identity = `${stat.dev.toString(36)}-${stat.ino.toString(36)}`;
    const etag = `"${stat.ino.toString(36)}-${sizeBytes.toString(36)}-${stat.mtimeNs.toString(36)}"`;
    return { handle, sizeBytes, modifiedMs: Number(stat.mtimeMs), etag, identity };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The same where its volume answers. Throws ReelError `stuck`. */
export async function openInTurn(path: string, { mediaFolders, volumes }: MediaVolumes): Promise<MediaFile> {
  const { handle, ...file } = await volumes.run(
    path,
    () => openMediaFile(path, mediaFolders),
    (late) => void late.handle.close(),
  );
  return { ...file, handle: new TurnFile(handle, path, volumes) };
}

async function openQuietly(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: a pipe of that name would hold a thread until somebody writes into it.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENXIO" || code === "EACCES")
      throw gone();
    throw error;
  }
}

function gone(): ReelError {
  return new ReelError("notFound", "there is no such file");
}
