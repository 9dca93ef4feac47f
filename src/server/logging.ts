// Structured logs: pino, on stderr, so that stdout stays for people. On a terminal each entry is a line to read (local
// time, level, message, `key=value`); elsewhere, and in a file, it is one line of JSON with an ISO time. A log file is
// opened again on demand, so that it can be rotated by renaming it.

import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { LogLine } from "./log-line.js";

const STDERR_FD = 2;

export interface LogOptions {
  readonly level: string;
  /** Where the lines go instead of stderr. */
  readonly file?: string | undefined;
}

export interface ServerLog {
  readonly logger: Logger;
  setLevel(level: string): void;
  /** Goes on in a file of the name that the log was given; without effect on stderr. */
  reopen(): void;
}

/** Opens the log. Throws ReelError `badArgument` where its file cannot be written. */
export async function openLog({ level, file }: LogOptions): Promise<ServerLog> {
  if (file === undefined) return serverLog(stderrLogger(level), () => {});
  const path = resolve(file);
  tryToAppend(path);
  const sink = destination({ dest: path, sync: false, append: true });
  await once(sink, "ready");
  // A folder that is gone, or a full disk: recording goes on without a log.
  sink.on("error", () => {});
  return serverLog(jsonLogger(level, sink), () => sink.reopen());
}

function serverLog(logger: PinoLogger, reopen: () => void): ServerLog {
  const setLevel = (level: string): void => {
    logger.level = level;
  };
  return { logger, setLevel, reopen };
}

/** On stderr: lines for people on a terminal, JSON elsewhere. */
export function createLogger(level: string): Logger {
  return stderrLogger(level);
}

function stderrLogger(level: string): PinoLogger {
  const sink = destination({ fd: STDERR_FD, sync: false });
  // A terminal that was closed: what drains goes on without a log.
  sink.on("error", () => {});
  if (!process.stderr.isTTY) return jsonLogger(level, sink);
  const line = new LogLine({ hasColour: process.stderr.hasColors() && !process.env.NO_COLOR });
  return jsonLogger(level, { write: (json: string) => sink.write(line.format(json)) });
}

function jsonLogger(level: string, sink: DestinationStream): PinoLogger {
  const options = {
    base: null,
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: ["password", "token", "key", "*.password", "*.token", "*.key"],
  };
  return pino(options, sink);
}

/** pino's own failure comes too late, and once more at the exit. */
function tryToAppend(path: string): void {
  try {
    closeSync(openSync(path, "a"));
  } catch (error) {
    const reason = reasonOf(error as NodeJS.ErrnoException, path);
    throw new ReelError("badArgument", `the log file ${path} cannot be written: ${reason}`);
  }
}

function reasonOf(error: NodeJS.ErrnoException, path: string): string {
  if (error.code === "ENOENT") return `the folder ${dirname(path)} does not exist`;
  if (error.code === "EISDIR") return "it is a folder";
  return error.code === "EACCES" ? "this user may not write it" : error.message;
}
