// A recorder's state and media folder, with what it would put into the ledger: for tests of the catalogue on real
// files.

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { Catalog } from "../../src/catalog/catalog.js";
import type { FoundSegment } from "../../src/catalog/catalog-segment.js";
import { Ledger } from "../../src/catalog/ledger.js";
import type { DeletionGuard } from "../../src/catalog/segment-deletion.js";
import type { SegmentReport } from "../../src/catalog/segment-report.js";
import { Reservations } from "../../src/recording/naming/reservations.js";
import { scratch } from "./scratch.js";

const { path } = scratch();
export const MIDNIGHT = Date.UTC(2026, 10, 27);
export const MINUTE = 60_000;
export const ORIGIN = { configId: 1, outStreamId: 2, variables: { _site: "north" } };
export const TRACKS = [{ kind: "video" as const, codec: "h264" }];
let folders = 0;

export class Rig {
  readonly state = path(`state${++folders}`);
  readonly media = path(`media${folders}`);
  ledger!: Ledger;
  catalog!: Catalog;
  readonly names = new Reservations();
  /** Appends behind which the catalogue is synced; undefined: as a server has it. */
  checkpointEvery: number | undefined;
  readonly warnings: unknown[] = [];

  async open(guard?: DeletionGuard): Promise<this> {
    mkdirSync(this.media, { recursive: true });
    this.ledger = await Ledger.open(this.state, silentLogger, { isDurable: false });
    this.catalog = await Catalog.open(this.state, {
      ledger: this.ledger,
      mediaFolders: [this.media],
      logger: { ...silentLogger, warn: (...told: unknown[]) => this.warnings.push(told) },
      names: this.names,
      resumeMs: 20,
      ...(this.checkpointEvery !== undefined ? { checkpointEvery: this.checkpointEvery } : {}),
    });
    this.catalog.start(guard);
    await this.catalog.whenComplete();
    rigs.add(this);
    return this;
  }

  async close(): Promise<void> {
    rigs.delete(this);
    await this.catalog.close();
    await this.ledger.close();
  }

  async grow(stream: string, startedMs: number, file?: string): Promise<SegmentReport> {
    const sequence = this.ledger.nextSequence();
    const numbered = `${stream.replaceAll("/", "_").slice(0, 100)}_${String(sequence).padStart(4, "0")}.ts`;
    const name = join(this.media, file ?? numbered);
    const base = { ...ORIGIN, localStreamName: stream, container: "ts" as const, tracks: TRACKS };
    const report = { ...base, path: name, startedMs, sequence };
    await this.ledger.append({ type: "opened", report });
    return report;
  }

  async finish(
    opened: SegmentReport,
    stoppedMs: number,
    recovered = false,
    durationMs = stoppedMs - opened.startedMs,
  ): Promise<void> {
    writeFileSync(opened.path, Buffer.alloc(188));
    const counts = { videoFrames: 25, audioFrames: 0, durationMs, sizeBytes: 188 };
    const rest = { stoppedMs, ...counts, finish: "none" as const, recovered, gaps: [], lost: null, syncError: null };
    const report = { ...opened, sequence: this.ledger.nextSequence(), ...rest };
    await this.ledger.append({ type: "closed", opened: opened.sequence, report });
  }

  async record(stream: string, startedMs: number, durationMs: number, file?: string): Promise<SegmentReport> {
    const opened = await this.grow(stream, startedMs, file);
    await this.finish(opened, startedMs + durationMs);
    return opened;
  }

  async fail(opened: SegmentReport): Promise<void> {
    const failure = { code: "notFound" as const, error: "it has no frames", sequence: this.ledger.nextSequence() };
    await this.ledger.append({ type: "failed", opened: opened.sequence, report: { ...opened, ...failure } });
  }

  async segment(id: number): Promise<FoundSegment> {
    const found = await this.catalog.find(id);
    if (!found) throw new Error(`the catalogue has no segment ${id}`);
    return found;
  }

  /**
   * The media folder is another, empty one, as where its volume is not mounted. Returns a function that brings it back.
   */
  unmount(): () => void {
    renameSync(this.media, `${this.media}.away`);
    mkdirSync(this.media);
    return () => {
      rmSync(this.media, { recursive: true });
      renameSync(`${this.media}.away`, this.media);
    };
  }

  async ids(query: Parameters<Catalog["query"]>[0] = {}): Promise<number[]> {
    return (await this.catalog.query(query)).segments.map((segment) => segment.id);
  }
}

const rigs = new Set<Rig>();
afterEach(async () => {
  for (const rig of rigs) await rig.close();
});
