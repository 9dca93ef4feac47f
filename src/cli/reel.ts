#!/usr/bin/env node
// reel: the command line. Each command is a file of its own beside this one.

import { Command } from "commander";
import { VERSION } from "../server/version.js";
import { addDemoCommand } from "./demo-command.js";
import { addFinishCommand } from "./finish-command.js";
import { addSendCommand } from "./send-command.js";
import { addServeCommand } from "./serve-command.js";
import { addVerifyCommand } from "./verify-command.js";

const program = new Command("reel")
  .description("Records live streams: RTMP in, MP4, MPEG-TS and FLV out, controlled like an EvoStream Media Server.")
  .version(VERSION);
addServeCommand(program);
addSendCommand(program);
addDemoCommand(program);
addFinishCommand(program);
addVerifyCommand(program);
await program.parseAsync();
