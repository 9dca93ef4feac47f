// The command line. Each command is a file of its own beside this one.

import { Command } from "commander";
import { VERSION } from "../server/version.js";
import { addCompletionCommand } from "./completion-command.js";
import { addDemoCommand } from "./demo-command.js";
import { addEventsCommand } from "./events-command.js";
import { addFinishCommand } from "./finish-command.js";
import { addHelpCommand } from "./help-command.js";
import { addLsCommand } from "./ls-command.js";
import { addSendCommand } from "./send-command.js";
import { addServeCommand } from "./serve-command.js";
import { addStatusCommands } from "./status-command.js";
import { addVerifyCommand } from "./verify-command.js";

const program = new Command("reel")
  .description("Records live streams: RTMP in, MP4, MPEG-TS and FLV out, controlled like an EvoStream Media Server.")
  .version(VERSION);
addServeCommand(program);
addSendCommand(program);
addStatusCommands(program);
addEventsCommand(program);
addLsCommand(program);
addDemoCommand(program);
addFinishCommand(program);
addVerifyCommand(program);
addCompletionCommand(program);
addHelpCommand(program);
await program.parseAsync();
