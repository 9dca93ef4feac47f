// Replies for people, as EMS's telnet listener prints them (ems-record-spec §5): two lines of text, then `data` as an
// indented list with the keys that the command shows. Lines end with CR LF.

import { showControlCharacters } from "../../base/control-characters.js";
import { findCommand } from "../commands/command-table.js";
import {
  Decimal,
  isValueArray,
  isValueObject,
  Prepared,
  type Reply,
  serialize,
  serializeNumber,
  sortedKeys,
  type Value,
} from "./reply.js";

const EOL = "\r\n";
const FIRST_INDENT = 4;
const INDENT_STEP = 2;

/** Renders a reply of a command; of an unknown command every key is shown. */
export function renderHuman(commandName: string, reply: Reply): string {
  if (reply.status === "FAIL") return ["Command failed!", oneLine(reply.description), "", ""].join(EOL);
  const keys = findCommand(commandName)?.shownKeys;
  const shown = keys && new Set(keys);
  const lines: string[] = [];
  const data = unwrap(reply.data);
  if (isValueArray(data)) renderItems(data, FIRST_INDENT, shown, lines);
  else if (isValueObject(data)) renderEntries(data, FIRST_INDENT, shown, lines);
  return ["Command entered successfully!", oneLine(reply.description), "", ...lines, "", ""].join(EOL);
}

function unwrap(value: Value): Value {
  return value instanceof Prepared ? value.object : value;
}

/**
 * Keeps a value on its line, so that it cannot pretend to be another, and in its place: a terminal carries out what
 * control characters ask for.
 */
function oneLine(text: string): string {
  return showControlCharacters(text.replace(/[\r\n]+/g, " "));
}

function scalar(value: Value): string {
  if (typeof value === "string") return oneLine(value);
  if (typeof value === "number") return serializeNumber(value);
  return value === null ? "" : value instanceof Decimal ? serialize(value) : String(value);
}

function renderEntries(
  object: { readonly [key: string]: Value | undefined },
  indent: number,
  shown: ReadonlySet<string> | undefined,
  lines: string[],
): void {
  const margin = " ".repeat(indent);
  for (const key of sortedKeys(object)) {
    if (shown && !shown.has(key)) continue;
    const value = unwrap(object[key] ?? null);
    const label = `${margin}${oneLine(key)}:`;
    if (isValueArray(value)) {
      lines.push(value.length === 0 ? `${label} []` : label);
      renderItems(value, indent + INDENT_STEP, shown, lines);
    } else if (isValueObject(value)) {
      lines.push(label);
      renderEntries(value, indent + INDENT_STEP, shown, lines);
    } else {
      const text = scalar(value);
      lines.push(text === "" ? label : `${label} ${text}`);
    }
  }
}

function renderItems(
  items: readonly Value[],
  indent: number,
  shown: ReadonlySet<string> | undefined,
  lines: string[],
): void {
  const margin = " ".repeat(indent);
  for (const wrapped of items) {
    const item = unwrap(wrapped);
    if (isValueObject(item)) {
      lines.push(`${margin}--`);
      renderEntries(item, indent + INDENT_STEP, shown, lines);
    } else if (isValueArray(item)) {
      lines.push(`${margin}--`);
      renderItems(item, indent + INDENT_STEP, shown, lines);
    } else lines.push(`${margin}-- ${scalar(item)}`.trimEnd());
  }
}
