// A vitest reporter whose only line is the last of the run: `N passed, N failed` (and `, N skipped`), for whoever reads
// nothing else. What is no test and failed all the same counts as a failure: a file that could not be loaded, an error
// that no test caught.

import type { Reporter, SerializedError, TestModule } from "vitest/node";

export default class ClosingLine implements Reporter {
  #line = "0 passed, 0 failed";
  #isHooked = false;

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "skipped") skipped++;
        else failed++;
      }
    }
    this.#line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    // At exit, so that it stands below vitest's own summary.
    if (!this.#isHooked) process.on("exit", () => process.stdout.write(`\n${this.#line}\n`));
    this.#isHooked = true;
  }
}
