// The reference, generated from the command table: docs/commands.md for people, docs/asyncapi.json for programs that
// speak to the WebSocket channel. A test holds the committed files against what is generated here (`npm run docs`
// writes them).

import { DELETION_CAUSES } from "../src/catalog/segment-report.js";
import type { Command } from "../src/control/commands/command.js";
import { COMMANDS } from "../src/control/commands/command-table.js";
import type { Parameter } from "../src/control/commands/parameter.js";
import { EVENT_TYPES, type EventType } from "../src/control/events/event-types.js";
import { RETENTION_STEPS } from "../src/retention/ladder.js";
import { LIMITS } from "../src/server/limits-schema.js";
import { GAP_CAUSES } from "../src/stream/gap.js";

const ENVELOPE_KEYS = ["id", "payload", "processId", "timestamp", "type"] as const;

/** A stream object, and what stands in every event of a recording. */
const OUT_STREAM_KEYS = [
  ...["name", "type", "uniqueId", "recordSettings", "audio", "video"],
  ...["localStreamName", "configId", "outStreamId", "sequence"],
];

/** What each event tells, and the keys that its payload always has beside PID and customData. */
const EVENTS: Readonly<Record<EventType, { description: string; keys: readonly string[] }>> = {
  applicationStart: {
    description:
      "The server's listeners are open; `config.acceptors` names those of the control interface, as EMS does.",
    keys: ["config", "id", "name"],
  },
  applicationStop: { description: "The recordings are finished; nothing comes after it.", keys: ["id", "name"] },
  cliRequest: {
    description: "A command came in, over any transport. Passwords are masked.",
    keys: ["command", "parameters"],
  },
  cliResponse: {
    description: "A command was answered; the payload is the reply.",
    keys: ["data", "description", "status"],
  },
  copyFailed: {
    description:
      "A try to copy a file into its second folder (`copyTo`) failed. `nextTryTime` is when it is tried again; null: never. `sequence` is that of the file's opening.",
    keys: [
      ...["file", "copy", "code", "reason", "tries", "nextTryTime"],
      ...["localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
    ],
  },
  inStreamClosed: {
    description: "A source ended; the payload is its stream object.",
    keys: ["name", "type", "uniqueId", "audio", "video"],
  },
  inStreamCodecsUpdated: {
    description: "A source named its codecs, or changed them.",
    keys: ["name", "type", "uniqueId", "audio", "video"],
  },
  inStreamCreated: { description: "A source came.", keys: ["name", "type", "uniqueId", "audio", "video"] },
  outStreamClosed: {
    description: "A recording ended; its last recordChunkClosed came before.",
    keys: OUT_STREAM_KEYS,
  },
  outStreamCreated: {
    description: "A recording began.",
    keys: OUT_STREAM_KEYS,
  },
  pullMoved: {
    description:
      "In a group: this node has a pull that another had. `handedOver`: both pulled it for `overlapMs`, and both files are kept. `ownerGone`: `from` was not heard for `silentMs` (null: it said that it goes).",
    keys: ["configId", "localStreamName", "epoch", "from", "to", "cause", "overlapMs", "silentMs"],
  },
  recordChunkClosed: {
    description:
      "A file is final: complete, readable, under its name. `clockStepMs` says by how much the wall clock was set meanwhile, where it was; `syncError` what a failed sync of the file said, else null. `manifest` is the root of its manifest, where it was to have one; null where that could not be written.",
    keys: [
      "file",
      "frameCount",
      "startTime",
      "stopTime",
      "durationMs",
      "localStreamName",
      "configId",
      "outStreamId",
      "sequence",
      "finish",
      "gaps",
      "lost",
      "recovered",
      "syncError",
      "utcOffset",
    ],
  },
  recordChunkCreated: {
    description:
      "A file was begun; `file` is its final name. With alignTo `alignOffsetMs` says how long after the multiple of the clock its first frame came.",
    keys: ["file", "startTime", "localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
  },
  recordChunkError: {
    description: "A file could not be written or finished.",
    keys: ["file", "error", "localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
  },
  recordGap: {
    description:
      "Something is missing from a recording, or its time was mended. A track that is not recorded is one with cause `unsupportedTrack` and its `codec`, once a file.",
    keys: ["file", "gap", "localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
  },
  pastShort: {
    description:
      "There is no room for all that is to be kept of a stream's past (`preRecord`): `keptSeconds` of `seconds` are there, `keptBytes` in memory and `spilledBytes` on the disk. Told once, until there has been enough again.",
    keys: ["localStreamName", "seconds", "keptSeconds", "keptBytes", "spilledBytes"],
  },
  recordWaiting: {
    description:
      "A live stream has brought no random access point for 5 s, and a recording waits for one; `waitForIDR=0` starts at once.",
    keys: ["description", "localStreamName", "configId", "outStreamId", "sequence"],
  },
  retentionStep: {
    description: `A media folder has less free than retention keeps free, and the next step is taken, or it has it again. \`step\` is ${RETENTION_STEPS.join(", ")}; \`configIds\` those whose recordings it ended.`,
    keys: ["folder", "step", "freeBytes", "minimumFreeBytes", "configIds"],
  },
  segmentCopied: {
    description: "A file was copied into its second folder (`copyTo`); `copy` is its path there.",
    keys: [
      ...["file", "copy", "sizeBytes", "durationMs", "startTime", "stopTime"],
      ...["localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
    ],
  },
  segmentDeleted: {
    description: `A file was deleted; \`cause\` is ${Object.keys(DELETION_CAUSES).join(", ")}.`,
    keys: [
      ...["file", "cause", "sizeBytes", "durationMs", "startTime", "stopTime"],
      ...["localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
    ],
  },
  segmentUploaded: {
    description:
      "A file was uploaded, and its object was seen at the server with its size and checksum; `object` is `s3://bucket/key`.",
    keys: [
      ...["file", "object", "sizeBytes", "durationMs", "startTime", "stopTime"],
      ...["localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
    ],
  },
  serverStarted: { description: "The listeners are open.", keys: ["version"] },
  serverStopping: { description: "The server finishes its recordings and stops.", keys: ["version"] },
  streamConflict: {
    description:
      "In a group: a stream of this node has the name of one at other nodes (`nodes`), and at least one of them is published. Each node records its own. Told by each of them, again where a node more has it; `conflict` of listStreams and /api/streams shows it for as long as it is so.",
    keys: ["localStreamName", "node", "nodes"],
  },
  timerClosed: { description: "A timer is gone.", keys: ["timerId", "triggerCount", "value"] },
  timerCreated: { description: "A timer was armed.", keys: ["timerId", "triggerCount", "value"] },
  timerTriggered: { description: "A timer fired.", keys: ["timerId", "triggerCount", "value"] },
  uploadFailed: {
    description:
      "A try to upload a file failed. `nextTryTime` is when it is tried again; null: never, because the file is gone or another one, or its object's name is none. `sequence` is that of the file's opening.",
    keys: [
      ...["file", "key", "code", "reason", "tries", "nextTryTime"],
      ...["localStreamName", "configId", "outStreamId", "sequence", "utcOffset"],
    ],
  },
};

function typeText(parameter: Parameter<unknown>): string {
  return parameter.range && parameter.range.min >= -2
    ? `${parameter.type} ${parameter.range.min}–${parameter.range.max}`
    : parameter.type;
}

function defaultCell(parameter: Parameter<unknown>): string {
  if (parameter.defaultText === null) return "mandatory";
  return parameter.defaultText === "-No default value-" ? "" : `\`${parameter.defaultText}\``;
}

/** A cell must not end the row. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function commandSection(command: Command): string {
  const lines = [`## ${command.name}`, "", cell(command.description), ""];
  const parameters = Object.entries(command.parameters);
  if (parameters.length > 0) {
    lines.push("| parameter | type | default | meaning |", "|---|---|---|---|");
    for (const [name, parameter] of parameters)
      lines.push(`| ${name} | ${typeText(parameter)} | ${defaultCell(parameter)} | ${cell(parameter.description)} |`);
    lines.push("");
  }
  if (command.takesVariables)
    lines.push(
      "Takes user variables: any name that begins with `_`. They come back in replies, configs and events, always as strings.",
      "",
    );
  if (command.isChannelOnly) lines.push("Over WebSocket only.", "");
  return lines.join("\n");
}

const INTRODUCTION = `# Commands

<!-- Generated from src/control/commands/command-table.ts by scripts/reference-docs.ts; \`npm run docs\` writes it. -->

One command is one line, \`command [key=value]...\`; names match in any case. \`\\\\\`, \`\\ \`, \`\\=\` and \`\\,\` are the only escapes. Every command takes \`commandId\`, which comes back
as \`responseId\`. Booleans are 1/0 or true/false. In a [group](group.md) every command takes \`node\`, the name of the node that carries it out; without it a
command goes where it belongs. \`unanswered\` of a reply names the nodes that should have answered and did not.

| listener | default | form |
|---|---|---|
| WebSocket | ws://127.0.0.1:7777/ws | command lines, or \`{"command":"record","parameters":{…},"commandId":"7"}\`; one text message a reply; events |
| HTTP | 127.0.0.1:7777 | \`GET /<command>?params=<base64 of key=value pairs>\`, or POST with the pairs or JSON; status 200, FAIL included |
| JSON over TCP | 127.0.0.1:1112 | command lines; 4-byte length, JSON, CR LF CR LF |
| human-readable TCP | 127.0.0.1:1222 | command lines; indented text |

A reply is \`{"data":…,"description":"…","status":"SUCCESS"|"FAIL"}\`. SUCCESS means accepted, not done.
`;

export function commandsMarkdown(): string {
  const events = EVENT_TYPES.map(
    (type) => `| ${type} | ${cell(EVENTS[type].description)} | ${EVENTS[type].keys.join(", ")} |`,
  );
  const eventSection = [
    "# Events",
    "",
    'Each is `{"id":n,"payload":{…,"PID":pid,"customData":null},"processId":pid,"timestamp":<unix s>,"type":"…"}`. `id` counts the events of a run; it is 0 in those that',
    "`subscribe since=…` sends again. `sequence` goes on over restarts; it is 0 in an event that concerns no file.",
    "In a group an event that concerns a file has `node`, who recorded it, and of a pull `epoch`, by which claim.",
    "",
    "| event | meaning | payload |",
    "|---|---|---|",
    ...events,
    "",
  ];
  const causes = Object.entries(GAP_CAUSES).map(([cause, meaning]) => `| ${cause} | ${cell(meaning)} |`);
  const gapSection = [
    "## Gaps",
    "",
    "`gap` of `recordGap`, and each of `gaps` of `recordChunkClosed`: `cause`, `track` (video, audio, or null where it concerns all), `dtsMs` and `durationMs` on the stream's clock,",
    "`frames` and `bytes` that are missing (0 where none is).",
    "",
    "| cause | meaning |",
    "|---|---|",
    ...causes,
    "",
  ];
  return [INTRODUCTION, ...COMMANDS.map(commandSection), eventSection.join("\n"), gapSection.join("\n")].join("\n");
}

export type Schema = Record<string, unknown>;

function parameterSchema(parameter: Parameter<unknown>): Schema {
  const { type, description, range } = parameter;
  if (type === "boolean") return { type: ["boolean", "integer", "string"], description };
  if (type === "integer")
    return { type: ["integer", "string"], description, ...(range && { minimum: range.min, maximum: range.max }) };
  return type === "list"
    ? { type: ["array", "string"], items: { type: "string" }, description }
    : { type: "string", description };
}

/** The parameters of a command, as an object. */
export function commandParameters(command: Command): Schema {
  const entries = Object.entries(command.parameters);
  const required = entries.filter(([, parameter]) => parameter.mandatory).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, parameter]) => [name, parameterSchema(parameter)])),
    ...(command.takesVariables && { patternProperties: { "^_": { type: ["string", "number", "boolean"] } } }),
    ...(required.length > 0 && { required }),
  };
}

function commandSchema(command: Command): Schema {
  const isMandatory = Object.values(command.parameters).some((parameter) => parameter.mandatory);
  return {
    type: "object",
    description: command.description,
    properties: {
      command: { const: command.name },
      parameters: commandParameters(command),
      commandId: { type: "string" },
    },
    required: isMandatory ? ["command", "parameters"] : ["command"],
  };
}

/** What of a payload has a shape of its own. */
const PAYLOAD_PROPERTIES: Schema = {
  cause: { enum: Object.keys(DELETION_CAUSES) },
  step: { enum: RETENTION_STEPS },
  configIds: { type: "array", items: { type: "integer" } },
  gap: {
    type: "object",
    properties: {
      cause: { enum: Object.keys(GAP_CAUSES) },
      track: { enum: ["video", "audio", null] },
      dtsMs: { type: "number" },
      durationMs: { type: "number" },
      frames: { type: "integer" },
      bytes: { type: "integer" },
    },
  },
};

function propertiesOf(keys: readonly string[]): Schema {
  const shaped = Object.entries(PAYLOAD_PROPERTIES).filter(([name]) => keys.includes(name));
  return shaped.length > 0 ? { properties: Object.fromEntries(shaped) } : {};
}

function eventSchema(type: EventType): Schema {
  const integer = { type: "integer" };
  return {
    type: "object",
    properties: {
      id: integer,
      payload: {
        type: "object",
        ...propertiesOf(EVENTS[type].keys),
        required: ["PID", "customData", ...EVENTS[type].keys],
      },
      processId: integer,
      timestamp: { type: "integer", description: "Unix seconds" },
      type: { const: type },
    },
    required: ENVELOPE_KEYS,
  };
}

export const REPLY_SCHEMA: Schema = {
  type: "object",
  properties: {
    data: {},
    description: { type: "string" },
    responseId: { type: "string" },
    status: { enum: ["SUCCESS", "FAIL"] },
    unanswered: { type: "array", items: { type: "string" } },
  },
  required: ["data", "description", "status"],
};

/** AsyncAPI 3.0 of the WebSocket channel. */
export function asyncApi(version: string): string {
  const messages: Record<string, Schema> = {
    commandLine: { summary: "One or more command lines", contentType: "text/plain", payload: { type: "string" } },
    reply: { summary: "The reply to one command", payload: REPLY_SCHEMA },
  };
  for (const command of COMMANDS)
    messages[`${command.name}Command`] = { summary: command.description, payload: commandSchema(command) };
  for (const type of EVENT_TYPES)
    messages[`${type}Event`] = { summary: EVENTS[type].description, payload: eventSchema(type) };
  const names = Object.keys(messages);
  const toChannel = (name: string): Schema => ({ $ref: `#/channels/control/messages/${name}` });
  const isSent = (name: string): boolean => name === "commandLine" || name.endsWith("Command");
  const document = {
    asyncapi: "3.0.0",
    info: {
      title: "Reel control channel",
      version,
      description: "Commands, replies and events over WebSocket. Generated from src/control/commands/command-table.ts.",
    },
    defaultContentType: "application/json",
    servers: { local: { host: "127.0.0.1:7777", protocol: "ws" } },
    channels: {
      control: {
        address: "/ws",
        messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      command: {
        action: "receive",
        channel: { $ref: "#/channels/control" },
        messages: names.filter(isSent).map(toChannel),
        reply: { channel: { $ref: "#/channels/control" }, messages: [toChannel("reply")] },
      },
      event: {
        action: "send",
        channel: { $ref: "#/channels/control" },
        messages: names.filter((name) => name.endsWith("Event")).map(toChannel),
      },
    },
    components: { messages },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The security page with its table of limits, from the configuration's schema. */
export function withLimits(page: string): string {
  const begin = "<!-- limits: written by npm run docs -->\n";
  const end = "<!-- end of limits -->";
  const rows = Object.entries(LIMITS).map(
    ([name, { byDefault, description, reason }]) =>
      `| \`limits.${name}\` | ${byDefault} | ${description} | ${reason} |`,
  );
  const table = ["| limit | default | of what | why |", "|---|---:|---|---|", ...rows, ""].join("\n");
  return `${page.slice(0, page.indexOf(begin) + begin.length)}${table}${page.slice(page.indexOf(end))}`;
}
