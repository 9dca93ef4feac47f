// `reel verify PATH…`: reads finished files back and says what is in them and what is wrong with them. A folder stands
// for the recordings in it and below (an MP4 that still grows does not have that name yet). Exit code 1 where one has a
// defect or cannot be read; each file is judged by itself, so that a bad one never hides the others.

import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { ReelError } from "../base/reel-error.js";
import type { FileReport, TrackReport } from "../verify/file-report.js";
import { verifyFile } from "../verify/verify-file.js";
import { filesBelow } from "./files-below.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK, exitOnUsage } from "./usage.js";

export function addVerifyCommand(program: Command): void {
  exitOnUsage(program.command("verify"))
    .description(
      "read finished MP4, MPEG-TS and FLV files back: structure, tracks, times, gaps; exit code 1 on a defect",
    )
    .argument("<path...>", "finished files, or folders of them")
    .option("--json", "one JSON object a line and file")
    .action(async (paths: string[], flags: { json?: boolean }) => {
      process.exitCode = await verify(paths, flags.json === true);
    });
}

async function verify(paths: readonly string[], isJson: boolean): Promise<number> {
  let isSound = true;
  let isFirst = true;
  for (const path of paths) {
    for (const { file, error } of filesOf(path)) {
      if (!isJson && !isFirst) console.log();
      isFirst = false;
      try {
        if (error) throw error;
        const report = await verifyFile(file);
        isSound &&= report.defectCount === 0;
        if (isJson) console.log(JSON.stringify(report));
        else printReport(report);
      } catch (thrown) {
        isSound = false;
        const { code, message } = thrown as NodeJS.ErrnoException;
        if (isJson) console.log(JSON.stringify({ path: file, code, error: message }));
        else console.error(`${file}: ${message}`);
      }
    }
  }
  return isSound ? EXIT_OK : EXIT_FAILED;
}

/** A folder that cannot be searched or holds no recording counts as one failure. */
function filesOf(path: string): { file: string; error?: ReelError }[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [{ file: path }];
  try {
    const files = filesBelow(path).filter((file) => /\.(mp4|ts|flv)$/i.test(file));
    if (files.length > 0) return files.map((file) => ({ file }));
    return [{ file: path, error: new ReelError("notFound", "holds no finished MP4, MPEG-TS or FLV file", { path }) }];
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    return [{ file: path, error }];
  }
}

function printReport(report: FileReport): void {
  const index = report.isIndexInFront === null ? "" : `, index ${report.isIndexInFront ? "in front" : "at the end"}`;
  console.log(`${report.path}: ${report.container}, ${seconds(report.durationMs)}, ${report.sizeBytes} bytes${index}`);
  const head = ["track", "codec", "format", "frames", "random access", "begins", "duration", "bytes"];
  printTable(head, report.tracks.map(trackRow), [3, 4, 5, 6, 7]);
  if (report.avSkewStartMs !== null && report.avSkewEndMs !== null) {
    console.log(`audio begins ${skew(report.avSkewStartMs)} video and ends ${skew(report.avSkewEndMs)} it`);
  }
  for (const gap of report.gaps)
    console.log(
      `gap: ${report.tracks[gap.track]?.kind} misses ${seconds(gap.missingMs)} behind ${seconds(gap.fromMs)}`,
    );
  if (report.gapCount > report.gaps.length) console.log(`… and ${report.gapCount - report.gaps.length} more gaps`);
  for (const { message } of report.notes) console.log(`note: ${message}`);
  if (report.defectCount === 0) console.log("no defects");
  else console.log(`${report.defectCount} defect${report.defectCount === 1 ? "" : "s"}:`);
  for (const { path, message, atMs } of report.defects)
    console.log(`  ${path}${atMs === undefined ? "" : `, at ${seconds(atMs)}`}: ${message}`);
  if (report.defectCount > report.defects.length)
    console.log(`  … and ${report.defectCount - report.defects.length} more`);
}

function trackRow(track: TrackReport): string[] {
  const { kind, codec, frames, keyframes, firstPtsMs, durationMs, sizeBytes } = track;
  return [
    kind,
    codec,
    format(track),
    String(frames),
    kind === "video" ? String(keyframes) : "",
    seconds(firstPtsMs),
    seconds(durationMs),
    String(sizeBytes),
  ];
}

function format({ width, height, sampleRate, channels }: TrackReport): string {
  if (width !== undefined && height !== undefined) return `${width} × ${height}`;
  return sampleRate !== undefined && channels !== undefined ? `${sampleRate} Hz, ${channels} ch` : "";
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

function skew(ms: number): string {
  return ms === 0 ? "with" : `${Math.abs(ms).toFixed(0)} ms ${ms > 0 ? "after" : "before"}`;
}
