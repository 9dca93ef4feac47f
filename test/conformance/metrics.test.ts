// /metrics of a server that records: the text is Prometheus', the reference, the dashboard and the alerts name what is
// there.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricsMarkdown } from "../../scripts/metrics-docs.js";
import type { Sample } from "../../src/base/samples.js";
import type { ReelServer } from "../../src/server/server.js";
import { feed, readClip } from "../support/feed.js";
import { startHttpServer } from "../support/http-server.js";
import { until } from "../support/until.js";

const ROOT = resolve(import.meta.dirname, "../..");
const CLIP = join(ROOT, "assets/clip.flv");
const PROMQL = join(ROOT, "test/peers/node_modules/@prometheus-io/lezer-promql/dist/index.es.js");
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
  const credentialsFile = join(folder, "credentials.json");
  writeFileSync(credentialsFile, JSON.stringify({ accessKeyId: "a", secretAccessKey: "b" }), { mode: 0o600 });
  server = await startHttpServer(folder, {
    preRecord: { seconds: 1 },
    metrics: { files: true },
    upload: { endpoint: "http://127.0.0.1:9", bucket: "nowhere", credentialsFile },
    eventLogger: { sinks: [{ type: "file", filename: join(folder, "events") }] },
  });
  const clip = await readClip(CLIP);
  await server.recorder.record({ localStreamName: 'ca"m', pathToFile: "cam1", type: "mp4" });
  const stream = server.recorder.streams.open('ca"m');
  await feed(stream, clip);
  const medium = { kind: "video", packets: 900, lostPackets: 3, reorderedPackets: 2, duplicates: 1 } as const;
  stream.reception = () => ({
    transport: "UDP",
    why: undefined,
    media: [{ ...medium, latePackets: 1, jitterMs: 7 }],
  });
  stream.reportSourceLoss({ track: null, frames: 3, bytes: 500, durationMs: 120 });
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

interface PromqlNode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly type: { readonly isError: boolean };
}

/** The metrics that an expression asks for, as Prometheus' own grammar reads it. Throws where it is none. */
async function metricsOf(expression: string): Promise<string[]> {
  if (!existsSync(PROMQL)) throw new Error("the tests need a parser of PromQL: npm ci --prefix test/peers");
  const { parser } = (await import(PROMQL)) as {
    parser: { parse(text: string): { iterate(spec: { enter(node: PromqlNode): void }): void } };
  };
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter({ name, from, to, type }) {
      if (type.isError) throw new Error(`${expression} is no PromQL at ${from}`);
      if (name === "Identifier") found.push(expression.slice(from, to));
    },
  });
  return found;
}

/** Every expression of the two files, with Grafana's variables as Prometheus would get them. */
function expressionsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  if (path.endsWith(".yml")) return [...text.matchAll(/^ +expr: (.+)$/gm)].map(([, expression]) => String(expression));
  const found: string[] = [];
  JSON.parse(text, (key, value: unknown) => {
    if (key === "expr") found.push(String(value).replaceAll("$instance", ".+"));
    return value;
  });
  return found;
}

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
      [...values.keys()].filter((key) => /^reel_recording_lag_seconds\{stream="ca\\"m",config="1"\}$/.test(key)),
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

  it("counts recordings and pulls by state, and what waits in sinks", () => {
    const states = (name: string) =>
      [...values]
        .filter(([key]) => key.startsWith(`${name}{state=`))
        .map(([key, value]) => `${key.slice(name.length)} ${value}`);
    expect(states("reel_recordings")).toEqual(['{state="streaming"} 1', '{state="waiting"} 0', '{state="failed"} 0']);
    expect(states("reel_pulls").map((line) => line.slice(-1))).toEqual(["0", "0", "0", "0", "0"]);
    expect(values.get('reel_sink_queued_events{sink="0"}')).toBeGreaterThanOrEqual(0);
  });

  it("counts the gaps of a recording by cause, from the first that it told", () => {
    const [gaps = "", value] =
      [...values].find(([key]) => /^reel_recording_gaps_total\{stream="ca\\"m",config="1",/.test(key)) ?? [];
    expect([/cause="(\w+)"/.exec(gaps)?.[1], value]).toEqual(["sourceLoss", 1]);
    expect(values.get(gaps.replace("_gaps_total", "_gap_seconds_total"))).toBe(0.12);
    expect(values.get('reel_lost_bytes_total{cause="sourceLoss"}')).toBe(500);
    expect([...values].find(([key]) => key.startsWith("reel_recording_lost_bytes_total"))?.[1]).toBe(500);
    expect(values.get('reel_lost_bytes_total{cause="lag"}')).toBe(0);
  });

  it.each(["packaging/grafana-dashboard.json", "packaging/prometheus-alerts.yml"])(
    "%s is PromQL, and names only what is there and what docs/metrics.md describes",
    async (path) => {
      const docs = readFileSync(join(ROOT, "docs/metrics.md"), "utf8");
      const known = names();
      const used = (await Promise.all(expressionsOf(path).map(metricsOf))).flat();
      expect(used.length).toBeGreaterThan(8);
      // `up` is Prometheus' own.
      expect(used.filter((name) => name !== "up" && !known.has(name))).toEqual([]);
      const ours = used.filter((name) => name.startsWith("reel_")).map((name) => name.replace(/_bucket$/, ""));
      expect(ours.filter((name) => !docs.includes(`| \`${name}\` |`))).toEqual([]);
      await expect(metricsOf("sum by (a (reel_gaps_total)")).rejects.toThrow("no PromQL");
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
