// The check of comments (scripts/check-comments.mjs, `npm run lint`) finds what it is for, and looks at every source.

import { expect, it } from "vitest";
import { sourceFiles, wideComments } from "../../scripts/check-comments.mjs";
import { runProgram } from "../support/run-program.js";

it("no comment is wider than 120 columns, and all sources are looked at", async () => {
  expect(await runProgram(process.execPath, ["scripts/check-comments.mjs"])).toMatchObject({ code: 0, stderr: "" });
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(1000);
  for (const file of [".ci/run", "assembly/drain.ts", "dashboard/src/app.tsx", "scripts/build.mjs"])
    expect(files).toContain(file);
});

it("a comment that is wider is seen, wherever it stands, and wide code is not", () => {
  const wide = "x".repeat(120);
  const comments = ["//", "   *", "#", "const a = 1; //"].map((start) => `${start} ${wide}`);
  const text = [...comments, `const b = "${wide}";`, "// short"];
  expect(wideComments(text.join("\n"))).toEqual([1, 2, 3, 4]);
});
