// A vitest reporter that ends the run with what a reader wants first: the ten slowest files, the tests that passed at
// the second try only, then as the last line `N passed, N failed` (and `, N skipped`). What is no test and failed all
// the same counts as a failure: a file that could not be loaded, an error that no test caught.

import { relative } from "node:path";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";

const SLOWEST = 10;

export default class ClosingLine implements Reporter {
  #lines = "0 passed, 0 failed";
  #isHooked = false;
  #root = process.cwd();

  onInit(vitest: Vitest): void {
    this.#root = vitest.config.root;
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
    this.#lines = [...this.#slowest(modules), ...again, closing].join("\n");
    // At exit, so that it stands below vitest's own summary.
    if (!this.#isHooked) process.on("exit", () => process.stdout.write(`\n${this.#lines}\n`));
    this.#isHooked = true;
  }

  /** Loading and hooks count: they are what a file costs. */
  #slowest(modules: readonly TestModule[]): string[] {
    if (modules.length < 2) return [];
    const files = modules.map((module) => {
      const { collectDuration, setupDuration, duration } = module.diagnostic();
      return { name: relative(this.#root, module.moduleId), ms: collectDuration + setupDuration + duration };
    });
    const slowest = files.sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
    return [
      "the slowest files:",
      ...slowest.map(({ name, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`),
      "",
    ];
  }
}
