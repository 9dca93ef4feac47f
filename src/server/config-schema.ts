// The configuration of a server: one schema for reel.json, its validation and its documentation (`reel config-schema`
// prints it as JSON Schema).

import type { Static, TObject, TOptional, TString } from "typebox";
import { DEFAULT_MAX_STREAMS } from "../metrics/metrics-routes.js";
import { DEFAULT_PRE_RECORD_MIB } from "../recording/recorder-options.js";
import { MAX_PAST_SECONDS } from "../stream/past.js";
import { GroupSchema } from "./group-schema.js";
import { LimitsSchema } from "./limits-schema.js";
import { LISTENER_NAMES, type LISTENERS, type ListenerName, listenerEntry } from "./listeners/listener-table.js";
import { PreviewSchema } from "./preview-schema.js";
import { RulesSchema } from "./rule-settings.js";
import { Type } from "./schema-type.js";
import { UploadSchema } from "./upload-schema.js";

const Folder = (description: string) => Type.String({ minLength: 1, description });
const closed = { additionalProperties: false } as const;

type Listeners = typeof LISTENERS;
type ListenerOptions = {
  [K in ListenerName as keyof Listeners[K]["options"] extends never ? never : K]: TOptional<
    TObject<Listeners[K]["options"]>
  >;
};

const LISTENER_ADDRESSES = Object.fromEntries(
  LISTENER_NAMES.map((name) => {
    const { description, defaultAddress } = listenerEntry(name);
    const text = `${description} (default ${defaultAddress}), HOST:PORT, port 0 = any free one, "off" = closed`;
    return [name, Type.Optional(Type.String({ description: text }))];
  }),
) as Record<ListenerName, TOptional<TString>>;

/** A section for each listener that has options. `fromEntries` loses their names, so a cast restores them. */
const LISTENER_OPTIONS = Object.fromEntries(
  LISTENER_NAMES.flatMap((name) => {
    const { options } = listenerEntry(name);
    return Object.keys(options).length > 0 ? [[name, Type.Optional(Type.Object(options, closed))]] : [];
  }),
) as unknown as ListenerOptions;

const Bound = (description: string, maximum?: number) =>
  Type.Optional(Type.Integer({ minimum: 0, ...(maximum !== undefined && { maximum }), description }));

/** At the top `seconds`, `bytes` and `segments` are the defaults of record configs, the others of each media folder. */
const RetentionFields = {
  seconds: Bound("files are deleted so long after their end"),
  bytes: Bound("so many bytes of files are kept, the newest"),
  segments: Bound("so many files are kept, the newest"),
  freeBytes: Bound("the oldest files are deleted while the volume has less free"),
  freePercent: Bound("the same, in percent of the volume", 99),
};

export const EventSinkSchema = Type.Object(
  {
    type: Type.Union([Type.Literal("RPC"), Type.Literal("file")]),
    url: Type.Optional(Type.String({ description: "RPC: where every event is POSTed as JSON" })),
    filename: Type.Optional(Type.String({ description: "file: JSON lines are appended here" })),
    enabledEvents: Type.Optional(Type.Array(Type.String(), { description: "names of events; absent = all" })),
    customData: Type.Optional(Type.Unknown({ description: "copied into every payload" })),
    appendTimestamp: Type.Optional(Type.Boolean({ description: "file: name_YYYYMMDD_HHMMSS.ext (default true)" })),
    appendInstance: Type.Optional(
      Type.Boolean({ description: "file: four digits, drawn at the start of the server, in the name (default false)" }),
    ),
    timestamp: Type.Optional(
      Type.Boolean({ description: "file: taken, as EMS's manual shows it; every event has its time" }),
    ),
    serializerType: Type.Optional(Type.String({ description: "RPC: JSON is the only one" })),
    format: Type.Optional(Type.String({ description: "file: json is the only one" })),
    fileChunkLength: Type.Optional(
      Type.Integer({ minimum: 0, description: "file: seconds after which a new one begins" }),
    ),
    fileChunkTime: Type.Optional(Type.String({ description: "file: HH:MM:SS UTC at which a new one begins" })),
  },
  closed,
);

export const ServerConfigSchema = Type.Object(
  {
    media: Type.Optional(
      Type.Object(
        { folders: Type.Optional(Type.Array(Folder("files are written below these only"), { minItems: 1 })) },
        closed,
      ),
    ),
    state: Type.Optional(Type.Object({ folder: Type.Optional(Folder("record configs, ledger, lock")) }, closed)),
    listeners: Type.Optional(Type.Object(LISTENER_ADDRESSES, closed)),
    workers: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 64, description: "threads that drain (default: one for every two cores)" }),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(
            Type.Enum(["debug", "info", "warn", "error", "silent"], { description: "default info" }),
          ),
          file: Type.Optional(
            Type.String({ minLength: 1, description: "where the log goes; SIGUSR2 opens it again (default stderr)" }),
          ),
        },
        closed,
      ),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          certificate: Type.String({
            minLength: 1,
            description: "PEM file, with its chain: HTTP and WebSocket are served over TLS, and RTMPS may be",
          }),
          key: Type.String({ minLength: 1, description: "PEM file of the private key" }),
        },
        closed,
      ),
    ),
    arena: Type.Optional(
      Type.Object(
        {
          maximumMib: Type.Optional(
            Type.Integer({ minimum: 16, maximum: 4095, description: "limit of the shared memory" }),
          ),
        },
        closed,
      ),
    ),
    ring: Type.Optional(
      Type.Object(
        {
          bytes: Type.Optional(
            Type.Integer({
              minimum: 65536,
              description: "a stream's ring at its start, a power of two (default 524288)",
            }),
          ),
          maximumBytes: Type.Optional(
            Type.Integer({
              minimum: 65536,
              description: "what it may grow to, a power of two, 1 GiB at most (default 67108864)",
            }),
          ),
          lagLimitMs: Type.Optional(
            Type.Integer({
              minimum: 100,
              description: "a recording that lags its siblings by more loses its place (default 2000)",
            }),
          ),
        },
        closed,
      ),
    ),
    ingest: Type.Optional(
      Type.Object(
        {
          workers: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 64,
              description: "threads that read RTMP publishers; 0, the default, is the main thread",
            }),
          ),
        },
        closed,
      ),
    ),
    recording: Type.Optional(
      Type.Object(
        {
          durability: Type.Optional(
            Type.Enum(["none", "close", "interval"], {
              description: "what is synced to the disk, and when (default close)",
            }),
          ),
          manifest: Type.Optional(
            Type.Boolean({ description: "record commands that do not say have manifest=1 (default false)" }),
          ),
          syncIntervalMs: Type.Optional(
            Type.Integer({
              minimum: 100,
              description: "durability=interval: how often files that grew are synced (default 250)",
            }),
          ),
        },
        closed,
      ),
    ),
    ...LISTENER_OPTIONS,
    control: Type.Optional(
      Type.Object(
        {
          lengthPadding: Type.Optional(
            Type.Boolean({ description: "4-byte length in front of replies on the JSON listener (default true)" }),
          ),
          token: Type.Optional(
            Type.String({ minLength: 8, description: "HTTP and WebSocket: Authorization: Bearer …" }),
          ),
          user: Type.Optional(Type.String({ minLength: 1 })),
          password: Type.Optional(Type.String({ minLength: 1, description: "HTTP and WebSocket: Basic credentials" })),
          viewers: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  token: Type.Optional(Type.String({ minLength: 8 })),
                  user: Type.Optional(Type.String({ minLength: 1 })),
                  password: Type.Optional(Type.String({ minLength: 1 })),
                },
                closed,
              ),
              { description: "who may look and play: read the routes of HTTP, listen to events, and nothing else" },
            ),
          ),
          allowAddresses: Type.Optional(
            Type.Array(Type.String(), { description: "who may use the TCP listeners off loopback" }),
          ),
          allowOrigins: Type.Optional(Type.Array(Type.String(), { description: "web pages that may connect" })),
          allowHosts: Type.Optional(
            Type.Array(Type.String(), { description: "Host headers accepted beside the loopback names" }),
          ),
        },
        closed,
      ),
    ),
    preRecord: Type.Optional(
      Type.Object(
        {
          seconds: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: MAX_PAST_SECONDS,
              description:
                "so much of every stream is kept in memory, for record from=… (default 0); a rule with from=… keeps as much for its streams",
            }),
          ),
          streams: Type.Optional(
            Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: MAX_PAST_SECONDS }), {
              description:
                "the same of single streams, by their names or by a pattern as rules have it; the first that matches",
            }),
          ),
          maximumMib: Type.Optional(
            Type.Integer({
              minimum: 1,
              description: `what all streams may keep together in memory (default ${DEFAULT_PRE_RECORD_MIB}); what is more goes to the disk (spillMib), or is not kept`,
            }),
          ),
          spillMib: Type.Optional(
            Type.Integer({
              minimum: 0,
              description: "what they may keep on a disk besides (default 0); beyond it each keeps less",
            }),
          ),
          spillFolder: Type.Optional(
            Type.String({
              minLength: 1,
              description: "where that is: a file without a name (default: the state folder)",
            }),
          ),
        },
        closed,
      ),
    ),
    retention: Type.Optional(
      Type.Object(
        {
          ...RetentionFields,
          folders: Type.Optional(
            Type.Array(
              Type.Object(
                { folder: Folder("a media folder: the bounds hold for all files in it"), ...RetentionFields },
                closed,
              ),
            ),
          ),
        },
        { ...closed, description: "what is kept of recorded files; 0 = no such bound" },
      ),
    ),
    rules: Type.Optional(RulesSchema),
    upload: Type.Optional(UploadSchema),
    group: Type.Optional(GroupSchema),
    limits: Type.Optional(LimitsSchema),
    metrics: Type.Optional(
      Type.Object(
        {
          perStream: Type.Optional(
            Type.Boolean({ description: "/metrics has samples of single streams and recordings (default true)" }),
          ),
          files: Type.Optional(
            Type.Boolean({ description: "also the names of growing files, a new series for each (default false)" }),
          ),
          maxStreams: Type.Optional(
            Type.Integer({ minimum: 1, description: `of so many streams at most (default ${DEFAULT_MAX_STREAMS})` }),
          ),
        },
        closed,
      ),
    ),
    preview: Type.Optional(PreviewSchema),
    pull: Type.Optional(
      Type.Object(
        {
          fileFolders: Type.Optional(
            Type.Array(Folder("file: URIs may name files below these only (default: the media folders)")),
          ),
          silenceMs: Type.Optional(
            Type.Integer({
              minimum: 500,
              description: "a source that delivers nothing for so long is gone (default 10000)",
            }),
          ),
        },
        closed,
      ),
    ),
    eventLogger: Type.Optional(
      Type.Object(
        { sinks: Type.Optional(Type.Array(EventSinkSchema)), customData: Type.Optional(Type.Unknown()) },
        closed,
      ),
    ),
  },
  { ...closed, title: "reel.json", description: "Configuration of a Reel server" },
);

export type ServerConfig = Static<typeof ServerConfigSchema>;
