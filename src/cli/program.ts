// The command line. Each command is a file of its own beside this one. Only the command that is called is loaded,
// since the server's parts take half a second; help, completion and mistyped names load all.

import { Command } from "commander";
import { VERSION } from "../server/version.js";

type Add = (program: Command) => void;

const serve = async (): Promise<Add> => (await import("./serve-command.js")).addServeCommand;
const status = async (): Promise<Add> => (await import("./status-command.js")).addStatusCommands;

/** In the order of the help. A module may bring two commands. */
const MODULES: ReadonlyMap<string, () => Promise<Add>> = new Map([
  ["serve", serve],
  ["config-schema", serve],
  ["send", async () => (await import("./send-command.js")).addSendCommand],
  ["status", status],
  ["top", status],
  ["events", async () => (await import("./events-command.js")).addEventsCommand],
  ["ls", async () => (await import("./ls-command.js")).addLsCommand],
  ["retention", async () => (await import("./retention-command.js")).addRetentionCommand],
  ["upload", async () => (await import("./upload-command.js")).addUploadCommand],
  ["capacity", async () => (await import("./capacity-command.js")).addCapacityCommand],
  ["drain", async () => (await import("./drain-command.js")).addDrainCommand],
  ["demo", async () => (await import("./demo-command.js")).addDemoCommand],
  ["finish", async () => (await import("./finish-command.js")).addFinishCommand],
  ["verify", async () => (await import("./verify-command.js")).addVerifyCommand],
]);

const program = new Command("reel")
  .description("Records live streams: RTMP in, MP4, MPEG-TS and FLV out, controlled like an EvoStream Media Server.")
  .version(VERSION);
const [called = ""] = process.argv.slice(2);
const own = MODULES.get(called);
if (own) (await own())(program);
else if (called !== "--version" && called !== "-V") await addAll(program);
await program.parseAsync();

async function addAll(program: Command): Promise<void> {
  for (const load of new Set(MODULES.values())) (await load())(program);
  (await import("./completion-command.js")).addCompletionCommand(program);
  (await import("./help-command.js")).addHelpCommand(program);
}
