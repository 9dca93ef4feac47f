// Whether a record config may write now: not on a sick volume, not on a full one, and not where whoever looks after the
// volumes (retention) has stopped its priority.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ErrorCode, ReelError } from "../../base/reel-error.js";
import type { Target } from "../naming/naming.js";
import type { RecordConfig } from "../record-config.js";

/** Why a config may not record now; undefined where it may. */
export type Admission = (config: RecordConfig) => ReelError | undefined;

export const ADMIT_ALL: Admission = () => undefined;

/**
 * After a full disk recording goes on when so much, or a quarter of a smaller volume, is free: some seconds of a few
 * streams.
 */
const RESUME_BYTES = 32 * 1024 * 1024;

/** Whether a config whose recording failed for `cause` may try again. */
export async function mayWriteAgain(
  target: Target | undefined,
  cause: ErrorCode | undefined,
  isSick: (volume: number) => boolean,
): Promise<boolean> {
  if (!target) return true;
  if (isSick(target.volume)) return false;
  if (cause !== "diskFull") return true;
  try {
    const volume = await statfs(dirname(target.basePath));
    return volume.bavail * volume.bsize >= Math.min(RESUME_BYTES, (volume.blocks * volume.bsize) / 4);
  } catch {
    return true; // the volume is gone: the next try says so
  }
}
