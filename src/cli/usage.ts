// Exit codes of the commands that work on files: 0 all is well, 1 something failed or is defective, 2 the command line
// is wrong.

import type { Command } from "commander";

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** commander would end with 1 on a wrong command line; here it is 2. `--help` stays 0. */
export function exitOnUsage(command: Command): Command {
  return command.exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT_OK : EXIT_USAGE));
}
