// The upload task, run by a thread of its own: reading, hashing, TLS and sockets of uploads cost the recorder's threads
// nothing. The tasks of a thread share its connections, its memory and its bandwidth.

import { workerData } from "node:worker_threads";
import { KeyedQueue } from "../base/keyed-queue.js";
import { asReelError, ReelError } from "../base/reel-error.js";
import { Pace } from "./pace.js";
import { PartBuffers } from "./part-buffers.js";
import { S3Objects } from "./s3-objects.js";
import { type Bucket, type Credentials, S3Failure, S3Sender } from "./s3-request.js";
import { FileSender, type FileUpload, type UploadedFile } from "./upload-file.js";
import { UploadJournal } from "./upload-journal.js";

export interface UploadThreadData {
  readonly bucket: Bucket;
  readonly keepsChecksums: boolean;
  readonly partBytes: number;
  readonly concurrency: number;
  /** 0 = as fast as it goes. */
  readonly bytesPerSecond: number;
  readonly idleMs: number;
  readonly retryMs: number;
}

export interface UploadTask {
  readonly credentials: Credentials;
  readonly file: FileUpload;
}

export interface TaskFailure {
  /** ErrorCode, S3's code or Node's. */
  readonly code: string;
  readonly reason: string;
  /** The file is gone or another one: no further try will do better. */
  readonly isFinal: boolean;
  /** The server, or the way to it, is at fault: other files will fare the same. */
  readonly isServers: boolean;
}

export type UploadOutcome = (UploadedFile & { readonly failure: undefined }) | { readonly failure: TaskFailure };

const data = workerData as UploadThreadData;
const buffers = new PartBuffers(data.concurrency);
const pace = new Pace(data.bytesPerSecond);
const names = new KeyedQueue<string>();
let current: { credentials: Credentials; sender: S3Sender } | undefined;

export async function upload({ credentials, file }: UploadTask): Promise<UploadOutcome> {
  try {
    const { bucket, partBytes, concurrency, retryMs } = data;
    const place = `${bucket.endpoint} ${bucket.bucket}`;
    const tools = { objects: objectsOf(credentials), place, buffers, partBytes, concurrency, retryMs };
    // Of two files of one name the second finds the first.
    const sent = await names.run(file.key, () => new FileSender(file, tools).send());
    return { ...sent, failure: undefined };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

export interface AbortTask {
  readonly credentials: Credentials;
  readonly journalPath: string;
}

/** Ends what was begun of a file that is not wanted any more. */
export async function abort({ credentials, journalPath }: AbortTask): Promise<TaskFailure | undefined> {
  try {
    const journal = new UploadJournal(journalPath);
    if (journal.plan && journal.uploadId !== undefined)
      await objectsOf(credentials).abort(journal.plan.key, journal.uploadId);
    journal.remove();
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}

/** Credentials change while the server runs; the connections of the old ones end with their requests. */
function objectsOf(credentials: Credentials): S3Objects {
  const { bucket, idleMs, keepsChecksums } = data;
  const isSame =
    current?.credentials.accessKeyId === credentials.accessKeyId &&
    current.credentials.secretAccessKey === credentials.secretAccessKey &&
    current.credentials.sessionToken === credentials.sessionToken;
  if (!current || !isSame) current = { credentials, sender: new S3Sender(bucket, credentials, pace, idleMs) };
  return new S3Objects(current.sender, keepsChecksums);
}

function failureOf(error: unknown): TaskFailure {
  if (error instanceof S3Failure) {
    const { code, message, status, isPassing } = error;
    return { code, reason: message, isFinal: false, isServers: isPassing || status === 401 || status === 403 };
  }
  const { code, message } = asReelError(error);
  const isFinal = error instanceof ReelError && (code === "notFound" || code === "lostFile");
  return { code, reason: message, isFinal, isServers: false };
}
