// Do the tests notice when a line is wrong? Plants mutants one at a time in a private copy of the tree and runs the
// tests that are related to the file, the fastest first.
//
//   npm run mutate -- --count 300 --seed 7 [--path src/arena]… [--results FILE] [--again] [--from N]
//
// Results go to a file after every mutant; a run of the same seed goes on behind what is in it. `--again` tries those
// once more that were not noticed, after the tests were mended. `--from` leaves out the first N places of the order,
// for a run whose results are kept elsewhere.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { KNOWN } from "./known.js";
import { keyOf, type Mutant, mutantsOf } from "./mutants.js";
import { MutationTree, type TestRun } from "./mutation-tree.js";
import { MUTATED, relatedTests } from "./related-tests.js";

type Verdict = "noticed" | "survived" | "equivalent" | "does not compile";

interface Result {
  key: string;
  path: string;
  line: number;
  kind: string;
  verdict: Verdict;
  /** The test that failed, or that the run hung. */
  by: string | undefined;
  seconds: number;
}

/** A run is given this much longer than the same tests took on the original. */
const SLOWER = 3;
const SLACK_MS = 20_000;

const root = resolve(import.meta.dirname, "../..");
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "300" },
    seed: { type: "string", default: "7" },
    path: { type: "string", multiple: true, default: [...MUTATED] },
    results: { type: "string", default: join(root, "dist/mutants.json") },
    again: { type: "boolean", default: false },
    from: { type: "string", default: "0" },
  },
});

function sourcesBelow(path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  const names = readdirSync(join(root, path), { recursive: true, encoding: "utf8" });
  return names.filter((name) => /(?<!\.d)\.ts$/.test(name)).map((name) => join(path, name));
}

interface Candidate {
  key: string;
  mutant: Mutant;
  text: string;
}

/** In an order that the seed decides, and that a change elsewhere in the sources does not disturb. */
function candidates(): Candidate[] {
  const all = new Map<string, Candidate>();
  for (const path of values.path.flatMap(sourcesBelow)) {
    const text = readFileSync(join(root, path), "utf8");
    for (const mutant of mutantsOf(path, text)) {
      const plain = keyOf(mutant, text);
      let key = plain;
      for (let copy = 2; all.has(key); copy++) key = `${plain} (${copy})`;
      all.set(key, { key, mutant, text });
    }
  }
  const place = ({ key }: Candidate): string => createHash("sha256").update(`${values.seed} ${key}`).digest("hex");
  return [...all.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

class Results {
  readonly #byKey = new Map<string, Result>();

  constructor(readonly path: string) {
    if (!existsSync(path)) return;
    for (const result of JSON.parse(readFileSync(path, "utf8")) as Result[]) this.#byKey.set(result.key, result);
  }

  get(key: string): Result | undefined {
    return this.#byKey.get(key);
  }

  add(result: Result): void {
    this.#byKey.set(result.key, result);
    writeFileSync(`${this.path}.new`, JSON.stringify([...this.#byKey.values()], undefined, 1));
    renameSync(`${this.path}.new`, this.path);
  }
}

/** How long the tests of a step take on the original, which must pass them. */
class Baseline {
  readonly #seconds = new Map<string, number>();

  constructor(private readonly tree: MutationTree) {}

  async limitMs(files: readonly string[]): Promise<number> {
    const key = files.join(" ");
    let seconds = this.#seconds.get(key);
    if (seconds === undefined) {
      const run = await this.tree.test(files, 10 * 60_000);
      if (run.verdict !== "passed") throw new Error(`the original does not pass ${key}: ${run.failed}`);
      seconds = run.seconds;
      this.#seconds.set(key, seconds);
    }
    return seconds * 1000 * SLOWER + SLACK_MS;
  }
}

async function judge(tree: MutationTree, baseline: Baseline, { mutant, text }: Candidate): Promise<[Verdict, string?]> {
  const steps = relatedTests(mutant.path);
  const limits: number[] = [];
  for (const files of steps) limits.push(await baseline.limitMs(files));
  try {
    if (!(await tree.plant(mutant, text))) return ["does not compile"];
    for (const [i, files] of steps.entries()) {
      const run: TestRun = await tree.test(files, limits[i] as number);
      if (run.verdict === "hung") return ["noticed", `hung: ${files.join(" ")}`];
      if (run.verdict === "failed") return ["noticed", run.failed];
    }
    return ["survived"];
  } finally {
    tree.clear();
  }
}

function summary(judged: readonly Result[]): string {
  const lines = ["| file | noticed | survived | equivalent |", "|---|---|---|---|"];
  const count = (results: readonly Result[], verdict: Verdict): number =>
    results.filter((result) => result.verdict === verdict).length;
  for (const path of [...new Set(judged.map((result) => result.path))].sort()) {
    const own = judged.filter((result) => result.path === path);
    lines.push(`| ${path} | ${count(own, "noticed")} | ${count(own, "survived")} | ${count(own, "equivalent")} |`);
  }
  const [noticed, survived] = [count(judged, "noticed"), count(judged, "survived")];
  const seconds = judged.reduce((sum, result) => sum + result.seconds, 0);
  for (const { key, line, verdict } of judged)
    if (verdict === "survived")
      lines.push(`survived, line ${line}: ${key}${KNOWN[key] ? ` (${KNOWN[key].reason})` : ""}`);
  lines.push(
    `${noticed} of ${noticed + survived} noticed (${((100 * noticed) / (noticed + survived)).toFixed(1)} %), ` +
      `${count(judged, "equivalent")} equivalent, ${(seconds / judged.length).toFixed(1)} s each, seed ${values.seed}`,
  );
  return lines.join("\n");
}

async function main(): Promise<void> {
  const results = new Results(resolve(values.results));
  const tree = new MutationTree(root);
  process.once("SIGTERM", () => process.exit(1)).once("SIGINT", () => process.exit(1));
  process.once("exit", () => tree.close());
  const baseline = new Baseline(tree);
  const judged: Result[] = [];
  for (const candidate of candidates().slice(Number(values.from))) {
    if (judged.length >= Number(values.count)) break;
    const { key, mutant } = candidate;
    let result = results.get(key);
    const isOld = result === undefined || (values.again && result.verdict === "survived");
    if (KNOWN[key]?.isEquivalent) {
      const { path, line, kind } = mutant;
      result = { key, path, line, kind, verdict: "equivalent", by: undefined, seconds: 0 };
      results.add(result);
    } else if (isOld) {
      const startedMs = performance.now();
      const [verdict, by] = await judge(tree, baseline, candidate);
      const seconds = (performance.now() - startedMs) / 1000;
      const { path, line, kind } = mutant;
      result = { key, path, line, kind, verdict, by, seconds };
      results.add(result);
      console.log(`${judged.length + 1} ${verdict} (${seconds.toFixed(1)} s) ${key}${by ? ` — ${by}` : ""}`);
    }
    if (result && result.verdict !== "does not compile") judged.push(result);
  }
  console.log(summary(judged));
}

await main();
