// `reel upload`: what waits for its upload, and another try of what failed.

import type { Command } from "commander";
import { bytesText } from "./quantities.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, withClient } from "./server-connection.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface UploadFlags extends ConnectionFlags {
  dryRun?: boolean;
  json?: boolean;
}

export function addUploadCommand(program: Command): void {
  addConnectionOptions(program.command("upload"))
    .description("show the recorded files that wait for their upload, and try at once again what has failed")
    .option("--dry-run", "only show them")
    .option("--json", "one JSON object a line and file")
    .action(async (flags: UploadFlags) => {
      process.exitCode = await show(flags);
    });
}

async function show(flags: UploadFlags): Promise<number> {
  try {
    const dryRun = flags.dryRun === true;
    const { uploads, isComplete } = await withClient(flags, (client) => client.upload({ dryRun }));
    const waiting = uploads ?? [];
    if (!isComplete) console.error("the server still reads its catalogue: there may be more");
    if (flags.json) for (const one of waiting) console.log(JSON.stringify(one));
    else if (waiting.length === 0) console.log("nothing waits for its upload");
    else {
      const rows = waiting.map(({ sizeBytes, key, isUnderWay, reason, file }) => [
        bytesText(sizeBytes),
        isUnderWay ? "under way" : (reason ?? "waits"),
        key ?? "",
        file,
      ]);
      printTable(["size", "state", "object", "file"], rows, [0]);
      const bytes = waiting.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      console.log(`${waiting.length} files, ${bytesText(bytes)}${dryRun ? " would be uploaded" : ""}`);
    }
    return EXIT_OK;
  } catch (error) {
    console.error(`reel upload: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}
