// Answers queries of the catalogue day by day and file by file: of each file only what may be on the page is kept, so a
// page takes the memory of its own lines and a few files, however large the index is. All questions share these files.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue } from "../base/keyed-queue.js";
import { ReelError } from "../base/reel-error.js";
import { type CatalogSegment, compareSegments, rankOf, type SegmentKey, type SegmentState } from "./catalog-segment.js";
import { DAY_FOLDER, DAY_MS, type DayLine, dayOf, fileNameOf, findLine, readLine, scanDay } from "./day-file.js";
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
/** Day files in memory at a time: one of a stream whose files last ten seconds has some 5 MB. */
const FILES_AT_A_TIME = 4;
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
  readonly #files = new KeyedQueue<"files">(FILES_AT_A_TIME);

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
      const page = await this.#firstOf(day, window, limit - segments.length);
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
      const found = await this.#withFile(join(this.folder, day, name), (bytes) => {
        const line = findLine(bytes, id);
        return line && readLine(bytes, line);
      });
      if (found) return found;
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

  /** Of the segments whose first day in the window is this one, the first `most` of the page, in order. */
  async #firstOf(day: string, window: Window, most: number): Promise<Candidate[]> {
    const { after, states, fromMs, toMs } = window;
    const isWanted = (one: SegmentKey & { state: SegmentState }): boolean =>
      (!states || states.has(one.state)) && (!after || compareSegments(one, after) > 0);
    const live = liveOf(day, window);
    let page: Candidate[] = [];
    const take = (candidates: readonly Candidate[]): void => {
      page = [...page, ...candidates].sort(compareSegments).slice(0, most);
    };
    // What begins behind the page before ends behind it, too.
    const scanFromMs = Math.max(fromMs, after?.startedMs ?? fromMs);
    for (const name of await this.#fileNames(day, window)) {
      const found = await this.#withFile(join(this.folder, day, name), (bytes) => {
        const last = page.length === most ? page.at(-1) : undefined;
        const lines = [...scanDay(bytes, scanFromMs, toMs).values()].filter((line) => {
          if (dayOf(Math.max(line.startedMs, fromMs)) !== day) return false;
          const inMemory = live.get(line.id);
          if (inMemory && rankOf(line.state) <= rankOf(inMemory.state)) return false;
          live.delete(line.id);
          return isWanted(line) && (!last || compareSegments(line, last) < 0);
        });
        // Copies: a piece of the file would keep all of it.
        return lines
          .sort(compareSegments)
          .slice(0, most)
          .map((line) => copyOf(bytes, line));
      });
      if (found) take(found);
    }
    take([...live.values()].filter(isWanted).map((segment) => ({ ...keyOf(segment), read: () => segment })));
    return page;
  }

  /** Undefined where the file is not there. Nothing of its bytes may be kept. */
  #withFile<T>(path: string, work: (bytes: Buffer) => T): Promise<T | undefined> {
    return this.#files.run("files", async () => {
      const bytes = await readIfThere(path);
      return bytes && work(bytes);
    });
  }

  async #fileNames(day: string, { streams }: Window): Promise<string[]> {
    if (streams) return streams.map(fileNameOf);
    return readNames(join(this.folder, day));
  }
}

/** What the memory has of a day in the window, by id. */
function liveOf(day: string, { live, streams, fromMs, toMs }: Window): Map<number, CatalogSegment> {
  const found = new Map<number, CatalogSegment>();
  for (const segment of live) {
    const { startedMs, id, state } = segment;
    const stoppedMs = state === "growing" ? Number.POSITIVE_INFINITY : (segment.stoppedMs ?? startedMs);
    if (streams && !streams.includes(segment.localStreamName)) continue;
    if (startedMs < toMs && stoppedMs >= fromMs && dayOf(Math.max(startedMs, fromMs)) === day) found.set(id, segment);
  }
  return found;
}

function keyOf({ startedMs, id, state }: SegmentKey & { state: SegmentState }) {
  return { startedMs, id, state };
}

function copyOf(bytes: Buffer, line: DayLine): Candidate {
  const json = Buffer.from(bytes.subarray(line.from, line.to));
  return { ...keyOf(line), read: () => readLine(json, { from: 0, to: json.byteLength }) };
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
