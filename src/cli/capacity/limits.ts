// How many streams a host records, from what was measured on it: each part of the host has a limit of its own, and the
// lowest is the one that ends first. Pure: numbers in, numbers out. docs/capacity.md has the reasoning.

export interface LoadPoint {
  /** Streams that were published and recorded meanwhile. */
  readonly streams: number;
  /** Busy time of the main thread and of the whole process, in cores (1 = one core all the time). */
  readonly mainCores: number;
  /** Of the busiest thread beside it: one that drains, or one that reads. */
  readonly otherCores: number;
  readonly processCores: number;
  readonly residentBytes: number;
}

export interface VolumeSpeed {
  readonly folder: string;
  readonly bytesPerSecond: number;
  readonly freeBytes: number;
}

export interface HostFacts {
  readonly cores: number;
  readonly availableBytes: number;
  readonly copyBytesPerSecond: number;
  /** What the shared memory of the rings may grow to. */
  readonly arenaBytes: number;
  readonly descriptors: number;
  readonly descriptorsAtStart: number;
  readonly descriptorsPerStream: number;
  /** Of the fastest network card that is up; undefined where the system does not say. */
  readonly networkBytesPerSecond: number | undefined;
}

export interface Measured {
  /** Of one stream, as published. */
  readonly bytesPerSecond: number;
  readonly points: readonly [LoadPoint, LoadPoint];
  readonly volumes: readonly VolumeSpeed[];
  readonly host: HostFacts;
}

export interface Limit {
  /** What ends: a thread, a volume … */
  readonly part: string;
  /** What was found, as people read it. */
  readonly found: string;
  /** Whole streams that it carries; Infinity where it did not grow with them. */
  readonly streams: number;
}

/** What more streams cost, each, and what is there without any. */
export interface Cost {
  readonly base: number;
  readonly perStream: number;
}

/** A thread that is busier than this answers late: bursts and key frames want the rest. */
export const THREAD_SHARE = 0.7;
/** Of all cores together: the kernel's own work (network, write-back) is not in the process's figures. */
export const CORES_SHARE = 0.7;
export const VOLUME_SHARE = 0.7;
export const MEMORY_SHARE = 0.8;
export const NETWORK_SHARE = 0.8;
/**
 * A recorded byte is copied three times: socket to user memory, to the ring, to the page cache. Card and disk read or
 * write it once more each, which is together about one copy.
 */
export const COPIES_PER_BYTE = 4;

/**
 * The line through the two points. Where the second is not above the first, by noise or because the cost does not grow,
 * all of the second is taken as the streams' own: too few streams are promised then, never too many.
 */
export function costOf([few, many]: readonly [LoadPoint, LoadPoint], value: (point: LoadPoint) => number): Cost {
  const perStream = (value(many) - value(few)) / (many.streams - few.streams);
  const base = value(few) - perStream * few.streams;
  if (perStream <= 0 || base < 0) return { base: 0, perStream: Math.max(0, value(many)) / many.streams };
  return { base, perStream };
}

/** Lowest first: what ends first is in front. */
export function limitsOf({ bytesPerSecond, points, volumes, host }: Measured): Limit[] {
  const main = costOf(points, ({ mainCores }) => mainCores);
  const other = costOf(points, ({ otherCores }) => otherCores);
  const all = costOf(points, ({ processCores }) => processCores);
  const resident = costOf(points, ({ residentBytes }) => residentBytes);
  const limits: Limit[] = [
    {
      part: "main thread",
      found: `${milliseconds(main.perStream)} a stream and second`,
      streams: carried(THREAD_SHARE, main),
    },
    {
      part: "busiest other thread",
      found: `${milliseconds(other.perStream)} a stream and second`,
      streams: carried(THREAD_SHARE, other),
    },
    {
      part: `${host.cores} core${host.cores === 1 ? "" : "s"}`,
      found: `${milliseconds(all.perStream)} a stream and second`,
      streams: carried(CORES_SHARE * host.cores, all),
    },
    {
      part: "memory",
      found: `${mebibytes(resident.perStream)} a stream, ${mebibytes(host.availableBytes)} available`,
      // What the server needs by itself is not there yet.
      streams: carried(MEMORY_SHARE * host.availableBytes, resident),
    },
    {
      part: "shared memory",
      found: `${mebibytes(host.arenaBytes)} at most (arena.maximumMib)`,
      // All of a stream's memory is taken for its ring's, which is most of it.
      streams: carried(MEMORY_SHARE * host.arenaBytes, { base: 0, perStream: resident.perStream }),
    },
    {
      part: "memory bandwidth",
      found: `copies ${perSecond(host.copyBytesPerSecond)}, ${COPIES_PER_BYTE} copies a byte`,
      streams: carried(host.copyBytesPerSecond, { base: 0, perStream: COPIES_PER_BYTE * bytesPerSecond }),
    },
    {
      part: "open files",
      found: Number.isFinite(host.descriptors) ? `${host.descriptors} allowed` : "no limit",
      streams: carried(host.descriptors, { base: host.descriptorsAtStart, perStream: host.descriptorsPerStream }),
    },
    ...volumes.map((volume) => ({
      part: volume.folder,
      found: `takes ${perSecond(volume.bytesPerSecond)}`,
      streams: carried(VOLUME_SHARE * volume.bytesPerSecond, { base: 0, perStream: bytesPerSecond }),
    })),
  ];
  if (host.networkBytesPerSecond !== undefined)
    limits.push({
      part: "network",
      found: `${((8 * host.networkBytesPerSecond) / 1e9).toFixed(1)} Gb/s`,
      streams: carried(NETWORK_SHARE * host.networkBytesPerSecond, { base: 0, perStream: bytesPerSecond }),
    });
  return limits.sort((a, b) => a.streams - b.streams);
}

/** Until a volume is full with so many streams; Infinity without any. */
export function secondsUntilFull({ freeBytes }: VolumeSpeed, streams: number, bytesPerSecond: number): number {
  return freeBytes / (streams * bytesPerSecond);
}

function carried(limit: number, { base, perStream }: Cost): number {
  if (perStream <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor((limit - base) / perStream));
}

function milliseconds(cores: number): string {
  return `${(1000 * cores).toFixed(3)} ms`;
}

function mebibytes(bytes: number): string {
  return bytes < 100 * 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(2)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function perSecond(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB/s` : `${(bytes / 1e9).toFixed(1)} GB/s`;
}
