// Tests run on the sources; what runs in processes of its own (server, workers, muxers) is built first by `npm test`.
// Unit tests come first, three at a time, and share their processes: a file would spend longer in loading than in its
// tests. All others have a process each.

import { defineConfig } from "vitest/config";

const UNIT = ["test/unit/**/*.test.ts"];
/**
 * Unit tests that need a process of their own: one replaces node:fs, one counts threads from the first, one collects
 * all garbage again and again, which takes long in a process with the heap of many files.
 */
const ALONE = [
  "test/unit/recording/naming/naming.test.ts",
  "test/unit/worker/thread-loading.test.ts",
  "test/unit/catalog/catalog-reader.test.ts",
];

const shared = {
  pool: "forks",
  // Deadlines of conditions that are waited for, not durations: a slow machine passes, a hung test ends.
  testTimeout:
    (process.env.REEL_TORTURE === "1" ? 30 * 60_000 : 60_000) + Number(process.env.REEL_FUZZ_SECONDS ?? 0) * 1000,
  hookTimeout: 60_000,
  teardownTimeout: 10_000,
} as const;

export default defineConfig({
  test: {
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", "test/support/closing-line.ts"],
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          include: UNIT,
          exclude: ALONE,
          isolate: false,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: "whole",
          include: ["test/**/*.test.ts"],
          exclude: ["test/peers/node_modules/**", ...UNIT],
          // Most wait for media time: two share the cores of a small machine well, more would only make it late.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: { ...shared, name: "alone", include: ALONE, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
