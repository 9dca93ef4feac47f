// Times as commands take them.

import { CommandFailure } from "./parameter.js";

/** Without a zone it is the server's local time. */
export function parseTime(name: string, text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(ms))
    throw new CommandFailure(
      `Syntax error. Parameter ${name} is invalid. It is a time such as 2026-11-27T08:00:00Z, or Unix milliseconds`,
    );
  return ms;
}
