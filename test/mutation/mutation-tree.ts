// A private copy of the tree in which one mutant at a time is built and tested. The working tree is never touched.
//
//   src/      checked by a language service that stays warm; the one file is transpiled into dist, from where workers
//             and servers run
//   assembly/ the targets that tests and workers load are compiled again

import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import ts from "typescript";
import { runProgram } from "../support/run-program.js";
import { applied, type Mutant } from "./mutants.js";

/** Of the root: a demo's media may be large. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git", "media", ".reel"]);
/** What npm has installed is shared with the working tree. */
const INSTALLED = ["node_modules", "test/peers/node_modules"];
/** Those that tests and worker threads load. */
const TARGETS = ["test-debug", "test-release", "release"];
const WASM = "dist/wasm";
/** Of what vitest prints, where it leaves no report. */
const LAST_CHARACTERS = 2000;

export interface TestRun {
  verdict: "passed" | "failed" | "hung";
  /** The first test that failed, else the end of what vitest printed. */
  failed: string;
  hasReport: boolean;
  seconds: number;
}

interface JsonReport {
  testResults: { name: string; message: string; assertionResults: { status: string; fullName: string }[] }[];
}

export class MutationTree {
  readonly #path: string;
  readonly #compiler: ts.LanguageService;
  /** Text that stands in for a file, and how often it has changed. */
  readonly #texts = new Map<string, string>();
  #version = 0;
  #restore: (() => void) | undefined;

  constructor(readonly root: string) {
    this.#path = mkdtempSync(join(tmpdir(), "reel-mutants-"));
    chmodSync(this.#path, 0o755); // some tests start a server that is not root
    cpSync(root, this.#path, {
      recursive: true,
      preserveTimestamps: true,
      filter: (source) => basename(source) !== "node_modules" && !LEFT_OUT.has(relative(root, source)),
    });
    for (const folder of INSTALLED) symlinkSync(join(root, folder), join(this.#path, folder));
    cpSync(join(this.#path, WASM), join(this.#path, "wasm-as-built"), { recursive: true });
    this.#compiler = this.#makeCompiler();
  }

  /** Puts a mutant in the place of the original and builds what runs. False where it does not compile. */
  async plant(mutant: Mutant, text: string): Promise<boolean> {
    const path = join(this.#path, mutant.path);
    const mutated = applied(mutant, text);
    writeFileSync(path, mutated);
    if (mutant.path.startsWith("assembly/")) {
      this.#restore = () => {
        writeFileSync(path, text);
        cpSync(join(this.#path, "wasm-as-built"), join(this.#path, WASM), { recursive: true });
      };
      const { code } = await runProgram(process.execPath, ["scripts/build-wasm.mjs", ...TARGETS], { cwd: this.#path });
      return code === 0;
    }
    const built = join(this.#path, mutant.path.replace(/^src/, "dist").replace(/ts$/, "js"));
    const asBuilt = readFileSync(built);
    this.#restore = () => {
      writeFileSync(path, text);
      writeFileSync(built, asBuilt);
      this.#texts.delete(path);
      this.#version++;
    };
    this.#texts.set(path, mutated);
    this.#version++;
    const errors = [...this.#compiler.getSyntacticDiagnostics(path), ...this.#compiler.getSemanticDiagnostics(path)];
    if (errors.length > 0) return false;
    const [output] = this.#compiler.getEmitOutput(path).outputFiles.filter(({ name }) => name.endsWith(".js"));
    if (!output) throw new Error(`nothing is built from ${path}`);
    writeFileSync(built, output.text);
    return true;
  }

  /** The original again. */
  clear(): void {
    this.#restore?.();
    this.#restore = undefined;
  }

  /**
   * Runs test files until the first failure. The clock starts with vitest's first line: a busy machine may make it wait
   * for its turn.
   */
  async test(files: readonly string[], limitMs: number): Promise<TestRun> {
    const run = await this.#testOnce(files, limitMs);
    // It ended without a word, which a machine without memory does as well as a mutant.
    return run.verdict === "failed" && !run.hasReport ? this.#testOnce(files, limitMs) : run;
  }

  async #testOnce(files: readonly string[], limitMs: number): Promise<TestRun> {
    const scratch = join(this.#path, "tmp");
    mkdirSync(scratch);
    const report = join(scratch, "report.json");
    const args = ["run", ...files, "--bail", "1", "--reporter=default", "--reporter=json", `--outputFile=${report}`];
    const child = spawn(join(this.#path, "node_modules/.bin/vitest"), args, {
      cwd: this.#path,
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, TMPDIR: scratch, NO_COLOR: "1" },
    });
    let startedMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    let isHung = false;
    child.stdout.once("data", () => {
      startedMs = performance.now();
      timer = setTimeout(() => {
        isHung = true;
        process.kill(-(child.pid as number), "SIGKILL");
      }, limitMs);
    });
    let output = "";
    child.stdout.on("data", (bytes: Buffer) => {
      output = (output + bytes.toString()).slice(-LAST_CHARACTERS);
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    clearTimeout(timer);
    const seconds = (performance.now() - startedMs) / 1000;
    const failed = code === 0 ? undefined : firstFailure(report);
    await this.#cleanUp(scratch);
    const verdict = isHung ? "hung" : code === 0 ? "passed" : "failed";
    return { verdict, failed: failed ?? output, hasReport: failed !== undefined, seconds };
  }

  close(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  /** What a killed test has mounted is unmounted with its folder. */
  async #cleanUp(scratch: string): Promise<void> {
    for (const line of readFileSync("/proc/self/mounts", "utf8").split("\n").reverse()) {
      const mountPoint = line.split(" ")[1] ?? "";
      if (mountPoint.startsWith(`${scratch}/`)) await runProgram("umount", ["--lazy", mountPoint]);
    }
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }

  #makeCompiler(): ts.LanguageService {
    const config = join(this.#path, "tsconfig.build.json");
    const { config: json } = ts.readConfigFile(config, ts.sys.readFile);
    const { options, fileNames } = ts.parseJsonConfigFileContent(json, ts.sys, dirname(config));
    // A mutant may leave something unused: that is a fault of the text, not of what it does.
    Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false, sourceMap: false, incremental: false });
    delete options.tsBuildInfoFile;
    return ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => fileNames,
      getScriptVersion: (name) => (this.#texts.has(name) ? `${this.#version}` : "0"),
      getScriptSnapshot: (name) => {
        const text = this.#texts.get(name) ?? ts.sys.readFile(name);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => this.#path,
      getDefaultLibFileName: (of) => ts.getDefaultLibFilePath(of),
      fileExists: ts.sys.fileExists,
      readFile: ts.sys.readFile,
      readDirectory: ts.sys.readDirectory,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    });
  }
}

function firstFailure(report: string): string | undefined {
  let results: JsonReport["testResults"];
  try {
    results = (JSON.parse(readFileSync(report, "utf8")) as JsonReport).testResults;
  } catch {
    return undefined;
  }
  for (const { name, message, assertionResults } of results) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed) return `${basename(name)}: ${failed.fullName}`;
    if (message !== "") return `${basename(name)}: ${message.slice(0, 200)}`;
  }
  return undefined;
}
