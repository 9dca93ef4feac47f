// The JSON form of a command (ems-record-spec §1.4, WebSocket):
// {"command":"record","parameters":{"localStreamName":"cam1"},"commandId":"7"}. No escapes beyond JSON's own. Strings,
// numbers and booleans are values, arrays of them lists; null is a parameter not given.

import { type CommandRequest, findCommandId, type RawParameter } from "./grammar.js";

/** True for a message that is meant as JSON. */
export function looksLikeJson(message: string): boolean {
  return /^\s*\{/.test(message);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function toParameter(name: string, value: unknown): RawParameter {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const items = values.map(scalarText);
  if (items.length > 0 && items.every((item) => item !== undefined)) return { name, text: items.join(","), items };
  return { name, text: "", items: [""], isUnusable: items.length > 0 };
}

/** The parameters of a JSON object. */
function parametersFromObject(object: Record<string, unknown>): RawParameter[] {
  return Object.entries(object)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => toParameter(name, value));
}

export type JsonCommand = { readonly request: CommandRequest } | { readonly failure: string };

/** Parses a message. `command` is the name to use where the message has none (HTTP names it in the path). */
export function parseJsonCommand(message: string, command?: string): JsonCommand {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    return { failure: "Syntax error. Invalid JSON" };
  }
  if (!isObject(parsed)) return { failure: "Syntax error. Invalid JSON" };
  // In an HTTP body the parameters may also be the object itself.
  const isBare = command !== undefined && !isObject(parsed.parameters) && parsed.command === undefined;
  const name = command ?? parsed.command;
  if (typeof name !== "string") return { failure: 'Syntax error. Invalid JSON. "command" must be a string' };
  const given = isBare ? parsed : (parsed.parameters ?? {});
  if (!isObject(given)) return { failure: 'Syntax error. Invalid JSON. "parameters" must be an object' };
  const parameters = parametersFromObject(given);
  const commandId = isBare ? undefined : scalarText(parsed.commandId);
  return {
    request: {
      command: name.trim(),
      parameters,
      hasArguments: parameters.length > 0,
      commandId: commandId ?? findCommandId(parameters),
    },
  };
}
