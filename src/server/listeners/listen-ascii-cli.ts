// Commands over TCP, replies for people: EMS's inboundAsciiCli.

import { defineListener } from "./listener-entry.js";

export const listenAsciiCli = defineListener({
  description: "human-readable TCP",
  carries: "commands",
  defaultAddress: "127.0.0.1:1222",
  title: "commands (telnet)",
  options: {},
  create: ({ control }, address) => control.createHumanListener("asciiCli", address),
});
