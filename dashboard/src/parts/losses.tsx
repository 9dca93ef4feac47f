// What is missing, by cause and size. Only what was really lost is red: a splice or a late track takes no frame.

import { count, duration, words } from "../lib/format.js";
import type { LossState } from "../state/server-types.js";

/** The same cause of several recordings is one. */
export function mergeLosses(losses: readonly LossState[]): LossState[] {
  const byCause = new Map<string, LossState>();
  for (const loss of losses) {
    const { gaps = 0, frames = 0, bytes = 0, durationMs = 0 } = byCause.get(loss.cause) ?? {};
    byCause.set(loss.cause, {
      cause: loss.cause,
      gaps: gaps + loss.gaps,
      frames: Math.max(frames, loss.frames),
      bytes: Math.max(bytes, loss.bytes),
      durationMs: Math.max(durationMs, loss.durationMs),
    });
  }
  return [...byCause.values()].sort((a, b) => b.frames - a.frames || b.durationMs - a.durationMs);
}

export function lossText({ cause, frames, durationMs, gaps }: LossState): string {
  const size = [frames > 0 ? `${count(frames)} frames` : "", durationMs > 0 ? duration(durationMs) : ""];
  const told = size.filter(Boolean).join(", ");
  return `${words(cause)}: ${told === "" ? `${count(gaps)} ×` : told}`;
}

export function Losses({ losses }: { losses: readonly LossState[] }) {
  const all = mergeLosses(losses);
  const [worst, ...others] = all;
  if (!worst) return <span class="muted">none</span>;
  return (
    <span class={worst.frames > 0 ? "loss bad" : "loss muted"} title={all.map(lossText).join("\n")}>
      {lossText(worst)}
      {others.length > 0 && <span class="more"> +{others.length}</span>}
    </span>
  );
}
