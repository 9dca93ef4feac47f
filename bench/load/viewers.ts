// Viewers of HLS in a process of their own: each asks for its stream's list from now on, every two seconds as a player
// does with parts of a second or four, and takes every part that is new. Told at the end: what came, and how far behind
// the clock its last part ended.

import { setTimeout as delay } from "node:timers/promises";

export interface ViewersOrder {
  base: string;
  /** One viewer each; a name may stand here several times. */
  streams: string[];
  /** Unix milliseconds: they watch what is recorded from then on. */
  fromMs: number;
}

export interface ViewersReport {
  lists: number;
  parts: number;
  bytes: number;
  failures: string[];
  /** The first of each viewer, which waits for the part in which the viewer came to be whole. */
  firstListP50Ms: number;
  firstListP99Ms: number;
  /** All others. */
  listP50Ms: number;
  listP99Ms: number;
  partP99Ms: number;
  /** Of the lists: now less the end of the last part by its wall time. */
  behindP50Ms: number;
}

const RELOAD_MS = 2000;
const MOST_FAILURES = 20;
const parts: number[] = [];
const firstLists: number[] = [];
const lists: number[] = [];
const behind: number[] = [];
const failures: string[] = [];
let bytes = 0;
let isOver = false;

async function get(url: string, range: string | undefined, took: number[]): Promise<Buffer | undefined> {
  const startedMs = performance.now();
  try {
    const answer = await fetch(url, range ? { headers: { range } } : {});
    const body = Buffer.from(await answer.arrayBuffer());
    took.push(performance.now() - startedMs);
    bytes += body.byteLength;
    if (answer.ok) return body;
    fail(`${answer.status} of ${url}`);
  } catch (error) {
    fail(`${url}: ${(error as Error).message}`);
  }
  return undefined;
}

function fail(what: string): void {
  if (!isOver && failures.length < MOST_FAILURES) failures.push(what);
}

async function watch({ base, fromMs }: ViewersOrder, stream: string, waitMs: number): Promise<void> {
  await delay(waitMs);
  const url = `${base}/hls/${stream}/index.m3u8?from=${fromMs}`;
  const seen = new Set<string>();
  while (!isOver) {
    const list = await get(url, undefined, seen.size === 0 ? firstLists : lists);
    let wallMs = Number.NaN;
    let range: string | undefined;
    for (const line of list?.toString().split("\n") ?? []) {
      if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) wallMs = Date.parse(line.slice(25));
      else if (line.startsWith("#EXTINF:")) wallMs += Number.parseFloat(line.slice(8)) * 1000;
      else if (line.startsWith("#EXT-X-BYTERANGE:")) {
        const [size = 0, position = 0] = line.slice(17).split("@").map(Number);
        range = `bytes=${position}-${position + size - 1}`;
      } else if (line !== "" && !line.startsWith("#")) {
        const key = `${line} ${range}`;
        if (!seen.has(key) && !isOver) await get(new URL(line, url).href, range, parts);
        seen.add(key);
      }
    }
    if (!Number.isNaN(wallMs)) behind.push(Date.now() - wallMs);
    await delay(RELOAD_MS);
  }
}

function quantile(values: number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length * fraction)] ?? Number.NaN);
}

process.on("message", (order: ViewersOrder | "stop") => {
  if (order !== "stop") {
    const step = RELOAD_MS / order.streams.length;
    for (const [i, stream] of order.streams.entries()) void watch(order, stream, i * step);
    return;
  }
  isOver = true;
  const report: ViewersReport = {
    ...{ lists: firstLists.length + lists.length, parts: parts.length, bytes, failures },
    ...{ firstListP50Ms: quantile(firstLists, 0.5), firstListP99Ms: quantile(firstLists, 0.99) },
    ...{ listP50Ms: quantile(lists, 0.5), listP99Ms: quantile(lists, 0.99) },
    ...{ partP99Ms: quantile(parts, 0.99), behindP50Ms: quantile(behind, 0.5) },
  };
  process.send?.(report, () => process.exit(0));
});
