// `reel retention`: what the server's rules delete now.

import type { Command } from "commander";
import { addFileListCommand } from "./file-list-command.js";
import { bytesText } from "./quantities.js";

export function addRetentionCommand(program: Command): void {
  addFileListCommand(program, {
    name: "retention",
    description: "delete the recorded files that the server's rules no longer keep, or show them",
    ask: async (client, dryRun) => {
      const { deletions, isComplete } = await client.retention({ dryRun });
      return { files: deletions ?? [], isComplete };
    },
    emptyText: "nothing to delete",
    columns: ["ended", "size", "cause", "file"],
    row: ({ stopTime, sizeBytes, cause, file }) => [stopTime, bytesText(sizeBytes), cause, file],
    sumText: (dryRun) => (dryRun ? " would be deleted" : ""),
  });
}
