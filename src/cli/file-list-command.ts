// A command that asks the server which of its files are in some state, and prints them: a table with their sum, or a
// line of JSON for each.

import type { Command } from "commander";
import type { ReelClient } from "../client/control-client.js";
import { bytesText } from "./quantities.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, withClient } from "./server-connection.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface FileListFlags extends ConnectionFlags {
  dryRun?: boolean;
  json?: boolean;
}

interface FileList<File> {
  readonly files: readonly File[];
  /** False while the server reads its catalogue. */
  readonly isComplete: boolean;
}

interface FileListCommand<File extends { readonly sizeBytes: number }> {
  readonly name: string;
  readonly description: string;
  ask(client: ReelClient, dryRun: boolean): Promise<FileList<File>>;
  /** Where there is no file. */
  readonly emptyText: string;
  readonly columns: readonly string[];
  row(file: File): readonly string[];
  /** Behind the count and the sum of the sizes. */
  sumText(dryRun: boolean): string;
}

export function addFileListCommand<File extends { readonly sizeBytes: number }>(
  program: Command,
  command: FileListCommand<File>,
): void {
  addConnectionOptions(program.command(command.name))
    .description(command.description)
    .option("--dry-run", "only show them")
    .option("--json", "one JSON object a line and file")
    .action(async (flags: FileListFlags) => {
      process.exitCode = await show(command, flags);
    });
}

async function show<File extends { readonly sizeBytes: number }>(
  command: FileListCommand<File>,
  flags: FileListFlags,
): Promise<number> {
  const dryRun = flags.dryRun === true;
  try {
    const { files, isComplete } = await withClient(flags, (client) => command.ask(client, dryRun));
    if (!isComplete) console.error("the server still reads its catalogue: there may be more");
    if (flags.json) for (const file of files) console.log(JSON.stringify(file));
    else if (files.length === 0) console.log(command.emptyText);
    else {
      const { columns } = command;
      printTable(columns, files.map(command.row), [columns.indexOf("size")]);
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      console.log(`${files.length} files, ${bytesText(bytes)}${command.sumText(dryRun)}`);
    }
    return EXIT_OK;
  } catch (error) {
    console.error(`reel ${command.name}: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}
