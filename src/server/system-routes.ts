// The server itself, over HTTP: version, load, totals, listeners and, for its owner, the configuration without its
// secrets.

import { availableParallelism } from "node:os";
import { maskUri } from "../base/credentials.js";
import { jsonReply, type RouteModule } from "../base/routes.js";
import type { Sample } from "../base/samples.js";
import type { Clock } from "../time/units.js";
import type { ServerConfig } from "./config-schema.js";
import { VERSION } from "./version.js";

export interface SystemParts {
  readonly collect: () => readonly Sample[];
  readonly clock: Clock;
  /** By listener, `host:port`; those that are open. */
  readonly addresses: () => Readonly<Record<string, string>>;
  readonly config: () => ServerConfig;
}

const MASK = "***";
const SECRET_NAMES = new Set(["token", "password", "customData"]);

export function systemRoutes({ collect, clock, addresses, config }: SystemParts): RouteModule {
  return {
    name: "system",
    routes(register) {
      register(
        "GET",
        "/api/server",
        ({ role }) =>
          jsonReply(200, {
            ...serverObject(clock),
            totals: totalsOf(collect()),
            listeners: addresses(),
            ...(role === "owner" && { configuration: withoutSecrets(config()) }),
          }),
        {
          summary:
            "Version, load, clock, what all recordings took and lost, listeners; for the owner the configuration, its secrets masked.",
          answers: { 200: "`cpuMs` is all that the process has used; `utcOffset` in minutes" },
        },
      );
    },
  };
}

function serverObject(clock: Clock) {
  const { user, system } = process.cpuUsage();
  const nowMs = clock.wallMs();
  return {
    version: VERSION,
    node: process.version,
    pid: process.pid,
    now: new Date(nowMs).toISOString(),
    utcOffset: -new Date(nowMs).getTimezoneOffset(),
    upTimeMs: Math.round(process.uptime() * 1000),
    cpuMs: Math.round((user + system) / 1000),
    cores: availableParallelism(),
    memoryBytes: process.memoryUsage.rss(),
  };
}

function totalsOf(samples: readonly Sample[]) {
  const sum = (name: string) =>
    samples.reduce((total, sample) => (sample.name === name ? total + sample.value : total), 0);
  const lost = samples
    .filter(({ name }) => name === "reel_lost_frames_total")
    .map(({ labels, value }) => ({ cause: labels?.cause ?? "", frames: value }))
    .filter(({ frames }) => frames > 0);
  return {
    recordings: sum("reel_out_streams"),
    recordedBytes: sum("reel_recorded_bytes_total"),
    recordedFrames: sum("reel_recorded_frames_total"),
    closedSegments: sum("reel_closed_segments_total"),
    failedSegments: sum("reel_failed_segments_total"),
    lost,
  };
}

/** Publish keys are secrets by any name. */
function withoutSecrets(value: unknown, name = ""): unknown {
  if (SECRET_NAMES.has(name) && value !== undefined) return MASK;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item));
  if (typeof value === "object" && value !== null) {
    const isKeys = name === "publishKeys";
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, isKeys ? MASK : withoutSecrets(item, key)]),
    );
  }
  return typeof value === "string" ? maskUri(value) : value;
}
