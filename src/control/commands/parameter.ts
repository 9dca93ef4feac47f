// Types of parameters (ems-record-spec §1.2). A parameter parses its raw value or throws the CommandFailure that EMS
// would answer; the same object feeds `help` and the reference.

import type { RawParameter } from "./grammar.js";

/** Ends a command with a FAIL; `message` is the reply's description. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
}

export interface Parameter<T> {
  readonly type: "string" | "boolean" | "integer" | "list";
  readonly mandatory: boolean;
  readonly description: string;
  /** The value where the parameter is not given; only optional ones have it. */
  readonly fallback: T;
  /** As help and the reference print it, null for mandatory parameters. */
  readonly defaultText: string | null;
  readonly range: { readonly min: number; readonly max: number } | undefined;
  parse(raw: RawParameter, name: string): T;
}

export const NO_DEFAULT = "-No default value-";

function invalid(name: string): never {
  throw new CommandFailure(`Syntax error. Parameter ${name} is invalid`);
}

function define<T>(
  type: Parameter<T>["type"],
  description: string,
  given: Partial<Parameter<T>> & Pick<Parameter<T>, "parse" | "fallback">,
): Parameter<T> {
  return { type, description, mandatory: false, defaultText: NO_DEFAULT, range: undefined, ...given };
}

/** A mandatory string: trimmed, not empty. */
export function text(description: string): Parameter<string> {
  const parse = (raw: RawParameter, name: string): string => raw.text.trim() || invalid(name);
  return define("string", description, { parse, fallback: "", mandatory: true, defaultText: null });
}

export function optionalText(description: string, fallback = ""): Parameter<string> {
  return define("string", description, {
    parse: (raw) => raw.text.trim() || fallback,
    fallback,
    defaultText: fallback === "" ? NO_DEFAULT : fallback,
  });
}

/** EMS reads a leading integer, so `true` is false there. Reel takes the words by their meaning (spec 7.9). */
export function flag(description: string, fallback: boolean): Parameter<boolean> {
  const parse = (raw: RawParameter, name: string): boolean => {
    const word = raw.text.trim().toLowerCase();
    if (word === "true") return true;
    if (word === "" || word === "false") return false;
    if (!/^[+-]?\d+$/.test(word)) invalid(name);
    return /[1-9]/.test(word);
  };
  return define("boolean", description, { parse, fallback, defaultText: fallback ? "1" : "0" });
}

/** Decimal digits that read back the same: no sign unless the range goes below zero, no leading zero, no fraction. */
export function parseInteger(raw: string, name: string, min: number, max: number): number {
  const pattern = min < 0 ? /^(?:0|-?[1-9]\d*)$/ : /^(?:0|[1-9]\d*)$/;
  const value = Number(raw);
  if (!pattern.test(raw) || !Number.isSafeInteger(value)) invalid(name);
  if (value < min || value > max)
    throw new CommandFailure(`Syntax error. Parameter ${name} is invalid. Range: ${min} - ${max}`);
  return value;
}

export function integer(description: string, fallback: number, min: number, max: number): Parameter<number> {
  const parse = (raw: RawParameter, name: string): number => parseInteger(raw.text.trim(), name, min, max);
  return define("integer", description, { parse, fallback, defaultText: String(fallback), range: { min, max } });
}

/** Ids are unsigned and 32 bits wide in EMS. */
const MAX_ID = 4294967295;

export function mandatoryId(description: string): Parameter<number> {
  const parse = (raw: RawParameter, name: string): number => parseInteger(raw.text.trim(), name, 0, MAX_ID);
  return define("integer", description, { parse, fallback: 0, mandatory: true, defaultText: null });
}

export function optionalInteger(description: string, max: number = MAX_ID): Parameter<number | undefined> {
  const parse = (raw: RawParameter, name: string): number => parseInteger(raw.text.trim(), name, 0, max);
  return define<number | undefined>("integer", description, { parse, fallback: undefined });
}

/** In a group a node's number stands above the 32 bits. */
const MAX_STREAM_ID = 2 ** 47 - 1;

export function optionalStreamId(description: string): Parameter<number | undefined> {
  return optionalInteger(description, MAX_STREAM_ID);
}

/** Commands that take a stream by its id or its name need one of them. */
export function requireIdOrName({ id, localStreamName }: { id: number | undefined; localStreamName: string }): void {
  if (id === undefined && localStreamName === "")
    throw new CommandFailure("id or localStreamName parameters needs to be supplied");
}

/** One of a few words, any case. */
export function choice<const T extends string>(
  description: string,
  words: readonly T[],
  fallback: T,
  failure?: string,
): Parameter<T> {
  const parse = (raw: RawParameter, name: string): T => {
    const word = raw.text.trim().toLowerCase();
    if (word === "") return fallback;
    const found = words.find((candidate) => candidate.toLowerCase() === word);
    if (found === undefined) throw new CommandFailure(failure ?? `Syntax error. Parameter ${name} is invalid`);
    return found;
  };
  return define("string", description, { parse, fallback, defaultText: fallback });
}

/** Words separated by commas; empty ones are left out. */
export function list(description: string): Parameter<readonly string[]> {
  const parse = (raw: RawParameter): string[] => raw.items.map((item) => item.trim()).filter((item) => item !== "");
  return define<readonly string[]>("list", description, { parse, fallback: [] });
}
