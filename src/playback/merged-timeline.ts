// One timeline of what several nodes have of a stream. Nodes that were cut off from each other have both recorded, and
// nodes that handed a pull over overlap: all files are kept, and at each moment one of them is shown.
//
//   epoch 1  ████████████████          the higher epoch is shown; where it has nothing a lower one fills its gap,
//   epoch 2          ████    ██████    and the span says so (`fills`)
//   shown    1111111122221111222222
//
// Always: spans rise and do not overlap; each moment that a file holds is in one; between two of one epoch the file
// that was shown goes on. Times are the nodes' wall clocks. What is missing inside a file is the file's own to tell.

export interface TimelineFile {
  readonly node: string | null;
  readonly epoch: number | null;
  readonly sequence: number;
  readonly configId: number;
  readonly outStreamId: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface TimelineSpan<F extends TimelineFile> {
  readonly startMs: number;
  endMs: number;
  readonly file: F;
  /** The epoch in whose gap it stands; undefined where it is of the highest that has begun. */
  readonly fills: number | undefined;
  /** What other nodes hold of the same time. */
  readonly besides: readonly F[];
}

/** Between two files of one run nothing is missing: their clocks are those of openings and closings. */
const JOIN_MS = 1000;

export function mergedTimeline<F extends TimelineFile>(files: readonly F[]): TimelineSpan<F>[] {
  const sorted = joinedRuns(files).sort((a, b) => a.startMs - b.startMs || a.file.sequence - b.file.sequence);
  const moments = [...new Set(sorted.flatMap(({ startMs, endMs }) => [startMs, endMs]))].sort((a, b) => a - b);
  const spans: TimelineSpan<F>[] = [];
  let active: Held<F>[] = [];
  let highest = 0;
  let next = 0;
  moments.slice(0, -1).forEach((startMs, index) => {
    const endMs = moments[index + 1] as number;
    active = active.filter((held) => held.endMs > startMs);
    for (let held = sorted[next]; held && held.startMs <= startMs; held = sorted[++next]) {
      if (held.endMs <= startMs) continue;
      active.push(held);
      highest = Math.max(highest, held.file.epoch ?? 0);
    }
    const last = spans.at(-1);
    const file = shownOf(active, last?.endMs === startMs ? last.file : undefined);
    if (!file) return;
    const epoch = file.epoch ?? 0;
    const fills = epoch > 0 && epoch < highest ? highest : undefined;
    const besides = active.map((held) => held.file).filter(({ node }) => node !== file.node);
    if (last && last.endMs === startMs && last.file === file && last.fills === fills && isSame(last.besides, besides))
      last.endMs = endMs;
    else spans.push({ startMs, endMs, file, fills, besides });
  });
  return spans;
}

interface Held<F> {
  readonly file: F;
  readonly startMs: number;
  endMs: number;
}

/** The files, each up to the next one of its run where that follows at once. */
function joinedRuns<F extends TimelineFile>(files: readonly F[]): Held<F>[] {
  const runs = new Map<string, Held<F>>();
  return files
    .filter(({ startMs, endMs }) => endMs > startMs)
    .toSorted((a, b) => a.startMs - b.startMs || a.sequence - b.sequence)
    .map((file) => {
      const { node, configId, outStreamId, startMs, endMs } = file;
      const held = { file, startMs, endMs };
      const run = `${configId} ${outStreamId} ${node}`;
      const before = runs.get(run);
      if (before && Math.abs(startMs - before.endMs) <= JOIN_MS) before.endMs = Math.max(before.startMs, startMs);
      runs.set(run, held);
      return held;
    });
}

function shownOf<F extends TimelineFile>(active: readonly Held<F>[], last: F | undefined): F | undefined {
  let shown: F | undefined;
  for (const { file } of active) if (!shown || isBetter(file, shown, last)) shown = file;
  return shown;
}

function isBetter(file: TimelineFile, than: TimelineFile, last: TimelineFile | undefined): boolean {
  const byEpoch = (file.epoch ?? 0) - (than.epoch ?? 0);
  if (byEpoch !== 0) return byEpoch > 0;
  return goesOn(file, last) > goesOn(than, last);
}

/** How well it goes on with what was shown before. */
function goesOn(file: TimelineFile, last: TimelineFile | undefined): number {
  if (!last) return 0;
  if (file === last) return 3;
  if (file.node !== last.node) return 0;
  return file.configId === last.configId && file.outStreamId === last.outStreamId ? 2 : 1;
}

function isSame<F>(a: readonly F[], b: readonly F[]): boolean {
  return a.length === b.length && a.every((file) => b.includes(file));
}

/** Between spans, and from `fromMs` and to `toMs` where they are given. */
export function gapsOf(
  spans: readonly { readonly startMs: number; readonly endMs: number }[],
  fromMs: number | undefined,
  toMs: number | undefined,
): { startMs: number; endMs: number }[] {
  const gaps: { startMs: number; endMs: number }[] = [];
  let heldMs = fromMs ?? spans[0]?.startMs;
  for (const { startMs, endMs } of spans) {
    if (heldMs !== undefined && startMs > heldMs) gaps.push({ startMs: heldMs, endMs: startMs });
    heldMs = Math.max(heldMs ?? endMs, endMs);
  }
  if (heldMs !== undefined && toMs !== undefined && toMs > heldMs) gaps.push({ startMs: heldMs, endMs: toMs });
  return gaps;
}
