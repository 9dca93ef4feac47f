// What is missing, by cause and size. Only what was really lost is red: a splice or a late track takes no frame.

import { lossText, mergeLosses } from "../lib/losses.js";
import type { LossState } from "../state/server-types.js";

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
