// upload: what waits for its upload, and another try of what failed. The room `upload` carries it out.

import type { PendingUpload } from "../../upload/pending-uploads.js";
import type { Uploads } from "../../upload/uploads.js";
import { listOrNull, success, type ValueObject } from "../replies/reply.js";
import { defineCommand } from "./command.js";
import { CommandFailure, flag } from "./parameter.js";

export const upload = defineCommand({
  name: "upload",
  description: "Tells which files wait for their upload, oldest first, and tries at once again what has failed.",
  parameters: { dryRun: flag("1: only tell.", false) },
  shownKeys: ["uploads", "file", "key", "reason"],
  handle({ dryRun }, { uploads }) {
    if (!uploads) throw new CommandFailure("This server uploads nothing: see upload of reel.json");
    const waiting = uploads.pending().map((pending) => uploadObject(pending, uploads));
    if (!dryRun) uploads.retryNow();
    return success(dryRun ? "What would be uploaded" : "What is to be uploaded", {
      isComplete: uploads.isComplete,
      uploads: listOrNull(waiting),
    });
  },
});

function uploadObject(pending: PendingUpload, uploads: Uploads): ValueObject {
  const { segment, key = null, isUnderWay, tries, failure } = pending;
  const nextTryMs = isUnderWay ? null : uploads.nextTryOf(pending);
  return {
    configId: segment.configId,
    file: segment.path,
    id: segment.id,
    isUnderWay,
    key,
    localStreamName: segment.localStreamName,
    nextTryTime: nextTryMs === null ? null : new Date(nextTryMs).toISOString(),
    reason: failure?.reason ?? null,
    sizeBytes: segment.sizeBytes,
    tries,
  };
}
