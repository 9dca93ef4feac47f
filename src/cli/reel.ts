#!/usr/bin/env node
// reel: the command line. Each command is a file of its own beside this one.

import { Command } from "commander";
import { VERSION } from "../server/version.js";
import { addDemoCommand } from "./demo.js";
import { addFinishCommand } from "./finish.js";
import { addSendCommand } from "./send.js";
import { addServeCommand } from "./serve.js";
import { addVerifyCommand } from "./verify.js";

const program = new Command("reel")
  .description("Records live streams: RTMP in, MP4, MPEG-TS and FLV out, controlled like an EvoStream Media Server.")
  .version(VERSION);
addServeCommand(program);
addSendCommand(program);
addDemoCommand(program);
addFinishCommand(program);
addVerifyCommand(program);
await program.parseAsync();
