// A rule: which streams are recorded without a command for each, and how.

import { hasFields } from "../naming/path-template.js";
import type { RecordOptions } from "../record-config.js";
import { completeRecordConfig } from "../record-options.js";
import type { NewConfig } from "../record-starter.js";
import { namePattern } from "./name-pattern.js";

/** What a caller of `recordRule` may say: what `record` takes, for every stream whose name matches. */
export interface RuleOptions extends Omit<RecordOptions, "localStreamName" | "keepAlive"> {
  /** A glob or, between slashes, a regular expression (rules/name-pattern.ts). */
  pattern: string;
  /** It applies beside the first rule that matches. */
  also?: boolean;
}

export interface RecordRule {
  readonly ruleId: number;
  readonly options: RuleOptions;
  /** It stands in the server's configuration, and goes with it. */
  readonly isConfigured: boolean;
  /** Unix milliseconds: rules of several recorders have one order. Missing in those of an earlier version. */
  readonly createdMs?: number;
}

/** A name that every rule must be able to record. */
const SAMPLE = "stream";

/** Throws ReelError `badArgument`, `badPath`. */
export function checkRule(options: RuleOptions): void {
  namePattern(options.pattern);
  configOf({ ruleId: 0, options, isConfigured: false }, SAMPLE);
}

/** What a rule makes of a stream. */
export function configOf({ ruleId, options }: RecordRule, localStreamName: string): NewConfig {
  const { pattern: _, also: __, template = hasFields(options.pathToFile), ...how } = options;
  return { ...completeRecordConfig({ ...how, template, localStreamName, keepAlive: true }), ruleId };
}
