// `reel retention`: what the server's rules delete now.

import type { Command } from "commander";
import { bytesText } from "./quantities.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, withClient } from "./server-connection.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface RetentionFlags extends ConnectionFlags {
  dryRun?: boolean;
  json?: boolean;
}

export function addRetentionCommand(program: Command): void {
  addConnectionOptions(program.command("retention"))
    .description("delete the recorded files that the server's rules no longer keep, or show them")
    .option("--dry-run", "only show them")
    .option("--json", "one JSON object a line and file")
    .action(async (flags: RetentionFlags) => {
      process.exitCode = await show(flags);
    });
}

async function show(flags: RetentionFlags): Promise<number> {
  try {
    const { deletions, isComplete } = await withClient(flags, (client) =>
      client.retention({ dryRun: flags.dryRun === true }),
    );
    const found = deletions ?? [];
    if (!isComplete) console.error("the server still reads its catalogue: there may be more");
    if (flags.json) for (const deletion of found) console.log(JSON.stringify(deletion));
    else if (found.length === 0) console.log("nothing to delete");
    else {
      const rows = found.map(({ stopTime, sizeBytes, cause, file }) => [stopTime, bytesText(sizeBytes), cause, file]);
      printTable(["ended", "size", "cause", "file"], rows, [1]);
      const bytes = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      console.log(`${found.length} files, ${bytesText(bytes)}${flags.dryRun ? " would be deleted" : ""}`);
    }
    return EXIT_OK;
  } catch (error) {
    console.error(`reel retention: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}
