// Builds the dashboard into dist/dashboard: a page and, below dashboard/, files whose names change with what is in
// them. Nothing of it comes from elsewhere, and the page holds no script of its own, so that its policy can forbid
// them.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: fileURLToPath(new URL("../dist/dashboard", import.meta.url)),
    assetsDir: "dashboard",
    emptyOutDir: true,
    target: "es2022",
    // Players are large and load when something is played.
    chunkSizeWarningLimit: 600,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // How long a plugin took on a busy machine is no news to who builds.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});
