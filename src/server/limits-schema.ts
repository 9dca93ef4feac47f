// `limits` of reel.json: how much of each thing a server has at most. What is reached is refused with a text that names
// the limit; nothing that runs is ended for it. docs/security.md shows this table.

import type { Static } from "typebox";
import { DEFAULT_CONTROL_LIMITS } from "../control/control-plane.js";
import { DEFAULT_MAX_FFMPEGS } from "../ingest/pull/pull-sources.js";
import { DEFAULT_RTMP_OPTIONS } from "../ingest/rtmp/rtmp-server.js";
import { DEFAULT_RTSP_OPTIONS } from "../ingest/rtsp/rtsp-server.js";
import { DEFAULT_MAX_CONFIGS } from "../recording/recorder-options.js";
import { Type } from "./schema-type.js";

interface Limit {
  readonly byDefault: number;
  readonly maximum: number;
  /** What is counted. */
  readonly description: string;
  readonly reason: string;
}

export const LIMITS = {
  recordConfigs: {
    byDefault: DEFAULT_MAX_CONFIGS,
    maximum: 1_000_000,
    description: "record configs",
    reason: "every stream that opens is matched with all, and all are written with each change",
  },
  pullConfigs: {
    byDefault: DEFAULT_CONTROL_LIMITS.pullConfigs,
    maximum: 1_000_000,
    description: "pull configs",
    reason: "each holds a connection, or tries to",
  },
  ffmpegProcesses: {
    byDefault: DEFAULT_MAX_FFMPEGS,
    maximum: 100_000,
    description: "ffmpeg processes at a time, one for every source that Reel does not speak itself",
    reason: "40 to 60 MB each",
  },
  rtmpConnections: {
    byDefault: DEFAULT_RTMP_OPTIONS.maxConnections,
    maximum: 100_000,
    description: "RTMP connections at a time",
    reason: "a descriptor each, and a ring once it publishes",
  },
  rtspConnections: {
    byDefault: DEFAULT_RTSP_OPTIONS.maxConnections,
    maximum: 100_000,
    description: "RTSP publishers at a time",
    reason: "a descriptor each, two more for every track over UDP, and a ring",
  },
  publishesPerConnection: {
    byDefault: DEFAULT_RTMP_OPTIONS.maxPublishes,
    maximum: 1_000_000,
    description: "streams that one RTMP connection publishes in its life, one after the other or at once",
    reason: "each is matched with all configs, and may open files",
  },
  httpConnections: {
    byDefault: DEFAULT_CONTROL_LIMITS.httpConnections,
    maximum: 100_000,
    description: "HTTP and WebSocket connections at a time",
    reason: "where all are taken, the oldest that has proved nothing gives way",
  },
  tcpConnections: {
    byDefault: DEFAULT_CONTROL_LIMITS.tcpConnections,
    maximum: 100_000,
    description: "connections at a time to each TCP listener of commands",
    reason: "the same",
  },
  connectionsPerAddress: {
    byDefault: DEFAULT_CONTROL_LIMITS.connectionsPerAddress,
    maximum: 100_000,
    description: "of those, from one address of the network (loopback has no share)",
    reason: "one stranger must not take all slots",
  },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type Limits = Record<LimitName, number>;

const fields = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { byDefault, maximum, description, reason }]) => [
    name,
    Type.Optional(
      Type.Integer({ minimum: 1, maximum, description: `${description}: ${reason} (default ${byDefault})` }),
    ),
  ]),
) as { [name in LimitName]: ReturnType<typeof Type.Optional<ReturnType<typeof Type.Integer>>> };

export const LimitsSchema = Type.Object(fields, { additionalProperties: false });

/** The configured limits, with the defaults where none is. */
export function completeLimits(given: Static<typeof LimitsSchema> = {}): Limits {
  const names = Object.keys(LIMITS) as LimitName[];
  return Object.fromEntries(names.map((name) => [name, given[name] ?? LIMITS[name].byDefault])) as Limits;
}
