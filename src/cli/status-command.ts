// `reel status`: all that runs on one screen. `reel top`: the same, live, until q or Ctrl-C; arrows, page keys, Home
// and End move through more rows than fit.

import type { Command } from "commander";
import type { ReelClient } from "../client/control-client.js";
import type { ServerStatusData } from "../client/reply-data.js";
import {
  addConnectionOptions,
  type ConnectionFlags,
  connectionFailure,
  openClient,
  withClient,
} from "./server-connection.js";
import { type Rates, statusLines, statusView } from "./status-screen.js";
import { paint, screenOf } from "./terminal.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

const REFRESH_MS = 1000;
const ENTER_SCREEN = "\u001b[?1049h\u001b[?25l";
const LEAVE_SCREEN = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_REST_OF_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CTRL_C = "\u0003";
/** Rows to move by, a page as the room of the screen; xterm's and the Linux console's forms. */
const MOVES: Readonly<Record<string, (room: number) => number>> = {
  "\u001b[A": () => -1,
  "\u001b[B": () => 1,
  k: () => -1,
  j: () => 1,
  "\u001b[5~": (room) => -room,
  "\u001b[6~": (room) => room,
  " ": (room) => room,
  "\u001b[H": () => Number.NEGATIVE_INFINITY,
  "\u001b[1~": () => Number.NEGATIVE_INFINITY,
  "\u001b[F": () => Number.MAX_SAFE_INTEGER,
  "\u001b[4~": () => Number.MAX_SAFE_INTEGER,
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of a key
const KEYS = /\u001b\[[0-9]*[A-Z~]|[^\u001b]/g;

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
  const screen = process.stdout.isTTY === true && !flags.json ? new LiveScreen() : undefined;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  screen?.enter(stop);
  try {
    await watch(client, stop.signal, (data, rates) => {
      if (flags.json) console.log(JSON.stringify(data));
      else if (screen) screen.show(data, rates);
      else console.log(`${statusLines(data, screenOf(), rates).join("\n")}\n`);
    });
  } finally {
    screen?.leave();
    await client.close();
  }
}

type Show = (data: ServerStatusData, rates: Rates | undefined) => void;

async function watch(client: ReelClient, signal: AbortSignal, show: Show): Promise<void> {
  let last: { data: ServerStatusData; ms: number } | undefined;
  while (!signal.aborted) {
    const data = await client.serverStatus();
    const nowMs = performance.now();
    const rates = last && ratesBetween(last.data, data, nowMs - last.ms);
    last = { data, ms: nowMs };
    show(data, rates);
    await pause(signal);
  }
}

/** The terminal's other screen, and where in the table it is. */
class LiveScreen {
  #first = 0;
  #room = 0;
  #last: Parameters<Show> | undefined;

  enter(stop: AbortController): void {
    process.stdout.write(ENTER_SCREEN);
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(true);
    process.stdin.on("data", (bytes) => {
      for (const key of String(bytes).match(KEYS) ?? [])
        if (key === CTRL_C || key.toLowerCase() === "q") stop.abort();
        else this.#move(MOVES[key]?.(this.#room) ?? 0);
    });
  }

  leave(): void {
    process.stdout.write(LEAVE_SCREEN);
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  show(...seen: Parameters<Show>): void {
    this.#last = seen;
    const screen = screenOf();
    const view = statusView(seen[0], screen, seen[1], screen.rows, this.#first);
    this.#first = view.first;
    this.#room = view.room;
    const foot = paint(view.rows > view.room ? "↑ ↓ move, q ends" : "q ends", "dim", screen);
    const lines = [...view.lines, foot].join(`${CLEAR_REST_OF_LINE}\n`);
    process.stdout.write(`${HOME}${lines}${CLEAR_REST_OF_LINE}${CLEAR_BELOW}`);
  }

  #move(rows: number): void {
    this.#first = Math.max(0, this.#first + rows);
    if (rows !== 0 && this.#last) this.show(...this.#last);
  }
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
