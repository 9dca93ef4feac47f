// Every route beside the commands. The HTTP listener serves them, docs/http.md and docs/openapi.json describe them.

import type { Logger } from "../base/logger.js";
import type { RouteModule } from "../base/routes.js";
import type { Collector } from "../base/samples.js";
import { VolumeTurns } from "../base/volume-turns.js";
import type { PullEntry } from "../control/pull/pull-configs.js";
import { metricsRoutes } from "../metrics/metrics-routes.js";
import { VolumeWatch } from "../metrics/volumes.js";
import { ClipRoutes } from "../playback/clip/clip-routes.js";
import { HlsRoutes } from "../playback/hls/hls-routes.js";
import { mediaRoutes } from "../playback/media-routes.js";
import { MovieStore } from "../playback/movie/movie-store.js";
import { PlayedFiles } from "../playback/played-files.js";
import { RecordingRoutes } from "../playback/recording-routes.js";
import { ThumbnailRoutes } from "../playback/thumbnail/thumbnail-routes.js";
import { TimelineRoutes } from "../playback/timeline-routes.js";
import { TsStore } from "../playback/ts/ts-store.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Clock } from "../time/units.js";
import { dashboardRoutes } from "../web/dashboard-routes.js";
import type { ServerConfig } from "./config-schema.js";
import { gapRoutes } from "./gap-routes.js";
import { healthRoutes } from "./health-routes.js";
import { stateRoutes } from "./state-routes.js";
import { systemRoutes } from "./system-routes.js";

export interface RouteParts {
  recorder: Pick<
    RecorderApi,
    "mediaFolders" | "catalog" | "streams" | "outStreams" | "configs" | "lossesOf" | "recordedTotals" | "on"
  >;
  pulls: () => readonly PullEntry[];
  /** What every part of the server counts. */
  collectors: () => readonly Collector[];
  /** Until a volume has no more free than retention keeps; nothing is known without it. */
  hoursLeft?: (folder: string) => number | undefined;
  /** Where a stream's preview is; undefined where it has none. */
  previewOf?: (stream: string) => string | undefined;
  /** Other nodes of the group that have a stream of that name. */
  conflictsOf?: (stream: string) => readonly string[];
  clock: Clock;
  stateFolder: string;
  logger: Logger;
  config: () => ServerConfig;
  /** Where the listeners that are open listen. */
  addresses: () => Readonly<Record<string, string>>;
  /** The listener serves HTTPS. */
  isSecure?: boolean;
}

export function serverRoutes({
  recorder,
  pulls,
  collectors,
  hoursLeft = () => undefined,
  previewOf = () => undefined,
  conflictsOf = () => [],
  clock,
  stateFolder,
  logger,
  config,
  addresses,
  isSecure = false,
}: RouteParts): RouteModule[] {
  const { mediaFolders, catalog } = recorder;
  const volumes = mediaFolders.map((folder) => new VolumeWatch(folder, clock));
  const playing = { catalog, mediaFolders, volumes: new VolumeTurns(mediaFolders), played: new PlayedFiles(clock) };
  catalog.guard(playing.played.guard);
  const movies = new MovieStore(playing);
  const streams = new TsStore(playing);
  const isRecorded = (stream: string): boolean =>
    recorder.outStreams().some(({ config }) => config.localStreamName === stream);
  return [
    healthRoutes(mediaFolders),
    metricsRoutes({ collectors, volumes, options: config().metrics }),
    systemRoutes({ recorder, clock, config, addresses }),
    stateRoutes({ recorder, pulls, volumes, hoursLeft, previewOf, conflictsOf, clock }),
    gapRoutes(recorder, clock),
    new RecordingRoutes({ catalog, mediaFolders }),
    new TimelineRoutes({ catalog, mediaFolders, clock }),
    mediaRoutes(playing),
    new ClipRoutes({ catalog, movies, streams, clock, isSecure }),
    new HlsRoutes({ ...playing, movies, streams, clock, isRecorded, stateFolder, logger }),
    new ThumbnailRoutes({ ...playing, movies, streams, clock }),
    dashboardRoutes(),
  ];
}
