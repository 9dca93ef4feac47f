// HTTP and the WebSocket channel: commands, events, routes.

import { defineListener } from "./listener-entry.js";

export const listenHttp = defineListener({
  description: "HTTP and WebSocket commands",
  carries: "commands",
  defaultAddress: "127.0.0.1:7777",
  title: "commands (WebSocket, HTTP)",
  showAddress: (address) => `ws://${address}/ws`,
  options: {},
  create: ({ control }, address) => control.createHttpListener(address),
});
