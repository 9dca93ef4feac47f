// Commands over TCP, replies as JSON: EMS's inboundJsonCli.

import { defineListener } from "./listener-entry.js";

export const listenJsonCli = defineListener({
  description: "JSON over TCP",
  carries: "commands",
  defaultAddress: "127.0.0.1:1112",
  title: "commands (JSON over TCP)",
  options: {},
  create: ({ control }, address) => control.createJsonListener("jsonCli", address),
});
