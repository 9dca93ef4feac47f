// The layer rules catch what they are for: violations are planted in a scratch tree, all together since each run of
// dependency-cruiser takes a second, and each must be in its verdict, with nothing besides.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

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

function makeTree(): string {
  const tree = mkdtempSync(join(tmpdir(), "reel-layers-"));
  writeFileSync(
    join(tree, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { module: "NodeNext", moduleResolution: "NodeNext" } }),
  );
  writeFileSync(join(tree, "package.json"), JSON.stringify({ name: "planted", type: "module" }));
  return tree;
}

/** Writes files that only import, and returns `rule: from → to` of every violation. */
function cruise(imports: Record<string, string[]>): { violations: string[]; modules: number } {
  const tree = makeTree();
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
  rmSync(tree, { recursive: true, force: true });
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

  it("catch a cycle inside a layer", () => {
    const { violations } = cruise({
      "src/stream/a.ts": ["./b.js"],
      "src/stream/b.ts": ["./c.js"],
      "src/stream/c.ts": ["./a.js"],
    });
    expect(violations.length).toBeGreaterThan(0);
    expect(violations.every((violation) => violation.startsWith("no-cycles: "))).toBe(true);
  });
});

interface Planted {
  what: string;
  imports: Record<string, string[]>;
  /** `rule: from → to` of what must be found. */
  found: (string | RegExp)[];
}

const UPWARD = ROOMS.slice(1).map((room, index): Planted => {
  const above = ROOMS[index] as string;
  return {
    what: `an import from ${room} up to ${above}, also of a type alone`,
    imports: { [`src/${room}/up.ts`]: [`type ../${above}/b.js`], [`src/${above}/b.ts`]: [] },
    found: [new RegExp(`^layer-.*${room}.*: src/${room}/up.ts → src/${above}/b.ts$`)],
  };
});

const SIBLINGS = [
  ["web", "control"],
  ["playback", "retention"],
  ["upload", "group"],
].map(
  ([room, sibling]): Planted => ({
    what: `an import from ${room} to ${sibling}, a room of the same layer`,
    imports: { [`src/${room}/beside.ts`]: [`../${sibling}/b.js`], [`src/${sibling}/b.ts`]: [] },
    found: [`siblings-${room}: src/${room}/beside.ts → src/${sibling}/b.ts`],
  }),
);

const PLANTED: readonly Planted[] = [
  ...UPWARD,
  ...SIBLINGS,
  {
    what: "a folder that has no place in the list",
    imports: { "src/helpers/a.ts": ["../time/units.js"], "src/time/units.ts": [] },
    found: ["rooms-are-known: src/helpers/a.ts → src/time/units.ts"],
  },
  {
    what: "I/O in the media room",
    imports: { "src/media/flv/tag.ts": ["node:fs"] },
    found: ["media-is-pure: src/media/flv/tag.ts → fs"],
  },
  {
    what: "any import in src/abi",
    imports: { "src/abi/ring.ts": ["./frame.js"], "src/abi/frame.ts": [] },
    found: ["abi-stands-alone: src/abi/ring.ts → src/abi/frame.ts"],
  },
  {
    what: "a muxer that reaches beyond the layouts, and TypeScript that imports a muxer",
    imports: {
      "assembly/ring.ts": ["../src/abi/frame", "../src/time/units"],
      "src/worker/pool.ts": ["../../assembly/ring.js"],
    },
    found: [
      "assembly-knows-only-the-abi: assembly/ring.ts → src/time/units.ts",
      "only-asc-compiles-assembly: src/worker/pool.ts → assembly/ring.ts",
    ],
  },
  {
    what: "an import of the server in the client",
    imports: { "src/client/control-client.ts": ["../control/reply.js"], "src/control/reply.ts": [] },
    found: ["the-client-is-light: src/client/control-client.ts → src/control/reply.ts"],
  },
  {
    what: "an import of the group that loads it for everybody",
    imports: { "src/server/eager.ts": ["../group/b.js"], "src/group/b.ts": [] },
    found: [
      "the-group-is-loaded-when-there-is-one: src/server/eager.ts → src/group/b.ts",
      "the-group-is-loaded-when-there-is-one: src/upload/beside.ts → src/group/b.ts",
    ],
  },
  {
    what: "an import that leads nowhere",
    imports: { "src/time/lost.ts": ["./gone.js"] },
    found: [/^(resolvable|product-uses-declared-dependencies): src\/time\/lost.ts/],
  },
];

describe("layer rules catch", () => {
  let violations: readonly string[];

  beforeAll(() => {
    violations = cruise(Object.assign({}, ...PLANTED.map(({ imports }) => imports))).violations;
  });

  const matches = (expected: string | RegExp) => (violation: string) =>
    typeof expected === "string" ? violation === expected : expected.test(violation);

  it.each(PLANTED.map(({ what, found }) => [what, found] as const))("%s", (_what, found) => {
    for (const expected of found)
      expect(violations.filter(matches(expected)), `${expected} of\n${violations.join("\n")}`).not.toEqual([]);
  });

  it("nothing else", () => {
    const all = PLANTED.flatMap(({ found }) => found);
    expect(violations.filter((violation) => !all.some((expected) => matches(expected)(violation)))).toEqual([]);
  });
});

describe("the rules on this repository", () => {
  it("see its modules: a reader that skips TypeScript would pass everything", () => {
    const run = spawnSync(
      process.execPath,
      [cruiser, "--config", config, "--output-type", "json", "src/base", "assembly"],
      {
        cwd: root,
        encoding: "utf8",
        maxBuffer: 1 << 26,
      },
    );
    const { summary } = JSON.parse(run.stdout) as Verdict;
    expect(summary.totalCruised).toBeGreaterThan(30);
    expect(summary.totalDependenciesCruised).toBeGreaterThan(50);
  });
});
