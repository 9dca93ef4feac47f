// Losses of the recordings of a stream, put together and told.

import type { LossState } from "../state/server-types.js";
import { count, duration, words } from "./format.js";

/** What befalls one recording and not its source: each lost its own. */
const OWN_CAUSES: ReadonlySet<string> = new Set(["lag", "writeFailed", "lostFile", "crash", "unusable"]);

/** Of several recordings of one source. What the source lacks is missing in each and counts once. */
export function mergeLosses(losses: readonly LossState[]): LossState[] {
  const byCause = new Map<string, LossState>();
  for (const loss of losses) {
    const { gaps = 0, frames = 0, bytes = 0, durationMs = 0 } = byCause.get(loss.cause) ?? {};
    const join = OWN_CAUSES.has(loss.cause) ? (a: number, b: number) => a + b : Math.max;
    byCause.set(loss.cause, {
      cause: loss.cause,
      gaps: join(gaps, loss.gaps),
      frames: join(frames, loss.frames),
      bytes: join(bytes, loss.bytes),
      durationMs: join(durationMs, loss.durationMs),
    });
  }
  return [...byCause.values()].sort((a, b) => b.frames - a.frames || b.durationMs - a.durationMs);
}

export function lossText({ cause, frames, durationMs, gaps }: LossState): string {
  const size = [frames > 0 ? `${count(frames)} frames` : "", durationMs > 0 ? duration(durationMs) : ""];
  const told = size.filter(Boolean).join(", ");
  return `${words(cause)}: ${told === "" ? `${count(gaps)} ×` : told}`;
}
