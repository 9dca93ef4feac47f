// record (ems-record-spec §2.1). The recorder carries it out; this file has the parameters, the reply and the failures.

import { ReelError } from "../../base/reel-error.js";
import type { RecordConfig } from "../../recording/record-config.js";
import { recordSettings } from "../replies/config-object.js";
import { success } from "../replies/reply.js";
import { type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, text } from "./parameter.js";
import { mustHaveBucket, RECORDING_PARAMETERS, recordingOptions, TARGET_PARAMETERS } from "./recording-parameters.js";

/** Until its volume has no more free than retention keeps; null where it does not fill up, as far as is known. */
function hoursLeft({ pathToFile }: RecordConfig, { retention }: CommandContext): number | null | undefined {
  if (!retention) return undefined;
  const hours = retention.hoursLeft(pathToFile);
  return hours === undefined ? null : Math.round(hours * 10) / 10;
}

export const record = defineCommand({
  name: "record",
  description: "Records a live stream to files. The stream need not exist yet: the recording begins with it.",
  parameters: {
    localStreamName: text("Exact name of the stream to record."),
    ...TARGET_PARAMETERS,
    keepAlive: flag("Keep the config, record again whenever the stream is available, also after a restart.", true),
    ...RECORDING_PARAMETERS,
  },
  takesVariables: true,
  shownKeys: ["chunkLength", "configId", "localStreamName", "pathToFile", "type"],
  async handle({ localStreamName, keepAlive, ...given }, context, variables) {
    mustHaveBucket("record stream", given, context);
    const options = { ...recordingOptions(given, variables), localStreamName, keepAlive };
    try {
      const entry = await context.recorder.record(options);
      const settings = recordSettings(entry.config, entry.computedPathToFile, context.mp4BinPath);
      return success("Recording Stream", { ...settings, hoursLeft: hoursLeft(entry.config, context) });
    } catch (error) {
      if (error instanceof ReelError)
        throw new CommandFailure(`Unable to record stream. ${error.message}`, { cause: error });
      throw error;
    }
  },
});
