// The dashboard's channel of events, against a WebSocket server: it comes back, asks for what it missed, stops where it
// is refused or the login has ended, and notices a connection of which nothing comes any more.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type ChannelOptions, EventChannel } from "../../../dashboard/src/state/event-channel.js";
import { until } from "../../support/until.js";

/** As a browser's: an error that nobody listens for is none. */
class BrowserSocket extends WebSocket {
  constructor(url: string) {
    super(url);
    this.on("error", () => {});
  }
}

interface Sent {
  command: string;
  parameters?: { since?: number };
}

let server: WebSocketServer;
/** Of each connection what it sent. */
let sent: Sent[][];
let sockets: WebSocket[];
let told: string[];
let mayReturn: boolean;
let channel: EventChannel | undefined;
/** How the server answers a command; undefined: not at all. */
let answer: (command: Sent) => object | undefined;

beforeEach(async () => {
  [sent, sockets, told, mayReturn] = [[], [], [], true];
  answer = ({ command }) => ({ status: "SUCCESS", data: command === "subscribe" ? { since: 40 } : null });
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    const own: Sent[] = [];
    sent.push(own);
    sockets.push(socket);
    socket.on("message", (text) => {
      const command = JSON.parse(String(text)) as Sent;
      own.push(command);
      const reply = answer(command);
      if (reply) socket.send(JSON.stringify(reply));
    });
  });
  await once(server, "listening");
  vi.stubGlobal("WebSocket", BrowserSocket);
});

afterEach(async () => {
  channel?.close();
  for (const socket of server.clients) socket.terminate();
  server.close();
  await once(server, "close");
  vi.unstubAllGlobals();
});

function open(options: Partial<ChannelOptions> = {}): void {
  channel = new EventChannel({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    onEvent: ({ type }) => told.push(type),
    onOpen: (isAgain) => told.push(isAgain ? "again" : "open"),
    onLost: () => told.push("lost"),
    onRefused: (reason) => told.push(`refused: ${reason}`),
    mayReturn: async () => {
      told.push("asked");
      return mayReturn;
    },
    firstRetryMs: 50,
    ...options,
  });
  channel.open();
}

function hears(what: string, times = 1): Promise<true> {
  return until(`${times} × ${what} in ${told}`, () => told.filter((line) => line === what).length >= times);
}

it("comes back, and asks for what has ended since the newest that it was told", async () => {
  open();
  await hears("open");
  const closed = { id: 1, type: "recordChunkClosed", timestamp: 1, payload: { sequence: 57 } };
  sockets[0]?.send(JSON.stringify(closed));
  await hears("recordChunkClosed");
  sockets[0]?.terminate();
  await hears("again");
  expect(told).toEqual(["open", "recordChunkClosed", "lost", "asked", "again"]);
  expect(sent.map(([first]) => first?.parameters)).toEqual([{}, { since: 57 }]);
});

it("stops where the subscription is refused, and hands on why", async () => {
  answer = () => ({ status: "FAIL", description: "There are too many", data: null });
  open();
  await hears("refused: There are too many");
  await until("its end", () => server.clients.size === 0);
  expect([told.length, sockets.length]).toEqual([1, 1]);
});

it("asks for the login where that has ended, and does not come back without one", async () => {
  open();
  await hears("open");
  mayReturn = false;
  sockets[0]?.close(1008, "the login has ended");
  await hears("asked", 2);
  expect([told[1], sockets.length]).toEqual(["lost", 1]);
  mayReturn = true;
  await hears("again");
});

it("begins anew where nothing comes any more, not even an answer", async () => {
  open({ pingMs: 10, answerMs: 300 });
  await hears("open");
  await until("three pings", () => sent[0]?.filter(({ command }) => command === "ping").length === 3);
  // Its answers keep it.
  expect(sockets).toHaveLength(1);
  answer = ({ command }) => (command === "ping" ? undefined : { status: "SUCCESS", data: { since: 40 } });
  await hears("again");
  expect(sockets).toHaveLength(2);
});

it("counts a subscription without an answer as a dead connection, too", async () => {
  answer = () => undefined;
  open({ answerMs: 30 });
  await hears("lost", 2);
  expect(told).not.toContain("open");
});
