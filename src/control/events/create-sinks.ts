// Makes the sinks that `eventLogger` configures.

import { randomInt } from "node:crypto";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { Clock } from "../../time/units.js";
import type { Value } from "../replies/reply.js";
import { asValue, type EventLoggerOptions, type EventSink, type EventSinkOptions, enabledTypes } from "./event-sink.js";
import { FileSink } from "./file-sink.js";
import { RpcSink } from "./rpc-sink.js";

/** Throws ReelError `badArgument` where a sink is not possible. */
export function createSinks(options: EventLoggerOptions | undefined, clock: Clock, logger: Logger): EventSink[] {
  const common = asValue(options?.customData);
  return (options?.sinks ?? []).map((sink) =>
    createSink(sink, sink.customData === undefined ? common : asValue(sink.customData), clock, logger),
  );
}

function createSink(sink: EventSinkOptions, customData: Value, clock: Clock, logger: Logger): EventSink {
  const types = enabledTypes(sink.enabledEvents);
  if (sink.type === "RPC") {
    if (!sink.url) throw new ReelError("badArgument", "eventLogger: an RPC sink needs its url");
    requireJson("serializerType", sink.serializerType);
    return new RpcSink({ url: sink.url, types, customData }, clock, logger);
  }
  if (!sink.filename) throw new ReelError("badArgument", "eventLogger: a file sink needs its filename");
  requireJson("format", sink.format);
  const { filename, appendTimestamp = true, appendInstance = false, fileChunkLength = 0, fileChunkTime } = sink;
  const instance = appendInstance ? randomInt(10_000) : undefined;
  const file = { filename, types, customData, appendTimestamp, instance, fileChunkLength, fileChunkTime };
  return new FileSink(file, clock, logger);
}

function requireJson(key: string, given: string | undefined): void {
  if (given !== undefined && given.toLowerCase() !== "json")
    throw new ReelError("badArgument", `eventLogger: ${key} ${given} is not written by Reel; json is`);
}
