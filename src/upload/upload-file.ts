// Sends one file, from where it was left, and looks whether the server has it.
//
//   one part:  put ─────────────────────────────────▶ head
//   more:      create ─▶ parts, each noted ─▶ complete ─▶ head         (the journal knows how far it is)
//
// Whatever was lost between the server and the journal is asked for: an upload that the journal does not know
// (ListMultipartUploads), parts that it does not know (ListParts), an object whose completion was never heard of
// (head). A part that is taken over has the SHA-256, or else the MD5, of the file's own bytes.

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ReelError } from "../base/reel-error.js";
import type { PartBuffers } from "./part-buffers.js";
import type { ObjectHead, OpenUpload, Part, S3Objects } from "./s3-objects.js";
import { S3Failure } from "./s3-request.js";
import { isSamePlan, UploadJournal, type UploadPlan } from "./upload-journal.js";

export interface FileUpload {
  readonly path: string;
  readonly key: string;
  /** As the catalogue has it: a file of another size is another file. */
  readonly sizeBytes: number;
  readonly journalPath: string;
}

export interface UploadTools {
  readonly objects: S3Objects;
  readonly buffers: PartBuffers;
  readonly partBytes: number;
  /** Parts of one file at a time. */
  readonly concurrency: number;
  /** Of the pause before a second try of a request; it doubles. */
  readonly retryMs: number;
}

export interface UploadedFile {
  readonly etag: string;
  /** Bytes that went out, those of tries that failed included. */
  readonly sentBytes: number;
}

/** S3 takes no more parts. */
const MAX_PARTS = 10_000;
const TRIES = 4;
const MIB = 1024 * 1024;
const MD5 = /^[0-9a-f]{32}$/;

export class FileSender {
  readonly #journal: UploadJournal;
  #sentBytes = 0;
  #mayRestart = true;

  constructor(
    private readonly file: FileUpload,
    private readonly tools: UploadTools,
  ) {
    this.#journal = new UploadJournal(file.journalPath);
  }

  /**
   * Throws S3Failure, ReelError `notFound` or `lostFile` where the file is not what the catalogue says, or what fs
   * throws.
   */
  async send(): Promise<UploadedFile> {
    const { path, sizeBytes } = this.file;
    const handle = await openFile(path);
    try {
      const { size, mtimeMs } = await handle.stat();
      if (size !== sizeBytes)
        throw new ReelError("lostFile", `${path} has ${size} bytes and should have ${sizeBytes}`, { path });
      const partBytes = partSize(size, this.tools.partBytes);
      const plan = { path, key: this.file.key, sizeBytes, modifiedMs: mtimeMs, partBytes };
      await this.#dropOther(plan);
      const etag = size <= partBytes ? await this.#putWhole(handle, plan) : await this.#sendParts(handle, plan);
      return { etag, sentBytes: this.#sentBytes };
    } finally {
      await handle.close();
    }
  }

  /** What an earlier file, key or part size left at the server. */
  async #dropOther(plan: UploadPlan): Promise<void> {
    const { plan: before, uploadId } = this.#journal;
    if (!before || isSamePlan(before, plan)) return;
    if (uploadId !== undefined) await this.#try(() => this.tools.objects.abort(before.key, uploadId));
    this.#journal.clear();
  }

  /** Once it has been tried, the server is asked first: the answer alone may have been lost. */
  async #putWhole(handle: FileHandle, plan: UploadPlan): Promise<string> {
    const { key, sizeBytes } = plan;
    const { objects, buffers } = this.tools;
    return buffers.use(sizeBytes, async (buffer) => {
      await fill(handle, buffer, 0, plan.path);
      const sha256 = hashOf("sha256", buffer);
      const wanted = { sizeBytes, etag: hashOf("md5", buffer).toString("hex"), sha256: sha256.toString("base64") };
      let isTried = this.#journal.plan !== undefined;
      if (!isTried) this.#journal.begin(plan);
      return this.#try(async () => {
        if (isTried) {
          const head = await objects.head(key);
          if (head && isSame(head, wanted)) return head.etag;
        }
        isTried = true;
        const etag = await this.#count(buffer, objects.put(key, buffer, sha256));
        mustBe(await objects.head(key), { ...wanted, etag }, key);
        return etag;
      });
    });
  }

  async #sendParts(handle: FileHandle, plan: UploadPlan): Promise<string> {
    const { objects } = this.tools;
    const journal = this.#journal;
    await this.#findUpload(handle, plan);
    const uploadId = journal.uploadId as string;
    const count = Math.ceil(plan.sizeBytes / plan.partBytes);
    let isTried = false;
    try {
      await this.#sendMissing(handle, plan, uploadId, count);
      const parts = [...journal.parts.values()].sort((a, b) => a.number - b.number);
      const etag = await this.#try(async () => {
        if (isTried) {
          // Not every server takes the completion of what is complete; the answer alone may have been lost.
          const head = await objects.head(plan.key);
          if (head && (await this.#isObject(head, handle, plan, parts))) {
            await objects.abort(plan.key, uploadId).catch(() => undefined);
            return head.etag;
          }
        }
        isTried = true;
        return objects.complete(plan.key, uploadId, parts);
      });
      await this.#verify(plan, parts, etag);
      return etag;
    } catch (error) {
      if (!(error instanceof S3Failure && (error.status === 404 || error.code === "InvalidPart"))) throw error;
      // The server does not know the upload any more: it is complete and the answer was lost, or it has expired.
      const parts = [...journal.parts.values()].sort((a, b) => a.number - b.number);
      const head = parts.length === count ? await this.#try(() => objects.head(plan.key)) : undefined;
      if (head && (await this.#isObject(head, handle, plan, parts))) return head.etag;
      if (!this.#mayRestart) throw error;
      this.#mayRestart = false;
      await this.#try(() => objects.abort(plan.key, uploadId));
      journal.clear();
      return this.#sendParts(handle, plan);
    }
  }

  /** The upload to go on with: the journal's, one that the server still has of this key, or a new one. */
  async #findUpload(handle: FileHandle, plan: UploadPlan): Promise<void> {
    const journal = this.#journal;
    if (journal.plan && journal.uploadId !== undefined) return;
    const { objects } = this.tools;
    const isKnown = journal.plan !== undefined;
    if (!isKnown) journal.begin(plan);
    const left = await this.#left(plan.key);
    const newest = left.pop();
    for (const { uploadId } of left) await this.#try(() => objects.abort(plan.key, uploadId));
    if (newest && (await this.#takeOver(handle, plan, newest.uploadId))) return;
    let isRepeated = false;
    const uploadId = await this.#try(() => {
      const created = objects.create(plan.key);
      return created.catch((error: unknown) => {
        isRepeated = true;
        throw error;
      });
    });
    // One whose answer was lost is there as well.
    if (isRepeated) await this.#abortOthers(plan.key, uploadId);
    journal.begun(uploadId);
  }

  async #abortOthers(key: string, own: string): Promise<void> {
    for (const { uploadId } of await this.#left(key))
      if (uploadId !== own) await this.#try(() => this.tools.objects.abort(key, uploadId));
  }

  /** Uploads of a key that nobody completed; none where the server does not list them. */
  #left(key: string): Promise<OpenUpload[]> {
    return this.#try(() => this.tools.objects.listUploads(key)).catch((error: unknown) => {
      if (!(error instanceof S3Failure) || error.isPassing) throw error;
      return [];
    });
  }

  /** False where the server does not say which parts it has; the upload is aborted then. */
  async #takeOver(handle: FileHandle, plan: UploadPlan, uploadId: string): Promise<boolean> {
    const { objects, buffers } = this.tools;
    const listed = await this.#try(() => objects.listParts(plan.key, uploadId)).catch((error: unknown) => {
      if (!(error instanceof S3Failure) || error.isPassing) throw error;
      return undefined;
    });
    if (!listed) {
      await this.#try(() => objects.abort(plan.key, uploadId));
      return false;
    }
    this.#journal.begun(uploadId);
    for (const { number, etag, sizeBytes, sha256 } of listed) {
      const bytes = partLength(plan, number);
      if (bytes !== sizeBytes) continue;
      await buffers.use(bytes, async (buffer) => {
        await fill(handle, buffer, (number - 1) * plan.partBytes, plan.path);
        const own = hashOf("sha256", buffer).toString("base64");
        const isOurs = sha256 === undefined ? etag === hashOf("md5", buffer).toString("hex") : sha256 === own;
        if (isOurs) this.#journal.has({ number, etag, sha256: own });
      });
    }
    return true;
  }

  async #sendMissing(handle: FileHandle, plan: UploadPlan, uploadId: string, count: number): Promise<void> {
    const { objects, buffers, concurrency } = this.tools;
    const missing = Array.from({ length: count }, (_, i) => i + 1).filter((number) => !this.#journal.parts.has(number));
    let hasFailed = false;
    const work = async (): Promise<void> => {
      for (let number = missing.shift(); number !== undefined && !hasFailed; number = missing.shift()) {
        const own = number;
        await buffers.use(partLength(plan, own), async (buffer) => {
          await fill(handle, buffer, (own - 1) * plan.partBytes, plan.path);
          const sha256 = hashOf("sha256", buffer);
          this.#journal.has(
            await this.#try(() => this.#count(buffer, objects.putPart(plan.key, uploadId, own, buffer, sha256))),
          );
        });
      }
    };
    const workers = Array.from({ length: Math.min(concurrency, missing.length) }, async () => {
      await work().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    });
    // All of them let go of the file before it is closed.
    const failed = (await Promise.allSettled(workers)).find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #verify(plan: UploadPlan, parts: readonly Part[], etag: string): Promise<void> {
    const head = await this.#try(() => this.tools.objects.head(plan.key));
    const { sizeBytes, key } = plan;
    mustBe(head, { sizeBytes, etag, sha256: wholeChecksum(parts) }, key);
  }

  /** Whether the object is this file; a server without checksums of parts may have the MD5 of the whole as its ETag. */
  async #isObject(head: ObjectHead, handle: FileHandle, plan: UploadPlan, parts: readonly Part[]): Promise<boolean> {
    const { sizeBytes } = plan;
    if (isSame(head, { sizeBytes, etag: wholeEtag(parts) ?? "", sha256: wholeChecksum(parts) })) return true;
    if (head.sizeBytes !== sizeBytes || head.sha256 !== undefined || !MD5.test(head.etag)) return false;
    const md5 = createHash("md5");
    for (let number = 1; number <= parts.length; number++)
      await this.tools.buffers.use(partLength(plan, number), async (buffer) => {
        await fill(handle, buffer, (number - 1) * plan.partBytes, plan.path);
        md5.update(buffer);
      });
    return md5.digest("hex") === head.etag;
  }

  #count<T>(body: Uint8Array, sent: Promise<T>): Promise<T> {
    this.#sentBytes += body.byteLength;
    return sent;
  }

  /** Again after a pause where the failure may pass, with jitter so that many do not come back at once. */
  async #try<T>(request: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++)
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof S3Failure && error.isPassing) || tries === TRIES) throw error;
        await delay(this.tools.retryMs * 2 ** (tries - 1) * (0.5 + Math.random()));
      }
  }
}

/** Of all but the last part: the server's limit of parts makes those of a very large file larger. */
export function partSize(sizeBytes: number, wantedBytes: number): number {
  const least = Math.ceil(sizeBytes / MAX_PARTS);
  return least <= wantedBytes ? wantedBytes : Math.ceil(least / MIB) * MIB;
}

function partLength({ sizeBytes, partBytes }: UploadPlan, number: number): number {
  return Math.min(partBytes, sizeBytes - (number - 1) * partBytes);
}

function hashOf(algorithm: "sha256" | "md5", bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}

/** As S3 makes it of the checksums of parts. */
function wholeChecksum(parts: readonly Part[]): string | undefined {
  const all = parts.map(({ sha256 }) => Buffer.from(sha256 ?? "", "base64"));
  return `${hashOf("sha256", Buffer.concat(all)).toString("base64")}-${parts.length}`;
}

/** As most servers make the ETag of an object of parts; undefined where the parts' are no MD5. */
function wholeEtag(parts: readonly Part[]): string | undefined {
  if (!parts.every(({ etag }) => MD5.test(etag))) return undefined;
  const all = Buffer.concat(parts.map(({ etag }) => Buffer.from(etag, "hex")));
  return `${hashOf("md5", all).toString("hex")}-${parts.length}`;
}

function isSame(head: ObjectHead, wanted: ObjectHead): boolean {
  if (head.sizeBytes !== wanted.sizeBytes) return false;
  return head.sha256 === undefined ? head.etag === wanted.etag : head.sha256 === wanted.sha256;
}

function mustBe(head: ObjectHead | undefined, wanted: ObjectHead, key: string): void {
  if (!head || !isSame(head, wanted))
    throw new S3Failure(`the server has ${key} otherwise than it was sent`, 0, "notVerified");
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ReelError("notFound", `${path} is not there any more`, { path });
  }
}

async function fill(handle: FileHandle, buffer: Buffer, position: number, path: string): Promise<void> {
  for (let done = 0; done < buffer.byteLength; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.byteLength - done, position + done);
    if (bytesRead === 0) throw new ReelError("lostFile", `${path} became shorter while it was read`, { path });
    done += bytesRead;
  }
}
