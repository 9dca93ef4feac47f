// The package as others get it: packed, installed into an empty folder, used there. npm takes what it needs from its
// cache, which `npm ci` has filled, and asks the registry for nothing else.

import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runProgram } from "../support/run-program.js";

const ROOT = resolve(import.meta.dirname, "../..");
const TYPESCRIPT = join(ROOT, "node_modules/typescript/bin/tsc");
const MAX_INSTALLED_BYTES = 25e6;
/** A busy machine takes its time. */
const INSTALL_MS = 300_000;

let folder: string;
let installed: string;
let installOutput: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-package-"));
  const packed = await runProgram("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], {
    cwd: ROOT,
  });
  expect(packed.code, packed.stderr).toBe(0);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "consumer", version: "1.0.0", type: "module" }));
  const flags = ["--prefer-offline", "--no-audit", "--no-fund"];
  const install = await runProgram("npm", ["install", ...flags, join(folder, packed.stdout.trim())], { cwd: folder });
  installOutput = install.stdout + install.stderr;
  expect(install.code, installOutput).toBe(0);
  installed = join(folder, "node_modules/reel");
}, INSTALL_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

it("installs without a warning, in under 25 MB, without a compiler", () => {
  expect(installOutput).not.toMatch(/warn/i);
  const files = filesBelow(join(folder, "node_modules"));
  const bytes = files.reduce((sum, file) => sum + lstatSync(file).size, 0);
  expect(bytes).toBeLessThan(MAX_INSTALLED_BYTES);
  expect(existsSync(join(folder, "node_modules/assemblyscript"))).toBe(false);
});

it("holds no module that only tests load, and no file that has no source", () => {
  expect(readdirSync(join(installed, "dist/wasm"))).toEqual(["reel.wasm"]);
  const orphans = filesBelow(join(installed, "dist"))
    .map((file) => file.slice(join(installed, "dist/").length))
    .filter((file) => /\.js$/.test(file) && !file.startsWith("dashboard/"))
    .map((file) => file.replace(/\.js$/, ".ts"))
    .filter((source) => !existsSync(join(ROOT, "src", source)));
  expect(orphans).toEqual([]);
});

it("holds the dashboard, and no file of an older build of it", () => {
  const files = filesBelow(join(installed, "dist/dashboard"));
  const text = files.filter((file) => /\.(html|js)$/.test(file)).map((file) => readFileSync(file, "utf8"));
  const names = files.map((file) => basename(file));
  expect(names).toContain("index.html");
  expect(names.filter((name) => /^index-.*\.(js|css)$/.test(name))).toHaveLength(2);
  const unnamed = names.filter((name) => name !== "index.html" && !text.some((content) => content.includes(name)));
  expect(unnamed).toEqual([]);
});

it("has every file that its own pages link to", () => {
  const pages = filesBelow(installed).filter((file) => file.endsWith(".md"));
  expect(pages.length).toBeGreaterThan(10);
  const dead = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/(?:\]\(|src=")([^)#"\s]+)/g)]
      .map(([, target]) => target ?? "")
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(normalize(join(dirname(page), target))))
      .map((target) => `${page.slice(installed.length + 1)}: ${target}`),
  );
  expect(dead).toEqual([]);
});

it("shows the demo, and records files that are sound", async () => {
  const demo = await runProgram("npx", ["--no-install", "reel", "demo", "--seconds", "3"], { cwd: folder });
  expect(demo.code, demo.stderr).toBe(0);
  expect(demo.stderr).toBe("");
  for (const type of ["mp4", "ts", "flv"])
    expect(demo.stdout).toMatch(new RegExp(`^media/demo_part0000\\.${type} .* sound `, "m"));
});

it("runs the example that embeds the recorder", async () => {
  await copyFile(join(installed, "examples/embed.mjs"), join(folder, "embed.mjs"));
  const run = await runProgram(process.execPath, ["embed.mjs", "embedded"], { cwd: folder });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toMatch(/embedded\/silence\.mp4: 235 frames, 5\.\d\d s\n$/);
});

it(
  "type-checks in a strict consumer that reads the declarations too, with the DOM's library and without",
  async () => {
    await copyFile(join(ROOT, "test/fixtures/consumer/consumer.ts"), join(folder, "consumer.ts"));
    await writeFile(
      join(folder, "wrong.ts"),
      'import { connect } from "reel/client";\nawait (await connect()).recrod();\n',
    );
    const options = "--strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --noEmit --skipLibCheck false";
    const rest = `--target es2022 --module nodenext --types node --typeRoots ${join(ROOT, "node_modules/@types")}`;
    const check = async (lib: string, files: string): Promise<string> => {
      const args = [TYPESCRIPT, ...`${options} ${rest} --lib ${lib} ${files}`.split(" ")];
      return (await runProgram(process.execPath, args, { cwd: folder })).stdout;
    };
    const [without, withDom] = await Promise.all([
      check("es2023", "consumer.ts wrong.ts"),
      check("es2023,dom", "consumer.ts"),
    ]);
    expect(without).toMatch(/^wrong\.ts\(2,\d+\): error TS\d+: Property 'recrod' does not exist on type .*\n$/);
    expect(withDom).toBe("");
  },
  INSTALL_MS,
);

it("never loads the old ws that node-rtsp-stream brings", async () => {
  const probe = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(join(installed, "dist/server/server.js"))});
    const { cache } = createRequire(import.meta.url);
    const loaded = Object.keys(cache);
    const old = loaded.filter((path) => /node-rtsp-stream.node_modules.ws/.test(path));
    const muxer = loaded.filter((path) => /node-rtsp-stream.mpeg1muxer/.test(path));
    console.log(JSON.stringify({ old, muxers: muxer.length }));`;
  await writeFile(join(folder, "probe.mjs"), probe);
  const run = await runProgram(process.execPath, ["probe.mjs"], { cwd: folder });
  expect(JSON.parse(run.stdout)).toEqual({ old: [], muxers: 1 });
});
