// `reel upload`: what waits for its upload, and another try of what failed.

import type { Command } from "commander";
import { addFileListCommand } from "./file-list-command.js";
import { bytesText } from "./quantities.js";

export function addUploadCommand(program: Command): void {
  addFileListCommand(program, {
    name: "upload",
    description: "show the recorded files that wait for their upload, and try at once again what has failed",
    ask: async (client, dryRun) => {
      const { uploads, isComplete } = await client.upload({ dryRun });
      return { files: uploads ?? [], isComplete };
    },
    emptyText: "nothing waits for its upload",
    columns: ["size", "state", "object", "file"],
    row: ({ sizeBytes, key, isUnderWay, reason, file }) => [
      bytesText(sizeBytes),
      isUnderWay ? "under way" : (reason ?? "waits"),
      key ?? "",
      file,
    ],
    sumText: (dryRun) => (dryRun ? " would be uploaded" : ""),
  });
}
