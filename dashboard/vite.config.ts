// Builds the dashboard into dist/dashboard: a page and, below dashboard/, files whose names change with what is in
// them. Nothing of it comes from elsewhere, and the page holds no script of its own, so that its policy can forbid
// them.

import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** JSMpeg's module puts the styles of its own controls into the page, whose policy forbids that; none are used here. */
function withoutOwnStyles(): Plugin {
  const call = "styleInject(css_248z);";
  return {
    name: "without-own-styles",
    transform(code, id) {
      if (!id.includes("/jsmpeg-player/dist/")) return undefined;
      if (!code.includes(call)) throw new Error(`${id} has no ${call} any more: see whether it still adds a style`);
      return { code: code.replace(call, ""), map: null };
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  logLevel: "warn",
  plugins: [withoutOwnStyles()],
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
