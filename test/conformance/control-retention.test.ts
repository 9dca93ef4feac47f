// Retention over the control interface: parameters of record, holds, and what a run deletes, on a real server.

import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "../../src/base/logger.js";
import { connect, type ReelClient } from "../../src/client/control-client.js";
import type { ServerConfig } from "../../src/server/config-schema.js";
import { ReelServer } from "../../src/server/server.js";
import { LoopedSource } from "../support/looped-source.js";
import { until } from "../support/until.js";

let folder: string;
let server: ReelServer;
let client: ReelClient;

async function start(retention: ServerConfig["retention"]): Promise<void> {
  const off = { jsonCli: "off", asciiCli: "off", rtmp: "off" };
  server = await ReelServer.start(
    {
      media: { folders: [join(folder, "media")] },
      state: { folder: join(folder, "state") },
      listeners: { ...off, http: "127.0.0.1:0" },
      workers: 1,
      retention,
    },
    silentLogger,
  );
  client = await connect({ url: `ws://${server.addresses.http}/ws` });
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "reel-keep-")));
});
afterEach(async () => {
  await client?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** So many files of two seconds, closed. */
async function recordFiles(name: string, count: number): Promise<string[]> {
  const { recorder } = server;
  const closed: string[] = [];
  recorder.on("segmentClosed", ({ path, localStreamName }) => localStreamName === name && closed.push(path));
  const source = new LoopedSource(recorder.streams.open(name));
  await source.writeUpTo(count * 2000);
  source.stream.end("test");
  await until(`${count} files of ${name}`, () => closed.length === count);
  return closed.sort();
}

it("keeps what record says, takes the default for the rest, and tells each deletion", async () => {
  await start({ segments: 3 });
  const deleted: string[] = [];
  server.recorder.on("segmentDeleted", ({ path, cause }) => deleted.push(`${path} ${cause}`));
  const one = await client.record({
    localStreamName: "one",
    pathToFile: "one",
    type: "ts",
    chunkLength: 2,
    retainSegments: 1,
  });
  expect(one).toMatchObject({ retainSegments: 1, hoursLeft: null });
  expect(one).not.toHaveProperty("priority");
  await client.record({ localStreamName: "two", pathToFile: "two", type: "ts", chunkLength: 2 });
  const all = {
    localStreamName: "all",
    pathToFile: "all",
    type: "ts",
    chunkLength: 2,
    retainSegments: 0,
    priority: 7,
  } as const;
  expect(await client.record(all)).toMatchObject({ retainSegments: 0, priority: 7 });
  const files = await Promise.all(["one", "two", "all"].map((name) => recordFiles(name, 5)));
  const wanted = [...(files[0]?.slice(0, 4) ?? []), ...(files[1]?.slice(0, 2) ?? [])].map((path) => `${path} segments`);
  await until("the rules are carried out", () => deleted.length >= wanted.length);
  expect(deleted.sort()).toEqual(wanted.sort());
  expect(files.flat().map((path) => existsSync(path))).toEqual(
    files.flat().map((path) => !wanted.includes(`${path} segments`)),
  );
  const listed = (await client.listSegments({ localStreamName: "one" })).segments ?? [];
  expect(listed.map(({ state, isMissing }) => [state, isMissing])).toEqual([
    ...Array.from({ length: 4 }, () => ["deleted", false]),
    ["finished", false],
  ]);
  expect((await client.listConfig()).record.map(({ retainSegments }) => retainSegments)).toEqual([1, undefined, 0]);
});

it("keeps what is held until it is released, and says in a dry run what would go", async () => {
  await start(undefined);
  await client.record({ localStreamName: "cam", pathToFile: "cam", type: "ts", chunkLength: 2 });
  const [first = "", second = "", third = ""] = await recordFiles("cam", 3);
  const listed = (await client.listSegments({})).segments ?? [];
  const held = await client.hold({ sequence: listed[0]?.id ?? 0, reason: "theft" });
  expect(await client.listHolds()).toMatchObject([{ holdId: held.holdId, reason: "theft", sequence: listed[0]?.id }]);
  // The rule comes with the next start; so do the holds.
  await client.close();
  await server.close();
  await start({ folders: [{ folder: join(folder, "media"), segments: 1 }] });
  const wouldGo = async (): Promise<string[]> =>
    ((await client.retention({ dryRun: true })).deletions ?? []).map(({ file, cause }) => `${file} ${cause}`);
  await until("the first run is over", async () => !existsSync(second) && (await wouldGo()).length === 0);
  expect([existsSync(first), existsSync(third)]).toEqual([true, true]);
  const segment = (await server.recorder.catalog.query({ state: "finished" })).segments[0];
  await expect(segment && server.recorder.catalog.delete(segment)).rejects.toMatchObject({
    code: "held",
    message: /theft/,
  });
  await client.release({ holdId: held.holdId });
  await until("the released file goes", () => !existsSync(first));
  expect(existsSync(third)).toBe(true);
  await expect(client.release({ holdId: held.holdId })).rejects.toThrow("There is no hold 1");
  await expect(client.hold({ localStreamName: "cam", from: "x", reason: "y" })).rejects.toThrow("Parameter from");
});

it("refuses a rule for a folder that is no media folder, and bounds that are none", async () => {
  const strange = start({ folders: [{ folder: join(folder, "elsewhere"), segments: 1 }] });
  await expect(strange).rejects.toThrow(/retention\.folders: .*elsewhere is no media folder; they are .*media/);
  await start(undefined);
  const base = { localStreamName: "cam", pathToFile: "cam" };
  await expect(client.record({ ...base, retainFreePercent: 100 })).rejects.toThrow("Range: 0 - 99");
  await expect(client.record({ ...base, priority: 101 })).rejects.toThrow("Range: 0 - 100");
});

it("tells deletions that a subscriber has missed, once, in the order of their sequences", async () => {
  await start({ segments: 1 });
  await client.record({ localStreamName: "cam", pathToFile: "cam", type: "ts", chunkLength: 2 });
  await recordFiles("cam", 3);
  const ended = async (): Promise<number> => {
    let count = 0;
    for await (const _entry of (await server.recorder.closedSince(0)).ends) count++;
    return count;
  };
  await until("all but one are deleted", async () => (await ended()) === 5);
  const socket = new WebSocket(`ws://${server.addresses.http}/ws`);
  const events: { type: string; payload: { sequence: number; cause?: string } }[] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    if (message.type) events.push(message);
  });
  socket.on("open", () => socket.send("subscribe since=0 events=segmentDeleted,recordChunkClosed"));
  await until("all have come", () => events.length >= 5);
  expect(events.map(({ type }) => type).sort()).toEqual([
    ...Array.from({ length: 3 }, () => "recordChunkClosed"),
    ...Array.from({ length: 2 }, () => "segmentDeleted"),
  ]);
  const sequences = events.map(({ payload }) => payload.sequence);
  expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  expect(events.filter(({ type }) => type === "segmentDeleted").map(({ payload }) => payload.cause)).toEqual([
    "segments",
    "segments",
  ]);
  socket.terminate();
});
