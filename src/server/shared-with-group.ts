// What every node of a group has: the configs and the rules that outlive a restart, but those of one node's reel.json,
// and the configs that a rule makes where its stream is. And what the others are told of this node's streams.

import type { ControlPlane } from "../control/control-plane.js";
import type { PullConfigs } from "../control/pull/pull-configs.js";
import type { Group } from "../group/group.js";
import type { SharedSection } from "../group/local-configs.js";
import type { Shared } from "../group/server-port.js";
import type { Recorder } from "../recording/recorder.js";

export function sharedWithGroup(recorder: Recorder, { bus, pulls }: ControlPlane, group: Group): Shared {
  const { nodeName: node } = group;
  for (const event of ["opened", "ended"] as const) recorder.streams.on(event, () => group.streamsChanged());
  return {
    store: recorder.store,
    sections: sharedSections(recorder, pulls),
    onMoved: (moved) => bus.emit("pullMoved", () => ({ ...moved })),
    onConflict: (localStreamName, nodes) => bus.emit("streamConflict", () => ({ localStreamName, node, nodes })),
    live: () => {
      const names = { published: [] as string[], pulled: [] as string[] };
      for (const stream of recorder.streams.list())
        if (!stream.ended) (pulls.ofStream(stream) ? names.pulled : names.published).push(stream.name);
      return names;
    },
  };
}

function sharedSections(recorder: Recorder, pulls: PullConfigs): SharedSection[] {
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
