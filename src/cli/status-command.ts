// `reel status`: all that runs on one screen. `reel top`: the same, live, until q or Ctrl-C.

import type { Command } from "commander";
import type { ReelClient } from "../client/control-client.js";
import type { ServerStatusData } from "../client/control-protocol.js";
import {
  addConnectionOptions,
  type ConnectionFlags,
  connectionFailure,
  openClient,
  withClient,
} from "./server-connection.js";
import { type Rates, statusLines } from "./status-screen.js";
import { paint, screenOf } from "./terminal.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

const REFRESH_MS = 1000;
const ENTER_SCREEN = "\u001b[?1049h\u001b[?25l";
const LEAVE_SCREEN = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_REST_OF_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CTRL_C = "\u0003";

interface StatusFlags extends ConnectionFlags {
  json?: boolean;
}

export function addStatusCommands(program: Command): void {
  addConnectionOptions(program.command("status"))
    .description("show what a running server does: streams, recordings, lag, losses, files, disks")
    .option("--json", "print it as JSON")
    .action(async (flags: StatusFlags) => {
      process.exitCode = await guarded("reel status", () => status(flags));
    });
  addConnectionOptions(program.command("top"))
    .description("the same, live, until q or Ctrl-C")
    .option("--json", "one JSON object a second and line")
    .action(async (flags: StatusFlags) => {
      process.exitCode = await guarded("reel top", () => top(flags));
    });
}

async function guarded(name: string, run: () => Promise<void>): Promise<number> {
  try {
    await run();
    return EXIT_OK;
  } catch (error) {
    console.error(`${name}: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}

async function status(flags: StatusFlags): Promise<void> {
  const data = await withClient(flags, (client) => client.serverStatus());
  if (flags.json) console.log(JSON.stringify(data));
  else for (const line of statusLines(data, screenOf())) console.log(line);
}

async function top(flags: StatusFlags): Promise<void> {
  const client = await openClient(flags);
  const isLive = process.stdout.isTTY === true && !flags.json;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  if (isLive) enterScreen(stop);
  try {
    await watch(client, stop.signal, flags.json === true, isLive);
  } finally {
    if (isLive) leaveScreen();
    await client.close();
  }
}

async function watch(client: ReelClient, signal: AbortSignal, isJson: boolean, isLive: boolean): Promise<void> {
  let last: { data: ServerStatusData; ms: number } | undefined;
  while (!signal.aborted) {
    const data = await client.serverStatus();
    const nowMs = performance.now();
    const rates = last && ratesBetween(last.data, data, nowMs - last.ms);
    last = { data, ms: nowMs };
    if (isJson) console.log(JSON.stringify(data));
    else draw(data, rates, isLive);
    await pause(signal);
  }
}

function draw(data: ServerStatusData, rates: Rates | undefined, isLive: boolean): void {
  const screen = screenOf();
  if (!isLive) {
    console.log(`${statusLines(data, screen, rates).join("\n")}\n`);
    return;
  }
  const lines = statusLines(data, screen, rates, screen.rows);
  const foot = paint("q ends", "dim", screen);
  process.stdout.write(`${HOME}${[...lines, foot].join(`${CLEAR_REST_OF_LINE}\n`)}${CLEAR_REST_OF_LINE}${CLEAR_BELOW}`);
}

export function ratesBetween(before: ServerStatusData, after: ServerStatusData, elapsedMs: number): Rates {
  const earlier = new Map(before.streams.map((stream) => [stream.id, stream.bytes]));
  const kbps = new Map<number, number>();
  for (const { id, bytes } of after.streams) {
    const from = earlier.get(id);
    if (from !== undefined) kbps.set(id, ((bytes - from) * 8) / elapsedMs);
  }
  const isSameRun = before.server.pid === after.server.pid;
  const cpuMs = after.server.cpuMs - before.server.cpuMs;
  return { kbps, cpuPercent: isSameRun ? (100 * cpuMs) / elapsedMs : undefined };
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, REFRESH_MS);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

function enterScreen(stop: AbortController): void {
  process.stdout.write(ENTER_SCREEN);
  if (!process.stdin.isTTY) return;
  process.stdin.setRawMode(true);
  process.stdin.on("data", (keys) => {
    if (/q/i.test(String(keys)) || String(keys).includes(CTRL_C)) stop.abort();
  });
}

function leaveScreen(): void {
  process.stdout.write(LEAVE_SCREEN);
  if (!process.stdin.isTTY) return;
  process.stdin.setRawMode(false);
  process.stdin.pause();
}
