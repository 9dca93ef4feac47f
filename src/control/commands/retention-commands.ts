// hold, release, listHolds and retention: what must be kept, and what goes. The room `retention` carries them out.

import { ReelError } from "../../base/reel-error.js";
import type { Hold } from "../../retention/holds.js";
import type { Retention } from "../../retention/retention.js";
import type { PlannedDeletion } from "../../retention/retention-plan.js";
import { listOrNull, success, type ValueObject } from "../replies/reply.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, mandatoryId, optionalInteger, optionalText, text } from "./parameter.js";
import { parseTime } from "./parse-time.js";

function retentionOf({ retention }: CommandContext): Retention {
  if (!retention) throw new CommandFailure("This server has no retention");
  return retention;
}

export const hold = defineCommand({
  name: "hold",
  description:
    "Keeps recorded files from being deleted, by whom ever, until release: one file by its sequence, or those of a stream that overlap a time, also those that are yet to come.",
  parameters: {
    reason: text("Why; it is shown where somebody wants to delete them."),
    sequence: optionalInteger("One file: the sequence of its opening (id of listSegments).", Number.MAX_SAFE_INTEGER),
    localStreamName: optionalText("The files of this stream."),
    from: optionalText("That end after this: a date and time (ISO 8601) or Unix milliseconds."),
    to: optionalText("That begin before this."),
  },
  shownKeys: ["holdId", "localStreamName", "reason", "sequence"],
  handle({ reason, sequence, localStreamName, from, to }, context) {
    try {
      const held = retentionOf(context).hold({
        reason,
        sequence,
        localStreamName: localStreamName === "" ? undefined : localStreamName,
        fromMs: from === "" ? undefined : parseTime("from", from),
        toMs: to === "" ? undefined : parseTime("to", to),
      });
      return success("Held", holdObject(held));
    } catch (error) {
      if (error instanceof ReelError) throw new CommandFailure(`Unable to hold. ${error.message}`, { cause: error });
      throw error;
    }
  },
});

export const release = defineCommand({
  name: "release",
  description: "Ends a hold: what it kept may be deleted again, at once where a rule says so.",
  parameters: { holdId: mandatoryId("As in the reply of hold, and in listHolds.") },
  shownKeys: ["holdId", "localStreamName", "reason", "sequence"],
  handle({ holdId }, context) {
    const released = retentionOf(context).release(holdId);
    if (!released) throw new CommandFailure(`There is no hold ${holdId}`);
    return success("Released", holdObject(released));
  },
});

export const listHolds = defineCommand({
  name: "listHolds",
  description: "Lists the holds.",
  parameters: {},
  shownKeys: ["holdId", "localStreamName", "reason", "sequence"],
  handle: (_args, context) => success("Holds", listOrNull(retentionOf(context).holds.map(holdObject))),
});

export const retention = defineCommand({
  name: "retention",
  description: "Tells what the rules of retention delete now, oldest first, and deletes it.",
  parameters: { dryRun: flag("1: only tell.", false) },
  shownKeys: ["deletions", "file", "cause"],
  async handle({ dryRun }, context) {
    const room = retentionOf(context);
    const planned = await room.plan();
    if (!dryRun) await room.run();
    return success(dryRun ? "What would be deleted" : "What was to be deleted", {
      deletions: listOrNull(planned.map(deletionObject)),
      isComplete: room.isComplete,
    });
  },
});

function holdObject({ holdId, createdMs, sequence, localStreamName, fromMs, toMs, reason }: Hold): ValueObject {
  return {
    createTime: new Date(createdMs).toISOString(),
    from: timeOrNull(fromMs),
    holdId,
    localStreamName: localStreamName ?? null,
    reason,
    sequence: sequence ?? null,
    to: timeOrNull(toMs),
  };
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function deletionObject({ segment, cause }: PlannedDeletion): ValueObject {
  const { id, path, localStreamName, configId, startedMs, stoppedMs, sizeBytes } = segment;
  return {
    cause,
    configId,
    file: path,
    id,
    localStreamName,
    sizeBytes,
    startTime: new Date(startedMs).toISOString(),
    stopTime: new Date(stoppedMs).toISOString(),
  };
}
