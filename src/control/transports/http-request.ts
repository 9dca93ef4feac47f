// Reads a command out of an HTTP request, in all the forms of ems-record-spec §1.4: the last path segment is the
// command, `params` is base64 of its parameters — raw, percent-encoded, URL-safe, unpadded, with white space, in
// parentheses, behind an encoded question mark.

import { suggestion } from "../../base/nearest-name.js";
import { isEmsCommand } from "../commands/ems-command-names.js";
import { type CommandRequest, findCommandId, MAX_LINE_BYTES, parseParameters } from "../commands/grammar.js";
import { looksLikeJson, parseJsonCommand } from "../commands/json-command.js";

export type HttpCommand = { readonly request: CommandRequest } | { readonly failure: string };

const UNDECODABLE = { failure: "Syntax error. Unable to decode parameters" } as const;

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign stands for itself.
    return text;
  }
}

/** The decoded path and the raw query. If there is no query, an encoded question mark begins one. */
function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf("?");
  if (mark >= 0) return { path: percentDecode(url.slice(0, mark)), query: url.slice(mark + 1) };
  const encoded = url.search(/%3f/i);
  if (encoded < 0) return { path: percentDecode(url), query: "" };
  return { path: percentDecode(url.slice(0, encoded)), query: percentDecode(url.slice(encoded + 3)) };
}

/** The value of `params` in any case; without one, the value of the alphabetically first parameter. */
function findParams(query: string): { value: string; isNamed: boolean } | undefined {
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const decoded = pair.search(/^[^=]*%3d/i) === 0 ? percentDecode(pair) : pair;
      const equals = decoded.indexOf("=");
      return equals < 0
        ? { name: percentDecode(decoded), value: "" }
        : { name: percentDecode(decoded.slice(0, equals)), value: percentDecode(decoded.slice(equals + 1)) };
    });
  const named = pairs.find((pair) => pair.name.toLowerCase() === "params");
  if (named) return { value: named.value, isNamed: true };
  const [first] = pairs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return first && { value: first.value, isNamed: false };
}

/** The manuals write `params=([base64])` and `(uri=…)`: one matching pair is notation and is removed. */
function dropParentheses(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith("(") && trimmed.endsWith(")") ? trimmed.slice(1, -1) : text;
}

/** Undefined where it is no base64. */
export function decodeParams(value: string): string | undefined {
  const bare = dropParentheses(value)
    .trim()
    .replace(/[\t\r\n]/g, "");
  // If it makes whole groups of four, a space in the middle was a `+` that somebody form-decoded. Otherwise a line was
  // wrapped there.
  const withPlus = bare.replaceAll(" ", "+");
  const base64 = withPlus.length % 4 === 0 ? withPlus : bare.replaceAll(" ", "");
  const digits = base64.replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/_-]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  return dropParentheses(Buffer.from(digits, "base64url").toString());
}

function fromText(command: string, ...texts: readonly string[]): HttpCommand {
  // A line end counts as a space here.
  const text = texts.join(" ").replace(/[\r\n]+/g, " ");
  if (Buffer.byteLength(text) > MAX_LINE_BYTES)
    return { failure: `Syntax error. A command line has at most ${MAX_LINE_BYTES} bytes` };
  const { parameters, hasArguments } = parseParameters(text);
  return { request: { command, parameters, hasArguments, commandId: findCommandId(parameters) } };
}

function lastSegment(path: string): string {
  const segment = path.split("/").findLast((part) => part !== "");
  return segment?.trim() ?? "";
}

/** The path of a command or route that was probably meant: `; did you mean /record?`, or nothing. */
export function nearestPath(url: string, commands: readonly string[], routes: readonly string[]): string {
  const { path } = splitUrl(url);
  const whole = path.replace(/(?<=.)\/+$/, "");
  return (
    suggestion(whole, routes) ||
    suggestion(
      `/${lastSegment(path)}`,
      commands.map((name) => `/${name}`),
    )
  );
}

/** `params=<base64>` as a body. */
function findForm(body: string): string | undefined {
  return /^params=(\S*)$/i.exec(body.trim())?.[1];
}

/**
 * True where a request is meant as a command and gets a reply of status 200: its path ends in the name of a command, or
 * it carries parameters, as `params` or as a body. A probe of a wrong path carries neither.
 */
export function isHttpCommand(url: string, body: string, isServed: (name: string) => boolean): boolean {
  if (body.trim() !== "") return true;
  const { path, query } = splitUrl(url);
  const command = lastSegment(path);
  return isEmsCommand(command) || isServed(command) || findParams(query)?.isNamed === true;
}

/** `url` is the request's target as it came, `body` what followed it. */
export function parseHttpCommand(url: string, body: string): HttpCommand {
  const { path, query } = splitUrl(url);
  const command = lastSegment(path);
  const trimmed = body.trim();
  if (looksLikeJson(trimmed)) return parseJsonCommand(trimmed, command === "" ? undefined : command);
  const texts: string[] = [];
  const form = findForm(trimmed);
  const params = findParams(query);
  for (const given of [params, form === undefined ? undefined : { value: percentDecode(form), isNamed: true }]) {
    const text = given && decodeParams(given.value);
    // A parameter with another name that is not base64 is a cache buster or the like.
    if (given && text === undefined && given.isNamed) return UNDECODABLE;
    texts.push(text ?? "");
  }
  if (form === undefined) texts.push(trimmed);
  return fromText(command, ...texts);
}
