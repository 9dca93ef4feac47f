// `reel finish PATH…`: finishes by hand what a dead server left, as the server itself would at its next start: the
// journals of MP4, the torn ends of MPEG-TS and FLV. Segments that a running server or another tool writes are refused.
// Each file is judged by itself. Exit codes: 0 all is done, 1 something could not be finished (and is left as it was),
// 2 wrong usage.

import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { ReelError } from "../base/reel-error.js";
import type { HandFinished, HandFinishOptions } from "../container/container.js";
import { fileFailure } from "../container/file-failure.js";
import { CONTAINERS, type ContainerName } from "../container/table.js";
import { numbered } from "../recording/naming/naming.js";
import { expandTarget, type FinishTarget } from "./finish-targets.js";
import { ProgressBar } from "./progress-bar.js";
import { EXIT_FAILED, EXIT_OK, exitOnUsage } from "./usage.js";
import { writerOf } from "./writer-check.js";

const MAX_NUMBER = 8192; // as in recordings' names

interface FinishFlags {
  dryRun?: boolean;
  json?: boolean;
}

export function addFinishCommand(program: Command): void {
  exitOnUsage(program.command("finish"))
    .description("finish what a crashed server left: MP4 journals, torn MPEG-TS and FLV files")
    .argument("<path...>", "files, by their final name, or folders to search")
    .option("--dry-run", "say what is there and what would be lost; change nothing")
    .option("--json", "one JSON object a line and file")
    .action((paths: string[], flags: FinishFlags) => {
      process.exitCode = finish(paths, flags);
    });
}

function finish(paths: readonly string[], flags: FinishFlags): number {
  const sum = { finished: 0, unchanged: 0, failed: 0 };
  const isSearch = paths.some((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  const good: string[] = [];
  const bad: string[] = [];
  const fail = (path: string, error: unknown): void => {
    sum.failed++;
    const { code, message } = error instanceof ReelError ? error : fileFailure(error, path);
    const text = message.includes(path) ? message : `${path}: ${message}`;
    if (flags.json) console.log(JSON.stringify({ path, outcome: "failed", code, error: message }));
    else bad.push(`reel finish: ${text}`);
  };
  const targets = targetsOf(paths, fail);
  const bar = new ProgressBar();
  for (const [at, target] of targets.entries()) {
    const label = targets.length === 1 ? target.path : `${at + 1} of ${targets.length} ${target.path}`;
    try {
      const outcome = finishOne(target, flags.dryRun === true, (fraction) => bar.update(fraction, label));
      sum[outcome.isChanged ? "finished" : "unchanged"]++;
      if (flags.json) console.log(jsonLine(target, outcome, flags));
      else good.push(`${outcome.path ?? target.path}: ${describe(outcome, flags.dryRun === true)}`);
    } catch (error) {
      fail(target.path, error);
    }
    bar.end();
  }
  // Problems first.
  for (const line of bad) console.error(line);
  for (const line of good) console.log(line);
  if (!flags.json && targets.length + sum.failed === 0) console.log("nothing to finish");
  else if (!flags.json && isSearch) console.log(summaryLine(sum, flags.dryRun === true));
  return sum.failed > 0 ? EXIT_FAILED : EXIT_OK;
}

function targetsOf(paths: readonly string[], fail: (path: string, error: unknown) => void): FinishTarget[] {
  return paths.flatMap((path) => {
    try {
      return expandTarget(path);
    } catch (error) {
      fail(path, error);
      return [];
    }
  });
}

function summaryLine(
  { finished, unchanged, failed }: Record<"finished" | "unchanged" | "failed", number>,
  dryRun: boolean,
) {
  const parts = [
    `${finished} ${dryRun ? "to finish" : "finished"}`,
    ...(unchanged > 0 ? [`${unchanged} complete already`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return parts.join(", ");
}

function finishOne(
  { path, container }: FinishTarget,
  dryRun: boolean,
  onProgress: (fraction: number) => void,
): HandFinished {
  return finishUnderFreeName(path, container, { dryRun, onProgress });
}

/** If another recording has taken the name since, the segment gets the next free number and replaces nothing. */
function finishUnderFreeName(path: string, container: ContainerName, options: HandFinishOptions): HandFinished {
  const { journal, finishByHand } = CONTAINERS[container];
  // A journal names the lock of its writer. A file that grows under its final name has no lock.
  const writer = journal ? undefined : writerOf(path);
  if (writer !== undefined) throw new ReelError("locked", `${path} is not touched: ${writer}`, { path });
  try {
    return finishByHand(path, options);
  } catch (error) {
    if (!journal || !(error instanceof ReelError) || error.code !== "targetBusy") throw error;
    for (let number = 1; number <= MAX_NUMBER; number++) {
      const targetPath = numbered(path, number, container);
      if (!existsSync(targetPath) && !existsSync(targetPath + journal.marker))
        return finishByHand(path, { ...options, targetPath });
    }
    throw error;
  }
}

function jsonLine({ container }: FinishTarget, outcome: HandFinished, { dryRun = false }: FinishFlags): string {
  const { path, sizeBytes, content, isChanged } = outcome;
  return JSON.stringify({
    ...{ path, container, outcome: isChanged ? "finished" : "unchanged", dryRun, sizeBytes },
    ...content,
  });
}

function describe(outcome: HandFinished, dryRun: boolean): string {
  if (outcome.path === null)
    return dryRun
      ? "nothing was recorded; the temporary files would be removed"
      : "nothing was recorded; the temporary files are removed";
  // `reel verify` tells whether the file itself is sound.
  if (!outcome.content) return "has no journal, nothing to do";
  if (!outcome.isChanged) return "is complete, nothing to do";
  const { videoFrames, audioFrames, durationMs, method, lost } = outcome.content;
  const index = method === undefined ? "" : `, index ${method}`;
  const loss = lost
    ? `; ${lost.frames} frame${lost.frames === 1 ? "" : "s"} (${lost.bytes} bytes) at the end ${dryRun ? "would be" : "are"} lost`
    : "";
  return `${dryRun ? "would be finished" : "finished"}: ${videoFrames} video and ${audioFrames} audio frames, ${(durationMs / 1000).toFixed(3)} s${index}${loss}`;
}
