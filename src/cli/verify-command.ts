// `reel verify PATH…`: reads finished files back and says what is in them and what is wrong with them. A folder stands
// for the recordings in it and below (an MP4 that still grows does not have that name yet): one line a file, problems
// first. Exit code 1 where one has a defect or cannot be read; each file is judged by itself, so that a bad one never
// hides the others.

import { statSync } from "node:fs";
import type { Command } from "commander";
import { ReelError } from "../base/reel-error.js";
import type { FileReport, TrackReport } from "../verify/file-report.js";
import { verifyFile } from "../verify/verify-file.js";
import { filesBelow } from "./files-below.js";
import { ProgressBar } from "./progress-bar.js";
import { bytesText, durationText } from "./quantities.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK, exitOnUsage } from "./usage.js";
import { checkManifests } from "./verify-manifests.js";

export function addVerifyCommand(program: Command): void {
  exitOnUsage(program.command("verify"))
    .description(
      "read finished MP4, MPEG-TS and FLV files back: structure, tracks, times, gaps; exit code 1 on a defect",
    )
    .argument("<path...>", "finished files, or folders of them")
    .option("--json", "one JSON object a line and file")
    .option(
      "--manifest",
      "whether they are what was recorded: their manifests (record … manifest=1), and the first break",
    )
    .action(async (paths: string[], flags: { json?: boolean; manifest?: boolean }) => {
      const isJson = flags.json === true;
      process.exitCode = flags.manifest ? checkManifests(paths, isJson) : await verify(paths, isJson);
    });
}

async function verify(paths: readonly string[], isJson: boolean): Promise<number> {
  let isSound = true;
  let isFirst = true;
  for (const path of paths) {
    if (isFolder(path)) {
      if (!isJson && !isFirst) console.log();
      isSound = (await verifyFolder(path, isJson)) && isSound;
    } else {
      const outcome = await outcomeOf({ file: path });
      isSound &&= isGood(outcome);
      if (isJson) console.log(jsonLine(outcome));
      else if (outcome.report) {
        if (!isFirst) console.log();
        printReport(outcome.report);
      } else console.error(`${path}: ${outcome.error?.message}`);
    }
    isFirst = false;
  }
  return isSound ? EXIT_OK : EXIT_FAILED;
}

interface Outcome {
  readonly file: string;
  readonly report?: FileReport;
  readonly error?: NodeJS.ErrnoException;
}

async function outcomeOf({ file, error }: Found): Promise<Outcome> {
  try {
    if (error) throw error;
    return { file, report: await verifyFile(file) };
  } catch (thrown) {
    return { file, error: thrown as NodeJS.ErrnoException };
  }
}

function isGood({ report }: Outcome): boolean {
  return report?.defectCount === 0;
}

function jsonLine({ file, report, error }: Outcome): string {
  return JSON.stringify(report ?? { path: file, code: error?.code, error: error?.message });
}

/** One line a file, those with problems first, and a line that sums up. True where all is sound. */
async function verifyFolder(folder: string, isJson: boolean): Promise<boolean> {
  const found = filesOf(folder);
  const bar = new ProgressBar();
  const sum = { sound: 0, defective: 0, unreadable: 0, durationMs: 0, sizeBytes: 0 };
  const lines: { good: string[]; bad: string[] } = { good: [], bad: [] };
  for (const [at, entry] of found.entries()) {
    bar.update(at / found.length, `${at + 1} of ${found.length} ${entry.file}`);
    const outcome = await outcomeOf(entry);
    if (isJson) console.log(jsonLine(outcome));
    else (isGood(outcome) ? lines.good : lines.bad).push(lineOf(outcome));
    sum[isGood(outcome) ? "sound" : outcome.report ? "defective" : "unreadable"]++;
    sum.durationMs += outcome.report?.durationMs ?? 0;
    sum.sizeBytes += outcome.report?.sizeBytes ?? 0;
  }
  bar.end();
  if (found.some(({ error }) => error)) for (const line of isJson ? [] : lines.bad) console.error(line);
  else if (!isJson) for (const line of [...lines.bad, ...lines.good, summaryLine(found.length, sum)]) console.log(line);
  return sum.defective + sum.unreadable === 0;
}

function lineOf({ file, report, error }: Outcome): string {
  if (!report) return `${file}: ${error?.message}`;
  const { defectCount, defects, tracks, notes, durationMs, sizeBytes } = report;
  if (defectCount > 0) {
    const [first] = defects;
    const place = first?.atMs === undefined ? "" : ` at ${seconds(first.atMs)}`;
    const more = defectCount > 1 ? `, and ${defectCount - 1} more` : "";
    return `${file}: ${first?.path}${place}: ${first?.message}${more}`;
  }
  const frames = tracks.map(({ kind, frames }) => `${frames} ${kind}`).join(" and ");
  const [note] = notes;
  const noted = note ? `; note: ${note.message}${notes.length > 1 ? `, and ${notes.length - 1} more` : ""}` : "";
  return `${file}: sound, ${seconds(durationMs)}, ${frames} frames, ${bytesText(sizeBytes)}${noted}`;
}

function summaryLine(
  count: number,
  sum: Record<"sound" | "defective" | "unreadable" | "durationMs" | "sizeBytes", number>,
) {
  const parts = [
    `${sum.sound} sound`,
    ...(sum.defective > 0 ? [`${sum.defective} with defects`] : []),
    ...(sum.unreadable > 0 ? [`${sum.unreadable} unreadable`] : []),
  ];
  const files = `${count} file${count === 1 ? "" : "s"}`;
  return `${files}: ${parts.join(", ")}; ${durationText(sum.durationMs)}, ${bytesText(sum.sizeBytes)}`;
}

interface Found {
  readonly file: string;
  readonly error?: ReelError;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A folder that cannot be searched or holds no recording counts as one failure. */
function filesOf(path: string): Found[] {
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
