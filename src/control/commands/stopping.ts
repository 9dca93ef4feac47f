// shutdownStream and removeConfig (ems-record-spec §2.3, §2.4, §3.8): the first takes stream ids, the second config
// ids, and the two kinds of id have nothing in common.

import type { OutStream } from "../../recording/lifecycle/out-stream.js";
import type { InStream } from "../../stream/in-stream.js";
import { pullSettings, recordSettings } from "../replies/config-object.js";
import { type Reply, success, type ValueObject } from "../replies/reply.js";
import { inStreamObject, outStreamObject, STREAM_KEYS } from "../replies/stream-object.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, optionalInteger, optionalStreamId, optionalText, requireIdOrName } from "./parameter.js";

const GONE = "Stream no longer available";

export const shutdownStream = defineCommand({
  name: "shutdownStream",
  description: "Ends a stream: a recording by its id; a source, and with it its recordings, by its id or name.",
  parameters: {
    id: optionalStreamId("Stream id, as in listStreams; wins over localStreamName."),
    localStreamName: optionalText("Name of the source."),
    permanently: flag("1: remove the stream's own config too. 0: keep it; the operation starts again.", true),
  },
  shownKeys: ["streamInfo", ...STREAM_KEYS],
  reach: "stream",
  handle({ id, localStreamName, permanently }, context) {
    requireIdOrName({ id, localStreamName });
    const { recorder } = context;
    const stream = id === undefined ? recorder.streams.get(localStreamName) : recorder.streams.getById(id);
    if (stream) return closeInStream(stream, permanently, context);
    const out = id === undefined ? undefined : recorder.outStreams().find((candidate) => candidate.id === id);
    if (out) return closeRecording(out, permanently, context);
    if (id === undefined && permanently) return cancelWaiting(localStreamName, context);
    throw new CommandFailure(GONE);
  },
});

function closed(id: number, streamInfo: ValueObject, carrier: ValueObject | null): Reply {
  return success("Stream closed", {
    protocolStackInfo: { carrier, stack: [{ id, type: streamInfo.type ?? "" }] },
    streamInfo,
  });
}

function closeInStream(stream: InStream, permanently: boolean, context: CommandContext): Reply {
  const streamInfo = inStreamObject(stream, context);
  const { source } = stream;
  const pull = permanently ? context.pulls.ofStream(stream) : undefined;
  if (pull) context.pulls.remove(pull.settings.configId, "shutdownStream");
  if (!stream.ended) stream.closeSource("shutdownStream");
  return closed(stream.id, streamInfo, {
    farIp: source.farIp,
    farPort: source.farPort,
    nearIp: source.nearIp,
    nearPort: source.nearPort,
  });
}

function closeRecording(out: OutStream, permanently: boolean, context: CommandContext): Reply {
  const streamInfo = outStreamObject(out, context);
  if (!context.recorder.stopOutStream(out.id, permanently)) throw new CommandFailure(GONE);
  return closed(out.id, streamInfo, null);
}

/** The stream does not exist, but record configs wait for it: the command stops those (spec 7.10). */
function cancelWaiting(localStreamName: string, context: CommandContext): Reply {
  const waiting = context.recorder
    .configs()
    .filter((entry) => entry.config.localStreamName === localStreamName && entry.status.current.uniqueStreamId === 0);
  const first = waiting[0];
  if (!first) throw new CommandFailure(GONE);
  const settings = recordSettings(first.config, first.computedPathToFile, context.mp4BinPath);
  for (const entry of waiting) context.recorder.removeConfig(entry.config.configId);
  return closed(0, { name: localStreamName, recordSettings: settings }, null);
}

export const removeConfig = defineCommand({
  name: "removeConfig",
  description: "Removes a config and ends what it runs.",
  parameters: {
    id: optionalInteger("Config id, as in listConfig."),
    groupName: optionalText("Group of an HLS or HDS config; matches no recording."),
    removeHlsHdsFiles: flag("Without effect on recordings.", false),
  },
  shownKeys: ["configId", "localStreamName", "targetFolder", "uri"],
  reach: "config",
  handle({ id, groupName }, context) {
    if (id === undefined && groupName === "") throw new CommandFailure("No id nor group name provided");
    const terminated = "Configuration terminated";
    if (id === undefined) return success(terminated, null);
    const entry = context.recorder.removeConfig(id);
    if (entry) return success(terminated, recordSettings(entry.config, entry.computedPathToFile, context.mp4BinPath));
    const pull = context.pulls.remove(id, "removeConfig");
    return success(terminated, pull ? pullSettings(pull.settings) : null);
  },
});
