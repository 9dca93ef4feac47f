// Uploads finished files to an S3 bucket: oldest first, again and again until the server has them, over restarts.
//
//   catalogue: finished ─▶ pending ─▶ thread (upload-file.ts) ─▶ ledger and catalogue: uploaded ─▶ event (─▶ deleted)
//
// The catalogue is the queue: what is final, is to be uploaded and is not yet `uploaded` is found in it at every start.
// What a crash leaves of an upload is in its journal.

import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LogLimit } from "../base/log-limit.js";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FOLDER } from "../base/private-files.js";
import { asReelError } from "../base/reel-error.js";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { CatalogSegment } from "../catalog/catalog-segment.js";
import type { UploadedSegmentReport } from "../catalog/segment-report.js";
import type { Clock } from "../time/units.js";
import { LocalFiles } from "./local-files.js";
import { distinctKey, objectKey } from "./object-key.js";
import { type PendingUpload, PendingUploads } from "./pending-uploads.js";
import type { Credentials } from "./s3-request.js";
import { UploadJournal } from "./upload-journal.js";
import { type CompleteUploadSettings, othersRead, readCredentials } from "./upload-settings.js";
import type { TaskFailure, UploadOutcome } from "./upload-task.js";
import { UploadThread } from "./upload-thread.js";

export interface UploadParts {
  readonly catalog: SegmentCatalog;
  readonly whenCatalogued: () => Promise<void>;
  readonly mediaFolders: readonly string[];
  readonly stateFolder: string;
  readonly settings: CompleteUploadSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Pauses and patience; a test is less patient. */
  readonly timing?: UploadTiming;
}

export interface UploadTiming {
  /** Of a connection that carries nothing. */
  readonly idleMs?: number;
  /** Before the second try of a request. */
  readonly retryMs?: number;
  /** Before the second try of a file. */
  readonly pauseMs?: number;
  /** Between tries to delete what is held. */
  readonly deleteMs?: number;
}

/** A try of an upload has failed. */
export interface UploadFailure {
  readonly segment: CatalogSegment;
  readonly key: string | undefined;
  readonly code: string;
  readonly reason: string;
  readonly tries: number;
  /** Unix milliseconds; null: it is not tried again. */
  readonly nextTryMs: number | null;
}

const FOLDER = "uploads";
const PAGE = 1000;
const IDLE_MS = 60_000;
const RETRY_MS = 500;
const LOAD_RETRY_MS = 60_000;

export class Uploads
  extends EventEmitter<{ uploaded: [report: UploadedSegmentReport]; failed: [failure: UploadFailure] }>
  implements Collector
{
  readonly #parts: UploadParts;
  readonly #pending: PendingUploads;
  readonly #thread: UploadThread;
  readonly #folder: string;
  readonly #detach: (() => void)[];
  readonly #failures: LogLimit;
  readonly #underWay = new Set<Promise<void>>();
  readonly #local: LocalFiles;
  #timer: NodeJS.Timeout | undefined;
  #isLoaded = false;
  #isClosed = false;
  #loading: Promise<void>;
  #segments = 0;
  #bytes = 0;
  #sentBytes = 0;
  #failed = 0;

  private constructor(parts: UploadParts) {
    super();
    const { catalog, settings, logger, clock, timing = {} } = parts;
    const { concurrency, partBytes, bytesPerSecond, checksums: keepsChecksums } = settings;
    const { endpoint, region, bucket, isHostStyle } = settings;
    this.#parts = parts;
    this.#folder = join(parts.stateFolder, FOLDER);
    this.#failures = new LogLimit(clock, 1);
    this.#pending = new PendingUploads(concurrency, Math.random, timing.pauseMs);
    this.#thread = new UploadThread(
      {
        ...{
          bucket: { endpoint, region, bucket, isHostStyle },
          keepsChecksums,
          partBytes,
          concurrency,
          bytesPerSecond,
        },
        ...{ idleMs: timing.idleMs ?? IDLE_MS, retryMs: timing.retryMs ?? RETRY_MS },
      },
      (error) => logger.warn({ err: error }, "the thread that uploads has died"),
    );
    this.#detach = [
      catalog.onClosed((segment) => this.#add(segment)),
      catalog.onDeleted(({ sequence: _ }, { id }) => this.#dropped(id)),
      // For as long as the catalogue is open, as retention's.
    ];
    catalog.guard((segment, cause) => this.#reasonToKeep(segment, cause === "request"));
    const keepsAll = settings.keepLocal;
    this.#local = new LocalFiles({
      catalog,
      keepsAll,
      logger,
      retryMs: timing.deleteMs,
      carryOut: (id) => this.#carryOut(id),
    });
    this.#loading = this.#load();
  }

  /** Throws ReelError `badArgument` where there are no credentials. */
  static async start(parts: UploadParts): Promise<Uploads> {
    const { settings, env, logger, stateFolder } = parts;
    await readCredentials(settings, env);
    const { credentialsFile, endpoint } = settings;
    if (credentialsFile !== undefined && (await othersRead(credentialsFile)))
      logger.warn(
        { file: credentialsFile },
        "other users can read the credentials of uploads: chmod 600 keeps them private",
      );
    if (endpoint.startsWith("http:")) logger.warn({ endpoint }, "uploads are not encrypted on their way: https is");
    await mkdir(join(stateFolder, FOLDER), { recursive: true, mode: PRIVATE_FOLDER });
    return new Uploads(parts);
  }

  /** True where a file waits for its upload, or may: until the catalogue is read nobody knows. */
  isNeeded(id: number): boolean {
    return this.#parts.settings.keepUntilUploaded && (!this.#isLoaded || this.#pending.has(id));
  }

  /** False until the catalogue has been read. */
  get isComplete(): boolean {
    return this.#isLoaded;
  }

  /** What waits, oldest first. */
  pending(): readonly PendingUpload[] {
    return this.#pending.sorted();
  }

  /** Where the object of a key is. */
  objectOf(key: string): string {
    return `s3://${this.#parts.settings.bucket}/${key}`;
  }

  /** By the wall clock; null where nothing has failed. */
  nextTryOf({ nextTryMs, failure }: PendingUpload): number | null {
    const { clock } = this.#parts;
    return failure ? Math.round(clock.wallMs() + nextTryMs - clock.monotonicMs()) : null;
  }

  /** Tries at once what has failed. */
  retryNow(): void {
    this.#pending.retryNow();
    this.#pump();
  }

  collect(): readonly Sample[] {
    return [
      counter("reel_uploaded_segments_total", "Files that were uploaded.", this.#segments),
      counter("reel_uploaded_bytes_total", "Bytes of files that were uploaded.", this.#bytes),
      counter("reel_upload_sent_bytes_total", "Bytes of them that went out, further tries included.", this.#sentBytes),
      counter("reel_upload_failures_total", "Tries of uploads that failed.", this.#failed),
      gauge("reel_uploads_pending", "Files that wait for their upload.", this.#pending.size),
      gauge("reel_uploads_pending_bytes", "Bytes of files that wait for their upload.", this.#pending.bytes),
      gauge("reel_uploads_under_way", "Files that are being uploaded.", this.#pending.underWay),
    ];
  }

  /** Ends uploads where they are: the next start goes on there. To be called before the recorder closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const detach of this.#detach) detach();
    await this.#thread.close();
    await Promise.all(this.#underWay);
    await this.#loading;
    await this.#local.close();
  }

  /** What is final and not uploaded; then the journals of what is not wanted any more. */
  async #load(): Promise<void> {
    const { catalog, logger, whenCatalogued } = this.#parts;
    try {
      await whenCatalogued();
      let cursor: string | undefined;
      do {
        if (this.#isClosed) return;
        const page = await catalog.query({
          state: ["finished", "recovered"],
          limit: PAGE,
          ...(cursor !== undefined && { cursor }),
        });
        for (const { missing, unreachable: _, ...segment } of page.segments)
          if (!missing || (await catalog.isAway(segment))) this.#add(segment);
        cursor = page.cursor;
      } while (cursor !== undefined);
      this.#isLoaded = true;
      this.#pump();
      for (const id of await UploadJournal.idsIn(this.#folder)) if (!this.#pending.has(id)) await this.#carryOut(id);
    } catch (error) {
      if (this.#isClosed) return;
      logger.warn({ err: error }, "the catalogue could not be read for uploads; it is tried again");
      setTimeout(() => {
        if (!this.#isClosed) this.#loading = this.#load();
      }, LOAD_RETRY_MS).unref();
    }
  }

  #add(segment: CatalogSegment): void {
    const { settings, mediaFolders, logger } = this.#parts;
    const isWanted = segment.wishes?.upload ?? settings.all;
    if (!isWanted || segment.isEstimated || this.#pending.has(segment.id)) return;
    try {
      this.#pending.add(segment, objectKey(settings.key, segment, mediaFolders));
    } catch (error) {
      const { code, message } = asReelError(error);
      logger.warn({ path: segment.path }, `a file is not uploaded: ${message}`);
      this.emit("failed", { segment, key: undefined, code, reason: message, tries: 0, nextTryMs: null });
      return;
    }
    this.#pump();
  }

  /** It was deleted: what the server has of it is not wanted. */
  #dropped(id: number): void {
    const pending = this.#pending.get(id);
    this.#pending.remove(id);
    if (pending && existsSync(UploadJournal.pathOf(this.#folder, id))) void this.#abort(id);
  }

  #reasonToKeep({ id }: CatalogSegment, isAsked: boolean): string | undefined {
    if (this.#isClosed) return undefined;
    if (this.#pending.get(id)?.isUnderWay) return "it is being uploaded";
    return !isAsked && this.isNeeded(id) ? "it waits for its upload" : undefined;
  }

  /** Not before all that waits is known: the oldest goes first. */
  #pump(): void {
    if (this.#isClosed || !this.#isLoaded) return;
    const { clock, settings } = this.#parts;
    clearTimeout(this.#timer);
    while (this.#pending.underWay < settings.concurrency) {
      const next = this.#pending.next(clock.monotonicMs());
      if (!next) break;
      next.isUnderWay = true;
      next.tries++;
      const run = this.#upload(next)
        .catch((error: unknown) => this.#failedOnce(next, unexpected(error)))
        .finally(() => {
          this.#underWay.delete(run);
          this.#pump();
        });
      this.#underWay.add(run);
    }
    if (this.#pending.underWay >= settings.concurrency) return;
    const nextMs = this.#pending.nextMs();
    if (nextMs !== undefined)
      this.#timer = setTimeout(() => this.#pump(), Math.max(10, nextMs - clock.monotonicMs())).unref();
  }

  async #upload(pending: PendingUpload): Promise<void> {
    const { segment, key = "" } = pending;
    const outcome = await this.#send(segment, key);
    if (this.#isClosed) return;
    if (!outcome.failure) this.#sentBytes += outcome.sentBytes;
    const failure = outcome.failure ?? (await this.#uploaded(segment, outcome.key));
    if (!failure) return;
    // A file whose volume is away, and maybe another one in its place, comes back with it.
    const isAway = failure.isFinal && (await this.#parts.catalog.isAway(segment));
    this.#failedOnce(
      pending,
      isAway ? { ...failure, reason: `the volume of ${segment.path} is not mounted`, isFinal: false } : failure,
    );
  }

  async #send(segment: CatalogSegment, key: string): Promise<UploadOutcome> {
    const { id, path, sizeBytes } = segment;
    try {
      const credentials = await this.#credentials();
      const journalPath = UploadJournal.pathOf(this.#folder, id);
      return await this.#thread.upload({
        credentials,
        file: { path, key, otherKey: distinctKey(key, segment), sizeBytes, journalPath },
      });
    } catch (error) {
      const { code, message } = asReelError(error);
      return { failure: { code, reason: message, isFinal: false, isServers: code === "badArgument" } };
    }
  }

  #credentials(): Promise<Credentials> {
    return readCredentials(this.#parts.settings, this.#parts.env);
  }

  /** The journal goes last: a start that finds it behind a file that is uploaded deletes that file. */
  async #uploaded(segment: CatalogSegment, key: string): Promise<TaskFailure | undefined> {
    let report: UploadedSegmentReport | undefined;
    try {
      report = await this.#parts.catalog.markUploaded(segment, this.objectOf(key));
    } catch (error) {
      // The disk of the ledger is full, say. The next try finds the object.
      const { code, message } = asReelError(error);
      return { code, reason: message, isFinal: false, isServers: false };
    }
    this.#pending.succeeded(segment.id);
    this.#segments++;
    this.#bytes += segment.sizeBytes;
    if (report) this.emit("uploaded", report);
    if (!report || (await this.#local.delete(segment))) this.#removeJournal(segment.id);
    return undefined;
  }

  /** A journal of a file that waits for nothing: a crash came before its end was carried out. */
  async #carryOut(id: number): Promise<void> {
    const segment = await this.#parts.catalog.find(id);
    if (segment?.state === "uploaded" && !(await this.#local.delete(segment))) return;
    // The object is whole: nothing of it is left to be aborted.
    if (segment?.object !== undefined) this.#removeJournal(id);
    else await this.#abort(id);
  }

  #removeJournal(id: number): void {
    new UploadJournal(UploadJournal.pathOf(this.#folder, id)).remove();
  }

  #failedOnce(pending: PendingUpload, failure: TaskFailure): void {
    const { clock, logger } = this.#parts;
    const { segment, key, tries } = pending;
    const { code, reason, isFinal } = failure;
    this.#failed++;
    if (isFinal) {
      this.#pending.remove(segment.id);
      void this.#abort(segment.id);
    } else this.#pending.failed(pending, failure, clock.monotonicMs());
    const nextTryMs = isFinal ? null : this.nextTryOf(pending);
    this.#failures.pass((suppressed) =>
      logger.warn({ path: segment.path, key, code, tries, suppressed }, `an upload failed: ${reason}`),
    );
    this.emit("failed", { segment, key, code, reason, tries, nextTryMs });
  }

  /** A journal whose upload could not be aborted stays for the next start. */
  async #abort(id: number): Promise<void> {
    if (this.#isClosed) return;
    try {
      const credentials = await this.#credentials();
      await this.#thread.abort({ credentials, journalPath: UploadJournal.pathOf(this.#folder, id) });
    } catch (error) {
      if (!this.#isClosed) this.#parts.logger.warn({ err: error }, "an upload could not be aborted");
    }
  }
}

function unexpected(error: unknown): TaskFailure {
  const { code, message } = asReelError(error);
  return { code, reason: message, isFinal: false, isServers: false };
}
