// Comments have at most 120 columns (`npm run lint`). The formatter holds code to that width and leaves comments as
// they are. Markdown and texts between quotes are not comments.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COLUMNS = 120;
const SOURCES = /(?:\.[cm]?[jt]sx?|\.py|\.css|\.sh|\.ci\/run)$/;
/** A line of its own, or behind code. */
const COMMENT = /^\s*(?:\/\/|\/?\*|#)|[;{},(] \/\/ /;

/** Numbers of the lines of a file whose comments are wider. */
export function wideComments(text) {
  return text.split("\n").flatMap((line, at) => (line.length > COLUMNS && COMMENT.test(line) ? [at + 1] : []));
}

/** Every source that git knows, or would take. */
export function sourceFiles() {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).split("\n");
  return files.filter((file) => SOURCES.test(file) && existsSync(join(ROOT, file)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wide = sourceFiles().flatMap((file) =>
    wideComments(readFileSync(join(ROOT, file), "utf8")).map((line) => `${file}:${line}`),
  );
  for (const place of wide) console.error(`${place}: a comment of more than ${COLUMNS} columns`);
  process.exit(wide.length > 0 ? 1 : 0);
}
