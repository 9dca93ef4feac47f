// Tests run on the sources; what runs in processes of its own (server, workers, muxers) is built first by `npm test`.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", "test/support/closing-line.ts"],
    pool: "forks",
    // Most tests wait for media time: two share the cores of a small machine well, more would only make it late.
    maxWorkers: 2,
    // Deadlines of conditions that are waited for, not durations: a slow machine passes, a hung test ends.
    testTimeout:
      (process.env.REEL_TORTURE === "1" ? 30 * 60_000 : 60_000) + Number(process.env.REEL_FUZZ_SECONDS ?? 0) * 1000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
