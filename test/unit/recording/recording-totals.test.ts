// The series of recordings that come and go, as a scraper sees them.

import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import type { OutStream } from "../../../src/recording/lifecycle/out-stream.js";
import type { RecorderEvents } from "../../../src/recording/recorder-events.js";
import { RecordingTotals } from "../../../src/recording/recording-totals.js";

function recording(id: number, stream: string, frames: number): OutStream {
  const config = { configId: 7, localStreamName: stream } as OutStream["config"];
  const totals = { frames, bytes: 100 * frames, droppedFrames: 0, droppedBytes: 0 };
  return { id, config, totals, lagMs: 0, currentPath: undefined, isStopped: false } as unknown as OutStream;
}

function framesOf(totals: RecordingTotals): unknown[] {
  return [...totals.collectEach()]
    .flat()
    .filter(({ name }) => name === "reel_recording_frames_total")
    .map(({ labels, value }) => [labels, value]);
}

it("a source that comes back goes on in the same series, also while its last file is finished", () => {
  const running = [recording(1, "a", 50), recording(2, "b", 60)];
  const totals = new RecordingTotals(new EventEmitter<RecorderEvents>(), () => running);
  const labels = { a: { stream: "a", config: "7" }, b: { stream: "b", config: "7" } };
  expect(framesOf(totals)).toEqual([
    [labels.a, 50],
    [labels.b, 60],
  ]);
  running.push(recording(3, "a", 2));
  expect(framesOf(totals)).toEqual([
    [labels.b, 60],
    [labels.a, 2],
  ]);
});

it("one whose last file is finished behind the end of the next one does not come back", () => {
  const running = [recording(1, "a", 50), recording(3, "a", 2)];
  const totals = new RecordingTotals(new EventEmitter<RecorderEvents>(), () => running);
  const labels = { stream: "a", config: "7" };
  expect(framesOf(totals)).toEqual([[labels, 2]]);
  running.pop();
  expect(framesOf(totals)).toEqual([]);
  running.push(recording(4, "a", 5));
  expect(framesOf(totals)).toEqual([[labels, 5]]);
  running.length = 0;
  expect(framesOf(totals)).toEqual([]);
});

it("one that ends while its samples are asked for has none", () => {
  const events = new EventEmitter<RecorderEvents>();
  const running = [recording(1, "a", 50), recording(2, "b", 60)];
  const totals = new RecordingTotals(events, () => running);
  const each = totals.collectEach()[Symbol.iterator]();
  expect(each.next().value?.[0]?.labels.stream).toBe("a");
  const [ended] = running.splice(1);
  events.emit("outStreamClosed", ...([ended, "test"] as unknown as RecorderEvents["outStreamClosed"]));
  expect(each.next().done).toBe(true);
  expect(totals.collect().find(({ name }) => name === "reel_recorded_frames_total")?.value).toBe(50 + 60);
});
