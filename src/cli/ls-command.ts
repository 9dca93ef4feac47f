// `reel ls`: recorded files out of the catalogue, by stream and time.

import type { Command } from "commander";
import type { CommandParameters } from "../client/control-protocol.js";
import type { SegmentData } from "../client/reply-data.js";
import { bytesText, durationText } from "./quantities.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, withClient } from "./server-connection.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface LsFlags extends ConnectionFlags {
  stream?: string;
  from?: string;
  to?: string;
  json?: boolean;
}

export function addLsCommand(program: Command): void {
  addConnectionOptions(program.command("ls"))
    .description("list recorded files, oldest first")
    .option("--stream <name>", "of this stream only")
    .option("--from <time>", "that end after this, such as 2026-11-27T08:00 (local time) or 2026-11-27T08:00Z")
    .option("--to <time>", "that begin before this")
    .option("--json", "one JSON object a line and file")
    .action(async (flags: LsFlags) => {
      process.exitCode = await list(flags);
    });
}

async function list(flags: LsFlags): Promise<number> {
  try {
    const question: CommandParameters["listSegments"] = {
      ...(flags.stream !== undefined && { localStreamName: flags.stream }),
      ...(flags.from !== undefined && { from: withZone(flags.from) }),
      ...(flags.to !== undefined && { to: withZone(flags.to) }),
    };
    const rows: string[][] = [];
    await withClient(flags, async (client) => {
      let cursor: string | null = null;
      do {
        const page = await client.listSegments({ ...question, ...(cursor !== null && { cursor }) });
        for (const segment of page.segments ?? [])
          if (flags.json) console.log(JSON.stringify(segment));
          else rows.push(row(segment));
        cursor = page.cursor;
      } while (cursor !== null);
    });
    if (flags.json) return EXIT_OK;
    if (rows.length === 0) console.log("no recorded files");
    else printTable(["begins", "duration", "size", "gaps", "lost", "state", "file"], rows, [1, 2, 3, 4]);
    return EXIT_OK;
  } catch (error) {
    console.error(`reel ls: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}

/** This side's zone is meant, not the server's. */
function withZone(time: string): string {
  const ms = Date.parse(time);
  return Number.isFinite(ms) ? new Date(ms).toISOString() : time;
}

function row(segment: SegmentData): string[] {
  const { startTime, durationMs, sizeBytes, gaps, lostFrames, state, isMissing, file } = segment;
  return [
    localText(new Date(startTime)),
    state === "growing" ? "" : durationText(durationMs),
    state === "growing" ? "" : bytesText(sizeBytes),
    String(gaps),
    String(lostFrames),
    isMissing ? "missing" : state,
    file,
  ];
}

function localText(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${date.toTimeString().slice(0, 8)}`;
}
