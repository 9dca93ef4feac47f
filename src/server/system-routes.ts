// The server itself, over HTTP: version, load, totals, listeners and, for its owner, the configuration without its
// secrets.

import { availableParallelism } from "node:os";
import { maskUri } from "../base/credentials.js";
import { jsonReply, type RouteModule } from "../base/routes.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Clock } from "../time/units.js";
import type { ServerConfig } from "./config-schema.js";
import { VERSION } from "./version.js";

export interface SystemParts {
  readonly recorder: Pick<RecorderApi, "recordedTotals">;
  readonly clock: Clock;
  /** By listener, `host:port`; those that are open. */
  readonly addresses: () => Readonly<Record<string, string>>;
  readonly config: () => ServerConfig;
}

const MASK = "***";
const SECRET_NAMES = new Set(["token", "password", "customData"]);

export function systemRoutes({ recorder, clock, addresses, config }: SystemParts): RouteModule {
  return {
    name: "system",
    routes(register) {
      register(
        "GET",
        "/api/server",
        ({ role }) =>
          jsonReply(200, {
            ...serverObject(clock),
            totals: totalsOf(recorder),
            listeners: addresses(),
            ...(role === "owner" && { configuration: withoutSecrets(config()) }),
          }),
        {
          summary:
            "Version, load, clock, what all recordings took and lost, listeners; for the owner the configuration, its secrets masked.",
          isOfGroup: true,
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

function totalsOf(recorder: SystemParts["recorder"]) {
  const { recordings, frames, bytes, closedSegments, failedSegments, losses } = recorder.recordedTotals();
  const lost = [...losses].map(([cause, loss]) => ({ cause, frames: loss.frames })).filter((loss) => loss.frames > 0);
  return { recordings, recordedBytes: bytes, recordedFrames: frames, closedSegments, failedSegments, lost };
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
