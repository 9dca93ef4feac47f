// Answers queries of the catalogue day by day, so that only one day of one stream is in memory at a time, however large
// the index is.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ReelError } from "../base/reel-error.js";
import { type CatalogSegment, compareSegments, rankOf, type SegmentKey, type SegmentState } from "./catalog-segment.js";
import { DAY_FOLDER, DAY_MS, dayOf, fileNameOf, readLine, scanDay } from "./day-file.js";
import { type LinePlace, nameCrcOf } from "./segment-lookup.js";

export interface SegmentQuery {
  /** localStreamName; all where it is left out. */
  stream?: string;
  /** Unix milliseconds; segments that overlap [from, to). A growing segment has no end yet. */
  from?: number;
  to?: number;
  state?: SegmentState | readonly SegmentState[];
  /** Default 1000. */
  limit?: number;
  /** From the page before, of the same query. */
  cursor?: string;
  /** A page ends behind so many days, also where it is not full, so that no page takes for ever. Default: never. */
  maxDays?: number;
}

const DEFAULT_LIMIT = 1000;
const MAX_LIMIT = 10_000;
/** A range of up to so many days is asked day by day; for a longer one the days that exist are listed. */
const SHORT_RANGE_DAYS = 8;

interface Window {
  fromMs: number;
  toMs: number;
  after: SegmentKey | undefined;
  streams: readonly string[] | undefined;
  states: ReadonlySet<SegmentState> | undefined;
  /** Taken before the files are read. A segment that leaves the memory meanwhile would be missed otherwise. */
  live: readonly CatalogSegment[];
}

/** A segment that is parsed only if it is on the page. */
interface Candidate extends SegmentKey {
  state: SegmentState;
  read: () => CatalogSegment;
}

export class CatalogReader {
  constructor(
    private readonly folder: string,
    private readonly live: ReadonlyMap<number, CatalogSegment>,
  ) {}

  async read(query: SegmentQuery): Promise<{ segments: CatalogSegment[]; cursor: string | undefined }> {
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT);
    if (!(limit >= 1)) throw new ReelError("badArgument", `limit is a number from 1, not ${query.limit}`);
    const window: Window = {
      fromMs: query.from ?? Number.NEGATIVE_INFINITY,
      toMs: query.to ?? Number.POSITIVE_INFINITY,
      after: query.cursor === undefined ? undefined : parseCursor(query.cursor),
      streams: query.stream === undefined ? undefined : [query.stream],
      states: query.state === undefined ? undefined : new Set([query.state].flat()),
      live: [...this.live.values()],
    };
    const segments: CatalogSegment[] = [];
    const days = await this.#days(window);
    for (const [at, day] of days.entries()) {
      if (at === query.maxDays) return { segments, cursor: endOf(days[at - 1] as string) };
      const found = (await this.#candidates(day, window)).sort(compareSegments);
      const page = found.slice(0, limit - segments.length);
      segments.push(...page.map((candidate) => candidate.read()));
      const last = segments.at(-1);
      if (last && segments.length === limit) return { segments, cursor: `${last.startedMs}.${last.id}` };
    }
    return { segments, cursor: undefined };
  }

  /** The segment of that id as it was appended last. */
  async find(id: number, { day, nameCrc }: LinePlace): Promise<CatalogSegment | undefined> {
    for (const name of await readNames(join(this.folder, day))) {
      if (nameCrcOf(name) !== nameCrc) continue;
      const bytes = await readIfThere(join(this.folder, day, name));
      const line = bytes && scanDay(bytes, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY).get(id);
      if (bytes && line) return readLine(bytes, line);
    }
    return undefined;
  }

  /** The days, oldest first, that have a file or a segment in memory. */
  async #days({ fromMs, toMs, after, live }: Window): Promise<string[]> {
    const first = Math.max(fromMs, after?.startedMs ?? fromMs);
    const isShort = Number.isFinite(first) && toMs - first <= SHORT_RANGE_DAYS * DAY_MS;
    const days = new Set<string>();
    if (isShort)
      for (let at = first; ; at += DAY_MS) {
        const day = dayOf(Math.min(at, toMs));
        days.add(day);
        if (at >= toMs) break;
      }
    else for (const name of await readdir(this.folder)) if (DAY_FOLDER.test(name)) days.add(name);
    for (const { startedMs } of live) days.add(dayOf(Math.max(startedMs, fromMs)));
    const firstDay = Number.isFinite(first) ? dayOf(first) : "";
    return [...days].filter((day) => day >= firstDay && (!Number.isFinite(toMs) || day <= dayOf(toMs))).sort();
  }

  /** The segments whose first day in the window is this one. */
  async #candidates(day: string, window: Window): Promise<Candidate[]> {
    const byId = new Map<number, Candidate>();
    const add = (candidate: Candidate): void => {
      const other = byId.get(candidate.id);
      if (!other || rankOf(candidate.state) >= rankOf(other.state)) byId.set(candidate.id, candidate);
    };
    for (const name of await this.#fileNames(day, window)) {
      const bytes = await readIfThere(join(this.folder, day, name));
      if (!bytes) continue;
      for (const line of scanDay(bytes, window.fromMs, window.toMs).values())
        if (dayOf(Math.max(line.startedMs, window.fromMs)) === day) add({ ...line, read: () => readLine(bytes, line) });
    }
    for (const segment of window.live) {
      const { startedMs, id, state } = segment;
      const stoppedMs = state === "growing" ? Number.POSITIVE_INFINITY : (segment.stoppedMs ?? startedMs);
      if (window.streams && !window.streams.includes(segment.localStreamName)) continue;
      if (startedMs < window.toMs && stoppedMs >= window.fromMs && dayOf(Math.max(startedMs, window.fromMs)) === day)
        add({ startedMs, id, state, read: () => segment });
    }
    const { after, states } = window;
    return [...byId.values()].filter(
      (candidate) => (!states || states.has(candidate.state)) && (!after || compareSegments(candidate, after) > 0),
    );
  }

  async #fileNames(day: string, { streams }: Window): Promise<string[]> {
    if (streams) return streams.map(fileNameOf);
    return readNames(join(this.folder, day));
  }
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Behind every segment that began on a day. */
function endOf(day: string): string {
  return `${Date.parse(day) + DAY_MS - 1}.${Number.MAX_SAFE_INTEGER}`;
}

function parseCursor(cursor: string): SegmentKey {
  const [, started, last] = /^(\d{1,16})\.(\d{1,16})$/.exec(cursor) ?? [];
  const startedMs = Number(started);
  const id = Number(last);
  if (!Number.isSafeInteger(startedMs) || !Number.isSafeInteger(id))
    throw new ReelError("badArgument", `${cursor} is not a cursor of the catalogue`);
  return { startedMs, id };
}
