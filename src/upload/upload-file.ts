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
import type { ObjectHead, OpenUpload, Part, S3Objects } from "./s3-objects.js";
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
  /** The bucket, and where it is: in another one nothing of what was sent is there. */
  readonly place: string;
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

/** Of parts that the upload does not have, or that it takes no longer: with checksums, or (MinIO's answer) without. */
const REFUSALS: ReadonlySet<string> = new Set(["InvalidPart", "InvalidRequest", "InvalidArgument"]);

/** By a name: this file, another object, nothing, or what one may not see. */
type Found = "this" | "other" | "nothing" | "hidden";

export class FileSender {
  readonly #journal: UploadJournal;
  #sentBytes = 0;
  #mayRestart = true;
  /** Of an object that we have sent and that arrived otherwise. */
  #brokenEtag: string | undefined;
  #completionError: unknown;

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
      const { place } = this.tools;
      const key = await this.#send(handle, { path, key: "", sizeBytes, modifiedMs: mtimeMs, partBytes, place });
      return { key, sentBytes: this.#sentBytes };
    } finally {
      await handle.close();
    }
  }

  async #send(handle: FileHandle, nameless: UploadPlan): Promise<string> {
    const begun = await this.#begun(nameless);
    const keys = begun ? [begun.key, ...this.#keys.filter((key) => key !== begun.key)] : this.#keys;
    for (const key of keys) {
      const plan = begun?.key === key ? begun : { ...nameless, key };
      let found = await this.#look(handle, plan);
      if (found === "this") {
        await this.#abortBegun();
        // The journal stays until the ledger has it.
        if (this.#journal.plan?.key !== key) this.#journal.begin(plan);
        return key;
      }
      if (found !== "other") {
        const isSmall = plan.sizeBytes <= plan.partBytes;
        found = isSmall ? await this.#putWhole(handle, plan, found) : await this.#sendParts(handle, plan);
      }
      if (found === "this") return key;
      await this.#abortBegun();
      this.#journal.clear();
      // Its upload had expired.
      if (found !== "other") return this.#send(handle, nameless);
    }
    throw new S3Failure(`the bucket has another object by the name ${keys.join(" and ")}`, 409, "taken");
  }

  get #keys(): string[] {
    const { key, otherKey } = this.file;
    return otherKey === undefined ? [key] : [key, otherKey];
  }

  /** What the journal goes on with, in parts of the size that they had. What an earlier file left is aborted. */
  async #begun(nameless: UploadPlan): Promise<UploadPlan | undefined> {
    const { plan: before } = this.#journal;
    if (!before) return undefined;
    const { partBytes } = before;
    if (this.#keys.some((key) => isSamePlan(before, { ...nameless, key, partBytes }))) return before;
    await this.#abortBegun();
    this.#journal.clear();
    return undefined;
  }

  /** The upload that was begun is not needed any more. */
  async #abortBegun(): Promise<void> {
    const { plan, uploadId } = this.#journal;
    if (plan && uploadId !== undefined) await this.#abort(plan.key, uploadId);
  }

  /** Not every server can, and not everybody may: a rule of the bucket aborts it some day. */
  async #abort(key: string, uploadId: string): Promise<void> {
    await this.#try(() => this.tools.objects.abort(key, uploadId)).catch((error: unknown) => {
      if (!(error instanceof S3Failure) || (error.isPassing && error.status !== 500)) throw error;
    });
  }

  /** What the server has by that name. `isTaken`: it has said that there is something. */
  async #look(handle: FileHandle, plan: UploadPlan, isTaken = false): Promise<Found> {
    const { key, sizeBytes } = plan;
    const { doneEtag } = this.#journal;
    let head: ObjectHead | undefined;
    try {
      head = await this.#try(() => this.tools.objects.head(key));
    } catch (error) {
      if (!(error instanceof S3Failure && error.status === 403)) throw error;
      if (!isTaken && doneEtag === undefined) return "hidden";
      throw new S3Failure(
        `${key} was sent, or is there, and may not be looked at: grant s3:GetObject and s3:ListBucket`,
        403,
        error.code,
      );
    }
    if (!head || head.etag === this.#brokenEtag) return "nothing";
    if (await isFile(head, handle, plan, this.tools.buffers)) return "this";
    if (head.etag === doneEtag && head.sizeBytes === sizeBytes) {
      if (head.sha256 === undefined) return "this";
      // It is what was sent, with bytes that were not: once more.
      this.#brokenEtag = head.etag;
      return "nothing";
    }
    // Nobody else has such a name: what a try before this one has left there.
    return key === this.file.otherKey ? "nothing" : "other";
  }

  async #putWhole(handle: FileHandle, plan: UploadPlan, found: Found): Promise<Found> {
    const { key, sizeBytes } = plan;
    const { objects, buffers } = this.tools;
    if (this.#journal.plan?.key !== key) this.#journal.begin(plan);
    let isTried = false;
    return this.#try(async () => {
      // The answer alone may have been lost.
      const now = isTried ? await this.#look(handle, plan) : found;
      if (now === "this" || now === "other") return now;
      isTried = true;
      const put = buffers.use(sizeBytes, async (buffer) => {
        await readPart(handle, plan, 1, buffer);
        const sha256 = hashOf("sha256", buffer);
        const etag = await this.#count(buffer, objects.put(key, buffer, sha256, now === "hidden"));
        this.#journal.done(etag);
        mustBe(await objects.head(key), { sizeBytes, etag, sha256: sha256.toString("base64") }, key);
        return "this" as const;
      });
      return put.catch((error: unknown) => this.#whoseIsIt(error, handle, plan));
    });
  }

  /** Where it should have been new (412): somebody's, or what a try before has left. Throws what is another error. */
  async #whoseIsIt(error: unknown, handle: FileHandle, plan: UploadPlan): Promise<"this" | "other"> {
    if (!(error instanceof S3Failure && error.status === 412)) throw error;
    return (await this.#look(handle, plan, true)) === "this" ? "this" : "other";
  }

  /** "nothing": the server does not know the upload any more. */
  async #sendParts(handle: FileHandle, plan: UploadPlan): Promise<"this" | "other" | "nothing"> {
    await this.#findUpload(handle, plan);
    const { uploadId = "" } = this.#journal;
    try {
      await this.#sendMissing(handle, plan, uploadId);
      return await this.#complete(handle, plan, uploadId);
    } catch (error) {
      if (!(error instanceof S3Failure) || !(await this.#isUnknown(error, plan.key, uploadId))) throw error;
      const found = await this.#look(handle, plan);
      if (found === "this" || found === "other") return found;
      if (!this.#mayRestart) throw error;
      this.#mayRestart = false;
      return "nothing";
    }
  }

  async #complete(handle: FileHandle, plan: UploadPlan, uploadId: string): Promise<"this" | "other"> {
    const { objects } = this.tools;
    const { key, sizeBytes } = plan;
    const parts = [...this.#journal.parts.values()].sort((a, b) => a.number - b.number);
    const done = await this.#try(async () => {
      // Parts take their time, the answer may have been lost, and not every server completes what is complete.
      const found = await this.#look(handle, plan);
      if (found === "this" || found === "other") return found;
      const completed = objects.complete(key, uploadId, parts, found === "hidden").catch((error: unknown) => {
        this.#completionError = error;
        throw error;
      });
      return completed.then(
        (etag) => ({ etag }),
        (error: unknown) => this.#whoseIsIt(error, handle, plan),
      );
    });
    if (done === "this") await this.#abort(key, uploadId);
    if (typeof done === "string") return done;
    const { etag } = done;
    this.#journal.done(etag);
    mustBe(await this.#try(() => objects.head(key)), { sizeBytes, etag, sha256: wholeChecksum(parts) }, key);
    return "this";
  }

  /**
   * Whether the answer says that the server does not have the upload, or not as it is wanted now. Some know no better
   * one to its completion than 500.
   */
  async #isUnknown(error: S3Failure, key: string, uploadId: string): Promise<boolean> {
    const { status, code } = error;
    if (status === 404 || REFUSALS.has(code)) return true;
    if (error !== this.#completionError || status !== 500) return false;
    try {
      await this.#try(() => this.tools.objects.listParts(key, uploadId));
      return false;
    } catch (listing) {
      return listing instanceof S3Failure && !listing.isPassing && listing.status !== 403;
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

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ReelError("notFound", `${path} is not there any more`, { path });
  }
}
