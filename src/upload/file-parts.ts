// A file as S3 sees it: its parts, and the hashes by which an object is known to be this file.

import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { ReelError } from "../base/reel-error.js";
import type { PartBuffers } from "./part-buffers.js";
import type { ObjectHead, Part } from "./s3-objects.js";
import { S3Failure } from "./s3-request.js";
import type { UploadPlan } from "./upload-journal.js";

/** S3 takes no more parts. */
const MAX_PARTS = 10_000;
const MIB = 1024 * 1024;

/** Of all but the last part: the server's limit of parts makes those of a very large file larger. */
export function partSize(sizeBytes: number, wantedBytes: number): number {
  const least = Math.ceil(sizeBytes / MAX_PARTS);
  return least <= wantedBytes ? wantedBytes : Math.ceil(least / MIB) * MIB;
}

export function partLength({ sizeBytes, partBytes }: UploadPlan, number: number): number {
  return Math.min(partBytes, sizeBytes - (number - 1) * partBytes);
}

export function hashOf(algorithm: "sha256" | "md5", bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}

/** Fills the buffer with that part. Throws ReelError `lostFile` where the file became shorter. */
export async function readPart(handle: FileHandle, plan: UploadPlan, number: number, buffer: Buffer): Promise<void> {
  const position = (number - 1) * plan.partBytes;
  for (let done = 0; done < buffer.byteLength; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.byteLength - done, position + done);
    if (bytesRead === 0)
      throw new ReelError("lostFile", `${plan.path} became shorter while it was read`, { path: plan.path });
    done += bytesRead;
  }
}

/** As S3 makes it of the checksums of parts. */
export function wholeChecksum(parts: readonly Part[]): string {
  const all = parts.map(({ sha256 }) => Buffer.from(sha256 ?? "", "base64"));
  return `${hashOf("sha256", Buffer.concat(all)).toString("base64")}-${parts.length}`;
}

/** By its checksum where the server keeps one, or else by its ETag. */
function isSame(head: ObjectHead, wanted: ObjectHead): boolean {
  if (head.sizeBytes !== wanted.sizeBytes) return false;
  return head.sha256 === undefined ? head.etag === wanted.etag : head.sha256 === wanted.sha256;
}

/** Throws S3Failure `notVerified`. */
export function mustBe(head: ObjectHead | undefined, wanted: ObjectHead, key: string): void {
  if (!head || !isSame(head, wanted))
    throw new S3Failure(`the server has ${key} otherwise than it was sent`, 0, "notVerified");
}

/** Whether an object is this file, which is read for it where the sizes are equal. */
export async function isFile(
  head: ObjectHead,
  handle: FileHandle,
  plan: UploadPlan,
  buffers: PartBuffers,
): Promise<boolean> {
  const { sizeBytes, partBytes } = plan;
  if (head.sizeBytes !== sizeBytes) return false;
  const whole = createHash("md5");
  const md5s: Buffer[] = [];
  const sha256s: Buffer[] = [];
  const count = Math.max(1, Math.ceil(sizeBytes / partBytes));
  for (let number = 1; number <= count; number++)
    await buffers.use(partLength(plan, number), async (buffer) => {
      await readPart(handle, plan, number, buffer);
      whole.update(buffer);
      md5s.push(hashOf("md5", buffer));
      sha256s.push(hashOf("sha256", buffer));
    });
  const ofParts = (hash: string): string => `${hash}-${count}`;
  const sha256 =
    count === 1
      ? Buffer.concat(sha256s).toString("base64")
      : ofParts(hashOf("sha256", Buffer.concat(sha256s)).toString("base64"));
  if (head.sha256 !== undefined) return head.sha256 === sha256;
  // Most servers name many parts by the MD5 of their MD5s, some by that of the whole.
  return [whole.digest("hex"), ofParts(hashOf("md5", Buffer.concat(md5s)).toString("hex"))].includes(head.etag);
}
