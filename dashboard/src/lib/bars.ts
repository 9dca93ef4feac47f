// The line of time of one stream: which files are drawn where, in pixels.

import type { RecordedFile } from "../state/server-types.js";

export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Bar {
  readonly left: number;
  right: number;
  readonly isHurt: boolean;
  readonly isGrowing: boolean;
  /** Recordings of one stream at the same time lie one below the other. */
  readonly lane: number;
  readonly files: RecordedFile[];
}

/** More would be too thin to hit. */
const MAX_LANES = 4;

/** Of a file that grows, now. */
export function endOf({ end, start, durationMs }: RecordedFile): number {
  return end !== null ? Date.parse(end) : durationMs !== null ? Date.parse(start) + durationMs : Date.now();
}

/** By the config that made them. */
export function lanesOf(files: readonly RecordedFile[]): RecordedFile[][] {
  const lanes = new Map<number, RecordedFile[]>();
  for (const file of files) {
    const own = lanes.get(file.configId) ?? [];
    own.push(file);
    lanes.set(file.configId, own);
  }
  const all = [...lanes.values()];
  return all.length <= MAX_LANES ? all : [files.slice()];
}

/** In pixels. Files that follow each other within one are one bar, unless one of them is hurt. */
export function barsOf(files: readonly RecordedFile[], lane: number, { fromMs, toMs }: TimeSpan, width: number): Bar[] {
  const bars: Bar[] = [];
  const scale = width / (toMs - fromMs);
  for (const file of files) {
    const left = Math.max(0, (Date.parse(file.start) - fromMs) * scale);
    const right = Math.min(width, (endOf(file) - fromMs) * scale);
    if (right <= 0 || left >= width) continue;
    const isHurt = (file.lost?.frames ?? 0) > 0 || file.isMissing === true || file.state === "failed";
    const isGrowing = file.state === "growing";
    const last = bars.at(-1);
    const isNarrow = right - left < 3 || (last !== undefined && last.right - last.left < 3);
    if (last && isNarrow && left - last.right < 1 && last.isGrowing === isGrowing && last.isHurt === isHurt) {
      last.right = Math.max(last.right, right);
      last.files.push(file);
    } else bars.push({ left, right, isHurt, isGrowing, lane, files: [file] });
  }
  return bars;
}
