// What the dashboard makes of what the server tells, before it is drawn.

import { describe, expect, it } from "vitest";
import { barsOf, lanesOf } from "../../../dashboard/src/lib/bars.js";
import { lossText, mergeLosses } from "../../../dashboard/src/lib/losses.js";
import { canPlay, listOf } from "../../../dashboard/src/lib/played.js";
import { byRoom } from "../../../dashboard/src/lib/room.js";
import { groupRows, nowRows } from "../../../dashboard/src/pages/now-rows.js";
import { nodesOf, ownOf } from "../../../dashboard/src/state/nodes.js";
import type {
  ConfigState,
  LossState,
  RecordedFile,
  StreamState,
  VolumeState,
} from "../../../dashboard/src/state/server-types.js";

const DAY = Date.parse("2026-11-27T00:00:00.000Z");

/** Of `seconds`, begun so many seconds into the day. */
function file(begin: number, seconds: number, more: Partial<RecordedFile> = {}): RecordedFile {
  return {
    ...{ sequence: begin, state: "finished", stream: "cam", configId: 1, type: "mp4", file: `cam_${begin}.mp4` },
    ...{
      start: new Date(DAY + begin * 1000).toISOString(),
      end: new Date(DAY + (begin + seconds) * 1000).toISOString(),
    },
    ...{ durationMs: seconds * 1000, bytes: 1, gaps: 0, lost: null },
    links: { self: `/api/recordings/${begin}`, media: "/media/cam.mp4" },
    ...more,
  };
}

describe("the line of time", () => {
  const span = { fromMs: DAY, toMs: DAY + 86_400_000 };
  const lost = { frames: 1, bytes: 1, durationMs: 40 };

  it("joins files that would be too thin, and keeps apart what is hurt", () => {
    const files = Array.from({ length: 60 }, (_, i) => file(i * 60, 60, i === 30 ? { lost } : {}));
    const bars = barsOf(files, 0, span, 864);
    expect(bars.map(({ files, isHurt }) => [files.length, isHurt])).toEqual([
      [30, false],
      [1, true],
      [29, false],
    ]);
  });

  it("draws what was recorded twice at a time one below the other, and nothing outside its span", () => {
    const files = [file(0, 600), file(0, 600, { configId: 2 }), file(90_000, 60)];
    const lanes = lanesOf(files);
    expect(lanes.map((own) => own.length)).toEqual([2, 1]);
    expect(
      lanes.map((own, lane) => barsOf(own, lane, span, 864).map(({ left, right }) => [left, Math.round(right)])),
    ).toEqual([[[0, 6]], [[0, 6]]]);
  });
});

describe("what can be played", () => {
  it("is MP4 and MPEG-TS that is there, and never FLV", () => {
    const { self } = file(0, 1).links;
    expect(canPlay(file(0, 1))).toBe(true);
    expect(canPlay(file(0, 1, { type: "ts", links: { self } }))).toBe(true);
    expect(canPlay(file(0, 1, { state: "growing", links: { self } }))).toBe(true);
    for (const more of [{ type: "flv" }, { state: "deleted" }, { state: "failed" }, { isMissing: true }] as const)
      expect([more, canPlay(file(0, 1, more))]).toEqual([more, false]);
  });

  it("ends with its file, unless somebody has clicked into a day, which goes on over files", () => {
    const begun = encodeURIComponent("2026-11-27T00:00:00.000Z");
    const whole = file(0, 60, { stream: "a/b" });
    expect(listOf(whole)).toBe(
      `/hls/a%2Fb/index.m3u8?from=${begun}&to=${encodeURIComponent("2026-11-27T00:01:00.000Z")}`,
    );
    expect(listOf(whole, DAY)).toBe(`/hls/a%2Fb/index.m3u8?from=${begun}`);
    expect(listOf(whole, DAY, DAY + 1000)).toContain("&to=");
    expect(listOf(file(0, 0, { end: null, state: "growing" }))).not.toContain("to=");
  });
});

describe("losses of several recordings of one source", () => {
  const loss = (cause: string, frames: number): LossState => ({ cause, gaps: 1, frames, bytes: 10, durationMs: 40 });

  it("are added where each lost its own, and counted once where the source had none", () => {
    const all = mergeLosses([loss("sourceGap", 9), loss("sourceGap", 9), loss("lag", 2), loss("lag", 3)]);
    expect(all.map(({ cause, frames, bytes }) => [cause, frames, bytes])).toEqual([
      ["sourceGap", 9, 10],
      ["lag", 5, 20],
    ]);
  });

  it("say how often, where nothing is missing", () => {
    expect(lossText({ cause: "splice", gaps: 3, frames: 0, bytes: 0, durationMs: 0 })).toMatch(/: 3 ×$/);
  });
});

it("tells of the volume that does not answer, then of the one that is full first, then of the fullest", () => {
  const volume = (folder: string, fullInSeconds: number | null, freeBytes = 50, answers = true): VolumeState => ({
    ...{ folder, answers, freeBytes, sizeBytes: 100, fillBytesPerSecond: 0, fullInSeconds },
  });
  const all = [volume("idle", null), volume("small", null, 10), volume("late", 900), volume("soon", 60)];
  const hung = volume("hung", null, 0, false);
  expect([...all, hung].sort(byRoom).map(({ folder }) => folder)).toEqual(["hung", "soon", "late", "small", "idle"]);
});

describe("the lines of Now", () => {
  const config = (configId: number, localStreamName: string, state: string): ConfigState => ({
    ...{ configId, localStreamName, state, since: "", keepAlive: true, kind: "record", type: "mp4" },
    ...{ pathToFile: "x", computedPathToFile: "/x", chunkLength: 0 },
  });
  const stream = {
    ...{ name: "cam", id: 1, source: { type: "INR", address: "10.0.0.7" }, tracks: [], notRecorded: [] },
    recordings: [{ configId: 1, type: "mp4" }],
  } as unknown as StreamState;

  it("show by their own states the configs of a live stream that do not record", () => {
    const [row] = nowRows(
      [stream],
      [config(1, "cam", "streaming"), config(2, "cam", "failed"), config(3, "cam", "waiting")],
    );
    expect(row?.states).toEqual(["failed", "waiting"]);
    expect(["failed", "rtmp", "10.0.0.7", "mp4"].every((word) => row?.text.includes(word))).toBe(true);
  });

  it("call awaited what a recording waits for, and name the address of what is only pulled", () => {
    const pull = { ...config(5, "yard", "connecting"), kind: "pull", uri: "rtsp://camera:554" } as ConfigState;
    const rows = nowRows([], [config(4, "door", "waiting"), pull]);
    expect(rows.map(({ name, source }) => [name, source])).toEqual([
      ["door", "awaited"],
      ["yard", "to be pulled from rtsp://camera:554"],
    ]);
  });

  it("are of all nodes of a group: each stream where it lives, and once what none has", () => {
    const configs = [config(1, "cam", "streaming"), config(4, "door", "waiting")];
    const live = (conflict: string[]): StreamState => ({ ...stream, conflict });
    const nodes = [
      { node: "a", url: undefined, streams: [live(["b"])], configs },
      { node: "b", url: "http://b:8080", streams: [live(["a"])], configs },
      { node: "c", url: undefined, streams: [], configs },
    ];
    const rows = groupRows(nodes);
    expect(rows.map(({ name, node, elsewhere }) => [name, node, elsewhere])).toEqual([
      ["cam", "a", undefined],
      ["cam", "b", "http://b:8080"],
      ["door", undefined, undefined],
    ]);
    expect(rows.map(({ text }) => text.includes("conflict"))).toEqual([true, true, false]);
    expect(groupRows(nodes.slice(2).concat(nodes[0] ?? [])).map(({ elsewhere }) => elsewhere)).toEqual(["", undefined]);
  });

  it("are of this node alone where there is no group, and keep the configs that were told before", () => {
    const streams = [stream];
    expect(nodesOf({ streams }, undefined, [])).toBeUndefined();
    expect(ownOf({ streams })).toEqual({ streams });
    const told = {
      nodes: [
        { node: "a", streams },
        { node: "b", streams: [] },
      ],
      unanswered: ["c"],
    };
    const stored = { nodes: [{ node: "a", configs: [config(1, "cam", "waiting")] }], unanswered: ["b", "c"] };
    const first = nodesOf(told, stored, []) ?? [];
    expect(first.map(({ node, configs }) => [node, configs.length])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
    expect(nodesOf(told, undefined, first)).toEqual(first);
    expect(ownOf<{ streams: StreamState[] }>(told).streams).toBe(streams);
  });
});
