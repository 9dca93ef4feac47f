// Queries of what runs: configs and streams (ems-record-spec §2.5–2.7, and getInboundStreamsCount of §2.9).

import { anyOf, configSections, lists, listsByNode, runningConfig, sumOf } from "../group/reach.js";
import { pullEntryObject, recordEntryObject } from "../replies/config-object.js";
import { listOrNull, success, type ValueObject } from "../replies/reply.js";
import { inStreamObject, outStreamObject, STREAM_KEYS } from "../replies/stream-object.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, mandatoryId, optionalStreamId, optionalText, requireIdOrName } from "./parameter.js";

const CONFIG_SECTIONS = [
  "dash",
  "hds",
  "hls",
  "metalistener",
  "mss",
  "process",
  "pull",
  "push",
  "record",
  "webrtc",
] as const;
const EMPTY_SECTIONS: ValueObject = Object.fromEntries(CONFIG_SECTIONS.map((name) => [name, []]));

export const listConfig = defineCommand({
  name: "listConfig",
  description: "Lists the configs of running operations, and those that wait.",
  parameters: {},
  shownKeys: [
    ...CONFIG_SECTIONS,
    "configId",
    "current",
    "description",
    "groupName",
    "groupTargetFolder",
    "localStreamName",
    "pathToFile",
    "status",
    "targetFolder",
    "targetStreamName",
    "targetUri",
    "uniqueStreamId",
    "uri",
  ],
  reach: configSections,
  handle: (_args, context) =>
    success("Run-time configuration", {
      ...EMPTY_SECTIONS,
      pull: context.pulls.list().map(pullEntryObject),
      record: context.recorder.configs().map((entry) => recordEntryObject(entry, context.mp4BinPath)),
    }),
});

export const getConfigInfo = defineCommand({
  name: "getConfigInfo",
  description: "Shows one config and its state.",
  parameters: { id: mandatoryId("Config id.") },
  shownKeys: [
    "chunkLength",
    "configId",
    "current",
    "description",
    "keepAlive",
    "localStreamName",
    "operationType",
    "pathToFile",
    "previous",
    "status",
    "swfUrl",
    "tcUrl",
    "uniqueStreamId",
    "uri",
  ],
  reach: runningConfig,
  handle({ id }, context) {
    const entry = context.recorder.configs().find((candidate) => candidate.config.configId === id);
    const pull = context.pulls.get(id);
    if (!entry && !pull) throw new CommandFailure("Config ID not found");
    return success(
      "Configuration Info",
      entry ? recordEntryObject(entry, context.mp4BinPath) : pull ? pullEntryObject(pull) : null,
    );
  },
});

/** In streams first, both in the order of their ids. */
function allStreams(context: CommandContext): ValueObject[] {
  const { recorder } = context;
  return [
    ...recorder.streams.list().map((stream) => inStreamObject(stream, context)),
    ...recorder.outStreams().map((out) => outStreamObject(out, context)),
  ];
}

function inList(stream: ValueObject): ValueObject {
  return { ...stream, edgePid: 0 };
}

export const listStreams = defineCommand({
  name: "listStreams",
  description: "Lists every stream: sources and recordings.",
  parameters: { disableInternalStreams: flag("Without effect: there are no internal streams.", true) },
  shownKeys: STREAM_KEYS,
  reach: listsByNode,
  handle: (_args, context) => success("Available streams", listOrNull(allStreams(context).map(inList))),
});

export const listStreamsIds = defineCommand({
  name: "listStreamsIds",
  description: "Lists the ids of every stream.",
  parameters: {},
  reach: lists,
  handle: (_args, { recorder }) =>
    success(
      "Available stream IDs",
      listOrNull([...recorder.streams.list(), ...recorder.outStreams()].map((stream) => stream.id)),
    ),
});

export const getStreamsCount = defineCommand({
  name: "getStreamsCount",
  description: "Counts sources and recordings.",
  parameters: {},
  shownKeys: ["streamCount"],
  reach: sumOf("streamCount"),
  handle: (_args, { recorder }) =>
    success("Active streams count", { streamCount: recorder.streams.list().length + recorder.outStreams().length }),
});

export const getInboundStreamsCount = defineCommand({
  name: "getInboundStreamsCount",
  description: "Counts sources.",
  parameters: {},
  reach: sumOf("inboundStreamsCount"),
  handle: (_args, { recorder }) =>
    success("Inbound stream count", { inboundStreamsCount: recorder.streams.list().length }),
});

const STREAM_CHOICE = { id: optionalStreamId("Stream id."), localStreamName: optionalText("Stream name.") };

/** One stream by id or, sources first, by name. */
function findStream(
  choice: { id: number | undefined; localStreamName: string },
  context: CommandContext,
): (() => ValueObject) | undefined {
  requireIdOrName(choice);
  const { id, localStreamName } = choice;
  if (id !== undefined && localStreamName !== "")
    throw new CommandFailure("id and localStreamName must not go together, choose only 1");
  const { recorder } = context;
  const stream = id === undefined ? recorder.streams.get(localStreamName) : recorder.streams.getById(id);
  if (stream) return () => inStreamObject(stream, context);
  const out = recorder
    .outStreams()
    .find((candidate) =>
      id === undefined ? candidate.config.localStreamName === localStreamName : candidate.id === id,
    );
  return out && (() => outStreamObject(out, context));
}

export const getStreamInfo = defineCommand({
  name: "getStreamInfo",
  description: "Shows one stream.",
  parameters: STREAM_CHOICE,
  shownKeys: STREAM_KEYS,
  reach: "stream",
  handle(args, context) {
    const found = findStream(args, context);
    if (!found)
      throw new CommandFailure(`Stream ${args.id === undefined ? args.localStreamName : `0:${args.id}`} not found`);
    return success("Stream information", found());
  },
});

export const isStreamRunning = defineCommand({
  name: "isStreamRunning",
  description: "Tells whether a stream is live.",
  parameters: STREAM_CHOICE,
  shownKeys: ["Running"],
  reach: anyOf("Running"),
  handle: (args, context) => success("Stream status:", { Running: findStream(args, context) !== undefined }),
});

export const listInboundStreams = defineCommand({
  name: "listInboundStreams",
  description: "Lists sources.",
  parameters: {},
  shownKeys: STREAM_KEYS,
  reach: listsByNode,
  handle: (_args, context) =>
    success(
      "Available inbound streams",
      listOrNull(context.recorder.streams.list().map((stream) => inList(inStreamObject(stream, context)))),
    ),
});

export const listInboundStreamNames = defineCommand({
  name: "listInboundStreamNames",
  description: "Lists the names of sources.",
  parameters: {},
  shownKeys: ["name"],
  reach: listsByNode,
  handle: (_args, { recorder }) =>
    success("Inbound local stream names", listOrNull(recorder.streams.list().map(({ name }) => ({ name })))),
});
