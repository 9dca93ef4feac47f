// `reel help`: the commands of this program; `reel help record`: a command of the server, as its table has it.

import type { Command } from "commander";
import { suggestion } from "../base/nearest-name.js";
import type { Command as ServerCommand } from "../control/commands/command.js";
import { COMMANDS, findCommand } from "../control/commands/command-table.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED } from "./usage.js";

export function addHelpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command("help")
    .description("explain a command of this program, or one that is sent to the server (reel help record)")
    .argument("[command]")
    .option("--json", "print it as JSON")
    .action((name: string | undefined, { json = false }: { json?: boolean }) => help(program, name, json));
}

function help(program: Command, name: string | undefined, isJson: boolean): void {
  const own = program.commands.find((command) => command.name() === name);
  const sent = name === undefined ? undefined : findCommand(name);
  if (name === undefined) {
    if (isJson) {
      print({ commands: program.commands.map(ownObject), send: COMMANDS.map(sentObject) });
      return;
    }
    program.outputHelp();
    console.log(
      `\nCommands to send (reel help NAME explains one):\n  ${COMMANDS.map((command) => command.name).join(" ")}`,
    );
  } else if (own) isJson ? print(ownObject(own)) : own.outputHelp();
  else if (sent) isJson ? print(sentObject(sent)) : explain(sent);
  else {
    const names = [...program.commands.map((command) => command.name()), ...COMMANDS.map((command) => command.name)];
    console.error(`reel help: there is no command ${name}${suggestion(name, names) || "; reel help lists them"}`);
    process.exitCode = EXIT_FAILED;
  }
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** A command of this program. */
function ownObject(command: Command): object {
  const options = command.options.map(({ flags, description }) => ({ flags, description }));
  return { name: command.name(), description: command.description(), options };
}

/** A command of the server. */
function sentObject({ name, description, parameters, takesVariables, isChannelOnly }: ServerCommand): object {
  const listed = Object.entries(parameters).map(([key, { type, mandatory, defaultText, range, description }]) => ({
    ...{ name: key, type, mandatory, description },
    default: defaultText === null || /^-No /.test(defaultText) ? null : defaultText,
    ...(range && { range }),
  }));
  return { name, description, parameters: listed, takesVariables, isChannelOnly };
}

function explain({ name, description, parameters, takesVariables, isChannelOnly }: ServerCommand): void {
  const mandatory = Object.entries(parameters).filter(([, parameter]) => parameter.mandatory);
  console.log(`reel send ${[name, ...mandatory.map(([key]) => `${key}=…`)].join(" ")}\n\n${description}`);
  const rows = Object.entries(parameters).map(([key, parameter]) => {
    const { type, defaultText, range, description: text } = parameter;
    const values = range ? `${type} ${range.min}–${range.max}` : type;
    return [key, values, parameter.mandatory ? "mandatory" : (defaultText ?? "").replace(/^-No .*/, ""), text];
  });
  if (rows.length > 0) {
    console.log();
    printTable(["parameter", "type", "default", "meaning"], rows);
  }
  if (takesVariables) console.log("\nAny parameter that begins with _ is kept and comes back in replies and events.");
  if (isChannelOnly) console.log("\nOver WebSocket only; reel send stays and prints the events.");
}
