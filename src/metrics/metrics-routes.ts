// GET /metrics: what every part counts, what Node counts of itself (prom-client), and the media volumes.

import type { Registry } from "prom-client";
import type { RouteModule, RouteReply } from "../base/routes.js";
import type { Sample } from "../base/samples.js";
import { CONTENT_TYPE, exposition } from "./exposition.js";
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

interface MetricsParts {
  collect: () => readonly Sample[];
  volumes: readonly VolumeWatch[];
  options?: MetricsOptions | undefined;
}

export function metricsRoutes({ collect, volumes, options = {} }: MetricsParts): RouteModule {
  const { perStream = true, files = false, maxStreams = DEFAULT_MAX_STREAMS } = options;
  let node: Promise<Registry> | undefined;
  const answer = async (): Promise<RouteReply> => {
    node ??= nodeMetrics();
    const found = await Promise.all(volumes.map((volume) => volume.collect()));
    const own = await (await node).metrics();
    // In one go, and in loops: a scrape of 800 streams has some 13 000 samples.
    const all = collect().concat(...found);
    const samples = perStream
      ? ofFewStreams(all, maxStreams, files)
      : all.filter(({ labels }) => labels.stream === undefined);
    const body = `${exposition(samples)}${own}`;
    return { status: 200, headers: { "Content-Type": CONTENT_TYPE }, body };
  };
  return {
    name: "metrics",
    routes(register) {
      register("GET", "/metrics", answer, {
        summary: "What the server counts, for Prometheus: docs/metrics.md names every metric.",
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

/** Everything but what belongs to other than the first `count` streams; says how many those are. */
export function ofFewStreams(samples: readonly Sample[], count: number, hasFiles = true): Sample[] {
  const streams = new Set<string>();
  const leftOut = new Set<string>();
  const kept: Sample[] = [];
  for (const sample of samples) {
    const { stream } = sample.labels;
    if (stream !== undefined && !streams.has(stream)) {
      if (streams.size >= count) {
        leftOut.add(stream);
        continue;
      }
      streams.add(stream);
    }
    if (hasFiles || sample.name !== FILE_INFO) kept.push(sample);
  }
  const help = "Streams that have no samples of their own here, because there are too many (metrics.maxStreams).";
  kept.push({ name: "reel_metrics_left_out_streams", help, type: "gauge", labels: {}, value: leftOut.size });
  return kept;
}
