// The recovery task, run by the finish pool: makes what a crash left of a segment final. For MP4 it is the same finish
// as ever; MPEG-TS and FLV lose the half packet or tag at their end, and FLV gets its duration.

import { existsSync, statSync } from "node:fs";
import { TRACK_VIDEO } from "../abi/frame.js";
import { CONTAINER_MP4, CONTAINER_TS } from "../abi/recording.js";
import { ReelError } from "../base/reel-error.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import type { FinishMethod } from "../container/finish-method.js";
import { repairFlv } from "../container/flv/repair-flv.js";
import { finishMp4 } from "../container/mp4/finish.js";
import { type JournalContents, readJournalInfo } from "../container/mp4/journal-info.js";
import { repairTs } from "../container/mpegts/repair-ts.js";
import { type SegmentOrigin, type SegmentTrack, UNKNOWN_ORIGIN } from "../container/segment-origin.js";

export interface RecoverRequest {
  path: string;
  /** The name of the finished MP4, where `path` is taken; else the same. */
  targetPath: string;
  container: number;
  /** The lock of the calling server. */
  lockPath: string;
}

export interface RecoverResult {
  /** The final file; undefined where the segment held nothing. */
  path: string | undefined;
  finish: FinishMethod;
  sizeBytes: number;
  /** Of the file before it was touched: about when the crash was. */
  modifiedMs: number;
  videoFrames: number;
  audioFrames: number;
  durationMs: number;
  lost: { frames: number; bytes: number; durationMs: number } | null;
  /** MP4: the gaps that its journal lists, as the recorder noted them. */
  gaps: readonly Readonly<Record<string, unknown>>[];
  /** MP4: when the segment was opened; 0 where the file does not say. */
  createdMs: number;
  /** MP4: what its journal says of it; undefined where nothing does. */
  origin: SegmentOrigin | undefined;
  tracks: readonly SegmentTrack[];
  failure: FileFailure | undefined;
}

export function recover({ path, targetPath, container, lockPath }: RecoverRequest): RecoverResult {
  try {
    return container === CONTAINER_MP4 ? recoverMp4(path, targetPath, lockPath) : recoverInPlace(path, container);
  } catch (error) {
    return {
      path: undefined,
      finish: "none",
      sizeBytes: 0,
      modifiedMs: 0,
      videoFrames: 0,
      audioFrames: 0,
      durationMs: 0,
      lost: null,
      gaps: [],
      createdMs: 0,
      origin: undefined,
      tracks: [],
      failure: fileFailure(error, path),
    };
  }
}

function recoverMp4(path: string, targetPath: string, lockPath: string): RecoverResult {
  const mdat = `${path}.mdat`;
  if (!existsSync(`${path}.info`) && existsSync(path)) {
    // The crash came between the final name and the ledger: the file is whole.
    const { size, mtimeMs } = statSync(path);
    return {
      path,
      finish: "none",
      sizeBytes: size,
      modifiedMs: mtimeMs,
      videoFrames: 0,
      audioFrames: 0,
      durationMs: 0,
      lost: null,
      gaps: [],
      createdMs: 0,
      origin: undefined,
      tracks: [],
      failure: undefined,
    };
  }
  const modifiedMs = existsSync(mdat) ? statSync(mdat).mtimeMs : 0;
  // The finish removes the journal. What it says of the segment was written once, when it was opened.
  const journal = existsSync(`${path}.info`) ? readJournalInfo(`${path}.info`) : undefined;
  const done = finishMp4(path, { ownLockPath: lockPath, recover: true, ...(targetPath !== path && { targetPath }) });
  if (done.path === null) throw new ReelError("notFound", `${path} held nothing when the server ended`, { path });
  const { method, sizeBytes, videoFrames, audioFrames, durationMs, lost, gaps, createdMs } = done;
  return {
    path: done.path,
    finish: method,
    sizeBytes,
    modifiedMs,
    videoFrames,
    audioFrames,
    durationMs,
    lost,
    gaps,
    createdMs,
    origin: journal && originOf(journal),
    tracks: journal ? tracksOf(journal) : [],
    failure: undefined,
  };
}

function originOf({ segment }: JournalContents): SegmentOrigin | undefined {
  const { localStreamName, configId, outStreamId, variables } = { ...UNKNOWN_ORIGIN, ...segment };
  return segment.localStreamName === undefined ? undefined : { localStreamName, configId, outStreamId, variables };
}

function tracksOf({ tracks }: JournalContents): SegmentTrack[] {
  return tracks.map(({ track, config }) => ({ kind: track === TRACK_VIDEO ? "video" : "audio", codec: config.codec }));
}

function recoverInPlace(path: string, container: number): RecoverResult {
  if (!existsSync(path)) throw new ReelError("notFound", `${path} is gone`, { path });
  const modifiedMs = statSync(path).mtimeMs;
  const done = container === CONTAINER_TS ? repairTs(path) : repairFlv(path);
  const lost = done.lostBytes > 0 ? { frames: done.lostFrames, bytes: done.lostBytes, durationMs: 0 } : null;
  return {
    path,
    finish: "none",
    sizeBytes: statSync(path).size,
    modifiedMs,
    videoFrames: done.videoFrames,
    audioFrames: done.audioFrames,
    durationMs: done.durationMs,
    lost,
    gaps: [],
    createdMs: 0,
    origin: undefined,
    tracks: [],
    failure: undefined,
  };
}
