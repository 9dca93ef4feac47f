// Sends one file, from where it was left, and looks whether the server has it.
//
//   head ─▶ one part:  put ─────────────────────────────────▶ head
//           more:      create ─▶ parts, each noted ─▶ complete ─▶ head         (the journal knows how far it is)
//
// The server is asked before anything is sent: what is there already is not sent again, and an object of other bytes
// is never written over: the file takes its other name. Whatever was lost between the server and the journal is asked
// for: an upload that the journal does not know (ListMultipartUploads), parts that it does not know (ListParts). A part
// that is taken over has the SHA-256, or else the MD5, of the file's own bytes.

import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ReelError } from "../base/reel-error.js";
import { hashOf, isFile, mustBe, partLength, partSize, readPart, wholeChecksum } from "./file-parts.js";
import type { PartBuffers } from "./part-buffers.js";
import type { OpenUpload, Part, S3Objects } from "./s3-objects.js";
import { S3Failure } from "./s3-request.js";
import { isSamePlan, UploadJournal, type UploadPlan } from "./upload-journal.js";

export interface FileUpload {
  readonly path: string;
  readonly key: string;
  /** Where `key` is another file's by now; undefined = there is none. */
  readonly otherKey: string | undefined;
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
  /** What the object is called. */
  readonly key: string;
  /** Bytes that went out, those of tries that failed included. */
  readonly sentBytes: number;
}

const TRIES = 4;

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
      const key = await this.#send(handle, { path, key: "", sizeBytes, modifiedMs: mtimeMs, partBytes });
      return { key, sentBytes: this.#sentBytes };
    } finally {
      await handle.close();
    }
  }

  async #send(handle: FileHandle, nameless: UploadPlan): Promise<string> {
    const begun = await this.#begun(nameless);
    const keys = begun ? [begun.key, ...this.#keys.filter((key) => key !== begun.key)] : this.#keys;
    for (const key of keys) {
      const plan = { ...nameless, key };
      const found = await this.#look(handle, plan);
      if (found === "other") {
        await this.#drop();
        continue;
      }
      if (found === "this") {
        await this.#drop();
        // It stays until the ledger has it.
        this.#journal.begin(plan);
      } else if (plan.sizeBytes <= plan.partBytes) await this.#putWhole(handle, plan);
      else if (!(await this.#sendParts(handle, plan))) return this.#send(handle, nameless);
      return key;
    }
    throw new S3Failure(`the bucket has other objects by the names ${keys.join(" and ")}`, 409, "taken");
  }

  get #keys(): string[] {
    const { key, otherKey } = this.file;
    return otherKey === undefined ? [key] : [key, otherKey];
  }

  /** What the journal goes on with. What an earlier file, key or part size left at the server is aborted. */
  async #begun(nameless: UploadPlan): Promise<UploadPlan | undefined> {
    const { plan: before } = this.#journal;
    if (before && this.#keys.some((key) => isSamePlan(before, { ...nameless, key }))) return before;
    await this.#drop();
    return undefined;
  }

  /** The upload that was begun is not needed any more. */
  async #drop(): Promise<void> {
    const { plan, uploadId } = this.#journal;
    if (plan && uploadId !== undefined) await this.#abort(plan.key, uploadId);
    this.#journal.clear();
  }

  /** Not every server can, and not everybody may: a rule of the bucket aborts it some day. */
  async #abort(key: string, uploadId: string): Promise<void> {
    await this.#try(() => this.tools.objects.abort(key, uploadId)).catch((error: unknown) => {
      if (!(error instanceof S3Failure) || error.isPassing) throw error;
    });
  }

  /** What the server has by that name. */
  async #look(handle: FileHandle, plan: UploadPlan): Promise<"nothing" | "this" | "other"> {
    const head = await this.#try(() => this.tools.objects.head(plan.key)).catch((error: unknown) => {
      // Who may not list a bucket is told 403 of an object that is not there.
      if (error instanceof S3Failure && error.status === 403) return undefined;
      throw error;
    });
    if (!head) return "nothing";
    return (await isFile(head, handle, plan, this.tools.buffers)) ? "this" : "other";
  }

  async #putWhole(handle: FileHandle, plan: UploadPlan): Promise<void> {
    const { key, sizeBytes } = plan;
    const { objects, buffers } = this.tools;
    this.#journal.begin(plan);
    let isTried = false;
    await this.#try(async () => {
      // The answer alone may have been lost.
      if (isTried && (await this.#look(handle, plan)) === "this") return;
      isTried = true;
      await buffers.use(sizeBytes, async (buffer) => {
        await readPart(handle, plan, 1, buffer);
        const sha256 = hashOf("sha256", buffer);
        const etag = await this.#count(buffer, objects.put(key, buffer, sha256));
        mustBe(await objects.head(key), { sizeBytes, etag, sha256: sha256.toString("base64") }, key);
      });
    });
  }

  /** False where the server does not know the upload any more: it has expired. */
  async #sendParts(handle: FileHandle, plan: UploadPlan): Promise<boolean> {
    const { objects } = this.tools;
    const { key, sizeBytes } = plan;
    await this.#findUpload(handle, plan);
    const uploadId = this.#journal.uploadId as string;
    let isTried = false;
    try {
      await this.#sendMissing(handle, plan, uploadId);
      const parts = [...this.#journal.parts.values()].sort((a, b) => a.number - b.number);
      const etag = await this.#try(async () => {
        // Not every server takes the completion of what is complete.
        if (isTried && (await this.#look(handle, plan)) === "this") return undefined;
        isTried = true;
        return objects.complete(key, uploadId, parts);
      });
      if (etag === undefined) await this.#abort(key, uploadId);
      else mustBe(await this.#try(() => objects.head(key)), { sizeBytes, etag, sha256: wholeChecksum(parts) }, key);
      return true;
    } catch (error) {
      if (!(error instanceof S3Failure && saysUnknown(error, isTried))) throw error;
      if (isTried && (await this.#look(handle, plan)) === "this") return true;
      if (!this.#mayRestart) throw error;
      this.#mayRestart = false;
      await this.#drop();
      return false;
    }
  }

  /** The upload to go on with: the journal's, one that the server still has of this key, or a new one. */
  async #findUpload(handle: FileHandle, plan: UploadPlan): Promise<void> {
    const journal = this.#journal;
    if (journal.plan?.key === plan.key && journal.uploadId !== undefined) return;
    const { objects } = this.tools;
    if (journal.plan?.key !== plan.key) journal.begin(plan);
    const left = await this.#left(plan.key);
    const newest = left.pop();
    for (const { uploadId } of left) await this.#abort(plan.key, uploadId);
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
    for (const { uploadId } of await this.#left(key)) if (uploadId !== own) await this.#abort(key, uploadId);
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
      await this.#abort(plan.key, uploadId);
      return false;
    }
    this.#journal.begun(uploadId);
    for (const { number, etag, sizeBytes, sha256 } of listed) {
      const bytes = partLength(plan, number);
      if (bytes !== sizeBytes) continue;
      await buffers.use(bytes, async (buffer) => {
        await readPart(handle, plan, number, buffer);
        const own = hashOf("sha256", buffer).toString("base64");
        const isOurs = sha256 === undefined ? etag === hashOf("md5", buffer).toString("hex") : sha256 === own;
        if (isOurs) this.#journal.has({ number, etag, sha256: own });
      });
    }
    return true;
  }

  async #sendMissing(handle: FileHandle, plan: UploadPlan, uploadId: string): Promise<void> {
    const { objects, buffers, concurrency } = this.tools;
    const count = Math.ceil(plan.sizeBytes / plan.partBytes);
    const missing = Array.from({ length: count }, (_, i) => i + 1).filter((number) => !this.#journal.parts.has(number));
    let hasFailed = false;
    const work = async (): Promise<void> => {
      for (let number = missing.shift(); number !== undefined && !hasFailed; number = missing.shift()) {
        const own = number;
        await buffers.use(partLength(plan, own), async (buffer) => {
          await readPart(handle, plan, own, buffer);
          const sha256 = hashOf("sha256", buffer);
          const put = (): Promise<Part> => objects.putPart(plan.key, uploadId, own, buffer, sha256);
          this.#journal.has(await this.#try(() => this.#count(buffer, put())));
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

/** Some servers know no better answer to the completion of an upload that they do not have than 500. */
function saysUnknown({ status, code }: S3Failure, isCompletion: boolean): boolean {
  return status === 404 || code === "InvalidPart" || (isCompletion && status === 500);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ReelError("notFound", `${path} is not there any more`, { path });
  }
}
