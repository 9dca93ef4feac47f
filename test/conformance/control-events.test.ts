// Events, ems-record-spec §6: envelope, payloads, order; subscribers with filter and resume; sinks that answer, answer
// 500, answer late or never.

import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ControlFixture, type FixtureOptions, WALL_MS, type WsClient } from "../support/control-fixture.js";
import { LiveSource } from "../support/live-source.js";
import { until } from "../support/until.js";

interface Envelope {
  id: number;
  payload: Record<string, unknown>;
  processId: number;
  timestamp: number;
  type: string;
}

const SECONDS = Math.floor(WALL_MS / 1000);
const parse = (message: string): Envelope => JSON.parse(message) as Envelope;

describe("events", () => {
  let fixture: ControlFixture;
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await fixture.close();
  });

  async function open(options: FixtureOptions = {}): Promise<WsClient> {
    fixture = await ControlFixture.open(options);
    return fixture.webSocket();
  }

  async function receiver(listener: RequestListener): Promise<number> {
    const server = createServer(listener).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** Records a stream of 5 s in files of 2 s, from its creation to its end. */
  async function recordOnce(name: string): Promise<void> {
    await fixture.control.dispatch.execute({
      command: "record",
      parameters: Object.entries({
        localStreamName: name,
        pathToFile: name,
        chunkLength: "2",
        keepAlive: "0",
        _tag: "a/b",
      }).map(([key, text]) => ({
        name: key,
        text,
        items: [text],
      })),
      hasArguments: true,
      commandId: undefined,
    });
    const closed = once(fixture.recorder, "inStreamClosed");
    const source = new LiveSource(fixture.publish(name), 5000);
    await source.writeUpTo(5000);
    source.stop();
    await closed;
  }

  it("of a recording come in the promised order, with the payloads of the specification", async () => {
    const client = await open();
    expect(
      await client.ask(
        "subscribe events=inStreamCreated,inStreamClosed,OUTSTREAMCREATED,outStreamClosed,recordChunkCreated,recordChunkClosed",
      ),
    ).toBe(
      '{"data":{"events":["inStreamCreated","inStreamClosed","outStreamCreated","outStreamClosed","recordChunkCreated","recordChunkClosed"],"since":0},"description":"Subscribed","status":"SUCCESS"}',
    );
    await recordOnce("cam1");
    await until("the end", () => client.messages.some((message) => message.includes('"inStreamClosed"')));
    const events = client.messages.map(parse);
    const types = events.map((event) => event.type);
    expect(types.slice(0, 3)).toEqual(["inStreamCreated", "outStreamCreated", "recordChunkCreated"]);
    expect(types.slice(-3)).toEqual(["recordChunkClosed", "outStreamClosed", "inStreamClosed"]);
    const media = join(fixture.root, "media");
    const files = [0, 1, 2].map((part) => join(media, `cam1_part000${part}.mp4`));
    for (const type of ["recordChunkCreated", "recordChunkClosed"]) {
      const seen = events.filter((event) => event.type === type);
      expect(seen.map((event) => event.payload.file).sort()).toEqual(files);
    }
    for (const file of files) {
      const at = (type: string): number =>
        events.findIndex((event) => event.type === type && event.payload.file === file);
      expect(at("recordChunkCreated")).toBeLessThan(at("recordChunkClosed"));
    }
    const out = events.find((event) => event.type === "outStreamCreated");
    const settings = out?.payload.recordSettings as { configId: number };
    for (const event of events.filter(({ type }) => type.startsWith("recordChunk")))
      expect(event.payload).toMatchObject({
        localStreamName: "cam1",
        configId: settings.configId,
        outStreamId: out?.payload.uniqueId,
      });
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    for (const event of events)
      expect(event).toMatchObject({
        processId: process.pid,
        timestamp: SECONDS,
        payload: { PID: process.pid, customData: null },
      });

    const created = client.messages.find((message) => message.includes('"recordChunkCreated"')) ?? "";
    const escaped = files[0]?.replaceAll("/", "\\/");
    expect(created).toMatch(
      new RegExp(
        `^\\{"id":\\d+,"payload":\\{"PID":${process.pid},"_tag":"a\\\\/b","configId":\\d+,"customData":null,"file":${JSON.stringify(escaped).replace(/[.\\]/g, "\\$&").replaceAll("\\\\\\\\", "\\\\")},` +
          `"localStreamName":"[^"]+","outStreamId":\\d+,"sequence":\\d+,"startTime":"2017-09-19T04:32:27\\.000","utcOffset":"[+-]\\d\\d:\\d\\d"\\},"processId":${process.pid},"timestamp":${SECONDS},"type":"recordChunkCreated"\\}$`,
      ),
    );
    const closed = events
      .filter((event) => event.type === "recordChunkClosed")
      .sort((a, b) => ((a.payload.file as string) < (b.payload.file as string) ? -1 : 1));
    expect(closed.map((event) => event.payload.frameCount)).toEqual([50, 50, 25]);
    for (const { payload } of closed)
      expect(payload).toMatchObject({
        recovered: false,
        gaps: [],
        lost: null,
        stopTime: "2017-09-19T04:32:27.000",
        _tag: "a/b",
      });

    const [inCreated, outCreated] = events;
    expect(inCreated?.payload).toMatchObject({
      name: "cam1",
      type: "INR",
      audio: { codec: "AUNK" },
      video: { codec: "VUNK" },
      ip: "10.0.0.9",
      farIp: "10.0.0.9",
      uniqueId: 1,
    });
    expect(outCreated?.payload).toMatchObject({
      type: "OFMP4",
      connectionType: 7,
      inStreamUniqueId: null,
      audio: { codec: "AUNK", bytesCount: 0 },
      recordSettings: { _tag: "a/b", localStreamName: "cam1" },
    });
    expect(events.at(-2)?.payload).toMatchObject({
      type: "OFMP4",
      inStreamUniqueId: 1,
      video: { codec: "VH264", packetsCount: 125, width: 320, height: 180 },
      audio: { codec: "AAAC" },
    });
    expect(events.at(-1)?.payload).toMatchObject({
      video: { codec: "VH264", packetsCount: 125 },
      audio: { codec: "AAAC" },
    });
  });

  it("a subscriber resumes by sequence without a gap and without a double", async () => {
    const first = await open();
    await first.ask("subscribe events=recordChunkClosed");
    await recordOnce("cam1");
    await until("three files", () => first.messages.length === 3);
    const seen = parse(first.messages[1] ?? "").payload.sequence as number;
    // Files finish in any order: which one comes third, and is missed, is not said.
    const missed = parse(first.messages[2] ?? "").payload.file;
    first.socket.terminate();
    await recordOnce("cam2");
    const second = await fixture.webSocket();
    const reply = parse(await second.ask(`subscribe since=${seen} events=recordChunkClosed`)) as unknown as {
      data: { since: number };
    };
    expect(reply.data.since).toBe(seen);
    // Subscribed anew while the missed ones are on their way, and while new ones come.
    await recordOnce("cam3");
    await until("seven files", () => second.messages.length >= 7);
    const events = second.messages.map(parse);
    const sequences = events.map((event) => event.payload.sequence as number);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    const later = ["cam2", "cam3"].flatMap((name) =>
      [0, 1, 2].map((part) => join(fixture.root, "media", `${name}_part000${part}.mp4`)),
    );
    expect(events.map((event) => event.payload.file).sort()).toEqual([missed, ...later].sort());
    expect(events.slice(0, 4).map((event) => event.id)).toEqual([0, 0, 0, 0]);
  });

  it("unknown names are refused with those that exist, and other channels are told where to go", async () => {
    const client = await open();
    expect(await client.ask("subscribe events=nonsense")).toContain(
      "There is no event nonsense; known are applicationStart, ",
    );
    const { body } = await fixture.httpRequest("/subscribe");
    expect(body).toContain("subscribe needs the WebSocket channel");
  });

  it("every command on every transport is told, as it was typed, passwords masked", async () => {
    const client = await open();
    await client.ask("subscribe events=cliRequest,cliResponse");
    await until("its own answer", () => client.messages.length === 1);
    client.messages.length = 0;
    const tcp = await fixture.tcp(fixture.json);
    tcp.socket.write("GetStreamsCount a=1,2 B=rtmp://u:secret@h/x,y commandId=9\n");
    await tcp.reply();
    await fixture.httpRequest("/nonsense?params=");
    await until("four events", () => client.messages.length === 4);
    const [request, response, unknown, failed] = client.messages.map(parse);
    expect(request).toMatchObject({
      type: "cliRequest",
      payload: { command: "GetStreamsCount", parameters: { a: ["1", "2"], B: "rtmp://u:***@h/x,y", commandId: "9" } },
    });
    expect(response).toMatchObject({
      type: "cliResponse",
      payload: { data: { streamCount: 0 }, description: "Active streams count", responseId: "9", status: "SUCCESS" },
    });
    expect(unknown).toMatchObject({ type: "cliRequest", payload: { command: "nonsense", parameters: {} } });
    expect(failed).toMatchObject({ type: "cliResponse", payload: { data: null, status: "FAIL" } });
  });

  it("a subscriber that does not read is dropped, and nothing piles up", async () => {
    const client = await open();
    await client.ask("subscribe");
    client.socket.pause();
    const before = process.memoryUsage();
    const padding = "x".repeat(10_000);
    let made = 0;
    // 100 MB of events, many times what is buffered for one subscriber.
    for (let burst = 0; burst < 100; burst++) {
      for (let i = 0; i < 100; i++) {
        fixture.control.bus.emit("timerTriggered", () => {
          made++;
          return { padding };
        });
      }
      expect((await fixture.httpRequest("/isStreamRunning?params=aWQ9MQ==")).status).toBe(200);
    }
    expect(made).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(128 * 1024 * 1024);
    client.socket.resume();
    await until("the end", () => client.isClosed);
    expect(client.messages.length).toBeLessThan(made + 1);
  });

  it("a stop is told to subscribers before their connection ends", async () => {
    const client = await open();
    await client.ask("subscribe events=serverStopping,recordChunkClosed,outStreamClosed");
    const source = new LiveSource(fixture.publish("cam1"), 3000);
    await fixture.control.dispatch.execute({
      command: "record",
      parameters: [
        { name: "localStreamName", text: "cam1", items: ["cam1"] },
        { name: "pathToFile", text: "cam1", items: ["cam1"] },
      ],
      hasArguments: true,
      commandId: undefined,
    });
    await source.writeUpTo(3000);
    await fixture.stop();
    await until("the end", () => client.isClosed);
    expect(client.closeCode).toBe(1001);
    expect(client.messages.map((message) => parse(message).type)).toEqual([
      "serverStopping",
      "recordChunkClosed",
      "outStreamClosed",
    ]);
  });

  describe("sinks", () => {
    interface Post {
      url: string;
      headers: IncomingHttpHeaders;
      event: Envelope;
    }
    let posts: Post[] = [];
    beforeEach(() => {
      posts = [];
    });

    function noting(answer: (response: Parameters<RequestListener>[1]) => void): RequestListener {
      return (request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("error", () => {});
        request.on("end", () => {
          posts.push({
            url: request.url ?? "",
            headers: request.headers,
            event: parse(Buffer.concat(chunks).toString()),
          });
          answer(response);
        });
      };
    }

    it("RPC posts every event to the exact URL, with EMS's headers and customData", async () => {
      const port = await receiver(noting((response) => response.end("ok")));
      const url = `http://ann:p%40ss@127.0.0.1:${port}/events/?x=1`;
      await open({
        control: {
          eventLogger: {
            customData: "logger",
            sinks: [{ type: "RPC", url, enabledEvents: ["recordChunkClosed", "processStarted"], customData: { a: 1 } }],
          },
        },
      });
      await recordOnce("cam1");
      await until("the posts", () => posts.length === 3);
      for (const post of posts) {
        expect(post.url).toBe("/events/?x=1");
        expect(post.headers).toMatchObject({
          "content-type": "application/json",
          "user-agent": "EvoStream Media Server (www.evostream.com)",
        });
        expect(post.headers.authorization).toBe(`Basic ${Buffer.from("ann:p@ss").toString("base64")}`);
        expect(post.event).toMatchObject({
          type: "recordChunkClosed",
          payload: { customData: { a: 1 }, PID: process.pid },
        });
      }
    });

    it.each<[string, (response: Parameters<RequestListener>[1]) => void]>([
      ["answers", (response) => void response.end("ok")],
      ["never answers", () => {}],
      ["answers 500", (response) => void response.writeHead(500).end("no")],
      ["answers late", (response) => void setTimeout(() => response.end("ok"), 500)],
      ["breaks the connection", (response) => void response.destroy()],
    ])("a receiver with a host name that %s gets every event, strictly in order", async (_name, answer) => {
      const port = await receiver(noting(answer));
      await open({ control: { eventLogger: { sinks: [{ type: "RPC", url: `http://localhost:${port}/` }] } } });
      for (let i = 0; i < 600; i++) fixture.control.bus.emit("timerTriggered", () => ({ n: i }));
      const ids = (): number[] => posts.map((post) => post.event.id);
      await until("600 posts", () => posts.filter((post) => post.event.type === "timerTriggered").length === 600);
      expect(ids()).toEqual(Array.from(ids(), (_id, at) => at + 1));
    });

    it("a receiver that answers gets all events over one connection, and after its end over the next", async () => {
      const port = await receiver(noting((response) => response.end("ok")));
      let connections = 0;
      servers.at(-1)?.on("connection", () => connections++);
      await open({
        control: {
          eventLogger: {
            sinks: [{ type: "RPC", url: `http://localhost:${port}/`, enabledEvents: ["timerTriggered"] }],
          },
        },
      });
      for (let i = 0; i < 50; i++) fixture.control.bus.emit("timerTriggered", () => ({ n: i }));
      await until("50 posts", () => posts.length === 50);
      expect(connections).toBe(1);
      servers.at(-1)?.closeAllConnections();
      for (let i = 50; i < 100; i++) fixture.control.bus.emit("timerTriggered", () => ({ n: i }));
      await until("100 posts", () => posts.length === 100);
      expect(connections).toBe(2);
      expect(posts.map((post) => post.event.payload.n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    });

    it("a receiver that takes nothing costs a bounded queue; the rest is counted and said", async () => {
      // Accepts, and never reads.
      const warnings: string[] = [];
      const server = createServer({ highWaterMark: 1 }).listen(0, "127.0.0.1");
      server.on("connection", (socket) => socket.pause());
      server.maxConnections = 1;
      servers.push(server);
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const logger = {
        debug: () => {},
        info: () => {},
        warn: (facts: object, message: string) => void warnings.push(`${message} ${JSON.stringify(facts)}`),
      };
      await open({
        logger,
        control: {
          eventLogger: { sinks: [{ type: "RPC", url: `${url}?key=secret`, enabledEvents: ["timerTriggered"] }] },
        },
      });
      const before = process.memoryUsage().rss;
      const padding = "x".repeat(20_000);
      for (let i = 0; i < 20_000; i++) fixture.control.bus.emit("timerTriggered", () => ({ n: i, padding }));
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1024 * 1024);
      await until("a warning", () => warnings.length > 0);
      expect(warnings[0]).toMatch(/events are dropped/);
      expect(warnings.join()).not.toContain("secret");
      // Commands and recordings do not notice.
      await recordOnce("cam1");
    });

    it("a file gets one strict JSON object a line, appended, its name as configured", async () => {
      await open();
      const root = fixture.root;
      const sinks = [
        { type: "file", filename: join(root, "plain.json"), appendTimestamp: false },
        { type: "file", filename: join(root, "dated.json"), enabledEvents: ["serverStarted"] },
        {
          type: "file",
          filename: join(root, "chunked.json"),
          appendTimestamp: false,
          fileChunkLength: 60,
          enabledEvents: ["timerTriggered"],
        },
        { type: "file", filename: join(root, "missing", "folder.json") },
      ] as const;
      await fixture.stop();
      await open({ root, control: { eventLogger: { sinks } } });
      fixture.control.bus.emit("timerTriggered", () => ({ n: 1 }));
      fixture.clock.nowMs += 61_000;
      fixture.control.bus.emit("timerTriggered", () => ({ n: 2 }));
      await fixture.stop();
      await open({ root, control: { eventLogger: { sinks: sinks.slice(0, 1) } } });
      await fixture.stop();
      const lines = (name: string): Envelope[] =>
        readFileSync(join(root, name), "utf8").trimEnd().split("\n").map(parse);
      expect(lines("plain.json").map((event) => event.type)).toEqual([
        "applicationStart",
        "serverStarted",
        "timerTriggered",
        "timerTriggered",
        "serverStopping",
        "applicationStop",
        "applicationStart",
        "serverStarted",
        "serverStopping",
        "applicationStop",
      ]);
      expect(lines("dated_20170919_043227.json").map((event) => event.type)).toEqual(["serverStarted"]);
      expect([lines("chunked_0000.json").length, lines("chunked_0001.json").length]).toEqual([1, 1]);
      expect(readdirSync(root)).not.toContain("missing");
    });

    it("the keys and events of EMS's manual are taken, and served where there is something to tell", async () => {
      await open();
      const root = fixture.root;
      await fixture.stop();
      const sinks = [
        {
          type: "file",
          filename: join(root, "streams.txt"),
          format: "json",
          timestamp: true,
          appendTimestamp: true,
          appendInstance: true,
          enabledEvents: [
            "streamCreated",
            "streamClosed",
            "streamCodecsUpdated",
            "applicationStart",
            "applicationStop",
            "carrierCreated",
            "carrierClosed",
            "webRtcServiceStarted",
          ],
        },
        { type: "file", filename: join(root, "plain.txt"), appendTimestamp: false, appendInstance: true },
      ] as const;
      await open({ root, control: { eventLogger: { sinks } } });
      const { http, json, ascii } = fixture;
      await fixture.stop();
      const names = readdirSync(root).filter((name) => name.endsWith(".txt"));
      expect(names.sort()).toEqual([
        expect.stringMatching(/^plain_\d{4}\.txt$/),
        expect.stringMatching(/^streams_\d{4}_20170919_043227\.txt$/),
      ]);
      const events = readFileSync(join(root, names[1] ?? ""), "utf8")
        .trimEnd()
        .split("\n")
        .map(parse);
      expect(events.map((event) => event.type)).toEqual(["applicationStart", "applicationStop"]);
      expect(events[0]?.payload).toMatchObject({
        id: 1,
        name: "evostreamms",
        config: {
          acceptors: expect.arrayContaining([
            { ip: "127.0.0.1", port: json, protocol: "inboundJsonCli" },
            { ip: "127.0.0.1", port: ascii, protocol: "inboundAsciiCli" },
            { ip: "127.0.0.1", port: http, protocol: "inboundHttpJsonCli" },
          ]),
        },
      });
    });

    it.each([
      [{ type: "RPC" }, "needs its url"],
      [{ type: "RPC", url: "nowhere" }, "no URL"],
      [{ type: "RPC", url: "ftp://h/" }, "http or https"],
      [{ type: "RPC", url: "http://user:100%@h/" }, "is written %25"],
      [{ type: "RPC", url: "http://h/", serializerType: "XML" }, "XML is not written"],
      [{ type: "file" }, "needs its filename"],
      [{ type: "file", filename: "x", enabledEvents: ["nonsense"] }, "no event nonsense; known are"],
      [{ type: "file", filename: "x", enabledEvents: ["recordChunkClose"] }, "did you mean recordChunkClosed?"],
      [{ type: "file", filename: "x", fileChunkTime: "25:00:00" }, "not HH:MM:SS"],
    ] as const)("the configuration %j is refused", async (sink, reason) => {
      await open();
      await expect(ControlFixture.open({ control: { eventLogger: { sinks: [sink] } } })).rejects.toMatchObject({
        code: "badArgument",
        message: expect.stringContaining(reason),
      });
    });
  });
});
