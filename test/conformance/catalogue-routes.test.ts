// The catalogue, files and the server's state over HTTP, of a server that records: pages, links, ranges, deletion with
// its event, what viewers may do, and what strangers try.

import { once } from "node:events";
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ServerConfig } from "../../src/server/config-schema.js";
import type { ReelServer } from "../../src/server/server.js";
import { feed, readClip } from "../support/feed.js";
import { startHttpServer } from "../support/http-server.js";
import { scratch } from "../support/scratch.js";
import { until } from "../support/until.js";

const { path } = scratch();
const CLIP = join(import.meta.dirname, "../../assets/clip.flv");
const OWNER = { Authorization: "Bearer owner-token" };
const VIEWER = { Authorization: `Basic ${Buffer.from("eve:looks").toString("base64")}` };

interface Recording {
  sequence: number;
  state: string;
  stream: string;
  file: string;
  bytes: number;
  links: { self: string; media?: string };
}

let server: ReelServer;

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown> & { recordings: Recording[]; cursor: string | null };
}

async function ask(target: string, init: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const { method = "GET", headers = {} } = init;
  const answer = await fetch(`http://${server.addresses.http}${target}`, { method, headers: { ...OWNER, ...headers } });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") && text !== "";
  return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : {} };
}

async function record(name: string, type: "mp4" | "ts", keepsGrowing = false): Promise<void> {
  const clip = await readClip(CLIP);
  const stream = server.recorder.streams.open(name);
  await server.recorder.record({
    localStreamName: name,
    pathToFile: `${name.replace("/", "_")}`,
    type,
    keepAlive: false,
  });
  await feed(stream, clip);
  if (keepsGrowing) return;
  stream.end("test");
  await until(`${name} is final`, async () => {
    const { recordings } = (await ask(`/api/recordings?stream=${encodeURIComponent(name)}`)).json;
    return recordings.every(({ state }) => state === "finished") && recordings.length > 0;
  });
}

async function one(stream: string): Promise<Recording> {
  const { recordings } = (await ask(`/api/recordings?stream=${encodeURIComponent(stream)}`)).json;
  return recordings[0] as Recording;
}

beforeAll(async () => {
  server = await startHttpServer(path("."), {
    media: { folders: [path("media"), path("more")] },
    control: { token: "owner-token", viewers: [{ user: "eve", password: "looks" }, { token: "seer-token" }] },
  });
  await record("cam/1", "mp4");
  await record("cam2", "ts");
  await record("live", "ts", true);
  await record("movie", "mp4", true);
  await until("the growing files are told", async () => (await ask("/api/recordings")).json.recordings.length === 4);
}, 60_000);
afterAll(() => server.close());

describe("GET /api/recordings", () => {
  it("has every file, oldest first, page by page, with what it is and where", async () => {
    const all = (await ask("/api/recordings")).json;
    expect(all.recordings.map(({ stream, state }) => [stream, state])).toEqual([
      ["cam/1", "finished"],
      ["cam2", "finished"],
      ["live", "growing"],
      ["movie", "growing"],
    ]);
    expect([all.cursor, all.isComplete]).toEqual([null, true]);
    expect(all.recordings[0]).toMatchObject({
      type: "mp4",
      tracks: [
        { kind: "video", codec: "h264" },
        { kind: "audio", codec: "aac" },
      ],
      gaps: 0,
      lost: null,
      links: { media: "/media/cam_1.mp4" },
    });
    expect(all.recordings[3]?.links).not.toHaveProperty("media");
    const paged: Recording[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Answer["json"] = (await ask(`/api/recordings?limit=1&cursor=${encodeURIComponent(cursor)}`)).json;
      paged.push(...page.recordings);
      cursor = page.cursor;
    }
    expect(paged).toEqual(all.recordings);
    expect((await ask(all.recordings[0]?.links.self ?? "")).json).toEqual(all.recordings[0]);
  });

  it("finds by stream, time and state", async () => {
    const count = async (query: string) => (await ask(`/api/recordings?${query}`)).json.recordings.length;
    expect(await count("stream=cam%2F1")).toBe(1);
    expect(await count("state=growing")).toBe(2);
    expect(await count(`from=${Date.now() - 3_600_000}&to=${Date.now() + 1000}`)).toBe(4);
    expect(await count("to=2020-01-01T00:00:00Z")).toBe(0);
    expect(await count("stream=nobody")).toBe(0);
  });

  it.each([
    ...["from=yesterday", "from=9&to=8", "state=lost", "limit=0", "limit=1001", "cursor=x", "stream=a%20b"],
    ...["stream=..", `stream=${"x".repeat(300)}`, "from=1e99", "cursor=1.2.3e5.x"],
  ])("%s is refused", async (query) => {
    const { status, json } = await ask(`/api/recordings?${query}`);
    expect([status, typeof json.error]).toEqual([400, "string"]);
  });

  it.each(["/api/recordings/0", "/api/recordings/-1", "/api/recordings/x", "/api/recordings/99999999999999999"])(
    "%s is nobody",
    async (target) => expect((await ask(target)).status).toBe(404),
  );
});

describe("GET /media", () => {
  it("gives the file whole, in ranges, and not again where it is known", async () => {
    const { links, file, bytes } = await one("cam/1");
    const content = readFileSync(file);
    const whole = await fetch(`http://${server.addresses.http}${links.media}`, { headers: OWNER });
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
    expect(whole.headers.get("content-type")).toBe("video/mp4");
    expect(whole.headers.get("content-length")).toBe(String(bytes));
    const etag = whole.headers.get("etag") ?? "";
    const part = await ask(links.media ?? "", { headers: { Range: "bytes=4-7", "If-Range": etag } });
    expect([part.status, part.text, part.headers.get("content-range")]).toEqual([206, "ftyp", `bytes 4-7/${bytes}`]);
    expect((await ask(links.media ?? "", { headers: { "If-None-Match": etag } })).status).toBe(304);
    const behind = await ask(links.media ?? "", { headers: { Range: `bytes=${bytes}-` } });
    expect([behind.status, behind.headers.get("content-range")]).toEqual([416, `bytes */${bytes}`]);
    const head = await ask(links.media ?? "", { method: "HEAD" });
    expect([head.status, head.text, head.headers.get("content-length")]).toEqual([200, "", String(bytes)]);
  });

  it("plays what grows as far as it is, where its container does", async () => {
    const { links } = await one("live");
    const { status, text } = await ask(links.media ?? "", { headers: { Range: "bytes=0-0" } });
    expect([status, text]).toEqual([206, "G"]);
    expect((await ask("/media/movie.mp4")).status).toBe(404);
    expect((await ask("/media/movie.mp4.mdat")).status).toBe(404);
  });

  it("knows nothing but the catalogue's files, and follows no link out of the media folders", async () => {
    writeFileSync(path("secret"), "secret");
    writeFileSync(path("media/stranger.ts"), "stranger");
    const { file } = await one("cam2");
    for (const target of ["/media/stranger.ts", "/media/", "/media", "/media/..%2fsecret", "/media/%2e%2e/secret"])
      expect([target, (await ask(target)).status]).toEqual([target, 404]);
    for (const target of ["/media/cam2.ts%00", "/media//cam2.ts", "/media/cam2.ts?folder=1"])
      expect([target, (await ask(target)).status]).toEqual([target, 404]);
    // A slash at the end of a path makes no difference.
    for (const target of ["/media/cam2.ts", "/media/cam2.ts/"]) expect((await ask(target)).status).toBe(200);
    renameSync(file, path("outside.ts"));
    symlinkSync(path("outside.ts"), file);
    expect((await ask("/media/cam2.ts")).status).toBe(404);
  });
});

describe("DELETE /api/recordings", () => {
  it("deletes the file once, and tells it", async () => {
    await record("doomed", "ts");
    const { sequence, file, links } = await one("doomed");
    const socket = new WebSocket(`ws://${server.addresses.http}/ws`, { headers: OWNER });
    const messages: { type?: string; payload?: Record<string, unknown>; status?: string }[] = [];
    socket.on("message", (data) => messages.push(JSON.parse(String(data))));
    await new Promise((resolve) => socket.once("open", resolve));
    socket.send("subscribe events=segmentDeleted");
    await until("the subscription", () => messages.length > 0);
    for (let i = 0; i < 2; i++)
      expect((await ask(links.self, { method: "DELETE" })).json).toMatchObject({ sequence, state: "deleted" });
    const told = await until("the event", () => messages.filter(({ type }) => type === "segmentDeleted")[0]);
    expect(told.payload).toMatchObject({
      file,
      cause: "request",
      localStreamName: "doomed",
      configId: expect.any(Number),
    });
    expect(messages.filter(({ type }) => type !== undefined)).toHaveLength(1);
    socket.close();
    expect(() => readFileSync(file)).toThrow("ENOENT");
    expect((await ask(links.media ?? "")).status).toBe(404);
    expect((await ask(links.self)).json.state).toBe("deleted");
  });

  it("refuses what is being played", async () => {
    await record("shown", "ts");
    const { links, file } = await one("shown");
    await ask(links.media ?? "", { headers: { ...VIEWER, Range: "bytes=0-187" } });
    const refusal = await ask(links.self, { method: "DELETE" });
    expect([refusal.status, refusal.text]).toEqual([409, expect.stringContaining("it is being played")]);
    expect(readFileSync(file).byteLength).toBeGreaterThan(0);
  });

  it("refuses what is recorded, and what lies behind a link out of the media folders", async () => {
    const { links } = await one("live");
    expect((await ask(links.self, { method: "DELETE" })).status).toBe(409);
    mkdirSync(path("media/sub"));
    const clip = await readClip(CLIP);
    const stream = server.recorder.streams.open("below");
    await server.recorder.record({ localStreamName: "below", pathToFile: "sub/below", type: "ts", keepAlive: false });
    await feed(stream, clip);
    stream.end("test");
    const recording = await until("it is final", async () => {
      const found = await one("below");
      return found?.state === "finished" ? found : undefined;
    });
    renameSync(path("media/sub"), path("away"));
    symlinkSync(path("away"), path("media/sub"));
    expect((await ask(recording.links.self, { method: "DELETE" })).status).toBe(403);
    expect(readFileSync(path("away/below.ts")).byteLength).toBe(recording.bytes);
    expect((await ask("/media/sub/below.ts")).status).toBe(404);
  });
});

describe("what the server does now", () => {
  it("is told: streams with their recordings, configs, volumes", async () => {
    const { streams } = (await ask("/api/streams")).json as unknown as { streams: Record<string, unknown>[] };
    expect(streams.map(({ name }) => name)).toEqual(["live", "movie"]);
    expect(streams[0]).toMatchObject({
      tracks: [
        { kind: "video", codec: "h264", width: 640 },
        { kind: "audio", codec: "aac" },
      ],
      recordings: [{ type: "ts", file: path("media/live.ts") }],
    });
    const { configs } = (await ask("/api/configs")).json as unknown as { configs: Record<string, unknown>[] };
    expect(configs.filter(({ state }) => state === "streaming").map((config) => config.localStreamName)).toEqual([
      "live",
      "movie",
    ]);
    const { volumes } = (await ask("/api/volumes")).json as unknown as { volumes: Record<string, unknown>[] };
    expect(volumes.map(({ folder, answers }) => [folder, answers])).toEqual([
      [path("media"), true],
      [path("more"), true],
    ]);
  });
});

describe("viewers", () => {
  it.each([VIEWER, { Authorization: "Bearer seer-token" }])(
    "%s may look and play, and nothing else",
    async (headers) => {
      const { links } = await one("cam/1");
      for (const target of ["/api/recordings", "/api/streams", "/metrics", "/healthz", links.self, links.media ?? ""])
        expect([target, (await ask(target, { headers })).status]).toEqual([target, 200]);
      expect((await ask(links.self, { method: "DELETE", headers })).status).toBe(403);
      for (const target of ["/version", "/listStreams", "/record?params=YT1i", "/nothing", "/%zz"])
        expect([target, (await ask(target, { headers })).status]).toEqual([target, 403]);
    },
  );

  it("hear of files whole, of streams the names, of commands nothing, and give none", async () => {
    const messages: (Record<string, unknown> & { payload: Record<string, unknown> })[] = [];
    const socket = new WebSocket(`ws://${server.addresses.http}/ws`, { headers: VIEWER });
    socket.on("message", (data) => messages.push(JSON.parse(String(data))));
    await once(socket, "open");
    for (const line of [
      "subscribe",
      "version",
      "listStreams",
      "record localStreamName=x pathToFile=x",
      "removeConfig id=1",
    ])
      socket.send(line);
    await until("five answers", () => messages.length === 5);
    expect(messages.map(({ status }) => status)).toEqual(["SUCCESS", "SUCCESS", "FAIL", "FAIL", "FAIL"]);
    expect((await ask("/version")).status).toBe(200);
    const stream = server.recorder.streams.open("looked-at");
    stream.end("test");
    await until("two events", () => messages.length >= 7);
    expect(messages.slice(5).map(({ type }) => type)).toEqual(["inStreamCreated", "inStreamClosed"]);
    expect(Object.keys(messages[5]?.payload ?? {}).sort()).toEqual(
      ["PID", "creationTimestamp", "customData", "name", "type", "uniqueId", "upTime"].sort(),
    );
    await record("watched", "ts");
    const ofFile = (type: string) => messages.find((message) => message.type === type)?.payload;
    const closed = await until("the file's end", () => ofFile("recordChunkClosed"));
    expect(closed).toMatchObject({ file: path("media/watched.ts"), localStreamName: "watched" });
    expect(ofFile("recordChunkCreated")).toMatchObject({ file: path("media/watched.ts") });
    // What was missed comes again, the same.
    const since = Number(closed.sequence) - 1;
    const before = messages.length;
    socket.send(`subscribe events=recordChunkClosed,cliRequest since=${since}`);
    await until("what was missed", () => messages.length >= before + 2);
    expect(messages[before]).toMatchObject({ status: "SUCCESS", data: { events: ["recordChunkClosed"], since } });
    expect(messages[before + 1]?.payload).toEqual(closed);
    socket.close();
  });

  it("are known by their own credentials", async () => {
    for (const Authorization of ["", "Bearer looks", "Basic ZXZlOm93bmVyLXRva2Vu", "Bearer undefined"])
      expect((await ask("/api/recordings", { headers: { Authorization } })).status).toBe(
        Authorization.endsWith("93bmVyLXRva2Vu") ? 200 : 401,
      );
    // The owner's token as the password of Basic is the owner's, whatever the name.
    expect((await ask("/version", { headers: { Authorization: "Basic ZXZlOm93bmVyLXRva2Vu" } })).status).toBe(200);
  });

  it("keep nobody out by themselves", async () => {
    const start = (control: ServerConfig["control"]) => startHttpServer(path("other"), { control });
    await expect(start({ viewers: [{ token: "seer-token" }] })).rejects.toThrow("keeps nobody out by itself");
    await expect(start({ token: "owner-token", viewers: [{ user: "eve" }] })).rejects.toThrow(
      "each of control.viewers",
    );
  });
});

describe("a pulled source", () => {
  it.each([
    "http://127.0.0.1:9/videostream.cgi?loginuse=a&loginpas=s3cret",
    "rtmp://127.0.0.1:9/live/s3cret",
    "rtsp://me:s3cret@127.0.0.1:9/a?X-Amz-Signature=s3cret",
  ])("is shown to viewers by scheme, host and port: %s", async (uri) => {
    const parameters = Buffer.from(`uri=${uri} localStreamName=away-${uri.slice(0, 4)}`).toString("base64");
    expect((await ask(`/pullStream?params=${parameters}`)).text).toContain("SUCCESS");
    const { text } = await ask("/api/configs", { headers: VIEWER });
    expect(text).toContain(`"uri":"${uri.slice(0, uri.indexOf(":"))}://127.0.0.1:9"`);
    expect(text).not.toContain("s3cret");
  });
});

describe("ten thousand mutations of a query", () => {
  it("are answered or refused, and fail nothing inside", { timeout: 120_000 }, async () => {
    const targets = ["/api/recordings", "/api/recordings/1", "/media/cam_1.mp4", "/api/streams"];
    const seeds = ["stream=cam2", "from=0&to=99999999999", "state=growing", "limit=5", "cursor=1.2", "folder=0", "%00"];
    let state = 20261127;
    const next = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const statuses = new Map<number, number>();
    const before = process.memoryUsage().rss;
    const mutate = async (): Promise<void> => {
      const query = `${seeds[next(seeds.length)]}&${seeds[next(seeds.length)]}`;
      const at = next(query.length);
      const odd = ["%", "&&", "=", "%2e%2e%2f", "\u00e9", "9".repeat(next(40)), "[]", "%ff", "+"][next(9)];
      const { status } = await ask(
        `${targets[next(targets.length)]}?${query.slice(0, at)}${odd}${query.slice(at + next(3))}`,
        {
          method: ["GET", "HEAD"][next(2)] as string,
        },
      );
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    const count = process.env.REEL_TORTURE === "1" ? 10_000 : 500;
    for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, mutate));
    expect([...statuses.keys()].filter((status) => ![200, 206, 400, 404].includes(status))).toEqual([]);
    // Most mutations of these questions are still questions.
    expect((statuses.get(200) ?? 0) / count).toBeGreaterThan(0.2);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });
});
