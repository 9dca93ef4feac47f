// One log entry as a person reads it on a terminal: `07:15:26.031 info  publisher in  stream=cam1 video=h264`. Values
// with spaces are quoted, errors stand below with their stack. Control characters are shown, never carried out.

import { showControlCharacters } from "../base/control-characters.js";

const LEVEL_WIDTH = 5;
const MESSAGE_WIDTH = 18;
const RESET = "\u001b[0m";
const DIM = "\u001b[2m";
const COLOURS: Readonly<Record<string, string>> = {
  debug: DIM,
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};

export interface LogLineOptions {
  readonly hasColour: boolean;
}

export class LogLine {
  constructor(private readonly options: LogLineOptions) {}

  /** Takes one line of the JSON log; what is no JSON stays as it is. */
  format(json: string): string {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(json) as Record<string, unknown>;
    } catch {
      return json;
    }
    const { level, time, msg, err, ...context } = entry;
    const word = String(level);
    const text = showControlCharacters(String(msg ?? ""));
    const pairs = Object.entries(context).flatMap(([key, value]) => this.#pair(key, value));
    const head = `${this.#paint(DIM, localTime(String(time)))} ${this.#paint(COLOURS[word], word.padEnd(LEVEL_WIDTH))}`;
    const line = `${head} ${pairs.length > 0 ? text.padEnd(MESSAGE_WIDTH) : text}`;
    return `${[line, ...pairs].join(" ").trimEnd()}\n${errorLines(err)}`;
  }

  #pair(key: string, value: unknown): string[] {
    // Counts of held-back lines are mostly 0, and absent values say nothing.
    if (value === null || value === undefined || (key === "suppressed" && value === 0)) return [];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const shown = /^[^\s"]+$/.test(text) || typeof value === "object" ? text : JSON.stringify(text);
    return [`${this.#paint(DIM, `${showControlCharacters(key)}=`)}${showControlCharacters(shown)}`];
  }

  #paint(colour: string | undefined, text: string): string {
    return this.options.hasColour && colour !== undefined ? `${colour}${text}${RESET}` : text;
  }
}

function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function errorLines(err: unknown): string {
  if (typeof err !== "object" || err === null) return "";
  const { stack, message } = err as { stack?: string; message?: string };
  const lines = String(stack ?? message ?? "").split("\n");
  return `${lines.map((line) => `    ${showControlCharacters(line)}`).join("\n")}\n`;
}
