// The screen of `reel status` with forty streams: it fits the terminal, what needs a look is first, and nothing has a
// colour where none is wanted.

import { expect, it } from "vitest";
import { statusLines, statusView } from "../../../src/cli/status-screen.js";
import type { RecordingStatus, ServerStatusData, StreamStatus } from "../../../src/client/reply-data.js";

const STREAMS = 40;

function fortyStreams(): ServerStatusData {
  const streams: StreamStatus[] = [];
  const recordings: RecordingStatus[] = [];
  for (let n = 1; n <= STREAMS; n++) {
    const name = `entrance-camera-${n}`;
    const common = { bytes: n * 100_000_000, frames: n * 10_000, upTimeMs: n * 400_000 };
    streams.push({
      ...common,
      ...{ audio: "aac", video: "h264", width: 1920, height: 1080, droppedFrames: 0, isHeldBack: false },
      ...{ farIp: "192.0.2.7", farPort: 40_000 + n, id: n, name, type: "INR", uri: "" },
    });
    recordings.push({
      ...common,
      ...{ configId: n, outStreamId: 100 + n, localStreamName: name, state: "Streaming", type: "mp4" },
      ...{ file: `/srv/media/${name}_part0012.mp4`, lagMs: n === 30 ? 4200 : 400, lostFrames: n === 12 ? 75 : 0 },
    });
  }
  recordings.push({
    ...{ bytes: 0, frames: 0, upTimeMs: 0, configId: 99, outStreamId: 0, localStreamName: "gate", type: "ts" },
    ...{ state: "Waiting for stream", file: "gate.ts", lagMs: 0, lostFrames: 0 },
  });
  return {
    disks: [{ folder: "/srv/media", freeBytes: 3 * 1024 ** 3, totalBytes: 100 * 1024 ** 3 }],
    recordings,
    server: { cpuMs: 5000, memoryBytes: 120 * 1024 ** 2, pid: 1, upTimeMs: 8_000_000, version: "0.1.0" },
    streams,
  };
}

const plain = { rows: 24, hasColour: false };

it.each([80, 160])("fits %i columns, problems first, cam2 before cam10", (columns) => {
  const lines = statusLines(fortyStreams(), { ...plain, columns });
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
  expect(lines[0]).toBe("Reel 0.1.0  up 2:13:20  40 streams  40 recordings, 1 waiting  120.0 MiB");
  expect(lines[1]).toBe("/srv/media  3.0 GiB free of 100.0 GiB");
  const names = lines.slice(4).map((line) => line.split(/\s+/)[0]);
  expect(names.slice(0, 4)).toEqual([
    ...["entrance-camera-30", "entrance-camera-12", "entrance-camera-1", "entrance-camera-2"],
  ]);
  expect(names.at(-1)).toBe("gate");
  expect(lines.length).toBe(4 + STREAMS + 1);
});

it("has these columns on a narrow and on a wide terminal", () => {
  const [narrow, wide] = [80, 160].map((columns) => statusLines(fortyStreams(), { ...plain, columns }).slice(3, 5));
  expect(narrow).toEqual([
    "STREAM              KBIT/S       UP  REC   LAG  LOST  FILE",
    "entrance-camera-30    2000  3:20:00  mp4  4.2s     0  …ce-camera-30_part0012.mp4",
  ]);
  expect(wide).toEqual([
    "STREAM              VIDEO           KBIT/S       UP  REC   LAG  LOST  FILE",
    "entrance-camera-30  h264 1920x1080    2000  3:20:00  mp4  4.2s     0  entrance-camera-30_part0012.mp4",
  ]);
});

it("keeps long names apart and states whole where both columns are cut", () => {
  const data = fortyStreams();
  const streams = data.streams.map((stream) => ({
    ...stream,
    name: `warehouse-north-gate-with-a-long-name-${stream.id}`,
  }));
  const recordings = data.recordings.map((recording) =>
    recording.outStreamId === 0
      ? recording
      : { ...recording, localStreamName: `warehouse-north-gate-with-a-long-name-${recording.configId}` },
  );
  const lines = statusLines({ ...data, streams, recordings }, { ...plain, columns: 80 });
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  expect(lines[4]).toBe("warehouse-…ong-name-30    2000  3:20:00  mp4  4.2s     0  …amera-30_part0012.mp4");
  expect(new Set(lines.slice(4).map((line) => line.split(/\s/)[0])).size).toBe(STREAMS + 1);
  expect(lines.at(-1)).toContain("(waiting for stream)");
});

it("leaves out what has no room, and says how many lines that are", () => {
  const lines = statusLines(fortyStreams(), { ...plain, columns: 80 }, undefined, 24);
  expect(lines.length).toBeLessThan(24);
  expect(lines.at(-1)).toMatch(/^… 2\d more$/);
});

it("moves through the rows, no further than to the last, every one seen once", () => {
  const view = (first: number) => statusView(fortyStreams(), { ...plain, columns: 80 }, undefined, 24, first);
  const { room, rows } = view(0);
  const seen: string[] = [];
  for (let at = 0; at < rows; at += room) seen.push(...view(at).lines.slice(4, 4 + room));
  expect(new Set(seen).size).toBe(rows);
  const end = view(1e9);
  expect(end.first).toBe(rows - room);
  expect(end.lines.at(-1)).toBe(`… ${rows - room} above`);
  expect(view(2).lines.at(-1)).toBe(`… 2 above, ${rows - room - 2} more`);
});

it("colours what needs a look, where colours are wanted", () => {
  const lines = statusLines(fortyStreams(), { columns: 160, rows: 50, hasColour: true });
  expect(lines.filter((line) => line.startsWith("\u001b[31m")).length).toBe(1);
  expect(lines.filter((line) => line.startsWith("\u001b[33m")).length).toBe(1);
  expect(lines[1]).toContain("\u001b[31m3.0 GiB free of 100.0 GiB\u001b[0m");
});

it("says so where there is nothing", () => {
  const nothing = { ...fortyStreams(), streams: [], recordings: [], disks: [] };
  expect(statusLines(nothing, { ...plain, columns: 80 })).toEqual([
    "Reel 0.1.0  up 2:13:20  0 streams  0 recordings  120.0 MiB",
    "",
    "nothing is published and nothing is to be recorded",
  ]);
});
