// A vitest reporter that ends the run with what a reader wants first: the ten slowest files, what each area took of the
// run, the tests that passed at the second try only, then as the last line `N passed, N failed` (and `, N skipped`).
// What is no test and failed all the same counts as a failure: a file that could not be loaded, an error that no test
// caught.

import { relative } from "node:path";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";
import { areaOf, MAX_SHARE_SECONDS } from "./areas.js";

const SLOWEST = 10;

interface FileTime {
  name: string;
  ms: number;
}

const line = (ms: number, name: string): string => `${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`;

export default class ClosingLine implements Reporter {
  #lines = "0 passed, 0 failed";
  #isHooked = false;
  #root = process.cwd();
  #begunMs = performance.now();

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
  }

  onTestRunStart(): void {
    this.#begunMs = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    const repeated: string[] = [];
    for (const module of modules) {
      if (module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (test.diagnostic()?.flaky) repeated.push(`  ${relative(this.#root, module.moduleId)} > ${test.fullName}`);
        if (state === "passed") passed++;
        else if (state === "skipped") skipped++;
        else failed++;
      }
    }
    const closing = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    const again = repeated.length > 0 ? ["passed at the second try only, look into them:", ...repeated, ""] : [];
    this.#lines = [...this.#costs(modules), ...again, closing].join("\n");
    // At exit, so that it stands below vitest's own summary.
    if (!this.#isHooked) process.on("exit", () => process.stdout.write(`\n${this.#lines}\n`));
    this.#isHooked = true;
  }

  /** Loading and hooks count: they are what a file costs. */
  #costs(modules: readonly TestModule[]): string[] {
    if (modules.length < 2) return [];
    const files = modules.map((module): FileTime => {
      const { collectDuration, setupDuration, duration } = module.diagnostic();
      return { name: relative(this.#root, module.moduleId), ms: collectDuration + setupDuration + duration };
    });
    const slowest = files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST);
    return [
      "the slowest files:",
      ...slowest.map(({ name, ms }) => line(ms, name)),
      "",
      "of the run took:",
      ...this.#shares(files).map(({ name, ms }) =>
        line(ms, ms > MAX_SHARE_SECONDS * 1000 ? `${name} (more than ${MAX_SHARE_SECONDS} s)` : name),
      ),
      "",
    ];
  }

  /** Files run side by side: the time of the whole run is divided as the sums of their times are. */
  #shares(files: readonly FileTime[]): FileTime[] {
    const sums = new Map<string, number>();
    for (const { name, ms } of files) {
      const area = areaOf(name.replace(/^test\//, ""));
      sums.set(area, (sums.get(area) ?? 0) + ms);
    }
    const runMs = performance.now() - this.#begunMs;
    const allMs = files.reduce((sum, { ms }) => sum + ms, 0) || 1;
    return [...sums].map(([name, ms]) => ({ name, ms: (ms * runMs) / allMs })).sort((a, b) => b.ms - a.ms);
  }
}
