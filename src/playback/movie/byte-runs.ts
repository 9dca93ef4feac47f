// Runs of bytes in a file that samples lie in, joined where they touch, in the order of the file.

export interface ByteRun {
  readonly position: number;
  readonly bytes: number;
}

export function joinRuns(samples: readonly { position: number; sizeBytes: number }[]): ByteRun[] {
  const sorted = [...samples].sort((a, b) => a.position - b.position);
  const runs: { position: number; bytes: number }[] = [];
  for (const { position, sizeBytes } of sorted) {
    const last = runs.at(-1);
    if (last && position <= last.position + last.bytes)
      last.bytes = Math.max(last.bytes, position + sizeBytes - last.position);
    else runs.push({ position, bytes: sizeBytes });
  }
  return runs;
}

/** Where a byte of the file stands when the runs are written one behind the other. */
export function placeRuns(runs: readonly ByteRun[]): (position: number) => number {
  const starts: number[] = [];
  let sum = 0;
  for (const { bytes } of runs) {
    starts.push(sum);
    sum += bytes;
  }
  return (position) => {
    let low = 0;
    let high = runs.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((runs[middle] as ByteRun).position <= position) low = middle;
      else high = middle;
    }
    return (starts[low] as number) + position - (runs[low] as ByteRun).position;
  };
}
