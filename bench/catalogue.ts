// npm run bench:catalogue -- --segments 1000000
//
// The catalogue's index as it is (an append-only file per stream and day) beside SQLite (better-sqlite3: WAL,
// synchronous=NORMAL, a primary key of stream, beginning and id; `npm install --prefix bench`). Both hold the same
// segments of 60 s of 100 streams, filled in bulk; then each is asked and appended to as a recorder would. Each runs in
// a process of its own. Cold queries come after the files were dropped from the page cache (dd iflag=nocache), SQLite's
// also on a connection just opened. What a query costs includes parsing its 60 segments, in the catalogue also a
// stat(2) of each file.

import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { silentLogger } from "../src/base/logger.js";
import { Catalog } from "../src/catalog/catalog.js";
import type { CatalogSegment } from "../src/catalog/catalog-segment.js";
import { dayOf, daysOf, fileNameOf, lineOf } from "../src/catalog/day-file.js";
import { DayWriter } from "../src/catalog/day-writer.js";
import { Ledger } from "../src/catalog/ledger.js";
import { SegmentLookup } from "../src/catalog/segment-lookup.js";
import { formatTable, type Row, significant, writeResult } from "./measure/report.js";

const { values } = parseArgs({
  options: {
    segments: { type: "string", default: "1000000" },
    appends: { type: "string", default: "20000" },
    rebuild: { type: "string", default: "100000" },
    folder: { type: "string" },
    /** The day files stay there for other runs: only what is measured behind them wants a quiet machine. */
    filled: { type: "string" },
    subject: { type: "string" },
  },
});

const SEGMENTS = Number(values.segments);
const APPENDS = Number(values.appends);
const REBUILD = Number(values.rebuild);
const STREAMS = 100;
const SEGMENT_MS = 60_000;
const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const DAY_SEGMENTS = 1440;
const PER_STREAM = Math.ceil(SEGMENTS / STREAMS);
const WARM_QUERIES = 500;
const COLD_QUERIES = 30;

interface Figures {
  appendsPerSecond: number;
  longestStallMs: number;
  warmMs: number[];
  coldMs: number[];
  peakMiB: number;
  diskMiB: number;
  rebuildSeconds: number;
}

/** The two ways to keep the index, as the measurement sees them. */
interface Subject {
  /** By an earlier run. */
  readonly isFilled: boolean;
  fill(): void;
  /** A minute of the recorder: one segment of every stream. */
  appendAll(segments: readonly CatalogSegment[]): Promise<void>;
  hour(stream: string, fromMs: number): Promise<number>;
  /** Files that a query of this hour may read. */
  cool(stream: string, fromMs: number): Promise<void>;
  rebuild(): Promise<void>;
  close(): Promise<void>;
}

function segmentAt(stream: number, n: number): CatalogSegment {
  const startedMs = START_MS + n * SEGMENT_MS + stream * 37;
  const name = `camera-${String(stream).padStart(3, "0")}`;
  return {
    ...{ localStreamName: name, configId: stream + 1, outStreamId: stream + 1000, variables: { _site: "north" } },
    ...{
      id: n * STREAMS + stream + 1,
      state: "finished",
      path: `/srv/media/${name}_part${String(n).padStart(4, "0")}.mp4`,
    },
    container: "mp4",
    tracks: [
      { kind: "video", codec: "h264" },
      { kind: "audio", codec: "aac" },
    ],
    ...{ startedMs, stoppedMs: startedMs + SEGMENT_MS, durationMs: 60_000, sizeBytes: 19_660_800 + n },
    ...{ videoFrames: 1500, audioFrames: 2813, finish: "reserved", gaps: 0, lost: null },
  };
}

class DayFiles implements Subject {
  readonly #index: string;
  readonly #writer: DayWriter;
  #open: { catalog: Catalog; ledger: Ledger } | undefined;

  constructor(private readonly folder: string) {
    this.#index = join(folder, "catalog");
    mkdirSync(this.#index, { recursive: true });
    this.#writer = new DayWriter(this.#index, new SegmentLookup(this.#index), silentLogger);
  }

  get isFilled(): boolean {
    return existsSync(join(this.#index, "checkpoint"));
  }

  fill(): void {
    for (let from = 0; from < PER_STREAM; from += DAY_SEGMENTS)
      for (let stream = 0; stream < STREAMS; stream++) {
        const lines = new Map<string, string[]>();
        for (let n = from; n < Math.min(PER_STREAM, from + DAY_SEGMENTS); n++) {
          const segment = segmentAt(stream, n);
          for (const day of daysOf(segment.startedMs, segment.stoppedMs ?? 0)) {
            const texts = lines.get(day) ?? [];
            texts.push(lineOf(segment));
            lines.set(day, texts);
          }
        }
        for (const [day, texts] of lines) {
          const path = join(this.#index, day, fileNameOf(segmentAt(stream, 0).localStreamName));
          mkdirSync(dirname(path), { recursive: true });
          appendFileSync(path, texts.join(""));
        }
      }
    writeFileSync(join(this.#index, "checkpoint"), "0\n");
  }

  async appendAll(segments: readonly CatalogSegment[]): Promise<void> {
    await Promise.all(segments.map((segment) => this.#writer.append(segment)));
  }

  async hour(stream: string, from: number): Promise<number> {
    this.#open ??= await this.#openCatalog(this.folder);
    return (await this.#open.catalog.query({ stream, from, to: from + HOUR_MS })).segments.length;
  }

  async cool(stream: string, from: number): Promise<void> {
    for (const day of new Set([dayOf(from), dayOf(from + HOUR_MS)])) drop(join(this.#index, day, fileNameOf(stream)));
  }

  /** From a ledger, as the start after the index was lost does. */
  async rebuild(): Promise<void> {
    const { catalog, ledger } = await this.#openCatalog(join(this.folder, "rebuild"));
    await catalog.close();
    await ledger.close();
  }

  async close(): Promise<void> {
    await this.#open?.catalog.close();
    await this.#open?.ledger.close();
  }

  async #openCatalog(folder: string): Promise<{ catalog: Catalog; ledger: Ledger }> {
    const ledger = await Ledger.open(folder, silentLogger);
    const catalog = await Catalog.open(folder, { ledger, mediaFolders: [], logger: silentLogger });
    catalog.start();
    await catalog.whenComplete();
    return { catalog, ledger };
  }
}

interface Database {
  pragma(text: string): unknown;
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): unknown; all(...values: unknown[]): { json: string }[] };
  transaction<T extends unknown[]>(body: (...values: T) => void): (...values: T) => void;
  close(): void;
}

class Sqlite implements Subject {
  #database: Database;

  private constructor(
    private readonly make: (path: string) => Database,
    private readonly path: string,
    private readonly folder: string,
  ) {
    this.#database = this.#open(path);
  }

  static async open(folder: string): Promise<Sqlite> {
    const name = "better-sqlite3";
    const { default: Constructor } = (await import(name)) as { default: new (path: string) => Database };
    return new Sqlite((path) => new Constructor(path), join(folder, "catalog.sqlite"), folder);
  }

  readonly isFilled = false;

  fill(): void {
    for (let n = 0; n < PER_STREAM; n += 100)
      this.#insert(
        this.#database,
        Array.from({ length: Math.min(100, PER_STREAM - n) * STREAMS }, (_, i) =>
          segmentAt(i % STREAMS, n + Math.floor(i / STREAMS)),
        ),
      );
    this.#database.pragma("wal_checkpoint(TRUNCATE)");
  }

  async appendAll(segments: readonly CatalogSegment[]): Promise<void> {
    this.#insert(this.#database, segments);
  }

  async hour(stream: string, fromMs: number): Promise<number> {
    const rows = this.#database
      .prepare(
        "SELECT json FROM segment WHERE stream = ? AND started < ? AND started >= ? AND stopped >= ? ORDER BY started, id",
      )
      // The longest segment is known to be 60 s here; in general it would be a column or an R-tree.
      .all(stream, fromMs + HOUR_MS, fromMs - SEGMENT_MS, fromMs);
    return rows.map(({ json }) => JSON.parse(json) as CatalogSegment).length;
  }

  async cool(): Promise<void> {
    this.#database.close();
    drop(this.path);
    this.#database = this.#open(this.path);
  }

  async rebuild(): Promise<void> {
    const ledger = await Ledger.open(join(this.folder, "rebuild"), silentLogger);
    const database = this.#open(join(this.folder, "rebuilt.sqlite"));
    const batch: CatalogSegment[] = [];
    for await (const entry of ledger.entriesAfter(0)) {
      if (entry.type !== "closed") continue;
      const { sequence, ...report } = entry.report;
      batch.push({ ...report, id: sequence, state: "finished", gaps: 0 } as CatalogSegment);
      if (batch.length === 1000) this.#insert(database, batch.splice(0));
    }
    this.#insert(database, batch);
    database.close();
    await ledger.close();
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #insert(database: Database, segments: readonly CatalogSegment[]): void {
    const insert = database.prepare("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?)");
    database.transaction((all: readonly CatalogSegment[]) => {
      for (const segment of all)
        insert.run(segment.localStreamName, segment.startedMs, segment.id, segment.stoppedMs, JSON.stringify(segment));
    })(segments);
  }

  #open(path: string): Database {
    const database = this.make(path);
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.exec(
      "CREATE TABLE IF NOT EXISTS segment (stream TEXT, started INTEGER, id INTEGER, stopped INTEGER, json TEXT, PRIMARY KEY (stream, started, id)) WITHOUT ROWID",
    );
    return database;
  }
}

/** Out of the page cache. */
function drop(path: string): void {
  spawnSync("sync", ["-d", path]);
  spawnSync("dd", [`if=${path}`, "iflag=nocache", "count=0", "status=none"]);
}

async function writeLedger(folder: string): Promise<void> {
  const ledger = await Ledger.open(folder, silentLogger, { isDurable: false });
  for (let i = 0; i < REBUILD; i += 1000)
    await Promise.all(
      Array.from({ length: 1000 }, (_, k) => {
        const { id, ...segment } = segmentAt((i + k) % STREAMS, Math.floor((i + k) / STREAMS));
        const sequence = ledger.nextSequence();
        const stoppedMs = segment.stoppedMs ?? 0;
        const report = { ...segment, sequence, stoppedMs, recovered: false, gaps: [], syncError: null };
        return ledger.append({ type: "closed", opened: id, report });
      }),
    );
  await ledger.close();
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await body();
  return performance.now() - begin;
}

/** The longest time for which the thread did nothing else: a timer of 1 ms shows it. */
async function appendAndWatch(subject: Subject): Promise<{ appendsPerSecond: number; longestStallMs: number }> {
  let last = performance.now();
  let longestStallMs = 0;
  const tick = setInterval(() => {
    const now = performance.now();
    longestStallMs = Math.max(longestStallMs, now - last);
    last = now;
  }, 1);
  const minutes = Math.ceil(APPENDS / STREAMS);
  const ms = await timed(async () => {
    for (let minute = 0; minute < minutes; minute++) {
      await subject.appendAll(Array.from({ length: STREAMS }, (_, i) => segmentAt(i, PER_STREAM + minute)));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  clearInterval(tick);
  return { appendsPerSecond: (minutes * STREAMS * 1000) / (ms - minutes), longestStallMs };
}

async function measure(name: string, folder: string): Promise<Figures> {
  mkdirSync(folder, { recursive: true });
  await writeLedger(join(folder, "rebuild"));
  const subject: Subject = name === "sqlite" ? await Sqlite.open(folder) : new DayFiles(folder);
  if (!subject.isFilled) subject.fill();
  let seed = 1;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const ask = async (isCold: boolean): Promise<number> => {
    const stream = segmentAt(next(STREAMS), 0).localStreamName;
    const fromMs = START_MS + next(Math.max(1, PER_STREAM - 60)) * SEGMENT_MS;
    if (isCold) await subject.cool(stream, fromMs);
    let found = 0;
    const ms = await timed(async () => {
      found = await subject.hour(stream, fromMs);
    });
    if (found < 60 || found > 62) throw new Error(`${name}: an hour of ${stream} has ${found} segments`);
    return ms;
  };
  const coldMs: number[] = [];
  const warmMs: number[] = [];
  await ask(false);
  for (let i = 0; i < COLD_QUERIES; i++) coldMs.push(await ask(true));
  for (let i = 0; i < WARM_QUERIES; i++) warmMs.push(await ask(false));
  const appended = await appendAndWatch(subject);
  const rebuildSeconds = (await timed(() => subject.rebuild())) / 1000;
  await subject.close();
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  rmSync(join(folder, "rebuild"), { recursive: true });
  rmSync(join(folder, "rebuilt.sqlite"), { force: true });
  const disk = spawnSync("du", ["-sm", folder], { encoding: "utf8" }).stdout.split("\t")[0];
  return { ...appended, warmMs, coldMs, peakMiB: Number(peak) / 1024, diskMiB: Number(disk), rebuildSeconds };
}

function percentile(all: readonly number[], part: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return significant(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
}

function rowOf(subject: string, figures: Figures): Row {
  return {
    index: subject,
    segments: SEGMENTS,
    "appends / s": Math.round(figures.appendsPerSecond),
    "longest stall ms": significant(figures.longestStallMs),
    "warm p50 ms": percentile(figures.warmMs, 0.5),
    "warm p99 ms": percentile(figures.warmMs, 0.99),
    "cold p50 ms": percentile(figures.coldMs, 0.5),
    "cold p99 ms": percentile(figures.coldMs, 0.99),
    "peak MiB": Math.round(figures.peakMiB),
    "disk MiB": figures.diskMiB,
    [`rebuild of ${REBUILD} s`]: significant(figures.rebuildSeconds),
  };
}

if (values.subject !== undefined) {
  process.stdout.write(JSON.stringify(await measure(values.subject, values.folder as string)));
} else {
  const rows: Row[] = [];
  const figures: Record<string, Figures> = {};
  for (const subject of values.filled === undefined ? ["day files", "sqlite"] : ["day files"]) {
    const folder = values.filled ?? mkdtempSync(join(values.folder ?? tmpdir(), "reel-catalogue-"));
    try {
      const child = spawnSync(
        process.execPath,
        [
          ...process.execArgv,
          process.argv[1] as string,
          ...process.argv.slice(2),
          "--subject",
          subject,
          "--folder",
          folder,
        ],
        { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 26 },
      );
      if (child.status !== 0) {
        console.error(`${subject} could not be measured; SQLite needs: npm install --prefix bench`);
        continue;
      }
      const measured = JSON.parse(child.stdout) as Figures;
      figures[subject] = measured;
      rows.push(rowOf(subject, measured));
    } finally {
      if (values.filled === undefined) rmSync(folder, { recursive: true, force: true });
    }
  }
  console.log(formatTable(rows));
  console.log(`\n${writeResult("catalogue", `npm run bench:catalogue -- --segments ${SEGMENTS}`, { rows, figures })}`);
}
