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
const FLUSH_MS = 1000;

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
  /** Before the process exits. Resolves when all is written, or cannot be. */
  flush(): Promise<void>;
}

/** Opens the log. Throws ReelError `badArgument` where its file cannot be written. */
export async function openLog({ level, file }: LogOptions): Promise<ServerLog> {
  if (file === undefined) {
    const sink = openSink({ fd: STDERR_FD });
    return serverLog(stderrLogger(level, sink), sink, () => {});
  }
  const path = resolve(file);
  tryToAppend(path);
  const sink = openSink({ dest: path, append: true });
  await once(sink, "ready");
  return serverLog(jsonLogger(level, sink), sink, () => sink.reopen());
}

type Sink = ReturnType<typeof destination>;

/** Where it cannot be written (a full disk, a closed terminal) Reel goes on without a log. */
function openSink(options: { fd: number } | { dest: string; append: boolean }): Sink {
  const sink = destination({ ...options, sync: false });
  let isBroken = false;
  sink.on("error", () => {
    isBroken = true;
  });
  sink.on("drain", () => {
    isBroken = false;
  });
  // pino calls this when the process exits. It repeats a write that fails for ever, whatever the reason.
  const flushSync = sink.flushSync.bind(sink);
  sink.flushSync = () => {
    if (!isBroken) flushSync();
  };
  return sink;
}

/** Resolves when all is written, or cannot be; nothing is tried any more at the exit. */
async function flushLast(sink: Sink): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
    sink.flush(() => resolve());
  });
  clearTimeout(timer);
  sink.flushSync = () => {};
}

function serverLog(logger: PinoLogger, sink: Sink, reopen: () => void): ServerLog {
  const setLevel = (level: string): void => {
    logger.level = level;
  };
  return { logger, setLevel, reopen, flush: () => flushLast(sink) };
}

/** On stderr: lines for people on a terminal, JSON elsewhere. */
export function createLogger(level: string): Logger {
  return stderrLogger(level, openSink({ fd: STDERR_FD }));
}

function stderrLogger(level: string, sink: Sink): PinoLogger {
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
