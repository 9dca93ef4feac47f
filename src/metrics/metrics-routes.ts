// GET /metrics: what every part counts, what Node counts of itself (prom-client), and the media volumes.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { RouteModule, RouteReply } from "../base/routes.js";
import { type Collector, gauge, type Sample } from "../base/samples.js";
import { CONTENT_TYPE, Exposition } from "./exposition.js";
import type { VolumeWatch } from "./volumes.js";

export interface MetricsOptions {
  /** Also samples of single streams and recordings. Default true. */
  readonly perStream?: boolean | undefined;
  /** Also the names of the files that grow: a new series for each. Default false. */
  readonly files?: boolean | undefined;
  /** Of so many streams at most, the oldest first. Default DEFAULT_MAX_STREAMS. */
  readonly maxStreams?: number | undefined;
}

/** Each stream with one recording has some fifteen series. */
export const DEFAULT_MAX_STREAMS = 1000;

/** A series for every file, which a database of series keeps. */
const FILE_INFO = "reel_recording_file_info";
/** Of 800 streams there are 13 000 samples: drains are not to wait for all of them. */
const TURN_MS = 2;

interface MetricsParts {
  collectors: () => readonly Collector[];
  volumes: readonly VolumeWatch[];
  options?: MetricsOptions | undefined;
}

export function metricsRoutes({ collectors, volumes, options = {} }: MetricsParts): RouteModule {
  const { perStream = true, files = false, maxStreams = DEFAULT_MAX_STREAMS } = options;
  let node: Promise<Registry> | undefined;
  const answer = async (): Promise<RouteReply> => {
    node ??= nodeMetrics().catch((error: unknown) => {
      node = undefined; // The next scrape tries again.
      throw error;
    });
    const [registry, ...found] = await Promise.all([node, ...volumes.map((volume) => volume.collect())]);
    const own = await registry.metrics();
    await nextTurn();
    const parts = collectors();
    const text = new Exposition();
    for (const part of parts) text.add(part.collect());
    for (const samples of found) text.add(samples);
    if (perStream) await addEach(text, parts, new FewStreams(maxStreams, files));
    return { status: 200, headers: { "Content-Type": CONTENT_TYPE }, body: `${text.text()}${own}` };
  };
  return {
    name: "metrics",
    routes(register) {
      register("GET", "/metrics", answer, {
        summary: "What the server counts, for Prometheus: docs/metrics.md names every metric.",
        isOfGroup: true,
        answers: { 200: "Prometheus' text format 0.0.4" },
      });
    },
  };
}

/** Begins with the first scrape, the library included: who does not ask pays nothing. */
async function nodeMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

async function addEach(text: Exposition, parts: readonly Collector[], few: FewStreams): Promise<void> {
  let begunMs = performance.now();
  for (const part of parts)
    for (const samples of part.collectEach?.() ?? []) {
      text.add(few.of(samples));
      if (performance.now() - begunMs < TURN_MS) continue;
      await nextTurn();
      begunMs = performance.now();
    }
  text.add([few.leftOut()]);
}

/** Lets through what belongs to the first `count` streams, and says how many the others are. */
export class FewStreams {
  readonly #streams = new Set<string>();
  readonly #leftOut = new Set<string>();

  constructor(
    private readonly count: number,
    private readonly hasFiles = true,
  ) {}

  /** `samples` are of one stream. */
  of(samples: readonly Sample[]): readonly Sample[] {
    const stream = samples[0]?.labels.stream ?? "";
    if (!this.#streams.has(stream)) {
      if (this.#streams.size >= this.count) {
        this.#leftOut.add(stream);
        return [];
      }
      this.#streams.add(stream);
    }
    return this.hasFiles ? samples : samples.filter(({ name }) => name !== FILE_INFO);
  }

  leftOut(): Sample {
    const help = "Streams that have no samples of their own here, because there are too many (metrics.maxStreams).";
    return gauge("reel_metrics_left_out_streams", help, this.#leftOut.size);
  }
}
