// Every route beside the commands. The HTTP listener serves them, docs/http.md and docs/openapi.json describe them.

import type { RouteModule } from "../base/routes.js";
import type { Sample } from "../base/samples.js";
import { type MetricsOptions, metricsRoutes } from "../metrics/metrics-routes.js";
import type { Clock } from "../time/units.js";
import { healthRoutes } from "./health-routes.js";

export interface RouteParts {
  mediaFolders: readonly string[];
  /** What every part of the server counts. */
  collect: () => readonly Sample[];
  clock: Clock;
  metrics?: MetricsOptions | undefined;
}

export function serverRoutes({ mediaFolders, collect, clock, metrics }: RouteParts): RouteModule[] {
  return [healthRoutes(mediaFolders), metricsRoutes({ collect, mediaFolders, clock, options: metrics })];
}
