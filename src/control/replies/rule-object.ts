// Rules as replies show them, with the recordings that they have.

import type { OutStream } from "../../recording/lifecycle/out-stream.js";
import type { RecordEntry } from "../../recording/record-config.js";
import type { RuleEntry } from "../../recording/rules/record-rules.js";
import { RECORD_STATUS_TEXTS } from "./config-object.js";
import { listOrNull, type ValueObject } from "./reply.js";

/** Options as they were given: defaults are those of record. */
export function ruleObject({ rule, entries }: RuleEntry, outStreams: readonly OutStream[]): ValueObject {
  const { ruleId, isConfigured, options } = rule;
  const { variables, retain = {}, from, ...plain } = options;
  const files = new Map(outStreams.map(({ id, currentPath }) => [id, currentPath]));
  return {
    ...variables,
    ...plain,
    also: options.also ?? false,
    from: typeof from === "number" ? -from : from,
    isConfigured,
    recordings: listOrNull(entries.map((entry) => recordingOf(entry, files))),
    retainBytes: retain.bytes,
    retainFor: retain.scope,
    retainFreeBytes: retain.freeBytes,
    retainFreePercent: retain.freePercent,
    retainSeconds: retain.seconds,
    retainSegments: retain.segments,
    ruleId,
  };
}

function recordingOf({ config, status }: RecordEntry, files: ReadonlyMap<number, string | undefined>): ValueObject {
  const { code, uniqueStreamId } = status.current;
  return {
    configId: config.configId,
    file: files.get(uniqueStreamId) ?? "",
    localStreamName: config.localStreamName,
    outStreamId: uniqueStreamId,
    state: RECORD_STATUS_TEXTS[code],
  };
}
