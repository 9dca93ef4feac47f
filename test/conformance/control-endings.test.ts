// How conversations end: what was answered was carried out, what was carried out is answered, and nobody who does not
// read or does not send holds the server up.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { chmod, mkdir, open, readdir, symlink } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import type { Dispatch } from "../../src/control/dispatch.js";
import { success } from "../../src/control/replies/reply.js";
import { AddressGuard, RequestGuard } from "../../src/control/security/protection.js";
import { HttpListener } from "../../src/control/transports/http-listener.js";
import { jsonFormat } from "../../src/control/transports/reply-formats.js";
import { TcpListener } from "../../src/control/transports/tcp-listener.js";
import { ControlFixture, TcpClient } from "../support/control-fixture.js";
import { until } from "../support/until.js";

const RECORD = "record localStreamName=cam1 pathToFile=cam1";
const PARAMS = Buffer.from("localStreamName=cam1 pathToFile=cam1").toString("base64");
const GET = `GET /record?params=${PARAMS} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

const SLOTS = { total: 8, perAddress: 8, keptForLoopback: 1 };

describe("the end of a conversation", () => {
  let fixture: ControlFixture;
  beforeEach(async () => {
    fixture = await ControlFixture.open();
  });
  afterEach(() => fixture.close());

  /** Sends bytes, ends its side where asked, and takes all that comes until the server has closed. */
  async function raw(port: number, bytes: string | Buffer, endsSide = false): Promise<string> {
    const client = new TcpClient(connect({ host: "127.0.0.1", port }));
    if (endsSide) client.socket.end(bytes);
    else client.socket.write(bytes);
    await until("the server's end", () => client.isClosed || client.isEnded);
    client.socket.destroy();
    return client.received.toString();
  }

  function names(): string[] {
    return fixture.recorder.configs().map((entry) => entry.config.localStreamName);
  }

  it("what follows quit is not carried out, on any listener", async () => {
    for (const port of [fixture.json, fixture.ascii]) expect(await raw(port, `quit\n${RECORD}\n`)).toContain("Bye!");
    const channel = await fixture.webSocket();
    channel.socket.send(`quit\n${RECORD}`);
    channel.socket.send(RECORD);
    await until("the end", () => channel.isClosed);
    expect(channel.messages).toHaveLength(1);
    expect(names()).toEqual([]);
  });

  it("what follows a line too long is not carried out, and its FAIL arrives though the client still sends", async () => {
    const long = `record ${"x".repeat(4 * 1024 * 1024)}\n${RECORD}\n`;
    for (const port of [fixture.json, fixture.ascii])
      expect(await raw(port, long)).toContain("A command line has at most 16384 bytes");
    const channel = await fixture.webSocket();
    channel.socket.send("x".repeat(17_000));
    channel.socket.send(RECORD);
    await until("the end", () => channel.isClosed);
    expect(channel.messages).toHaveLength(1);
    expect(names()).toEqual([]);
  });

  it("a TCP client that never ends its side is cut after quit", async () => {
    const client = new TcpClient(connect({ host: "127.0.0.1", port: fixture.json, allowHalfOpen: true }));
    client.socket.write("quit\n");
    await until("the server's end", () => client.isEnded);
    // Writing to a connection that the other side has cut is answered with a reset.
    await until("the cut", () => {
      if (!client.isClosed) client.socket.write("\n");
      return client.isClosed;
    });
  });

  it("an HTTP client that ends its side after the request gets the reply of what is done", async () => {
    expect(await raw(fixture.http, GET, true)).toContain('"description":"Recording Stream"');
    expect(await raw(fixture.http, GET.replace("1.1", "1.0"), true)).toContain('"description":"Recording Stream"');
    expect(names()).toEqual(["cam1", "cam1"]);
  });

  it("bytes behind an HTTP request change nothing about it; a second request is not carried out", async () => {
    for (const rest of ["GET /rec", "\0\x01\r\n\r\n", GET, "\r\n"]) {
      expect((await raw(fixture.http, GET + rest)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1);
    }
    expect(names()).toHaveLength(4);
  });

  it("a request without Host is refused, and the one behind it is not carried out", async () => {
    const answer = await raw(fixture.http, GET.replace(/Host: [^\r]*\r\n/, "") + GET);
    expect(answer).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n.*"description":"Syntax error\. The request has no Host header","status":"FAIL"}\r\n\r\n$/s,
    );
    expect(names()).toEqual([]);
  });

  it("a WebSocket behind an HTTP request is not opened: its reply would stand among the messages", async () => {
    const upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    const offered = GET.replace("\r\n\r\n", `\r\n${offer}\r\n`);
    const webSocket = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgrade}\r\n`;
    for (const bytes of [GET + webSocket, offered + webSocket, offered.repeat(20)]) {
      const answer = await raw(fixture.http, bytes);
      expect(answer).not.toContain("101 Switching");
      expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1);
    }
    expect(names()).toHaveLength(3);
  });

  it("what stands behind a binary message is not carried out, what stands before it is answered", async () => {
    const channel = await fixture.webSocket();
    channel.socket.send(RECORD);
    channel.socket.send(Buffer.from([1]));
    channel.socket.send(RECORD);
    await until("the end", () => channel.isClosed);
    expect([channel.messages.length, channel.closeCode]).toEqual([1, 1003]);
    expect(names()).toEqual(["cam1"]);
  });

  it("bytes that are no HTTP request get a FAIL in the interface's own form", async () => {
    const body = '{"data":null,"description":"Syntax error. The request cannot be read","status":"FAIL"}\r\n\r\n';
    const head = (status: string, length: number): string =>
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n`;
    for (const bytes of [
      "BREW /pot HTTP/1.1\r\n\r\n",
      "record localStreamName=a\n",
      "POST /record HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
      expect(await raw(fixture.http, bytes)).toBe(head("400 Bad Request", body.length) + body);
    const large = await raw(
      fixture.http,
      `GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"a".repeat(60_000)}\r\n\r\n`,
    );
    expect(large).toMatch(
      /^HTTP\/1\.1 431 .*"description":"Syntax error\. A request has at most 49152 bytes before its body","status":"FAIL"}/s,
    );
  });

  it("a client that offers HTTP/2 is answered in HTTP/1.1, with and without a body", async () => {
    const offer =
      "Host: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    expect(await raw(fixture.http, `GET /record?params=${PARAMS} HTTP/1.1\r\n${offer}\r\n`)).toContain(
      '"description":"Recording Stream"',
    );
    const body = RECORD.slice("record ".length);
    const post = `POST /record HTTP/1.1\r\n${offer}Content-Length: ${body.length}\r\n\r\n${body}`;
    expect(await raw(fixture.http, post)).toContain('"description":"Recording Stream"');
    const foreign = `GET /record?params=${PARAMS} HTTP/1.1\r\n${offer}Origin: http://evil.example\r\n\r\n`;
    expect(await raw(fixture.http, foreign)).toMatch(/^HTTP\/1\.1 403/);
    expect(names()).toEqual(["cam1", "cam1"]);
  });

  it("a stop does not wait for a TCP client that does not read", async () => {
    const greedy = connect({ host: "127.0.0.1", port: fixture.json });
    greedy.on("error", () => {});
    greedy.pause();
    greedy.write("help\n".repeat(20_000));
    await until("a full socket", () => greedy.writableLength === 0);
    const other = await fixture.tcp(fixture.json);
    other.socket.write("version\n");
    await other.reply();
    const closed = once(greedy, "close");
    greedy.resume();
    greedy.pause();
    const stopped = fixture.stop().then(() => "stopped");
    expect(await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 15_000, "hangs").unref())])).toBe(
      "stopped",
    );
    greedy.resume();
    await closed;
  });
});

describe("a TCP listener that closes", () => {
  it("does so though a client resets the connection with replies under way", async () => {
    const reply = success("large", "x".repeat(12 * 1024));
    const listener = new TcpListener(
      { execute: async () => reply } as unknown as Dispatch,
      new AddressGuard(),
      jsonFormat(true),
      { slots: SLOTS, logger: silentLogger },
    );
    const accepted: Socket[] = [];
    const note = (message: unknown): void => void accepted.push((message as { socket: Socket }).socket);
    subscribe("net.server.socket", note);
    try {
      const { port } = await listener.open({ host: "127.0.0.1", port: 0 });
      const client = connect({ host: "127.0.0.1", port });
      client.on("error", () => {});
      client.pause();
      const server = await until("the connection", () => accepted.find((socket) => socket.localPort === port));
      // Until the network takes no more: one reply waits in this process, which no command waits for.
      for (let sent = 0; server.writableLength === 0; sent = server.bytesWritten) {
        client.write("version\n");
        while (server.bytesWritten === sent) await new Promise((resolve) => setImmediate(resolve));
      }
      const closed = listener.close();
      await new Promise((resolve) => setImmediate(resolve));
      client.resetAndDestroy();
      await expect(closed).resolves.toBeUndefined();
    } finally {
      unsubscribe("net.server.socket", note);
    }
  });
});

describe("an HTTP connection on which nothing moves", () => {
  it("is dropped where the reply is not read", async () => {
    const reply = success("large", "x".repeat(32 * 1024 * 1024));
    const listener = new HttpListener({ execute: async () => reply } as unknown as Dispatch, new RequestGuard({}), {
      logger: silentLogger,
      slots: SLOTS,
      idleMs: 300,
    });
    const { port } = await listener.open({ host: "127.0.0.1", port: 0 });
    try {
      const socket = connect({ host: "127.0.0.1", port });
      socket.on("error", () => {});
      socket.pause();
      socket.write("GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      const connections = (): Promise<number> =>
        new Promise((resolve) => listener.server.getConnections((_error, count) => resolve(count)));
      await until("the connection", async () => (await connections()) === 1);
      await until("its end", async () => (await connections()) === 0);
      socket.destroy();
    } finally {
      await listener.close();
    }
  });
});

describe("a base folder of dated files", () => {
  let fixture: ControlFixture;
  const options = { localStreamName: "cam1", dateFolderStructure: true, type: "ts" } as const;
  beforeEach(async () => {
    fixture = await ControlFixture.open();
  });
  afterEach(() => fixture.close());

  it("is made when something is recorded, not when the config is", async () => {
    const entry = await fixture.recorder.record({ ...options, pathToFile: "archive/days" });
    expect(entry.computedPathToFile).toBe("archive/days");
    expect(await readdir(join(fixture.root, "media"))).toEqual([]);
  });

  it("is refused at once where it could not be made", async () => {
    const media = join(fixture.root, "media");
    await mkdir(join(media, "locked"));
    await symlink("/nowhere", join(media, "dangling"));
    await symlink("/", join(media, "out"));
    await (await open(join(media, "file"), "w")).close();
    const refusals: Record<string, string> = {
      "file/days": "notWritable",
      "dangling/days": "notWritable",
      "out/days": "badPath",
      "/elsewhere/days": "badPath",
    };
    // Root may write everywhere.
    if (process.getuid?.() !== 0) {
      await chmod(join(media, "locked"), 0o500);
      refusals["locked/days"] = "notWritable";
    }
    for (const [pathToFile, code] of Object.entries(refusals)) {
      await expect(fixture.recorder.record({ ...options, pathToFile }), pathToFile).rejects.toMatchObject({ code });
    }
    expect(fixture.recorder.configs()).toEqual([]);
    await chmod(join(media, "locked"), 0o700);
  });
});
