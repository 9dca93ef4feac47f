// Which streams a rule is for: a glob, or a regular expression between slashes, over the whole name.
//
//   cam/*        one level: `cam/1`, not `cam/1/low`      **   any number of levels      ?   one character, no slash
//   /^cam\d+$/   as JavaScript has them, with the flags i and u
//
// Names come from outside. As a regular expression, which is what a library makes of it, a glob of many stars can be kept
// busy for minutes by a long name: one of more than two is walked, in time of pattern × name. An operator's own
// expression is refused where it could do the same.

import { ReelError } from "../../base/reel-error.js";

export type NamePattern = (localStreamName: string) => boolean;

const MAX_PATTERN_LENGTH = 512;
/** Of stars: at most some 30 000 steps for the longest name. */
const MAX_STARS = 2;
const ANY = "**";
const LEVEL = "*";
const ONE = "?";
/** Each may cost the length of a name once more. */
const MAX_REPETITIONS = 3;

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
  if (mayTakeForEver(source))
    throw new ReelError(
      "badArgument",
      `/${source}/ can take for ever: at most ${MAX_REPETITIONS} of + * {n,}, and none of a group that has one, or an |`,
    );
  try {
    const expression = new RegExp(source, flags);
    return (name) => expression.test(name);
  } catch (error) {
    throw new ReelError("badArgument", `pattern: ${(error as Error).message}`, {}, { cause: error });
  }
}

/** A name of fifty characters is enough for `(a+)+` or `(a|a)*` to stop the server. */
function mayTakeForEver(source: string): boolean {
  const flat = source.replace(/\\./gs, "_").replace(/\[[^\]]*\]/g, "_");
  if ((flat.match(/[+*]|\{\d+,\}/g) ?? []).length > MAX_REPETITIONS) return true;
  // For each group that is open: whether it has a repetition or an alternative.
  const open: boolean[] = [false];
  for (let at = 0; at < flat.length; at++) {
    const character = flat[at] as string;
    if (character === "(") open.push(false);
    else if (character === ")") {
      const inner = open.pop() ?? false;
      if (inner && /[+*{]/.test(flat[at + 1] ?? "")) return true;
      open[open.length - 1] ||= inner;
    } else if (/[+*{|]/.test(character)) open[open.length - 1] = true;
  }
  return false;
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
