// What `reel events` prints of an event: columns that stand below each other, and nothing twice.

import { expect, it } from "vitest";
import { eventLine } from "../../../src/cli/events-command.js";
import type { ReelEvent } from "../../../src/client/event-payloads.js";

function line(type: string, payload: object): string {
  return eventLine({ id: 1, processId: 1, timestamp: 1_505_795_547, type, payload } as unknown as ReelEvent).slice(9);
}

const tracks = { video: { codec: "VH264" }, audio: { codec: "AUNK" } };

it.each([
  ["inStreamCodecsUpdated", { name: "cam1", farIp: "192.0.2.7", ...tracks }, "cam1 H264 from 192.0.2.7"],
  ["outStreamCreated", { name: "cam1", localStreamName: "cam1", ...tracks }, "cam1 H264"],
  [
    "recordChunkClosed",
    { localStreamName: "cam1", file: "/m/a.ts", frameCount: 96, gaps: [] },
    "cam1 /m/a.ts 96 frames",
  ],
  [
    "recordChunkClosed",
    { localStreamName: "cam1", file: "/m/a.ts", frameCount: 96, gaps: [{}] },
    "cam1 /m/a.ts 96 frames 1 gap",
  ],
  [
    "recordGap",
    { localStreamName: "cam1", file: "", gap: { cause: "jitter", frames: 2, durationMs: 20.4 } },
    "cam1 jitter: 2 frames, 20 ms",
  ],
])("%s %#", (type, payload, text) => {
  expect(line(type, payload)).toBe(`${type.padEnd(21)} ${text}`);
});
