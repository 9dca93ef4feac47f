// /metrics of a server that records: the text is Prometheus', the reference, the dashboard and the alerts name what is
// there.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricsMarkdown } from "../../scripts/metrics-docs.js";
import { silentLogger } from "../../src/base/logger.js";
import type { Sample } from "../../src/base/samples.js";
import { LISTENER_NAMES } from "../../src/server/listeners/listener-table.js";
import { ReelServer } from "../../src/server/server.js";
import { feed, readClip } from "../support/feed.js";
import { until } from "../support/until.js";

const ROOT = resolve(import.meta.dirname, "../..");
const CLIP = join(ROOT, "assets/clip.flv");
const LINE = /^([a-z_:][a-z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/i;

let folder: string;
let server: ReelServer;
let text: string;
/** Values by series, labels included. */
let values: Map<string, number>;

async function scrape(): Promise<string> {
  const answer = await fetch(`http://${server.addresses.http}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return answer.text();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-metrics-"));
  server = await ReelServer.start(
    {
      media: { folders: [join(folder, "media")] },
      state: { folder: join(folder, "state") },
      workers: 1,
      listeners: { ...Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"])), http: "127.0.0.1:0" },
      metrics: { files: true },
      eventLogger: { sinks: [{ type: "file", filename: join(folder, "events") }] },
    },
    silentLogger,
  );
  const clip = await readClip(CLIP);
  await server.recorder.record({ localStreamName: 'ca"m', pathToFile: "cam1", type: "mp4" });
  const stream = server.recorder.streams.open('ca"m');
  await feed(stream, clip);
  text = await until("a write that was told", async () => {
    const now = await scrape();
    return /^reel_write_seconds_count [1-9]/m.test(now) ? now : undefined;
  });
  values = new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [, name, labels, value] = LINE.exec(line) ?? [];
        expect(name, line).toBeDefined();
        return [`${name}${labels ? `{${labels}}` : ""}`, Number(value?.replace("Inf", "Infinity"))];
      }),
  );
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function names(): Set<string> {
  return new Set([...values.keys()].map((key) => key.replace(/\{.*/, "")));
}

describe("/metrics", () => {
  it("names each family once, with HELP and TYPE in front of its samples", () => {
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name);
    expect(new Set(families).size).toBe(families.length);
    expect([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name)).toEqual(families);
    for (const name of names())
      expect(families).toContain(families.includes(name) ? name : name.replace(/_(bucket|sum|count)$/, ""));
  });

  it("counts what the stream brought and the recording wrote", () => {
    const clipFrames = server.recorder.streams.get('ca"m')?.statistics[0]?.frames;
    expect(values.get('reel_in_frames_total{stream="ca\\"m",track="0",kind="video",codec="h264"}')).toBe(clipFrames);
    const all = server.recorder.streams.get('ca"m')?.statistics.reduce((sum, { frames }) => sum + frames, 0);
    expect(values.get("reel_received_frames_total")).toBe(all);
    expect(values.get("reel_in_streams")).toBe(1);
    expect(values.get("reel_out_streams")).toBe(1);
    expect(values.get("reel_recorded_frames_total")).toBeGreaterThan(0);
    expect(values.get('reel_lost_frames_total{cause="lag"}')).toBe(0);
    expect(values.get("reel_write_seconds_count")).toBeGreaterThan(0);
    expect(values.get('reel_drain_seconds_bucket{le="+Inf"}')).toBe(values.get("reel_drain_seconds_count"));
    expect(values.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  });

  it("has samples of a stream and its recording, which go with them", async () => {
    expect(
      [...values.keys()].filter((key) => /^reel_recording_lag_seconds\{stream="ca\\"m",config="1",/.test(key)),
    ).toHaveLength(1);
    expect(
      [...values.keys()].filter((key) => /^reel_recording_file_info\{.*file="[^"]+cam1\.mp4"\}$/.test(key)),
    ).toHaveLength(1);
    const before = Number(values.get("reel_recorded_frames_total"));
    server.recorder.streams.get('ca"m')?.end("test");
    const after = await until("the end of the recording", async () => {
      const now = await scrape();
      return now.includes("reel_closed_segments_total 1") && now.includes("reel_out_streams 0") ? now : undefined;
    });
    expect(after).not.toContain('stream="');
    const received = (of: string) => Number(/^reel_received_frames_total (\d+)/m.exec(of)?.[1]);
    expect(received(after)).toBe(received(text));
    expect(Number(/^reel_recorded_frames_total (\d+)/m.exec(after)?.[1])).toBeGreaterThanOrEqual(before);
    expect(Number(/^reel_finish_seconds_count (\d+)/m.exec(after)?.[1])).toBe(1);
  });

  it.each(["packaging/grafana-dashboard.json", "packaging/prometheus-alerts.yml"])(
    "%s names only what is there",
    (path) => {
      const known = names();
      const used = readFileSync(join(ROOT, path), "utf8").match(/\b(?:reel|process|nodejs)_[a-z0-9_]+\b/g) ?? [];
      expect(used.length).toBeGreaterThan(8);
      expect(used.filter((name) => !known.has(name))).toEqual([]);
    },
  );

  it("docs/metrics.md is what a server answers", () => {
    const heads = new Map([...text.matchAll(/^# HELP (reel_\S+) (.*)$/gm)].map(([, name, help]) => [name, help]));
    const types = new Map([...text.matchAll(/^# TYPE (reel_\S+) (.*)$/gm)].map(([, name, type]) => [name, type]));
    const samples = [...values.keys()]
      .filter((key) => key.startsWith("reel_"))
      .map((key): Sample => {
        const series = key.replace(/\{.*/, "");
        const name = heads.has(series) ? series : series.replace(/_(bucket|sum|count)$/, "");
        const keys = [...key.matchAll(/([a-z]+)="/g)].map(([, label]) => [label, ""]);
        return {
          name,
          help: heads.get(name) ?? "",
          type: types.get(name) as Sample["type"],
          labels: Object.fromEntries(keys),
          value: 0,
        };
      });
    const path = join(ROOT, "docs/metrics.md");
    const page = metricsMarkdown(samples);
    if (process.env.REEL_GOLDEN_UPDATE === "1") writeFileSync(path, page);
    expect(existsSync(path) ? readFileSync(path, "utf8") : "", "npm run docs writes docs/metrics.md").toBe(page);
  });
});
