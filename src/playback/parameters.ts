// Parameters of the playback routes: total readers of what strangers send. Each throws ReelError `badArgument`, which
// answers 400 with its text.

import { ReelError } from "../base/reel-error.js";
import { checkStreamName } from "../stream/stream-registry.js";

/** RFC 3339, the zone included: a time without one means another moment on every machine. */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** Beyond it no file of the catalogue can be. */
const LATEST_MS = Date.UTC(9999, 0);

/** Unix milliseconds; undefined where the parameter is not given. */
export function timeParameter(query: URLSearchParams, name: string): number | undefined {
  const given = query.get(name);
  if (given === null || given === "") return undefined;
  // A plus that was not percent-encoded arrives as a space.
  const text = given.replace(/ (?=\d\d:\d\d$)/, "+");
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0 && ms < LATEST_MS) return ms;
  throw new ReelError("badArgument", `${name} is a time such as 2026-11-27T08:00:00Z, or Unix milliseconds`);
}

/** `from` and `to`, which may be left out; from lies before to. */
export function rangeParameters(
  query: URLSearchParams,
  [fromName, toName]: readonly [string, string] = ["from", "to"],
): { from: number | undefined; to: number | undefined } {
  const from = timeParameter(query, fromName);
  const to = timeParameter(query, toName);
  if (from !== undefined && to !== undefined && from >= to)
    throw new ReelError("badArgument", `${fromName} lies before ${toName}`);
  return { from, to };
}

export function countParameter(query: URLSearchParams, name: string, byDefault: number, maximum: number): number {
  const text = query.get(name);
  if (text === null || text === "") return byDefault;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= maximum) return count;
  throw new ReelError("badArgument", `${name} is a number from 1 to ${maximum}`);
}

export function choiceParameter<T extends string>(
  query: URLSearchParams,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw new ReelError("badArgument", `${name} is one of ${choices.join(", ")}`);
}

/** A stream's name; undefined where the parameter is not given. */
export function streamParameter(query: URLSearchParams, name: string): string | undefined {
  const stream = query.get(name);
  if (stream === null || stream === "") return undefined;
  checkStreamName(stream);
  return stream;
}

/** The same in a path. */
export function streamOf(name: string | undefined): string {
  checkStreamName(name ?? "");
  return name ?? "";
}

export function needed<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new ReelError("badArgument", `${name} is missing`);
}

/** The sequence of a segment's opening, in a path. */
export function sequenceOf(text: string | undefined): number {
  const sequence = /^\d{1,16}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(sequence)) return sequence;
  throw new ReelError("notFound", "a recording is named by the number of its sequence");
}
