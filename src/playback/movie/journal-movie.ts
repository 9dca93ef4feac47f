// The tracks of an MP4 that grows, from its journal (src/container/mp4): the files of records of its tracks, and the
// media.

import { SAMPLE_RECORD_SIZE } from "../../abi/mp4.js";
import { ReelError } from "../../base/reel-error.js";
import { infoPathOf, mdatPathOf, trackPathOf } from "../../container/mp4/journal-files.js";
import { type JournalContents, parseJournalInfo } from "../../container/mp4/journal-info.js";
import { restoreConfig } from "../../container/mp4/track-config.js";
import { type MediaVolumes, openInTurn } from "../media-file.js";
import type { TurnFile } from "../turn-file.js";
import type { PlayedTrack } from "./played-track.js";
import { type KeptHeads, type RecordSource, tracksOfRecords } from "./record-track.js";

/** A line is some 200 bytes, and only a loss adds one. */
const MAX_INFO_BYTES = 16 * 1024 * 1024;

export interface JournalMovie {
  readonly tracks: readonly PlayedTrack[];
  readonly media: TurnFile;
  /** Rejects where the finish has begun to move the media: what was read before the call is sound. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Throws ReelError `notFound` where there is no journal (any more), also where a link leads out of the folders, `stuck`
 * where the volume does not answer.
 */
export async function openJournalMovie(
  path: string,
  volumes: MediaVolumes,
  module: WebAssembly.Module,
  kept: KeptHeads,
): Promise<JournalMovie> {
  const handles: TurnFile[] = [];
  const openNew = async (file: string): Promise<TurnFile> => {
    const { handle } = await openInTurn(file, volumes);
    handles.push(handle);
    return handle;
  };
  try {
    const infoFile = await openNew(infoPathOf(path));
    const info = await readInfo(infoFile, path);
    const media = await openNew(mdatPathOf(path));
    const sources: RecordSource[] = [];
    for (const line of info.tracks) {
      const file = await openNew(trackPathOf(path, line.file));
      const count = Math.floor((await file.stat()).size / SAMPLE_RECORD_SIZE);
      const key = `${line.file}:${line.track}`;
      if (count > 0) sources.push({ track: line.track, key, config: restoreConfig(line.config), records: file, count });
    }
    sources.sort((a, b) => a.track - b.track);
    const tracks = await tracksOfRecords(sources, { createdMs: info.segment.createdMs, module }, kept);
    // The finish says in .info that it will move the media before it does.
    let seenBytes = -1;
    const verify = async (): Promise<void> => {
      const { size, nlink } = await infoFile.stat();
      if (nlink === 0 || (size !== seenBytes && isMoved(await readInfo(infoFile, path)))) throw gone(path);
      seenBytes = size;
    };
    await verify();
    return { tracks, media, verify, close: () => closeAll(handles) };
  } catch (error) {
    await closeAll(handles);
    throw error instanceof ReelError && error.code === "notFound" ? gone(path) : error;
  }
}

function gone(path: string): ReelError {
  return new ReelError("notFound", `${path} does not grow any more`, { path });
}

async function readInfo(file: TurnFile, path: string): Promise<JournalContents> {
  const { size } = await file.stat();
  if (size > MAX_INFO_BYTES) throw new ReelError("limit", `the .info of ${path} is too large to play from`, { path });
  const bytes = Buffer.allocUnsafe(size);
  const { bytesRead } = await file.read(bytes, 0, size, 0);
  return parseJournalInfo(bytes.toString("utf8", 0, bytesRead), infoPathOf(path));
}

function isMoved({ shiftBytes, pendingShift }: JournalContents): boolean {
  return shiftBytes !== 0 || pendingShift !== undefined;
}

async function closeAll(handles: readonly TurnFile[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle.close()));
}
