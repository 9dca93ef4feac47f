// A log entry as a terminal shows it.

import { expect, it } from "vitest";
import { LogLine } from "../../../src/server/log-line.js";

const entry = (fields: object) => JSON.stringify({ level: "info", time: "2026-11-27T08:26:38.725Z", ...fields });
const plain = new LogLine({ hasColour: false });
const local = new Date("2026-11-27T08:26:38.725Z").toTimeString().slice(0, 8);

it("has local time, level, message and what belongs to it; values with spaces are quoted", () => {
  const line = plain.format(entry({ stream: "cam1", video: "h264 640x360", gaps: 0, msg: "publisher in" }));
  expect(line).toBe(`${local}.725 info  publisher in       stream=cam1 video="h264 640x360" gaps=0\n`);
});

it("leaves out what says nothing: absent values, and that no lines were held back", () => {
  expect(plain.format(entry({ reason: null, suppressed: 0, msg: "listening" }))).toBe(`${local}.725 info  listening\n`);
});

it("puts an error's stack below", () => {
  expect(plain.format(entry({ err: { message: "no", stack: "Error: no\n  at x" }, msg: "it failed" }))).toBe(
    `${local}.725 info  it failed\n    Error: no\n      at x\n`,
  );
});

it("has colours where they are allowed", () => {
  expect(new LogLine({ hasColour: true }).format(entry({ level: "warn", msg: "gap" }))).toBe(
    `\u001b[2m${local}.725\u001b[0m \u001b[33mwarn \u001b[0m gap\n`,
  );
});

it("shows control characters, of values, messages and stacks, and lets the terminal carry out none", () => {
  const line = plain.format(
    entry({
      name: "a\u001b]0;x\u0007b\u009bc",
      list: ["\u0085"],
      msg: "m\u001b[2J",
      err: { stack: "Error: \u001bc\n  at x\r" },
    }),
  );
  expect(line).toContain("name=a\\x1b]0;x\\x07b\\x9bc");
  expect(line).toContain('list=["\\x85"]');
  expect(line).toContain("m\\x1b[2J");
  expect(line).toContain("    Error: \\x1bc\n      at x\\x0d\n");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
  expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
