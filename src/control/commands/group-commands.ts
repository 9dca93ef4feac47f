// drain: a node of a group gives its pulls to the others before it is stopped.

import { success } from "../replies/reply.js";
import { defineCommand } from "./command.js";
import { CommandFailure, flag } from "./parameter.js";

export const drain = defineCommand({
  name: "drain",
  description:
    "In a group: gives every pull of this node to others without a gap, and takes none until it is restarted or told off=1. Asked again it tells how far it is, and once it is done tries again what it kept.",
  parameters: { off: flag("1: take pulls again.", false) },
  handle({ off }, { group, recorder, pulls }) {
    if (!group) throw new CommandFailure("This server is alone: reel.json has no group");
    if (off) {
      group.undrain();
      return success("Pulls are taken again", null);
    }
    const { isDone, handedOver, kept, waiting } = group.drain();
    // A publisher cannot be moved: who stops this node ends what it sends.
    const published = recorder.streams.list().filter((stream) => pulls.ofStream(stream) === undefined);
    return success(isDone ? "Drained" : "Draining", {
      handedOver: handedOver.map((pull) => ({ ...pull })),
      isDone,
      kept: kept.map((pull) => ({ ...pull })),
      published: published.map(({ name }) => name),
      waiting,
    });
  },
});
