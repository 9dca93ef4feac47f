// Completes the catalogue's index at start. `checkpoint` holds the ledger's sequence up to which the index is on the
// disk; later entries are put in again. Without a checkpoint (a state folder of 0.1, an index that was deleted) the
// whole ledger is put in, and then every media file that the ledger no longer reaches, with what its name and the file
// system say about it.

import { createHash } from "node:crypto";
import { open, opendir, readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE } from "../base/private-files.js";
import { UNKNOWN_ORIGIN } from "../container/segment-origin.js";
import { containerOf } from "../container/table.js";
import { type CatalogSegment, segmentOf } from "./catalog-segment.js";
import { DAY_FOLDER, readLine, scanDay } from "./day-file.js";
import type { DayWriter } from "./day-writer.js";
import type { Ledger } from "./ledger.js";
import type { LedgerEntry } from "./ledger-entry.js";
import type { SegmentLookup } from "./segment-lookup.js";
import { syncFolder } from "./sync-folder.js";

export interface RebuildParts {
  ledger: Ledger;
  mediaFolders: readonly string[];
  logger: Logger;
  writer: DayWriter;
  lookup: SegmentLookup;
}

const FILE = "checkpoint";
/** Folders below a media folder: dated recordings nest three deep. */
const MAX_DEPTH = 8;
/** What the catalogue's files hold: a segment with its end. */
const ENDS: ReadonlySet<LedgerEntry["type"]> = new Set(["closed", "failed", "copied", "uploaded", "deleted"]);
/** So many appends are awaited together. */
const BATCH = 1000;
/** Ids of segments without a ledger entry lie above all sequences. */
const FIRST_ESTIMATED_ID = 2 ** 52;

export class CatalogRebuild {
  #isStopping = false;
  #batch: Promise<void>[] = [];

  constructor(
    private readonly folder: string,
    private readonly parts: RebuildParts,
  ) {}

  async run(): Promise<void> {
    const { ledger, mediaFolders, logger, lookup } = this.parts;
    if (!(await lookup.isComplete())) await this.#lookThrough();
    if (this.#isStopping) return;
    const from = await this.#readCheckpoint();
    const known = from === undefined ? new KnownFiles() : undefined;
    let segments = 0;
    for await (const entry of ledger.entriesAfter(from ?? 0)) {
      if (this.#isStopping) return;
      if (known) known.add(entry.report.path, entry.report.localStreamName);
      // A copy is no recording of its own.
      if (known && entry.type === "copied") known.add(entry.report.copy, entry.report.localStreamName);
      if (!ENDS.has(entry.type)) continue;
      await this.#append(segmentOf(entry));
      segments++;
    }
    if (known) for (const folder of mediaFolders) segments += await this.#scan(folder, 0, known);
    await Promise.all(this.#batch.splice(0));
    if (this.#isStopping) return;
    await this.checkpoint();
    if (segments > 0) logger.info({ segments, isWhole: known !== undefined }, "the catalogue was completed");
  }

  /** Ends a run early; the next start begins where the last checkpoint was. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Called when the index holds on the disk what the ledger holds now. */
  async checkpoint(): Promise<void> {
    const { ledger, writer } = this.parts;
    const { newest } = ledger;
    await writer.sync();
    if (writer.hasFailed) return;
    const path = join(this.folder, FILE);
    const file = await open(`${path}.new`, "w", PRIVATE_FILE);
    try {
      await file.writeFile(`${newest}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
  }

  async #readCheckpoint(): Promise<number | undefined> {
    try {
      const text = (await readFile(join(this.folder, FILE), "utf8")).trim();
      return /^\d+$/.test(text) ? Number(text) : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Day files of an earlier version, or ones whose lookup was deleted, are gone through once. */
  async #lookThrough(): Promise<void> {
    const { lookup } = this.parts;
    for (const day of (await readdir(this.folder)).filter((name) => DAY_FOLDER.test(name)))
      for (const name of await readdir(join(this.folder, day))) {
        const bytes = await readFile(join(this.folder, day, name));
        const lines = [...scanDay(bytes, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY).values()];
        for (let at = 0; at < lines.length; at += BATCH) {
          if (this.#isStopping) return;
          await lookup.add(lines.slice(at, at + BATCH).map((line) => readLine(bytes, line)));
        }
      }
    await lookup.markComplete();
  }

  async #append(segment: CatalogSegment): Promise<void> {
    this.#batch.push(this.parts.writer.append(segment));
    if (this.#batch.length >= BATCH) await Promise.all(this.#batch.splice(0));
  }

  async #scan(folder: string, depth: number, known: KnownFiles): Promise<number> {
    let found = 0;
    try {
      for await (const entry of await opendir(folder)) {
        if (this.#isStopping) return found;
        const path = join(folder, entry.name);
        if (entry.isDirectory() && depth < MAX_DEPTH) found += await this.#scan(path, depth + 1, known);
        if (!entry.isFile() || known.has(path)) continue;
        const segment = await estimate(path, known.streamOf(path));
        if (!segment) continue;
        await this.#append(segment);
        found++;
      }
    } catch (error) {
      this.parts.logger.warn({ err: error, folder }, "a folder could not be searched for the catalogue");
    }
    return found;
  }
}

/** Files that the ledger knows, and which stream the beginnings of their names belong to. */
class KnownFiles {
  readonly #paths = new Set<string>();
  readonly #streams = new Map<string, string>();

  add(path: string, stream: string): void {
    this.#paths.add(path);
    if (stream !== "") this.#streams.set(baseOf(path), stream);
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  streamOf(path: string): string {
    return this.#streams.get(baseOf(path)) ?? "";
  }
}

/** The name without the numbers that distinguish the segments of one config. */
function baseOf(path: string): string {
  return path
    .slice(0, path.lastIndexOf("."))
    .replace(/_part\d{4,}$/, "")
    .replace(/_\d{4,}$/, "");
}

async function estimate(path: string, localStreamName: string): Promise<CatalogSegment | undefined> {
  const container = containerOf(path);
  if (!container) return undefined;
  const { size, mtimeMs, birthtimeMs } = await stat(path);
  const hash = createHash("sha256").update(path).digest();
  const stoppedMs = Math.floor(mtimeMs);
  const startedMs = birthtimeMs > 0 ? Math.min(Math.floor(birthtimeMs), stoppedMs) : stoppedMs;
  return {
    ...UNKNOWN_ORIGIN,
    localStreamName,
    id: FIRST_ESTIMATED_ID + hash.readUIntBE(0, 6),
    state: "finished",
    ...{ path, container, tracks: [], startedMs, stoppedMs, sizeBytes: size },
    ...{ durationMs: stoppedMs - startedMs, videoFrames: 0, audioFrames: 0, finish: "none", gaps: 0, lost: null },
    isEstimated: true,
  };
}
