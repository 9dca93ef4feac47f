// What is kept of recorded files. A rule bounds files of a record config, or of a media folder; what is 0 is
// not bounded, what is undefined is as the server's default says. The room `retention` carries it out.

import { ReelError } from "../base/reel-error.js";

export interface RetentionRule {
  /** Default: the config's own. */
  scope?: RetentionScope | undefined;
  /** A file is deleted so long after its end. */
  seconds?: number | undefined;
  /** Of all files together. */
  bytes?: number | undefined;
  /** So many files. */
  segments?: number | undefined;
  /** The volume keeps so much free. */
  freeBytes?: number | undefined;
  /** The same, of its size. */
  freePercent?: number | undefined;
}

/**
 * Whose files the bounds of a rule count together: of the record config, of its stream whatever config made them, or of
 * all configs of the rule (rules/record-rule.ts) that made it.
 */
export const RETENTION_SCOPES = ["config", "stream", "rule"] as const;
export type RetentionScope = (typeof RETENTION_SCOPES)[number];

export const RETENTION_FIELDS = ["seconds", "bytes", "segments", "freeBytes", "freePercent"] as const;
const MAX_PERCENT = 99;

/** The highest priority. The lowest is stopped first where a volume fills up. */
export const MAX_PRIORITY = 100;
export const DEFAULT_PRIORITY = 50;

/** Throws ReelError `badArgument`. Leaves out what is undefined. */
export function completeRetentionRule(rule: RetentionRule = {}): RetentionRule {
  const complete: RetentionRule = {};
  const { scope } = rule;
  if (scope !== undefined && !RETENTION_SCOPES.includes(scope))
    throw new ReelError("badArgument", `a retention rule counts files by ${RETENTION_SCOPES.join(", ")}, not ${scope}`);
  if (scope !== undefined && scope !== "config") complete.scope = scope;
  for (const field of RETENTION_FIELDS) {
    const value = rule[field];
    if (value === undefined) continue;
    const max = field === "freePercent" ? MAX_PERCENT : Number.MAX_SAFE_INTEGER;
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw new ReelError("badArgument", `${field} of a retention rule is a whole number from 0 to ${max}`);
    complete[field] = value;
  }
  return complete;
}

export function checkPriority(priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY)
    throw new ReelError("badArgument", `priority is a whole number from 0 to ${MAX_PRIORITY}`);
}
