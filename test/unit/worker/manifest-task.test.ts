// The manifest of a final file: blocks that were hashed while it was written are believed as far as the file reaches.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { BLOCK_BYTES, MANIFEST_SUFFIX, type Manifest, type ManifestSubject } from "../../../src/container/manifest.js";
import { manifest } from "../../../src/worker/manifest-task.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

it("hashes the last block itself where a drain had hashed one that was taken back", () => {
  const media = Buffer.alloc(BLOCK_BYTES + 188 * 1000, 0x47);
  const at = path("cut-short.ts");
  writeFileSync(at, media);
  const first = sha256(media.subarray(0, BLOCK_BYTES));
  const subject = {} as ManifestSubject;
  const known = [first, "of bytes that a failed write took back"];
  const { root, failure } = manifest({
    ...{ container: "ts", path: at, subject, known, isRecovered: false, previous: null, sync: false },
  });
  expect(failure).toBeUndefined();
  const made = JSON.parse(readFileSync(at + MANIFEST_SUFFIX, "utf8")) as Manifest & { root: string };
  expect(made.root).toBe(root);
  expect(made.media).toEqual({ bytes: media.byteLength, sha256: [first, sha256(media.subarray(BLOCK_BYTES))] });
  expect(made.hashedWhileWritten).toBe(1);
});
