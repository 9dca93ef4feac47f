#!/usr/bin/env node
// `evo-mp4writer -path=<path> [--recovery]`: finishes by hand what a dead server left of an MP4 (ems-record-spec §4).
// The path is the final name, or the name without `.mp4`. Exit code 0: the file is complete and the temporary files are
// gone; 1: it could not be finished, nothing is lost; 2: wrong usage.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fileFailure } from "../container/file-failure.js";
import { finishMp4 } from "../container/mp4/finish.js";
import type { Mp4FinishResult } from "../container/mp4/finish-result.js";
import { hasMp4Journal } from "../container/mp4/journal.js";

const USAGE = "usage: evo-mp4writer -path=<file.mp4> [--recovery]";
const HELP: ReadonlySet<string> = new Set(["--help", "-help", "-h"]);
const HELP_TEXT = `${USAGE}

Finishes an MP4 that a dead server left as .info, .mdat and .track files. The path is the
final name, with or without .mp4. --recovery is accepted and changes nothing.

Exit code 0: the file is complete, and the temporary files are gone.
          1: it could not be finished, and nothing is lost.
          2: the arguments are wrong.`;
const EXIT_DONE = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

interface Output {
  out: (line: string) => void;
  error: (line: string) => void;
  /** Called with a fraction if a person is watching. */
  progress?: ((fraction: number) => void) | undefined;
}

/** `--recovery` is accepted anywhere and changes nothing: recovering and finishing are one. */
export function parseArguments(args: readonly string[]): { path: string } | { wrong: string } {
  let path = "";
  for (const arg of args) {
    const match = /^--?path=(.*)$/s.exec(arg);
    if (match) path = match[1] ?? "";
    else if (arg !== "--recovery" && arg !== "-recovery") return { wrong: `unknown argument ${arg}` };
  }
  return path === "" ? { wrong: "no path is given" } : { path };
}

function describe(result: Mp4FinishResult): string {
  if (result.path === null) return "nothing was recorded; the temporary files are removed";
  const { videoFrames, audioFrames, durationMs, method, lost } = result;
  const loss = lost ? `; ${lost.frames} frames (${lost.bytes} bytes) at the end could not be used` : "";
  return `${result.path}: ${videoFrames} video and ${audioFrames} audio frames, ${(durationMs / 1000).toFixed(3)} s, index ${method}${loss}`;
}

export function runEvoMp4Writer(args: readonly string[], { out, error, progress }: Output): number {
  if (args.some((arg) => HELP.has(arg))) {
    out(HELP_TEXT);
    return EXIT_DONE;
  }
  const parsed = parseArguments(args);
  if ("wrong" in parsed) {
    error(`evo-mp4writer: ${parsed.wrong}\n${USAGE}`);
    return EXIT_USAGE;
  }
  const withExtension = `${parsed.path}.mp4`;
  const finalPath = !hasMp4Journal(parsed.path) && hasMp4Journal(withExtension) ? withExtension : parsed.path;
  try {
    out(describe(finishMp4(finalPath, progress ? { onProgress: progress } : {})));
    return EXIT_DONE;
  } catch (failure) {
    error(`evo-mp4writer: ${fileFailure(failure, finalPath).message}`);
    return EXIT_FAILED;
  }
}

function showProgress(fraction: number): void {
  process.stderr.write(`\r${Math.floor(fraction * 100)} %${fraction >= 1 ? "\n" : ""}`);
}

const invoked = process.argv[1];
if (invoked && realpathSync(invoked) === fileURLToPath(import.meta.url)) {
  process.exitCode = runEvoMp4Writer(process.argv.slice(2), {
    out: (line) => console.log(line),
    error: (line) => console.error(line),
    progress: process.stderr.isTTY ? showProgress : undefined,
  });
}
