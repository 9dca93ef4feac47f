// `reel verify` over everything that a test has left: every finished file below a folder was announced, has no defect,
// and holds what its announcement says. Where media is missing in the middle of a file, a gap was told of.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Defect, FileReport } from "../../src/verify/file-report.js";
import { verifyFile } from "../../src/verify/verify-file.js";
import type { Control } from "./reel-server.js";

/** What was said of a finished file; a ClosedSegmentReport is one. */
export interface ToldFile {
  path: string;
  videoFrames: number;
  /** Unknown where only events were heard. */
  audioFrames?: number;
  sizeBytes?: number;
  gaps: readonly { durationMs: number }[];
}

/** A step that FLV's milliseconds and a frame's own length may add to a gap. */
const ROUNDING_MS = 50;
const IN_A_SLICE = /parameter set|macroblock/;
/** The place of a defect that is inside a frame of an MP4. */
const SAMPLE = /\/sample\[\d+\]$/;

export function toldByEvents(control: Control): ToldFile[] {
  return control.of("recordChunkClosed").map(({ payload }) => ({
    path: String(payload.file),
    videoFrames: Number(payload.frameCount),
    gaps: payload.gaps as ToldFile["gaps"],
  }));
}

/**
 * Returns what verify found.
 *
 *   mayBeThere     unfinished files that may lie among them
 *   contentIsLost a sync has failed, and was told of, so the content of frames may be gone from the disk; where they
 *   are
 *                  and how many is still as told
 *   isMadeUp       frames came from LiveSource: what the headers of their slices say means nothing
 */
export async function expectAsTold(
  folder: string,
  told: readonly ToldFile[],
  { mayBeThere = (_path: string): boolean => false, contentIsLost = false, isMadeUp = false } = {},
): Promise<FileReport[]> {
  const wasTold = new Set(told.map(({ path }) => path));
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => /\.(mp4|ts|flv)$/.test(name)).map((name) => join(folder, name));
  expect(files.filter((file) => wasTold.has(file) || !mayBeThere(file)).sort(), "files that were announced").toEqual(
    told.map(({ path }) => path).sort(),
  );
  const reports: FileReport[] = [];
  for (const { path, videoFrames, audioFrames, sizeBytes, gaps } of told) {
    const found = await verifyFile(path);
    reports.push(found);
    const isExpected = ({ path: place, message }: Defect): boolean =>
      (contentIsLost && SAMPLE.test(place)) || (isMadeUp && IN_A_SLICE.test(message));
    const defects = found.defects.filter((defect) => !isExpected(defect));
    expect(defects, path).toEqual([]);
    const framesOf = (kind: string): number =>
      found.tracks.reduce((sum, track) => sum + (track.kind === kind ? track.frames : 0), 0);
    expect(framesOf("video"), `${path}: video frames`).toBe(videoFrames);
    if (audioFrames !== undefined) expect(framesOf("audio"), `${path}: audio frames`).toBe(audioFrames);
    if (sizeBytes !== undefined) expect(found.sizeBytes, `${path}: size`).toBe(sizeBytes);
    const toldMs = gaps.reduce((sum, gap) => sum + gap.durationMs + ROUNDING_MS, 0);
    for (const gap of found.gaps) expect(gap.missingMs, `${path}: a gap nobody told of`).toBeLessThanOrEqual(toldMs);
  }
  return reports;
}
