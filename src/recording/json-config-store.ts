// The config store that a recorder has by default: one JSON file of the state folder, replaced atomically (temporary
// name, fsync, rename, fsync of the folder). A damaged one is set aside and the server starts without it
// (ems-record-spec §3.9); one that another version wrote is whole, so the server does not start until somebody decides.
// Deleting the file gives a clean start. Revisions are not in the file: one process has it.

import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/private-files.js";
import { ReelError } from "../base/reel-error.js";
import type { ConfigStore, ExpectedRevision, StoredSection } from "./config-store.js";

const FILE_NAME = "configs.json";
const FORMAT = 1;
/**
 * Between two writes: the whole file is written each time, and a control room may send hundreds of commands a second.
 */
const PAUSE_MS = 100;
/** Between two tries of a disk that does not take the file. */
const LAST_RETRY_MS = 10_000;

export class JsonConfigStore implements ConfigStore {
  #path: string;
  #logger: Logger;
  readonly #sections: Map<string, StoredSection>;
  readonly #watchers = new Map<string, Set<(stored: StoredSection) => void>>();
  #writing: Promise<void> | undefined;
  #isDirty = false;
  #isFlushing = false;
  /** Configs as text. They do not change, so each is serialized once, not with every write. */
  readonly #texts = new WeakMap<object, string>();
  #endPause: () => void = () => {};

  private constructor(path: string, sections: Record<string, unknown>, logger: Logger) {
    this.#path = path;
    this.#sections = new Map(Object.entries(sections).map(([name, value]) => [name, { value, revision: 1 }]));
    this.#logger = logger;
  }

  /**
   * `discard`: a file of another format is set aside. Throws ReelError `otherVersion` where there is one and it is not
   * discarded.
   */
  static async open(folder: string, logger: Logger, discard = false): Promise<JsonConfigStore> {
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const path = join(folder, FILE_NAME);
    return new JsonConfigStore(path, await readSections(path, logger, discard), logger);
  }

  get(section: string): StoredSection | undefined {
    return this.#sections.get(section);
  }

  /** Takes effect at once; the file follows soon. */
  async put(section: string, value: unknown, expected: ExpectedRevision): Promise<number> {
    const actual = this.#sections.get(section)?.revision ?? "absent";
    if (actual !== expected)
      throw new ReelError("conflict", `section ${section} is at revision ${actual}, not ${expected}`, { section });
    const stored = { value, revision: actual === "absent" ? 1 : actual + 1 };
    this.#sections.set(section, stored);
    this.#isDirty = true;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    for (const callback of this.#watchers.get(section) ?? []) callback(stored);
    return stored.revision;
  }

  watch(section: string, callback: (stored: StoredSection) => void): () => void {
    const watchers = this.#watchers.get(section) ?? new Set();
    this.#watchers.set(section, watchers.add(callback));
    return () => watchers.delete(callback);
  }

  /** Resolves when everything put so far is on the disk. */
  async flush(): Promise<void> {
    this.#isFlushing = true;
    this.#endPause();
    await this.#writing;
    this.#isFlushing = false;
  }

  /** What could not be saved is tried again, ever more rarely, until the end. */
  async #write(): Promise<void> {
    let pauseMs = PAUSE_MS;
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await replaceFile(this.#path, this.#serialize());
        pauseMs = PAUSE_MS;
      } catch (error) {
        this.#logger.warn(
          { err: error, path: this.#path },
          "the configs could not be saved; they would not survive a restart",
        );
        if (this.#isFlushing) return;
        this.#isDirty = true;
        pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS);
      }
      if (!this.#isFlushing) await this.#pause(pauseMs);
    }
  }

  /** One line for each config. */
  #serialize(): string {
    const sections = [...this.#sections].map(([name, { value }]) => [name, value] as const);
    const lines = [["format", FORMAT] as const, ...sections].flatMap(([section, value]) => {
      if (!Array.isArray(value))
        return value === undefined ? [] : [`  ${JSON.stringify(section)}: ${JSON.stringify(value)}`];
      const items = value.map((item: unknown) => `    ${this.#textOf(item)}`).join(",\n");
      return [`  ${JSON.stringify(section)}: [${items === "" ? "" : `\n${items}\n  `}]`];
    });
    return `{\n${lines.join(",\n")}\n}\n`;
  }

  #textOf(item: unknown): string {
    if (typeof item !== "object" || item === null) return JSON.stringify(item);
    let text = this.#texts.get(item);
    if (text === undefined) {
      text = JSON.stringify(item);
      this.#texts.set(item, text);
    }
    return text;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function readSections(path: string, logger: Logger, discard: boolean): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  let stored: Record<string, unknown> | undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) stored = value as Record<string, unknown>;
  } catch {
    // Damaged: told below.
  }
  const { format, ...sections } = stored ?? {};
  if (format === FORMAT) return sections;
  if (typeof format === "number" && !discard)
    throw new ReelError(
      "otherVersion",
      `${path} has format ${format}, and this version reads ${FORMAT}: nothing would be recorded. Start the version that wrote it, or start with --discard-configs, which sets the file aside`,
      { path },
    );
  const aside = `${path}.${typeof format === "number" ? "discarded" : "damaged"}-${Date.now()}`;
  await rename(path, aside);
  logger.warn(
    { path, aside },
    `the saved configs are ${typeof format === "number" ? "of another version" : "damaged"}; they were set aside and the server starts without them`,
  );
  return {};
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  // One that a crash or an earlier version left would keep its mode when it is opened. Not chmod: file systems without
  // modes (vfat, SMB) refuse it.
  await rm(temporary, { force: true });
  await withFile(temporary, "wx", async (file) => {
    await file.writeFile(text);
    await file.sync();
  });
  await rename(temporary, path);
  await withFile(dirname(path), "r", (folder) => folder.sync());
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, PRIVATE_FILE);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
