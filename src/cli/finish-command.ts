// `reel finish PATH…`: finishes by hand what a dead server left, as the server itself would at its next start: the
// journals of MP4, the torn ends of MPEG-TS and FLV. Segments that a running server or another tool writes are refused.
// Each file is judged by itself. Exit codes: 0 all is done, 1 something could not be finished (and is left as it was),
// 2 wrong usage.

import { existsSync } from "node:fs";
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
  let hasFailed = false;
  let count = 0;
  const fail = (path: string, error: unknown): void => {
    hasFailed = true;
    const { code, message } = error instanceof ReelError ? error : fileFailure(error, path);
    if (flags.json) console.log(JSON.stringify({ path, outcome: "failed", code, error: message }));
    else console.error(message.includes(path) ? `reel finish: ${message}` : `reel finish: ${path}: ${message}`);
  };
  for (const path of paths) {
    let targets: FinishTarget[] = [];
    try {
      targets = expandTarget(path);
    } catch (error) {
      fail(path, error);
      continue;
    }
    for (const target of targets) {
      count++;
      try {
        report(target, finishOne(target, flags.dryRun === true), flags);
      } catch (error) {
        fail(target.path, error);
      }
    }
  }
  if (count === 0 && !hasFailed && !flags.json) console.log("nothing to finish");
  return hasFailed ? EXIT_FAILED : EXIT_OK;
}

function finishOne({ path, container }: FinishTarget, dryRun: boolean): HandFinished {
  const bar = new ProgressBar(path);
  const options = { dryRun, onProgress: (fraction: number) => bar.update(fraction) };
  try {
    return finishUnderFreeName(path, container, options);
  } finally {
    bar.end();
  }
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

function report(target: FinishTarget, outcome: HandFinished, { dryRun = false, json = false }: FinishFlags): void {
  if (json) {
    const { path, sizeBytes, content, isChanged } = outcome;
    const { container } = target;
    console.log(
      JSON.stringify({ path, container, outcome: isChanged ? "finished" : "unchanged", dryRun, sizeBytes, ...content }),
    );
    return;
  }
  console.log(`${outcome.path ?? target.path}: ${describe(outcome, dryRun)}`);
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
