// The samples of every part of a server, read in one call while it records.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import type { Sample } from "../../../src/base/samples.js";
import { LISTENER_NAMES } from "../../../src/server/listeners/listener-table.js";
import { ReelServer } from "../../../src/server/server.js";
import { feed, readClip } from "../../support/feed.js";
import { until } from "../../support/until.js";

const CLIP = new URL("../../../assets/clip.flv", import.meta.url).pathname;

function sampleValue(samples: readonly Sample[], name: string, labels: Sample["labels"] = {}): number | undefined {
  return samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v),
  )?.value;
}

function samplesOf({ collectors }: ReelServer): Sample[] {
  return collectors.flatMap((part) => [...part.collect(), ...[...(part.collectEach?.() ?? [])].flat()]);
}

it("every part tells what it counts while a stream is recorded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reel-collect-"));
  const server = await ReelServer.start(
    {
      media: { folders: [join(folder, "media")] },
      state: { folder: join(folder, "state") },
      workers: 1,
      arena: { maximumMib: 64 },
      listeners: Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"])),
    },
    silentLogger,
  );
  try {
    const clip = await readClip(CLIP);
    await server.recorder.record({ localStreamName: "cam1", pathToFile: "cam1", type: "ts" });
    await feed(server.recorder.streams.open("cam1"), clip);
    const samples = await until("a drain", () => {
      const now = samplesOf(server);
      return (sampleValue(now, "reel_pool_tasks_total", { pool: "drain" }) ?? 0) > 0 ? now : undefined;
    });
    const video = clip.frames.filter((frame) => frame.track === 0);
    expect(sampleValue(samples, "reel_in_frames_total", { stream: "cam1", track: "0" })).toBe(video.length);
    expect(sampleValue(samples, "reel_in_bytes_total", { stream: "cam1", track: "0" })).toBe(
      video.reduce((sum, frame) => sum + frame.payload.byteLength, 0),
    );
    const ones = ["reel_in_streams", "reel_out_streams", "reel_record_configs", "reel_scheduled_recordings"];
    expect(ones.map((name) => [name, sampleValue(samples, name)])).toEqual(ones.map((name) => [name, 1]));
    const zeros = ["reel_finishing_segments", "reel_sick_volumes", "reel_pull_configs", "reel_event_receivers"];
    expect(zeros.map((name) => [name, sampleValue(samples, name)])).toEqual(zeros.map((name) => [name, 0]));
    // What /api/server tells is the same, without a sample for each recording.
    const later = samplesOf(server);
    const { losses, ...totals } = server.recorder.recordedTotals();
    expect(totals).toEqual({
      recordings: 1,
      frames: sampleValue(later, "reel_recorded_frames_total"),
      bytes: sampleValue(later, "reel_recorded_bytes_total"),
      closedSegments: 0,
      failedSegments: 0,
    });
    expect(totals.frames).toBeGreaterThan(0);
    expect([...losses].map(([cause, { frames }]) => [cause, frames])).toEqual(
      [...losses.keys()].map((cause) => [cause, sampleValue(later, "reel_lost_frames_total", { cause })]),
    );
    expect(sampleValue(samples, "reel_arena_used_bytes")).toBe(server.recorder.arena.stats().usedBytes);
    expect(sampleValue(samples, "reel_arena_limit_bytes")).toBe(64 * 1024 * 1024);
    expect(sampleValue(samples, "reel_events_total")).toBeGreaterThan(2);
    expect(sampleValue(samples, "reel_gaps_total", { cause: "lag" })).toBe(0);
    expect(
      samples.filter(({ name, labels }) => name === "reel_in_frames_total" && labels.codec === "h264"),
    ).toHaveLength(1);
    for (const { name, help, type, value } of samples) {
      expect([name, Number.isFinite(value), help.endsWith(".")]).toEqual([name, true, true]);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    }
    const keys = samples.map(({ name, labels, series }) => JSON.stringify([name, labels, series]));
    expect(new Set(keys).size).toBe(keys.length);
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
});
