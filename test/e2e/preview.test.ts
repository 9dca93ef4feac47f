// The preview of a pulled camera: one ffmpeg for all who watch, gone behind the last; who may open it; what it sends,
// judged by ffprobe; and its picture in the dashboard, in Chromium.

import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ReelServer } from "../../src/server/server.js";
import { DashboardBrowser } from "../support/dashboard-browser.js";
import { isTorture } from "../support/effort.js";
import { startHttpServer } from "../support/http-server.js";
import { startRtspServer, stopRtspServers } from "../support/pull-fixture.js";
import { runProgram } from "../support/run-program.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const TOKEN = "owner-token-of-this-test";
const VIEWER = { token: "viewer-token-of-this-test" };
const TRY_AGAIN = 1013;
const NOT_PREVIEWED = 4404;
const PACKET_SIZE = 188;

const { path } = scratch();
let server: ReelServer;
const watchers: Watcher[] = [];

beforeAll(async () => {
  server = await startHttpServer(path("."), {
    control: { token: TOKEN, viewers: [VIEWER] },
    preview: { streams: 1, width: 160 },
  });
  const camera = await startRtspServer("live");
  for (const localStreamName of ["yard", "gate"]) {
    const body = JSON.stringify({ uri: camera.url, localStreamName, forceTcp: 1 });
    const reply = await ask("/pullStream", { method: "POST", body });
    expect(await reply.text()).toContain("SUCCESS");
  }
  await until("both streams", () => server.recorder.streams.list().length === 2);
}, 60_000);
afterAll(async () => {
  for (const { socket } of watchers) socket.terminate();
  await server.close();
  await stopRtspServers();
});

function ask(target: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${TOKEN}` };
  return fetch(`http://${server.addresses.http}${target}`, { headers, ...init });
}

interface Watcher {
  readonly socket: WebSocket;
  readonly chunks: Buffer[];
  readonly ended: Promise<{ code: number; reason: string }>;
}

function watch(stream: string, token = VIEWER.token): Watcher {
  const headers = { Authorization: `Bearer ${token}` };
  const socket = new WebSocket(`ws://${server.addresses.http}/preview/${stream}`, { headers });
  const chunks: Buffer[] = [];
  socket.on("message", (bytes: Buffer) => chunks.push(bytes));
  socket.on("error", () => {});
  const ended = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  const watcher = { socket, chunks, ended };
  watchers.push(watcher);
  return watcher;
}

/** Process ids of what this server transcodes with. */
function transcoders(): number[] {
  const of = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && of(name, "cmdline").includes("mpeg1video"))
    .filter((pid) => of(pid, "stat").split(") ")[1]?.split(" ")[1] === String(process.pid))
    .map(Number);
}

describe("the preview of a camera", () => {
  it("is named by the stream, and told in the metrics", async () => {
    const { streams } = (await (await ask("/api/streams")).json()) as { streams: { name: string; preview: string }[] };
    expect(streams.map(({ preview }) => preview).sort()).toEqual(["/preview/gate", "/preview/yard"]);
    expect(await (await ask("/metrics")).text()).toMatch(/^reel_previews 0$/m);
  });

  it("is one ffmpeg for all, which sends MPEG-1", { timeout: 60_000 }, async () => {
    const [first, second] = [watch("yard"), watch("yard", TOKEN)];
    await until("pictures of it", () => Buffer.concat(first.chunks).byteLength > 20_000, 40_000);
    await until("the other's", () => second.chunks.length > 0);
    const [pid] = transcoders();
    expect(transcoders()).toHaveLength(1);
    const metrics = await (await ask("/metrics")).text();
    expect(/^reel_previews (.*)$/m.exec(metrics)?.[1]).toBe("1");
    expect(/^reel_preview_watchers (.*)$/m.exec(metrics)?.[1]).toBe("2");
    const bytes = Buffer.concat(first.chunks);
    expect([bytes[0], bytes.byteLength % PACKET_SIZE]).toEqual([0x47, 0]);
    writeFileSync(path("preview.ts"), bytes);
    const probe = await runProgram("ffprobe", [
      ...["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", path("preview.ts")],
    ]);
    expect([probe.stdout.trim().split("\n")[0], probe.stderr]).toEqual(["mpeg1video,160,120", ""]);

    // There is room for one stream, and none for what is no camera.
    expect(await watch("gate").ended).toMatchObject({ code: TRY_AGAIN, reason: expect.stringContaining("1 streams") });
    expect(await watch("nobody").ended).toMatchObject({ code: NOT_PREVIEWED });

    first.socket.close();
    await first.ended;
    expect(transcoders()).toEqual([pid]);
    second.socket.close();
    await second.ended;
  });

  it("is for those who may look, and for nobody else", async () => {
    const [, refused] = await once(watch("yard", "wrong-token").socket, "unexpected-response");
    expect((refused as { statusCode: number }).statusCode).toBe(401);
    expect(await (await ask("/metrics")).text()).toMatch(/^reel_preview_watchers 0$/m);
  });

  it("is a picture in the dashboard, which goes with its page", { timeout: 60_000 }, async () => {
    const browser = await DashboardBrowser.open(`http://${server.addresses.http}/`);
    const page = await browser.visit("#/streams/yard");
    await page.getByLabel("Password or token").fill(VIEWER.token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("img", { name: "Camera of yard, live" }).waitFor();
    // Test pictures have all colours; before the first there is one.
    const colours = `(() => {
      const canvas = document.querySelector("canvas[role=img]");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    })()`;
    await expect.poll(() => page.evaluate<number>(colours), { timeout: 40_000 }).toBeGreaterThan(50);
    expect(await page.evaluate("document.querySelector('canvas[role=img]').width")).toBe(160);
    expect(browser.complaints).toEqual([]);
    await page.evaluate("location.hash = '#/now'");
    await until("nobody watches", async () => /^reel_preview_watchers 0$/m.test(await (await ask("/metrics")).text()));
    // It stays some seconds for the next one.
    expect(transcoders()).toHaveLength(1);
    if (isTorture) await until("the process is gone", () => transcoders().length === 0, 15_000);
    await browser.close();
  });

  it("ends with its pull config", async () => {
    const watcher = watch("yard");
    await until("its picture", () => watcher.chunks.length > 0, 40_000);
    const { configs } = (await (await ask("/api/configs")).json()) as {
      configs: { configId: number; localStreamName: string }[];
    };
    const id = configs.find(({ localStreamName }) => localStreamName === "yard")?.configId;
    await ask("/removeConfig", { method: "POST", body: JSON.stringify({ id }) });
    expect(await watcher.ended).toMatchObject({ code: TRY_AGAIN });
    await until("the process is gone", () => transcoders().length === 0);
    expect(await watch("yard").ended).toMatchObject({ code: NOT_PREVIEWED });
  });
});
