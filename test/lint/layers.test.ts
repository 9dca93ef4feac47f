// The layer rules catch what they are for: violations are planted in a scratch tree, all together since each run of
// dependency-cruiser takes a second, and each must be in its verdict, with nothing besides.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cruiser = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
const config = join(root, ".dependency-cruiser.cjs");
const rules = createRequire(import.meta.url)(config) as { forbidden: { name: string }[] };

interface Verdict {
  summary: {
    violations: { rule: { name: string }; from: string; to: string }[];
    totalCruised: number;
    totalDependenciesCruised: number;
  };
}

/** From the top to the bottom, all rooms of a layer. Not read from the rules: a room that goes there is seen. */
const LAYERS = [
  ["cli"],
  ["server"],
  ["control", "web", "metrics"],
  ["retention", "upload", "playback", "preview", "group"],
  ["recording"],
  ["catalog"],
  ["verify"],
  ["worker"],
  ["container"],
  ["ingest"],
  ["stream"],
  ["arena"],
  ["media"],
  ["base"],
  ["time", "abi"],
] as const;

/** Packages of the scratch tree. */
const DECLARED = "@nats-io/jetstream";
const FOR_DEVELOPERS = "for-developers";

function makeTree(): string {
  const tree = mkdtempSync(join(tmpdir(), "reel-layers-"));
  writeFileSync(
    join(tree, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { module: "NodeNext", moduleResolution: "NodeNext" } }),
  );
  const packages = { dependencies: { [DECLARED]: "1" }, devDependencies: { [FOR_DEVELOPERS]: "1" } };
  writeFileSync(join(tree, "package.json"), JSON.stringify({ name: "planted", type: "module", ...packages }));
  for (const name of [DECLARED, FOR_DEVELOPERS]) {
    mkdirSync(join(tree, "node_modules", name), { recursive: true });
    writeFileSync(join(tree, "node_modules", name, "package.json"), JSON.stringify({ name, main: "index.js" }));
    writeFileSync(join(tree, "node_modules", name, "index.js"), "export const x = 1;\n");
  }
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
    const chain = LAYERS.map(([room]) => room);
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
});

interface Planted {
  what: string;
  imports: Record<string, string[]>;
  /** `rule: from → to` of what must be found. */
  found: (string | RegExp)[];
}

const UPWARD = LAYERS.slice(1).flatMap((layer, index) =>
  layer.map((room): Planted => {
    const [above] = LAYERS[index] as readonly [string];
    const files = `src/${room}/up.ts → src/${above}/b.ts`;
    return {
      what: `an import from ${room} up to ${above}, also of a type alone`,
      imports: { [`src/${room}/up.ts`]: [`type ../${above}/b.js`], [`src/${above}/b.ts`]: [] },
      found: [`layer-${layer.join("-")}: ${files}`, ...(room === "abi" ? [`abi-stands-alone: ${files}`] : [])],
    };
  }),
);

/** Of time and abi, which nothing lies below, abi imports nothing at all. */
const SIBLINGS = LAYERS.slice(0, -1)
  .filter((layer) => layer.length > 1)
  .flatMap((layer) =>
    layer.map((room, index): Planted => {
      const sibling = layer[(index + 1) % layer.length];
      return {
        what: `an import from ${room} to ${sibling}, a room of the same layer`,
        imports: { [`src/${room}/beside.ts`]: [`type ../${sibling}/c.js`], [`src/${sibling}/c.ts`]: [] },
        found: [`siblings-${room}: src/${room}/beside.ts → src/${sibling}/c.ts`],
      };
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
    found: ["the-group-is-loaded-when-there-is-one: src/server/eager.ts → src/group/b.ts"],
  },
  {
    what: "an import of a package of NATS that loads it for everybody",
    imports: { "src/group/connects.ts": [DECLARED] },
    found: [`nats-is-loaded-when-it-is-connected: src/group/connects.ts → node_modules/${DECLARED}/index.js`],
  },
  {
    what: "an import of a package that is there for developers only",
    imports: { "src/base/borrowed.ts": [FOR_DEVELOPERS] },
    found: [`product-uses-declared-dependencies: src/base/borrowed.ts → node_modules/${FOR_DEVELOPERS}/index.js`],
  },
  {
    what: "a library from which the command line can be reached",
    imports: { "src/index.ts": ["./cli/c.js"], "src/cli/c.ts": [] },
    found: ["the-library-is-not-a-program: src/index.ts → src/cli/c.ts"],
  },
  {
    what: "an import of the server in the dashboard, and of the dashboard in the server",
    imports: {
      "dashboard/src/page.ts": ["../../src/control/d.js", "type ../../src/client/control-protocol.js"],
      "src/control/d.ts": [],
      "src/client/control-protocol.ts": [],
      "src/web/pages.ts": ["../../dashboard/src/app.js"],
      "dashboard/src/app.ts": [],
    },
    found: [
      "the-dashboard-is-a-client: dashboard/src/page.ts → src/control/d.ts",
      "nothing-imports-the-dashboard: src/web/pages.ts → dashboard/src/app.ts",
    ],
  },
  {
    what: "an import of tests",
    imports: { "src/base/tested.ts": ["../../test/support/scratch.js"], "test/support/scratch.ts": [] },
    found: ["product-does-not-import-tests: src/base/tested.ts → test/support/scratch.ts"],
  },
  {
    what: "a cycle",
    imports: { "src/stream/round.ts": ["./about.js"], "src/stream/about.ts": ["./round.js"] },
    found: [/^no-cycles: src\/stream\/(round|about)\.ts/],
  },
  {
    what: "an import that leads nowhere",
    imports: { "src/time/lost.ts": ["./gone.js"] },
    found: [/^resolvable: src\/time\/lost.ts/, /^product-uses-declared-dependencies: src\/time\/lost.ts/],
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

  it.each(rules.forbidden.map(({ name }) => name))("what %s is for", (name) => {
    expect(violations.some((violation) => violation.startsWith(`${name}: `))).toBe(true);
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
