// What strangers may do to the listeners of commands: web pages that make a browser speak to them, and connections that
// take slots and say nothing. The owner gets in all the same.

import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Chromium, openChromium } from "../support/chromium.js";
import { ControlFixture } from "../support/control-fixture.js";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/test-certificate.js";
import { until } from "../support/until.js";

const LIMITS = { httpConnections: 16, tcpConnections: 16, connectionsPerAddress: 4, pullConfigs: 2 };
const RECORD = "record localStreamName=page pathToFile=page type=flv";

describe("a web page", () => {
  let fixture: ControlFixture;
  let browser: Chromium | undefined;
  beforeEach(async () => {
    fixture = await ControlFixture.open();
  });
  afterEach(async () => {
    await browser?.close();
    browser = undefined;
    await fixture.close();
  });

  it("that sends a command line to a TCP listener gets nothing carried out (Chromium: fetch and a form)", async () => {
    let reports = 0;
    const page = createServer((request, response) => {
      if (request.url === "/done") reports++;
      const targets = [fixture.json, fixture.ascii];
      response.setHeader("Content-Type", "text/html").end(`<!doctype html>
        <iframe name="f"></iframe>
        ${targets.map((port) => `<form target="f" method="post" enctype="text/plain" action="http://127.0.0.1:${port}/"><textarea name="a">\r\n${RECORD}\r\n</textarea></form>`).join("")}
        <script>
        (async () => {
          for (const port of ${JSON.stringify(targets)})
            await fetch("http://127.0.0.1:" + port + "/", { method: "POST", mode: "no-cors", body: "\\r\\n${RECORD}\\r\\n" }).catch(() => {});
          for (const form of document.forms) { form.submit(); await new Promise((resolve) => setTimeout(resolve, 300)); }
          await fetch("/done", { method: "POST" });
        })();
        </script>`);
    });
    page.listen(0, "127.0.0.1");
    await once(page, "listening");
    try {
      browser = await openChromium(`http://127.0.0.1:${(page.address() as AddressInfo).port}/`);
      await until("the page to have tried everything", () => reports > 0, 30_000);
      expect(fixture.recorder.configs()).toEqual([]);
    } finally {
      page.close();
    }
  });

  it.each(["json", "ascii"] as const)("cannot by the raw bytes either, also in pieces (%s)", async (listener) => {
    const client = await fixture.tcp(fixture[listener]);
    for (const piece of ["POST / HT", `TP/1.1\r\nHost: a\r\n\r\n${RECORD}\r`, "\n"]) client.socket.write(piece);
    await until("the connection to close", () => client.isClosed);
    expect(client.received.byteLength).toBe(0);
    expect(fixture.recorder.configs()).toEqual([]);
  });

  it("cannot by TLS, whose handshake may hold a line of its choice", async () => {
    const socket = connectTls({ host: "127.0.0.1", port: fixture.ascii, rejectUnauthorized: false });
    await once(socket, "error");
    const raw = await fixture.tcp(fixture.ascii);
    raw.socket.write(Buffer.concat([Buffer.of(0x16, 3, 1, 1, 0), Buffer.from(`\n${RECORD}\n`)]));
    await until("the connection to close", () => raw.isClosed);
    expect(fixture.recorder.configs()).toEqual([]);
  });
});

describe("connections that say nothing", () => {
  let fixture: ControlFixture;
  const idle: Socket[] = [];
  beforeEach(async () => {
    fixture = await ControlFixture.open({ control: { limits: LIMITS } });
  });
  afterEach(async () => {
    for (const socket of idle.splice(0)) socket.destroy();
    await fixture.close();
  });

  const fill = async (port: number, count: number, bytes: string): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const socket = connect(port, "127.0.0.1");
      idle.push(socket.on("error", () => {}));
      await once(socket, "connect");
      socket.write(bytes);
    }
  };

  it.each(["json", "ascii"] as const)("do not lock the owner out of %s", async (listener) => {
    await fill(fixture[listener], 40, "rec");
    const owner = await fixture.tcp(fixture[listener]);
    owner.socket.write("version\n");
    await until("a reply", () => owner.received.includes("9.8.7"));
    await fill(fixture[listener], 40, "");
    owner.socket.write("version\n");
    await until("the owner to keep its connection", () => owner.received.toString().split("9.8.7").length === 3);
  });

  it("do not lock the owner out of HTTP and WebSocket", async () => {
    await fill(fixture.http, 40, "GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    expect((await fixture.httpRequest("/version")).body).toContain("9.8.7");
    const channel = await fixture.webSocket();
    await fill(fixture.http, 40, "POST /record");
    channel.socket.send("version");
    expect(await channel.next()).toContain("9.8.7");
  });

  // With allowHalfOpen a client does not answer the end of the other side.
  it("a refused WebSocket is ended though its client holds on and still sends", async () => {
    const dial = (): Socket => connect({ port: fixture.http, host: "127.0.0.1", allowHalfOpen: true });
    const [hold, send] = [dial(), dial()];
    for (const socket of [hold, send]) {
      idle.push(socket.on("error", () => {}));
      socket.write(
        "GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      );
      let received = "";
      socket.on("data", (bytes) => {
        received += String(bytes);
      });
      await until("it is refused", () => received.startsWith("HTTP/1.1 404"));
    }
    send.write(Buffer.alloc(8 << 20));
    // A byte tells whether the other side is still there.
    for (const socket of [hold, send])
      await until("it is gone", () => {
        socket.write("x");
        return socket.destroyed;
      });
  });

  it("proven ones are never ended for a newcomer, which is refused", async () => {
    const owners = await Promise.all(Array.from({ length: 16 }, () => fixture.tcp(fixture.json)));
    for (const owner of owners) {
      owner.socket.write("version\n");
      await owner.reply();
    }
    const late = await fixture.tcp(fixture.json);
    await until("the newcomer to be refused", () => late.isClosed);
    for (const owner of owners) {
      owner.socket.write("isStreamRunning id=1\n");
      await owner.reply();
    }
  });
});

describe("connections that do not end their TLS handshake", () => {
  let fixture: ControlFixture;
  const idle: Socket[] = [];
  beforeEach(async () => {
    const pair = { cert: Buffer.from(TEST_CERTIFICATE), key: Buffer.from(TEST_KEY) };
    fixture = await ControlFixture.open({ control: { limits: LIMITS, tls: { pair, keepRenewed: () => {} } } });
  });
  afterEach(async () => {
    for (const socket of idle.splice(0)) socket.destroy();
    await fixture.close();
  });

  const fill = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const socket = connect(fixture.http, "127.0.0.1");
      idle.push(socket.on("error", () => {}));
      await once(socket, "connect");
    }
  };
  const open = (): Socket[] => idle.filter(({ closed }) => !closed);

  it("have no more slots than others, and give way to the owner, who keeps his", async () => {
    await fill(40);
    await until("the first to be closed", () => open().length <= LIMITS.httpConnections);
    const owner = new WebSocket(`wss://127.0.0.1:${fixture.http}/ws`, { ca: TEST_CERTIFICATE });
    await once(owner, "open");
    await fill(40);
    await until("the others to be closed", () => open().length < LIMITS.httpConnections);
    owner.send("version");
    expect(String((await once(owner, "message"))[0])).toContain("9.8.7");
    owner.close();
  });

  it("are closed after five seconds", async () => {
    await fill(1);
    await until("it is closed", () => open().length === 0, 8_000);
  });
});

describe("names and texts from a command", () => {
  it("with control characters are refused by record, and shown escaped to people", async () => {
    const fixture = await ControlFixture.open();
    try {
      const client = await fixture.tcp(fixture.ascii);
      client.socket.write('record localStreamName="cam\u001b[2J\u0000" pathToFile=a\n');
      await until("a reply", () => client.received.includes("\r\n\r\n"));
      expect(client.received.toString()).toContain("Command failed!");
      expect(client.received.includes(0x1b)).toBe(false);
      expect(fixture.recorder.configs()).toEqual([]);
      await fixture.recorder.record({ localStreamName: "cam", pathToFile: "a", variables: { _x: "\u001b[31m" } });
      client.received = Buffer.alloc(0);
      client.socket.write("listConfig\n");
      await until("a reply", () => client.received.includes("cam"));
      expect(client.received.includes(0x1b)).toBe(false);
    } finally {
      await fixture.close();
    }
  });

  it.each(["a b", "a=b", "..", "a\\b", "a?b", "x".repeat(256)])(
    "%s is no stream's name: record says so",
    async (name) => {
      const fixture = await ControlFixture.open();
      try {
        await expect(fixture.recorder.record({ localStreamName: name, pathToFile: "a" })).rejects.toThrow(
          "stream name",
        );
      } finally {
        await fixture.close();
      }
    },
  );
});

describe("limits", () => {
  it("of record configs and pull configs are told with what to do", async () => {
    const fixture = await ControlFixture.open({
      recorder: { maxConfigs: 2 },
      control: { limits: LIMITS },
      pulls: { checkUri: () => undefined, start: () => {}, stop: () => {} },
    });
    try {
      const client = await fixture.tcp(fixture.json);
      const ask = async (line: string): Promise<string> => {
        client.socket.write(`${line}\n`);
        return (await client.reply()).subarray(4).toString();
      };
      for (const name of ["a", "b"]) {
        expect(await ask(`record localStreamName=${name} pathToFile=${name}`)).toContain("SUCCESS");
        expect(await ask(`pullStream uri=rtmp://127.0.0.1/live/${name} localStreamName=p${name}`)).toContain("SUCCESS");
      }
      expect(await ask("record localStreamName=c pathToFile=c")).toContain("raise limits.recordConfigs");
      expect(await ask("pullStream uri=rtmp://127.0.0.1/live/c localStreamName=pc")).toContain(
        "raise limits.pullConfigs",
      );
      expect(await ask("removeConfig id=1")).toContain("SUCCESS");
      expect(await ask("record localStreamName=c pathToFile=c")).toContain("SUCCESS");
    } finally {
      await fixture.close();
    }
  });
});
