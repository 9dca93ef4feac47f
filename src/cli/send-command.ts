// `reel send '<command line>'`: one command to a running server over its WebSocket; the reply as EMS's telnet listener
// prints it, or as JSON. The command is looked up in the table first: EMS ignores unknown parameters, and a mistyped
// one would be found a week later. `subscribe` stays, and prints the events.

import type { Command } from "commander";
import { suggestion } from "../base/nearest-name.js";
import type { EventName } from "../client/event-payloads.js";
import { COMMANDS, findCommand } from "../control/commands/command-table.js";
import { parseCommandLine } from "../control/commands/grammar.js";
import { unknownParameters } from "../control/dispatch.js";
import { renderHuman } from "../control/replies/human.js";
import type { Reply } from "../control/replies/reply.js";
import { followEvents } from "./events-command.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, openClient } from "./server-connection.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface SendFlags extends ConnectionFlags {
  json?: boolean;
  force?: boolean;
}

export function addSendCommand(program: Command): void {
  addConnectionOptions(program.command("send"))
    .description("send one command to a running server and print its reply; exit code 1 on FAIL")
    .argument("<command...>", "such as: record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=60")
    .option("--json", "print the reply as JSON")
    .option("--force", "send it though the command or a parameter is not known here")
    .action(async (words: string[], flags: SendFlags) => {
      process.exitCode = await send(words.join(" "), flags);
    });
}

/** What is wrong with a line, in words; undefined for a good one. */
export function findMistake(line: string): string | undefined {
  const request = parseCommandLine(line);
  if (!request) return "the command is empty";
  const command = findCommand(request.command);
  if (!command) {
    const names = COMMANDS.map(({ name }) => name);
    return `there is no command ${request.command}${suggestion(request.command, names) || "; reel help lists them"}`;
  }
  const [unknown] = unknownParameters(command, request);
  if (unknown === undefined) return undefined;
  const names = Object.keys(command.parameters);
  const known = names.length === 0 ? "; it takes none" : `; known are ${names.join(", ")}`;
  return `${command.name} has no parameter ${unknown}${suggestion(unknown, names) || known}`;
}

async function send(line: string, flags: SendFlags): Promise<number> {
  const mistake = flags.force ? undefined : findMistake(line);
  if (mistake !== undefined) {
    console.error(`reel send: ${mistake} (--force sends it as it is)`);
    return EXIT_FAILED;
  }
  const request = parseCommandLine(line);
  if (request?.command.toLowerCase() === "subscribe") {
    const named = request.parameters.findLast(({ name }) => name.toLowerCase() === "events")?.items ?? [];
    const since = request.parameters.findLast(({ name }) => name.toLowerCase() === "since")?.items[0];
    if (since !== undefined && !/^\d+$/.test(since)) {
      console.error(`reel send: since is a sequence, a whole number; it was ${since}`);
      return EXIT_FAILED;
    }
    const types = named as EventName[];
    return followEvents({ ...flags, types, ...(since !== undefined && { since: Number(since) }) }, "reel send");
  }
  try {
    const client = await openClient(flags);
    const reply = await client.send(line);
    await client.close();
    if (flags.json) console.log(JSON.stringify(reply));
    else process.stdout.write(renderHuman(request?.command ?? "", reply as Reply).replaceAll("\r\n", "\n"));
    return reply.status === "SUCCESS" ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    console.error(`reel send: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}
