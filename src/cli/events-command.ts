// `reel events`: prints what happens, one line an event, until Ctrl-C. It goes on over a restart of the server and
// misses no recordChunkClosed there.

import type { Command } from "commander";
import { suggestion } from "../base/nearest-name.js";
import type { EventName, ReelEvent } from "../client/event-payloads.js";
import { EVENT_TYPES, type EventType, findEventType } from "../control/events/event-types.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, openClient } from "./server-connection.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface FollowOptions extends ConnectionFlags {
  json?: boolean;
  types: readonly EventName[];
  /** Also the files that were closed after this sequence. */
  since?: number;
}

export function addEventsCommand(program: Command): void {
  addConnectionOptions(program.command("events"))
    .description("print events as they happen, until Ctrl-C")
    .option("--filter <types>", "types of events, separated by commas (default: all but commands)")
    .option("--json", "one JSON object a line")
    .action(async (flags: ConnectionFlags & { filter?: string; json?: boolean }) => {
      const names = (flags.filter ?? "").split(",").filter((name) => name !== "");
      process.exitCode = await followEvents({ ...flags, types: names as EventName[] }, "reel events");
    });
}

/** Those that commands make, the ones of this command line among them, are shown where they are asked for. */
const QUIET: ReadonlySet<EventType> = new Set(["cliRequest", "cliResponse"]);

export async function followEvents(options: FollowOptions, program: string): Promise<number> {
  const types: EventType[] = [];
  for (const name of options.types) {
    const type = findEventType(name);
    if (!type) {
      const rest = suggestion(name, EVENT_TYPES) || `; known are ${EVENT_TYPES.join(", ")}`;
      console.error(`${program}: there is no event ${name}${rest}`);
      return EXIT_FAILED;
    }
    types.push(type);
  }
  const wanted = types.length > 0 ? types : EVENT_TYPES.filter((type) => !QUIET.has(type));
  try {
    const client = await openClient(options, true);
    process.once("SIGINT", () => void client.close());
    for await (const event of client.events({
      types: wanted,
      ...(options.since !== undefined && { since: options.since }),
    }))
      console.log(options.json ? JSON.stringify(event) : eventLine(event));
    return EXIT_OK;
  } catch (error) {
    console.error(`${program}: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}

const TYPE_WIDTH = Math.max(...EVENT_TYPES.map((type) => type.length));

/** Time, type, and what of the payload a person asks for. */
export function eventLine({ timestamp, type, payload }: ReelEvent): string {
  const fields = payload as unknown as Record<string, unknown>;
  const named = SHOWN.flatMap(([key, show]) => {
    const value = fields[key];
    if (value === undefined || value === null || value === "") return [];
    // A stream object has its name a second time.
    if (key === "name" && fields.localStreamName !== undefined) return [];
    return [show(value)].filter((text) => text !== "");
  });
  const time = new Date(timestamp * 1000).toTimeString().slice(0, 8);
  return `${time} ${type.padEnd(TYPE_WIDTH)} ${named.join(" ")}`.trimEnd();
}

const SHOWN: readonly (readonly [string, (value: unknown) => string])[] = [
  ["localStreamName", (value) => String(value)],
  ["name", (value) => String(value)],
  ["command", (value) => String(value)],
  ["status", (value) => String(value)],
  ["description", (value) => String(value)],
  ["file", (value) => String(value)],
  ["error", (value) => String(value)],
  ["video", codecText],
  ["audio", codecText],
  ["frameCount", (value) => `${value} frames`],
  ["gaps", (value) => gapCount((value as unknown[]).length)],
  ["gap", (value) => gapText(value as { cause: string; frames: number; durationMs: number })],
  ["farIp", (value) => `from ${value}`],
  ["timerId", (value) => `timer ${value}`],
  ["version", (value) => String(value)],
];

/** Of a track of a stream object; nothing while it is not known. */
function codecText(track: unknown): string {
  const { codec = "" } = track as { codec?: string };
  return codec === "AUNK" || codec === "VUNK" ? "" : codec.slice(1);
}

function gapCount(gaps: number): string {
  return gaps === 0 ? "" : `${gaps} gap${gaps === 1 ? "" : "s"}`;
}

function gapText({ cause, frames, durationMs }: { cause: string; frames: number; durationMs: number }): string {
  return `${cause}: ${frames} frames, ${Math.round(durationMs)} ms`;
}
