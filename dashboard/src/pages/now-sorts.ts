// The orders of the page Now, by its columns.

import { history } from "../state/live.js";
import type { StreamState } from "../state/server-types.js";
import type { NowRow } from "./now-rows.js";

export type SortKey = "name" | "bitRate" | "age" | "recordings" | "lag" | "losses";
type Compare = (a: NowRow, b: NowRow) => number;

const COLLATOR = new Intl.Collator(undefined, { numeric: true });
const byName: Compare = (a, b) => COLLATOR.compare(a.name, b.name);

/** Those that are not live stand last, either way. */
function byNumber(of: (stream: StreamState) => number): (isDown: boolean) => Compare {
  return (isDown) => (a, b) => {
    if (!a.stream || !b.stream) return Number(!a.stream) - Number(!b.stream) || byName(a, b);
    const difference = of(a.stream) - of(b.stream);
    return (isDown ? -difference : difference) || byName(a, b);
  };
}

export const SORTS: Readonly<Record<SortKey, (isDown: boolean) => Compare>> = {
  name: (isDown) => (isDown ? (a, b) => byName(b, a) : byName),
  bitRate: byNumber(({ id }) => history.latest(id)?.bitsPerSecond ?? 0),
  age: byNumber(({ lastFrameAgeMs }) => lastFrameAgeMs),
  recordings: byNumber(({ recordings }) => recordings.length),
  lag: byNumber(({ recordings }) => Math.max(0, ...recordings.map(({ lagMs }) => lagMs))),
  losses: byNumber(({ recordings }) =>
    recordings.reduce((sum, { losses }) => sum + losses.reduce((all, { frames }) => all + frames + 1e-3, 0), 0),
  ),
};
