// The layer rules catch what they are for: each case plants one violation in a scratch tree and reads
// dependency-cruiser's verdict on it.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cruiser = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
const config = join(root, ".dependency-cruiser.cjs");

interface Verdict {
  summary: {
    violations: { rule: { name: string }; from: string; to: string }[];
    totalCruised: number;
    totalDependenciesCruised: number;
  };
}

/** From the top of the list to the bottom, one room a layer. */
const ROOMS = [
  "cli",
  "server",
  "control",
  "retention",
  "recording",
  "catalog",
  "verify",
  "worker",
  "container",
  "ingest",
  "stream",
  "arena",
  "media",
  "base",
];

let tree: string;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "reel-layers-"));
  writeFileSync(
    join(tree, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { module: "NodeNext", moduleResolution: "NodeNext" } }),
  );
  writeFileSync(join(tree, "package.json"), JSON.stringify({ name: "planted", type: "module" }));
});

afterEach(() => rmSync(tree, { recursive: true, force: true }));

/** Writes files that only import, and returns `rule: from → to` of every violation. */
function cruise(imports: Record<string, string[]>): { violations: string[]; modules: number } {
  const folders = new Set<string>();
  for (const [file, targets] of Object.entries(imports)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    folders.add(file.split("/")[0] as string);
    const lines = targets.map((target, i) =>
      target.startsWith("type ")
        ? `import type { x as x${i} } from "${target.slice(5)}";`
        : `import { x as x${i} } from "${target}";`,
    );
    writeFileSync(
      join(tree, file),
      `${lines.join("\n")}\nexport const x = [${targets.map((target, i) => (target.startsWith("type ") ? `0 as typeof x${i}` : `x${i}`)).join(", ")}];\n`,
    );
  }
  const run = spawnSync(process.execPath, [cruiser, "--config", config, "--output-type", "json", ...folders], {
    cwd: tree,
    encoding: "utf8",
  });
  expect(run.stderr.trim()).toBe("");
  const { summary } = JSON.parse(run.stdout) as Verdict;
  return {
    violations: summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
    modules: summary.totalCruised,
  };
}

describe("layer rules", () => {
  it("let imports go down the list", () => {
    const chain = [...ROOMS, "time"];
    const files = chain.map((room, index): [string, string[]] => {
      const below = chain[index + 1];
      return [`src/${room}/a.ts`, below ? [`../${below}/a.js`] : []];
    });
    const { violations, modules } = cruise({
      ...Object.fromEntries(files),
      "src/abi/frame.ts": [],
      "src/arena/ring.ts": ["../abi/frame.js"],
      "src/client/control-client.ts": ["./events.js"],
      "src/client/events.ts": [],
      "src/control/docs.ts": ["type ../client/control-client.js"],
      "src/index.ts": ["./server/a.js", "./recording/a.js"],
    });
    expect(violations).toEqual([]);
    expect(modules).toBe(chain.length + 6);
  });

  it.each(ROOMS.slice(1).map((room, index) => [room, ROOMS[index] as string]))(
    "catch an import from %s up to %s, also of a type alone",
    (room, above) => {
      const { violations } = cruise({ [`src/${room}/a.ts`]: [`type ../${above}/b.js`], [`src/${above}/b.ts`]: [] });
      expect(violations).toEqual([expect.stringMatching(`^layer-.*${room}.*: src/${room}/a.ts → src/${above}/b.ts$`)]);
    },
  );

  it.each([
    ["web", "control"],
    ["playback", "retention"],
    ["upload", "group"],
  ])("catch an import from %s to %s, a room of the same layer", (room, sibling) => {
    const { violations } = cruise({ [`src/${room}/a.ts`]: [`../${sibling}/b.js`], [`src/${sibling}/b.ts`]: [] });
    expect(violations).toEqual([`siblings-${room}: src/${room}/a.ts → src/${sibling}/b.ts`]);
  });

  it("catch a folder that has no place in the list", () => {
    const { violations } = cruise({ "src/helpers/a.ts": ["../time/units.js"], "src/time/units.ts": [] });
    expect(violations).toEqual(["rooms-are-known: src/helpers/a.ts → src/time/units.ts"]);
  });

  it("catch I/O in the media room", () => {
    const { violations } = cruise({ "src/media/flv/tag.ts": ["node:fs"] });
    expect(violations).toEqual(["media-is-pure: src/media/flv/tag.ts → fs"]);
  });

  it("catch a cycle inside a layer", () => {
    const { violations } = cruise({
      "src/stream/a.ts": ["./b.js"],
      "src/stream/b.ts": ["./c.js"],
      "src/stream/c.ts": ["./a.js"],
    });
    expect(violations.length).toBeGreaterThan(0);
    expect(violations.every((violation) => violation.startsWith("no-cycles: "))).toBe(true);
  });

  it("catch any import in src/abi", () => {
    const { violations } = cruise({ "src/abi/ring.ts": ["./frame.js"], "src/abi/frame.ts": [] });
    expect(violations).toEqual(["abi-stands-alone: src/abi/ring.ts → src/abi/frame.ts"]);
  });

  it("catch a muxer that reaches beyond the layouts, and TypeScript that imports a muxer", () => {
    const { violations } = cruise({
      "assembly/ring.ts": ["../src/abi/frame", "../src/time/units"],
      "src/worker/pool.ts": ["../../assembly/ring.js"],
      "src/abi/frame.ts": [],
      "src/time/units.ts": [],
    });
    expect(violations.sort()).toEqual([
      "assembly-knows-only-the-abi: assembly/ring.ts → src/time/units.ts",
      "only-asc-compiles-assembly: src/worker/pool.ts → assembly/ring.ts",
    ]);
  });

  it("catch an import of the server in the client", () => {
    const { violations } = cruise({
      "src/client/control-client.ts": ["../control/reply.js"],
      "src/control/reply.ts": [],
    });
    expect(violations).toEqual(["the-client-is-light: src/client/control-client.ts → src/control/reply.ts"]);
  });

  it("catch an import that leads nowhere", () => {
    const { violations } = cruise({ "src/time/units.ts": ["./gone.js"] });
    expect(violations.some((violation) => violation.startsWith("resolvable: src/time/units.ts"))).toBe(true);
  });
});

describe("the rules on this repository", () => {
  it("see its modules: a reader that skips TypeScript would pass everything", () => {
    const run = spawnSync(process.execPath, [cruiser, "--config", config, "--output-type", "json", "src", "assembly"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const { summary } = JSON.parse(run.stdout) as Verdict;
    expect(summary.totalCruised).toBeGreaterThan(30);
    expect(summary.totalDependenciesCruised).toBeGreaterThan(50);
  });
});
