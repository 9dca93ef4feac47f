// What the streams brought in the last minutes, a point each time the server was asked: rates are made here, of
// counters.

import type { StreamState } from "./server-types.js";

export interface Point {
  /** Unix seconds, for the graphs' axis. */
  readonly at: number;
  readonly bitsPerSecond: number;
  /** Between two pictures; NaN where none came. */
  readonly frameIntervalMs: number;
  readonly lagMs: number;
}

interface Counters {
  readonly upTimeMs: number;
  readonly bytes: number;
  readonly frames: number;
}

/** Six minutes at a point each two seconds. */
const MAX_POINTS = 180;
/** Frames come in bursts: a rate over less says little. */
const SHORTEST_MS = 1000;

export class StreamHistory {
  /** By stream id, which is one life of a stream. */
  readonly #points = new Map<number, Point[]>();
  readonly #last = new Map<number, Counters>();

  pointsOf(id: number): readonly Point[] {
    return this.#points.get(id) ?? [];
  }

  latest(id: number): Point | undefined {
    return this.#points.get(id)?.at(-1);
  }

  clear(): void {
    this.#points.clear();
    this.#last.clear();
  }

  add(streams: readonly StreamState[], nowMs: number): void {
    const ids = new Set(streams.map(({ id }) => id));
    for (const id of this.#last.keys())
      if (!ids.has(id)) {
        this.#last.delete(id);
        this.#points.delete(id);
      }
    for (const stream of streams) this.#addOne(stream, nowMs);
  }

  #addOne(stream: StreamState, nowMs: number): void {
    const now = countersOf(stream);
    const before = this.#last.get(stream.id);
    if (before && now.upTimeMs < before.upTimeMs) {
      // The server was started again and gives its ids anew.
      this.#last.set(stream.id, now);
      this.#points.delete(stream.id);
      return;
    }
    if (before && now.upTimeMs - before.upTimeMs < SHORTEST_MS) return;
    this.#last.set(stream.id, now);
    if (!before) return;
    const elapsedMs = now.upTimeMs - before.upTimeMs;
    const frames = now.frames - before.frames;
    const points = this.#points.get(stream.id) ?? [];
    points.push({
      at: nowMs / 1000,
      bitsPerSecond: ((now.bytes - before.bytes) * 8000) / elapsedMs,
      frameIntervalMs: frames > 0 ? elapsedMs / frames : Number.NaN,
      lagMs: Math.max(0, ...stream.recordings.map(({ lagMs }) => lagMs)),
    });
    if (points.length > MAX_POINTS) points.shift();
    this.#points.set(stream.id, points);
  }
}

function countersOf({ upTimeMs, tracks }: StreamState): Counters {
  const pictures = tracks.some(({ kind }) => kind === "video") ? "video" : "audio";
  return {
    upTimeMs,
    bytes: tracks.reduce((sum, { bytes }) => sum + bytes, 0),
    frames: tracks.reduce((sum, { kind, frames }) => (kind === pictures ? sum + frames : sum), 0),
  };
}
