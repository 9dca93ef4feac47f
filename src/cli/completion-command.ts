// `reel completion bash`: a completion script, made from the commands and the table:
// `eval "$(reel completion bash)"` in ~/.bashrc.

import { Argument, type Command } from "commander";
import { COMMANDS } from "../control/commands/command-table.js";
import { EXIT_FAILED } from "./usage.js";

export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .description('print a completion script: eval "$(reel completion bash)" in ~/.bashrc')
    .addArgument(new Argument("<shell>").choices(["bash"]))
    .option("--json", "refused: a script is no data")
    .action((_shell: string, { json = false }: { json?: boolean }) => {
      if (!json) console.log(bashCompletion(program));
      else {
        console.error("reel completion: there is no JSON of a script; reel help --json lists commands and options");
        process.exitCode = EXIT_FAILED;
      }
    });
}

function bashCompletion(program: Command): string {
  const own = program.commands.map((command) => command.name());
  const options = program.commands.map((command) => {
    const flags = command.options.flatMap(({ long }) => long ?? []);
    return `    ${command.name()}) words="${[...flags, "--help"].join(" ")}" ;;`;
  });
  const parameters = COMMANDS.map(({ name, parameters: table }) => {
    const keys = Object.keys(table).map((key) => `${key}=`);
    return `      ${name}) words="${keys.join(" ")}" ;;`;
  });
  const names = COMMANDS.map(({ name }) => name).join(" ");
  return `_reel() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${own.join(" ")}"
  elif [ "\${COMP_WORDS[1]}" = help ]; then
    words="${own.join(" ")} ${names}"
  elif [ "\${COMP_WORDS[1]}" = send ] && [ "\${current#-}" = "$current" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then words="${names}"
    else case "\${COMP_WORDS[2]}" in
${parameters.join("\n")}
    esac; fi
  else case "\${COMP_WORDS[1]}" in
${options.join("\n")}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case "\${COMPREPLY[*]}" in *=) compopt -o nospace ;; esac
}
complete -o default -F _reel reel`;
}
