// Which streams a rule is for: a glob, or a regular expression between slashes, over the whole name.
//
//   cam/*        one level: `cam/1`, not `cam/1/low`      **   any number of levels      ?   one character, no slash
//   /^cam\d+$/   as JavaScript has them, with the flags i and u
//
// Names come from outside. As a regular expression, which is what a library makes of it, a glob of many stars can be
// kept busy for minutes by a long name: one of more than two is walked, in time of pattern × name. An operator's own
// expression is refused where it could do the same.

import { ReelError } from "../../base/reel-error.js";
import { MAX_WAYS, waysThrough } from "./regular-expression-ways.js";

export type NamePattern = (localStreamName: string) => boolean;

const MAX_PATTERN_LENGTH = 512;
/** Of stars: at most some 30 000 steps for the longest name. */
const MAX_STARS = 2;
const ANY = "**";
const LEVEL = "*";
const ONE = "?";
const ADVICE =
  "at most three of + * {n,}, two where it does not begin with ^, and none of a group that has a choice of its own";

/** Throws ReelError `badArgument`. */
export function namePattern(pattern: string): NamePattern {
  if (pattern === "")
    throw new ReelError("badArgument", "pattern is empty: * is every name without a slash, ** every name");
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new ReelError("badArgument", `a pattern has at most ${MAX_PATTERN_LENGTH} characters`);
  const expression = /^\/(.+)\/([a-z]*)$/s.exec(pattern);
  return expression ? expressionOf(expression[1] as string, expression[2] as string) : globOf(pattern);
}

function expressionOf(source: string, flags: string): NamePattern {
  if (/[^iu]/.test(flags))
    throw new ReelError("badArgument", `/${source}/${flags}: the flags of a pattern are i and u`);
  try {
    const expression = new RegExp(source, flags);
    if (waysThrough(source) > MAX_WAYS) throw new ReelError("badArgument", `/${source}/ can take for ever: ${ADVICE}`);
    // It is compiled by its first use, which may find it too large.
    expression.test("");
    return (name) => expression.test(name);
  } catch (error) {
    if (error instanceof ReelError) throw error;
    throw new ReelError("badArgument", `pattern: ${(error as Error).message}`, {}, { cause: error });
  }
}

function globOf(pattern: string): NamePattern {
  const tokens = pattern.match(/\*\*+|[\s\S]/g) ?? [];
  const steps = tokens.map((token) => (token.length > 1 ? ANY : token));
  const first = steps.findIndex((step) => step === ANY || step === LEVEL || step === ONE);
  if (first < 0) return (name) => name === pattern;
  if (steps.filter((step) => step === ANY || step === LEVEL).length <= MAX_STARS) {
    const expression = new RegExp(`^${steps.map(sourceOf).join("")}$`, "s");
    return (name) => expression.test(name);
  }
  const prefix = steps.slice(0, first).join("");
  const rest = steps.slice(first);
  return (name) => name.startsWith(prefix) && walk(rest, name, prefix.length);
}

function sourceOf(step: string): string {
  if (step === ANY) return ".*";
  if (step === LEVEL) return "[^/]*";
  if (step === ONE) return "[^/]";
  return step.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/** Which steps may come next, a flag each, moved on by every character. */
function walk(steps: readonly string[], name: string, from: number): boolean {
  let may = new Uint8Array(steps.length + 1);
  may[0] = 1;
  passStars(steps, may);
  for (let at = from; at < name.length; at++) {
    const character = name[at] as string;
    const next = new Uint8Array(steps.length + 1);
    for (let step = 0; step < steps.length; step++) {
      if (may[step] === 0) continue;
      const wanted = steps[step];
      if (wanted === ANY || (wanted === LEVEL && character !== "/")) next[step] = 1;
      else if (wanted === character || (wanted === ONE && character !== "/")) next[step + 1] = 1;
    }
    passStars(steps, next);
    may = next;
  }
  return may[steps.length] === 1;
}

/** A star may stand for nothing. */
function passStars(steps: readonly string[], may: Uint8Array): void {
  for (let step = 0; step < steps.length; step++)
    if (may[step] === 1 && (steps[step] === ANY || steps[step] === LEVEL)) may[step + 1] = 1;
}
