// The client (`reel/client`) against a real server: typed commands, refusals, events over reconnections. And the Stream
// Recorder Service's loop on it (ems-record-spec §2.9): record on inStreamCreated, a timer on outStreamCreated,
// shutdownStream permanently=0 on timerTriggered — files follow each other without a frame missing.

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import {
  CommandRefused,
  type ConnectOptions,
  connect,
  type ReelClient,
  type ReelEvent,
} from "../../src/client/control-client.js";
import { RtmpServer } from "../../src/ingest/rtmp/rtmp-server.js";
import { makeClip } from "../support/clip.js";
import { ControlFixture } from "../support/control-fixture.js";
import { effort, isTorture } from "../support/effort.js";
import { ffprobe } from "../support/ffprobe.js";
import { LiveSource } from "../support/live-source.js";
import { publishWithFfmpeg, stopPublishers } from "../support/publisher.js";
import { until } from "../support/until.js";

describe("the client", () => {
  let fixture: ControlFixture | undefined;
  const clients: ReelClient[] = [];
  let rtmp: RtmpServer | undefined;
  afterEach(async () => {
    await stopPublishers();
    await rtmp?.close();
    rtmp = undefined;
    for (const client of clients.splice(0)) await client.close();
    await fixture?.close();
    fixture = undefined;
  });

  async function connected(options: ConnectOptions = {}): Promise<ReelClient> {
    const client = await connect({ url: `ws://127.0.0.1:${fixture?.http}/ws`, ...options });
    clients.push(client);
    return client;
  }

  it("has every command as a method; FAIL rejects with its reply", async () => {
    fixture = await ControlFixture.open({ control: { token: "a-long-token" } });
    await expect(connected()).rejects.toThrow("401");
    const client = await connected({ token: "a-long-token" });
    const settings = await client.record({
      localStreamName: "cam-1",
      pathToFile: "a=b,c d",
      type: "ts",
      overwrite: true,
      _tag: 7,
    });
    expect(settings).toMatchObject({
      configId: 1,
      localStreamName: "cam-1",
      pathToFile: "a=b,c d",
      computedPathToFile: "a=b,c d.ts",
      overwrite: true,
      _tag: "7",
    });
    expect(await client.listStreams()).toBeNull();
    expect((await client.listConfig()).record).toMatchObject([
      { configId: 1, status: { current: { description: "Waiting for stream" } } },
    ]);
    expect(await client.isStreamRunning({ localStreamName: "x" })).toEqual({ Running: false });
    await expect(client.getConfigInfo({ id: 99 })).rejects.toThrow(
      new CommandRefused({ data: null, description: "Config ID not found", status: "FAIL" }),
    );
    expect(await client.send("removeConfig id=1 commandId=x")).toMatchObject({ status: "SUCCESS", responseId: "x" });
    expect((await client.command("getConfigInfo", { id: 1 })).status).toBe("FAIL");
    await expect(client.send("version\nversion")).rejects.toThrow("exactly one");
    const many = await Promise.all(Array.from({ length: 100 }, (_, i) => client.isStreamRunning({ id: i + 1 })));
    expect(many).toHaveLength(100);
  });

  it("goes on after a restart of the server, and misses no closed file", async () => {
    fixture = await ControlFixture.open();
    const { root, http } = fixture;
    const client = await connected();
    const seen: ReelEvent<"recordChunkClosed">[] = [];
    const reading = (async () => {
      for await (const event of client.events({ types: ["recordChunkClosed"] })) seen.push(event);
    })();
    await client.record({ localStreamName: "cam1", pathToFile: "cam1", type: "ts" });
    const record = async (): Promise<void> => {
      const source = new LiveSource((fixture as ControlFixture).publish("cam1"), 2000);
      await source.writeUpTo(2000);
      source.stop();
    };
    await record();
    await until("the first file", () => seen.length === 1);
    await fixture.stop();
    // While nobody listens: a file is recorded by a server on another port, then one starts where the client looks.
    fixture = await ControlFixture.open({ root });
    expect((await (await connected()).listConfig()).record).toMatchObject([{ configId: 1, localStreamName: "cam1" }]);
    await record();
    await until("its file", () => readdirSync(join(root, "media")).includes("cam1_0001.ts"));
    await fixture.stop();
    fixture = await ControlFixture.open({ root, port: http });
    await until("the missed file", () => seen.length === 2);
    await record();
    await until("the next file", () => seen.length === 3);
    expect(seen.map((event) => event.payload.file)).toEqual(
      ["cam1.ts", "cam1_0001.ts", "cam1_0002.ts"].map((name) => join(root, "media", name)),
    );
    expect(await client.isStreamRunning({ id: 1 })).toEqual({ Running: false });
    await client.close();
    await reading;
  });

  it("gives each iterator its own beginning, and a late one takes nothing from an earlier one", async () => {
    fixture = await ControlFixture.open();
    const { root } = fixture;
    await fixture.recorder.record({ localStreamName: "cam1", pathToFile: "cam1", type: "ts" });
    const record = async (file: string): Promise<void> => {
      const source = new LiveSource((fixture as ControlFixture).publish("cam1"), 1000);
      await source.writeUpTo(1000);
      source.stop();
      await until(file, () => readdirSync(join(root, "media")).includes(file));
      await until("its end", () => fixture?.recorder.outStreams().length === 0);
    };
    await record("cam1.ts");
    await record("cam1_0001.ts");
    const client = await connected();
    const files: Record<string, string[]> = { now: [], all: [], later: [] };
    const read = (name: string, since?: number): void => {
      void (async () => {
        for await (const event of client.events({
          types: ["recordChunkClosed"],
          ...(since !== undefined && { since }),
        }))
          files[name]?.push(basename(event.payload.file));
      })();
    };
    read("now");
    // Subscriptions that follow one another at once: the last one must not take from the second what it was promised.
    read("all", 0);
    read("later");
    await until("the history", () => files.all?.length === 2);
    await record("cam1_0002.ts");
    await until("the third file", () => files.all?.length === 3 && files.now?.includes("cam1_0002.ts"));
    expect(files.all).toEqual(["cam1.ts", "cam1_0001.ts", "cam1_0002.ts"]);
    expect(files.now).toEqual(["cam1_0002.ts"]);
  });

  it("takes a ledger that begins anew for what it is", async () => {
    fixture = await ControlFixture.open();
    const client = await connected();
    const events = client.events({ types: ["recordChunkClosed"], since: 1_000_000 });
    await client.record({ localStreamName: "cam1", pathToFile: "cam1", type: "ts" });
    const next = events.next();
    const source = new LiveSource(fixture.publish("cam1"), 1000);
    await source.writeUpTo(1000);
    source.stop();
    expect((await next).value?.payload.file).toBe(join(fixture.root, "media", "cam1.ts"));
  });

  it("rejects what was under way when the connection breaks, and ends its events without reconnect", async () => {
    fixture = await ControlFixture.open();
    const client = await connected({ reconnect: false });
    const events = client.events();
    const next = events.next();
    await client.version();
    await fixture.control.close();
    for (let event = await next; !event.done; event = await events.next()) expect(event.value.id).toBeGreaterThan(0);
    await expect(client.version()).rejects.toThrow("not connected");
  });

  it("drives the Stream Recorder Service's loop: files without a hole between them, no name twice", async () => {
    fixture = await ControlFixture.open({ realClock: true });
    const periodS = isTorture ? 3 : 1;
    const clip = await makeClip({ seconds: effort(5, 20) });
    const { recorder } = fixture;
    rtmp = new RtmpServer({
      registry: recorder.streams,
      arena: recorder.arena,
      clock: recorder.clock,
      logger: silentLogger,
    });
    const { port } = await rtmp.listen({ host: "127.0.0.1", port: 0 });
    const client = await connected();
    const closed: string[] = [];
    const faults: unknown[] = [];
    const streamOf = new Map<number, number>();
    const serve = async (event: ReelEvent): Promise<void> => {
      if (event.type === "inStreamCreated") {
        const { name } = event.payload;
        await client.record({
          localStreamName: name,
          pathToFile: name,
          type: "mp4",
          overwrite: false,
          keepAlive: true,
          _localStreamName: name,
        });
      } else if (event.type === "outStreamCreated") {
        const { timerId } = await client.setTimer({ value: periodS, _uniqueId: event.payload.uniqueId });
        streamOf.set(timerId, event.payload.uniqueId);
      } else if (event.type === "timerTriggered") {
        const { timerId, _uniqueId } = event.payload;
        await client.removeTimer({ id: timerId });
        const { streamInfo } = await client.shutdownStream({ id: Number(_uniqueId), permanently: false });
        if (streamInfo.recordSettings?.localStreamName !== "cam1") faults.push(streamInfo);
      } else if (event.type === "recordChunkClosed") closed.push(event.payload.file);
      else if (event.type === "recordChunkError") faults.push(event.payload);
    };
    void (async () => {
      for await (const event of client.events()) serve(event).catch((error: unknown) => faults.push(error));
    })();
    await client.version();
    const publisher = publishWithFfmpeg({ url: `rtmp://127.0.0.1:${port}/live/cam1`, input: clip });
    expect((await publisher.exited).stderr).toBe("");
    await until(
      "the last file",
      () => streamOf.size > 0 && closed.length === streamOf.size && recorder.outStreams().length === 0,
    );
    expect(faults).toEqual([]);
    const media = join(fixture.root, "media");
    const names = closed.map((_file, i) =>
      join(media, i === 0 ? "cam1.mp4" : `cam1_${String(i).padStart(4, "0")}.mp4`),
    );
    expect([...closed].sort()).toEqual(names);
    expect(closed.length).toBeGreaterThanOrEqual(3);
    const sent = await ffprobe(clip);
    const got = { video: 0, audio: 0 };
    for (const file of names) {
      const probe = await ffprobe(file);
      expect(probe.video?.packets[0]?.isKey, file).toBe(true);
      got.video += probe.video?.packets.length ?? 0;
      got.audio += probe.audio?.packets.length ?? 0;
    }
    // `record` may come after the first IDR: then the files begin with the second, one second later, and hold every
    // frame from there.
    const missing = {
      video: (sent.video?.packets.length ?? 0) - got.video,
      audio: (sent.audio?.packets.length ?? 0) - got.audio,
    };
    expect([0, 25]).toContain(missing.video);
    if (missing.video === 0) expect(missing.audio).toBe(0);
    else expect(Math.abs(missing.audio - 47)).toBeLessThanOrEqual(2);
  });
});
