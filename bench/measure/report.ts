// How a benchmark tells its result: a Markdown table on stdout, and a JSON file with what it ran on, in bench/results/.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Row = Record<string, string | number>;

const root = fileURLToPath(new URL("../..", import.meta.url));
export const resultsFolder = join(root, "bench/results");

export interface Environment {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  node: string;
  commit: string;
  date: string;
}

export function environment(): Environment {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  let commit = "unknown";
  try {
    commit =
      git("rev-parse", "--short=12", "HEAD") +
      (git("status", "--porcelain", "--untracked-files=no", "--", "src", "assembly") ? " and changes" : "");
  } catch {
    // not a git checkout: a package
  }
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit,
    date: new Date().toISOString(),
  };
}

/** Columns are the keys of the first row. Numbers stand to the right. */
export function formatTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((line) => (line[i] as string).length)),
  );
  const isNumber = columns.map((column) =>
    rows.every((row) => typeof row[column] === "number" || /^[-–\d]/.test(String(row[column]))),
  );
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => (isNumber[i] ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (isNumber[i] ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`;
  return [line(columns), rule, ...cells.map(line)].join("\n");
}

/** Writes bench/results/NAME-DATE.json and returns its path below the project. */
export function writeResult(name: string, command: string, result: unknown): string {
  mkdirSync(resultsFolder, { recursive: true });
  const env = environment();
  const file = `${name}-${env.date.replace(/[:.]/g, "").slice(0, 15)}.json`;
  writeFileSync(join(resultsFolder, file), `${JSON.stringify({ name, command, environment: env, result }, null, 2)}\n`);
  return `bench/results/${file}`;
}

/** Rounds to a number of significant digits, for tables. */
export function significant(value: number, digits = 3): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(value.toPrecision(digits));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  return sorted.length === 0
    ? Number.NaN
    : (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] as number);
}
