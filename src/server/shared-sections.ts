// What every node of a group has: the configs and the rules that outlive a restart, but those of one node's reel.json,
// and the configs that a rule makes where its stream is.

import type { PullConfigs } from "../control/pull/pull-configs.js";
import type { SharedSection } from "../group/shared-configs.js";
import type { Recorder } from "../recording/recorder.js";

export function sharedSections(recorder: Recorder, pulls: PullConfigs): SharedSection[] {
  const configId = (config: object): unknown => (config as { configId?: unknown }).configId;
  return [
    {
      name: "record",
      idOf: configId,
      ids: () => recorder.configs().map(({ config }) => config.configId),
      isShared: (config) => !("ruleId" in config),
      adopt: (config) => recorder.adopt(config),
      remove: (id) => void recorder.removeConfig(id),
    },
    {
      name: "pull",
      idOf: configId,
      ids: () => pulls.list().map(({ settings }) => settings.configId),
      isShared: () => true,
      adopt: (config) => pulls.adopt(config),
      remove: (id) => void pulls.remove(id, "another node of the group has removed it"),
    },
    {
      name: "rules",
      idOf: (rule) => (rule as { ruleId?: unknown }).ruleId,
      ids: () => recorder.rules.list().map(({ rule }) => rule.ruleId),
      isShared: (rule) => (rule as { isConfigured?: unknown }).isConfigured !== true,
      adopt: (rule) => recorder.adoptRule(rule),
      remove: (id) => void recorder.rules.remove(id),
    },
  ];
}
