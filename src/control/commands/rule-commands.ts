// recordRule, removeRule and listRules: what is recorded without a command for each stream.

import { ReelError } from "../../base/reel-error.js";
import { checkRule, type RuleOptions } from "../../recording/rules/record-rule.js";
import type { RuleEntry } from "../../recording/rules/record-rules.js";
import { rulesByNode } from "../group/reach.js";
import { listOrNull, success } from "../replies/reply.js";
import { ruleObject } from "../replies/rule-object.js";
import { type Arguments, type CommandContext, defineCommand } from "./command.js";
import { CommandFailure, flag, mandatoryId, text } from "./parameter.js";
import { mustHaveBucket, RECORDING_PARAMETERS, recordingOptions, TARGET_PARAMETERS } from "./recording-parameters.js";

/** Of the command, and of a rule in reel.json. */
export const RULE_PARAMETERS = {
  pattern: text(
    "Names of streams: a glob (* within a level, ** over levels, ? one character), or a regular expression between slashes.",
  ),
  ...TARGET_PARAMETERS,
  also: flag("1: it applies beside the first rule that matches, which alone applies else.", false),
  ...RECORDING_PARAMETERS,
};
const SHOWN_KEYS = ["ruleId", "pattern", "pathToFile", "type", "recordings", "configId", "localStreamName", "file"];

export function ruleOptions(
  { pattern, also, ...given }: Arguments<typeof RULE_PARAMETERS>,
  variables: Readonly<Record<string, string>>,
): RuleOptions {
  return { ...recordingOptions(given, variables), pattern, also };
}

export const recordRule = defineCommand({
  name: "recordRule",
  description:
    "Records every stream whose name matches, those that are live and those that come: the first rule that matches, and those with also=1. Parameters are those of record.",
  parameters: RULE_PARAMETERS,
  takesVariables: true,
  shownKeys: SHOWN_KEYS,
  async handle(given, context, variables) {
    return refusing("add rule", async () => {
      mustHaveBucket("add rule", given, context);
      const options = ruleOptions(given, variables);
      checkRule(options);
      const { failures, ...added } = await context.recorder.rules.add(options);
      return success("Rule added", {
        ...shown(added, context),
        failures: listOrNull(failures.map(({ localStreamName, error }) => ({ error: error.message, localStreamName }))),
      });
    });
  },
});

export const removeRule = defineCommand({
  name: "removeRule",
  description: "Removes a rule and ends what it records.",
  parameters: { ruleId: mandatoryId("As in the reply of recordRule, and in listRules.") },
  shownKeys: SHOWN_KEYS,
  async handle({ ruleId }, context) {
    return refusing("remove rule", async () => {
      const removed = context.recorder.rules.remove(ruleId);
      if (!removed) throw new CommandFailure(`There is no rule ${ruleId}`);
      return success("Rule removed", shown(removed, context));
    });
  },
});

export const listRules = defineCommand({
  name: "listRules",
  description: "Lists the rules in the order in which they are asked, with what they record.",
  parameters: {},
  shownKeys: SHOWN_KEYS,
  reach: rulesByNode,
  handle: (_args, context) =>
    success("Rules", listOrNull(context.recorder.rules.list().map((entry) => shown(entry, context)))),
});

function shown(entry: RuleEntry, { recorder }: CommandContext) {
  return ruleObject(entry, recorder.outStreams());
}

async function refusing<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ReelError) throw new CommandFailure(`Unable to ${what}. ${error.message}`, { cause: error });
    throw error;
  }
}
