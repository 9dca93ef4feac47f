// Structured logs: pino, one JSON line per entry on stderr, so that stdout stays for people.

import { destination, pino } from "pino";
import type { Logger } from "../base/logger.js";

const STDERR_FD = 2;

export function createLogger(level: string): Logger {
  return pino(
    { name: "reel", level, redact: ["password", "token", "key", "*.password", "*.token", "*.key"] },
    destination({ fd: STDERR_FD, sync: false }),
  );
}
