// Comments have at most 120 columns. The formatter holds code to that width and leaves comments as they are. Markdown
// and texts between quotes are not comments.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const COLUMNS = 120;
const SOURCES = /(?:\.[cm]?[jt]sx?|\.py|\.css|\.sh|\.ci\/run)$/;
/** A line of its own, or behind code. */
const COMMENT = /^\s*(?:\/\/|\/?\*|#)|[;{},(] \/\/ /;

function wideComments(text: string): number[] {
  return text.split("\n").flatMap((line, at) => (line.length > COLUMNS && COMMENT.test(line) ? [at + 1] : []));
}

it("every comment is at most 120 columns wide", () => {
  const files = execFileSync("git", ["ls-files"], { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((file) => SOURCES.test(file));
  expect(files.length).toBeGreaterThan(1000);
  const wide = files.flatMap((file) =>
    wideComments(readFileSync(join(ROOT, file), "utf8")).map((line) => `${file}:${line}`),
  );
  expect(wide).toEqual([]);
});

it("a comment that is wider is seen, wherever it stands, and wide code is not", () => {
  const wide = "x".repeat(COLUMNS);
  const text = [
    `// ${wide}`,
    `   * ${wide}`,
    `# ${wide}`,
    `const a = 1; // ${wide}`,
    `const b = "${wide}";`,
    "// short",
  ];
  expect(wideComments(text.join("\n"))).toEqual([1, 2, 3, 4]);
});
