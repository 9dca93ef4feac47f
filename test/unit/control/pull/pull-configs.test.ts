// pullStream: validation, reply, persistence and who stops what (ems-record-spec §2.2, §3.8). The sources behind it are
// of the ingest's tests; here a port that only notes what it is asked for stands for the network.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Logger, silentLogger } from "../../../../src/base/logger.js";
import { type CommandRequest, parseCommandLine } from "../../../../src/control/commands/grammar.js";
import { ControlPlane } from "../../../../src/control/control-plane.js";
import type { PullPort, PullReport, PullSettings } from "../../../../src/control/pull/pull-port.js";
import { parsePullUri, uriObject } from "../../../../src/control/pull/pull-uri.js";
import {
  CONFIG_CONNECTING,
  CONFIG_DISCONNECTED,
  CONFIG_FAILED,
  CONFIG_STREAMING,
} from "../../../../src/recording/record-config.js";
import { Recorder } from "../../../../src/recording/recorder.js";
import { ControlFixture } from "../../../support/control-fixture.js";
import { until } from "../../../support/until.js";

class NotingPort implements PullPort {
  readonly started = new Map<number, { settings: PullSettings; report: PullReport }>();
  readonly stopped: number[] = [];
  checkUri(uri: string): string | undefined {
    return uri.startsWith("rtmp://") || uri.startsWith("rtsp://") ? undefined : "no such scheme";
  }
  start(settings: PullSettings, report: PullReport): void {
    this.started.set(settings.configId, { settings, report });
  }
  stop(configId: number): void {
    this.stopped.push(configId);
  }
}

interface Answer {
  data: Record<string, unknown>;
  description: string;
  status: string;
}

describe("pullStream", () => {
  let fixture: ControlFixture | undefined;
  afterEach(async () => {
    await fixture?.close();
    fixture = undefined;
  });

  async function open(port: NotingPort, root?: string): Promise<(line: string) => Promise<Answer>> {
    fixture = await ControlFixture.open({ pulls: port, ...(root !== undefined && { root }) });
    const client = await fixture.webSocket();
    return async (line) => JSON.parse(await client.ask(line)) as Answer;
  }

  it("a command that comes before the stored sources have begun does not overwrite them", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    await ask("pullStream uri=rtmp://h/a/b localStreamName=stored");
    await fixture?.stop();
    const { root } = fixture as ControlFixture;
    const recorder = await Recorder.open({
      mediaFolders: [join(root, "media")],
      stateFolder: join(root, "state"),
      workers: 1,
      arenaMib: 64,
    });
    const again = new NotingPort();
    const control = new ControlPlane({
      recorder,
      pulls: again,
      clock: recorder.clock,
      logger: silentLogger,
      version: "1",
    });
    // A listener is open, and others may still be opening.
    await control.createHttpListener({ host: "127.0.0.1", port: 0 }).open();
    await control.dispatch.execute(
      parseCommandLine("pullStream uri=rtmp://h/a/c localStreamName=eager") as CommandRequest,
    );
    control.start();
    await recorder.close();
    await control.close();
    const stored = JSON.parse(await readFile(join(root, "state", "configs.json"), "utf8")) as {
      pull: { localStreamName: string }[];
    };
    expect(stored.pull.map((settings) => settings.localStreamName)).toEqual(["stored", "eager"]);
    expect([...again.started.values()].map(({ settings }) => settings.localStreamName).sort()).toEqual([
      "eager",
      "stored",
    ]);
  });

  it("shows no password, wherever it was put", async () => {
    const lines: string[] = [];
    const logger: Logger = { debug: note, info: note, warn: note };
    function note(...values: unknown[]): void {
      lines.push(JSON.stringify(values));
    }
    const port = new NotingPort();
    fixture = await ControlFixture.open({ pulls: port, logger });
    const client = await fixture.webSocket();
    await client.ask("subscribe");
    const commands = [
      "pullStream uri=rtmp://admin:hunter2@h/a/b?pwd=hunter2 localStreamName=a httpProxy=me:hunter2@proxy:3128 tcUrl=rtmp://x/?u=rtmp://b:hunter2@c",
      "pullStream uri=rtsp://admin:hunter2@h:99999/a",
      "pullStream uri=gopher://admin:hunter2@h/a",
      "pullStreamuri=rtsp://admin:hunter2@h/a",
      "listConfig",
      "getConfigInfo id=1",
      "removeConfig id=1",
    ];
    for (const command of commands) client.socket.send(`${command} commandId=c`);
    await until(
      "all replies",
      () => client.messages.filter((message) => message.startsWith('{"data"')).length === commands.length,
    );
    expect([...client.messages, ...lines].filter((text) => text.includes("hunter2"))).toEqual([]);
  });

  it("answers with all settings and the URI in parts", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    const reply = await ask(
      "pullStream uri=rtmp://example.net/cfx/st/mp4:sintel.mp4?a=b localStreamName=testpullstream emulateUserAgent=EVO _x=1",
    );
    expect(reply.description).toBe("Stream rtmp://example.net/cfx/st/mp4:sintel.mp4?a=b enqueued for pulling");
    expect(reply.data).toMatchObject({
      _x: "1",
      configId: 1,
      keepAlive: true,
      forceTcp: false,
      operationType: 1,
      localStreamName: "testpullstream",
      ttl: 256,
      rangeStart: -2,
      rangeEnd: -1,
    });
    expect(reply.data).toMatchObject({
      emulateUserAgent: "EvoStream Media Server (www.evostream.com) player",
      httpStreamType: "ts",
      videoSourceIndex: "high",
    });
    expect(reply.data.uri).toEqual({
      document: "mp4:sintel.mp4",
      documentPath: "/cfx/st/",
      documentWithFullParameters: "mp4:sintel.mp4?a=b",
      fullDocumentPath: "/cfx/st/mp4:sintel.mp4",
      fullDocumentPathWithParameters: "/cfx/st/mp4:sintel.mp4?a=b",
      fullParameters: "?a=b",
      fullUri: "rtmp://example.net/cfx/st/mp4:sintel.mp4?a=b",
      fullUriWithAuth: "rtmp://example.net/cfx/st/mp4:sintel.mp4?a=b",
      generatedPort: true,
      host: "example.net",
      ip: "",
      originalUri: "rtmp://example.net/cfx/st/mp4:sintel.mp4?a=b",
      parameters: { a: "b" },
      password: "",
      port: 1935,
      portSpecified: false,
      scheme: "rtmp",
      userName: "",
    });
    expect(await ask("pullStream uri=rtmp://h/x localStreamName=testpullstream")).toMatchObject({
      status: "FAIL",
      description: "Stream name testpullstream already taken",
    });
    expect(await ask("pullStream uri=ftp://h/x")).toMatchObject({
      status: "FAIL",
      description: "Unable to pull requested stream. no such scheme",
    });
    expect((await ask("pullStream uri=rtmp://h/x localStreamName=a\\ b")).description).toMatch(
      /^Unable to pull requested stream\. /,
    );
    fixture?.publish("live1");
    expect((await ask("pullStream uri=rtmp://h/x localStreamName=live1")).description).toBe(
      "Stream name live1 already taken",
    );
    expect((await ask("pullStream uri=rtmp://h/x")).data.localStreamName).toMatch(/^stream_[A-Za-z0-9]{8}$/);
  });

  it("shows no password anywhere: replies, lists, events", async () => {
    const port = new NotingPort();
    fixture = await ControlFixture.open({ pulls: port });
    const client = await fixture.webSocket();
    await client.ask("subscribe");
    const secret = "s3cr3t";
    client.socket.send(
      `pullStream uri=rtmp://ann:${secret}@10.0.0.5:8554/cam/x?passphrase=${secret}&x=1 localStreamName=cam httpProxy=http://u:${secret}@p/ tcUrl=rtmp://u:${secret}@h/`,
    );
    client.socket.send(`pullStream uri=rtsp://ann:${secret}/x@10.0.0.5/cam`);
    client.socket.send(`pullStream uri=ftp://ann:${secret}@10.0.0.5/cam`);
    client.socket.send("listConfig");
    client.socket.send("getConfigInfo id=1");
    client.socket.send("removeConfig id=1 commandId=last");
    for (let message = ""; !message.includes('"responseId":"last"') || message.includes("cliResponse"); ) {
      message = await client.next();
      expect(message).not.toContain(secret);
    }
    expect(port.started.get(1)?.settings.uri).toBe(`rtmp://ann:${secret}@10.0.0.5:8554/cam/x?passphrase=${secret}&x=1`);
  });

  it("keeps its ids and settings over a restart, with keepAlive alone", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    await ask("record localStreamName=other pathToFile=other");
    await ask("pullStream uri=rtsp://ann:pw@h/1 localStreamName=a _x=y");
    await ask("pullStream uri=rtsp://h/2 localStreamName=b keepAlive=0");
    const before = (await ask("listConfig")).data.pull;
    expect(before).toMatchObject([
      { configId: 2, localStreamName: "a", uri: "rtsp://ann:***@h/1" },
      { configId: 3, localStreamName: "b" },
    ]);
    const root = fixture?.root;
    await fixture?.stop();
    const again = new NotingPort();
    const askAgain = await open(again, root);
    expect((await askAgain("listConfig")).data.pull).toMatchObject([{ configId: 2, localStreamName: "a", _x: "y" }]);
    expect([...again.started.values()].map((source) => source.settings.uri)).toEqual(["rtsp://ann:pw@h/1"]);
    expect((await askAgain("pullStream uri=rtsp://h/3 localStreamName=c")).data.configId).toBe(4);
  });

  it("its status follows the source; without keepAlive it ends with it", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    await ask("pullStream uri=rtsp://h/1 localStreamName=a");
    await ask("pullStream uri=rtsp://h/2 localStreamName=b keepAlive=0");
    expect((await ask("getConfigInfo id=1")).data.status).toMatchObject({
      current: { code: 1, description: "Connecting", uniqueStreamId: 0 },
      previous: null,
    });
    const stream = fixture?.publish("a", { type: "INP" });
    port.started.get(1)?.report(CONFIG_STREAMING, stream?.id ?? 0);
    expect((await ask("getConfigInfo id=1")).data.status).toMatchObject({
      current: { code: 0, description: "Streaming", uniqueStreamId: stream?.id },
      previous: { code: 1 },
    });
    expect((await ask("getStreamInfo localStreamName=a")).data).toMatchObject({
      connectionType: 1,
      pullSettings: { configId: 1, uri: "rtsp://h/1" },
    });
    port.started.get(2)?.report(CONFIG_DISCONNECTED, 0);
    expect((await ask("getConfigInfo id=2")).description).toBe("Config ID not found");
  });

  it("says how often it was tried, and why it failed last", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    await ask("pullStream uri=rtsp://u:pw@cam/x localStreamName=cam");
    const pull = async () => ((await ask("listConfig")).data.pull as Record<string, unknown>[])[0];
    expect(await pull()).toMatchObject({ attempts: 0, lastError: null, status: { current: { code: 1 } } });
    const report: PullReport = (...given) => port.started.get(1)?.report(...given);
    report(CONFIG_FAILED, 0, { attempts: 3, denials: 0, reason: "no route to host" });
    const down = { attempts: 3, lastError: "no route to host", status: { current: { code: 5 } } };
    expect(await pull()).toMatchObject(down);
    report(CONFIG_CONNECTING, 0);
    expect(await pull()).toMatchObject({
      attempts: 3,
      lastError: "no route to host",
      status: { current: { code: 1 } },
    });
    report(CONFIG_STREAMING, 17);
    expect(await pull()).toMatchObject({
      attempts: 0,
      lastError: "no route to host",
      status: { current: { code: 0 } },
    });
  });

  it("shutdownStream of its stream removes it, with permanently=0 not; removeConfig ends it", async () => {
    const port = new NotingPort();
    const ask = await open(port);
    await ask("record localStreamName=a pathToFile=a");
    await ask("pullStream uri=rtsp://h/1 localStreamName=a");
    port.started.get(2)?.report(CONFIG_STREAMING, fixture?.publish("a", { type: "INP" }).id ?? 0);
    expect((await ask("shutdownStream localStreamName=a permanently=0")).data).toMatchObject({
      streamInfo: { pullSettings: { configId: 2 } },
    });
    expect(port.stopped).toEqual([]);
    expect((await ask("getConfigInfo id=2")).status).toBe("SUCCESS");
    port.started.get(2)?.report(CONFIG_STREAMING, fixture?.publish("a", { type: "INP" }).id ?? 0);
    expect((await ask("shutdownStream localStreamName=a")).status).toBe("SUCCESS");
    expect(port.stopped).toEqual([2]);
    expect((await ask("getConfigInfo id=2")).status).toBe("FAIL");
    // The record config stays and waits.
    expect((await ask("getConfigInfo id=1")).data).toMatchObject({ localStreamName: "a" });
    await ask("pullStream uri=rtsp://h/1 localStreamName=b");
    expect((await ask("removeConfig id=3")).data).toMatchObject({ configId: 3, uri: "rtsp://h/1" });
    expect(port.stopped).toEqual([2, 3]);
  });
});

describe("URIs", () => {
  it.each([
    "nowhere",
    "rtmp:/h/a",
    "://h",
    "rtmp://",
    "rtmp://:1935/a",
    "rtmp://h:99999/a",
    "rtmp://h:x/a",
    "rtmp://u:p/w@h/a",
  ])("%s is none", (text) => {
    expect(parsePullUri(text)).toBeUndefined();
  });

  it.each([
    ["rtsp://u:p@h:554/a", { host: "h", port: 554, userName: "u", password: "p", path: "/a" }],
    ["rtsp://u:p@ss@h/a", { host: "h", port: 554, userName: "u", password: "p@ss" }],
    ["rtsp://[2001:db8::1]:8554/a", { host: "2001:db8::1", port: 8554 }],
    ["dmpegtsudp://239.1.1.1:1234", { host: "239.1.1.1", port: 1234, path: "" }],
    ["file:///media/a.ts", { host: "", path: "/media/a.ts" }],
  ])("%s", (text, parts) => {
    const uri = parsePullUri(text);
    expect(uri).toMatchObject(parts);
    if (uri) expect(JSON.stringify(uriObject(text, uri))).not.toMatch(/p@ss|:p@/);
  });
});
