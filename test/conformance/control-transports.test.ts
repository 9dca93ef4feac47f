// How the listeners carry commands, ems-record-spec §1.4: framing, pipelining, half-close, line ends, limits; the forms
// of HTTP; who is refused (design.md §5).

import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_LINE_BYTES } from "../../src/control/commands/grammar.js";
import { AddressGuard, requireAddressList, requireHttpProtection } from "../../src/control/security/protection.js";
import { decodeParams, parseHttpCommand } from "../../src/control/transports/http-request.js";
import { ControlFixture } from "../support/control-fixture.js";
import { until } from "../support/until.js";

const NOT_RUNNING = '{"data":{"Running":false},"description":"Stream status:","status":"SUCCESS"}';

describe("the listeners", () => {
  let fixture: ControlFixture;
  beforeEach(async () => {
    fixture = await ControlFixture.open();
  });
  afterEach(() => fixture.close());

  it("200 pipelined commands get 200 replies in order, each with its exact length", async () => {
    const client = await fixture.tcp(fixture.json);
    const ids = Array.from({ length: 200 }, (_, i) => i);
    client.socket.write(ids.map((id) => `isStreamRunning id=${id + 1} commandId=${id}\r\n`).join(""));
    for (const id of ids) {
      const reply = await client.reply();
      expect(reply.readUInt32BE(0)).toBe(reply.byteLength - 4);
      expect(reply.subarray(4).toString()).toBe(
        `{"data":{"Running":false},"description":"Stream status:","responseId":"${id}","status":"SUCCESS"}\r\n\r\n`,
      );
    }
    expect(client.received.byteLength).toBe(0);
  });

  it("200 pipelined commands over WebSocket too, as one message and as many", async () => {
    const client = await fixture.webSocket();
    client.socket.send(Array.from({ length: 100 }, (_, i) => `isStreamRunning id=1 commandId=${i}`).join("\n"));
    for (let i = 100; i < 200; i++) client.socket.send(`isStreamRunning id=1 commandId=${i}`);
    for (let i = 0; i < 200; i++)
      expect(JSON.parse(await client.next())).toMatchObject({ responseId: String(i), status: "SUCCESS" });
  });

  it("a reply of more than 64 KiB arrives whole behind one length", async () => {
    for (let i = 0; i < 100; i++) fixture.publish(`cam${i}`);
    const client = await fixture.tcp(fixture.json);
    client.socket.write("listStreams\nversion\n");
    const reply = await client.reply();
    expect(reply.byteLength).toBeGreaterThan(65536);
    expect((JSON.parse(reply.subarray(4).toString()) as { data: unknown[] }).data).toHaveLength(100);
    expect((await client.reply()).subarray(4).toString()).toContain('"Version"');
  });

  it.each(["\r", "\n", "\r\n", "\n\r", "\r\n\r\n"])("a line may end with %j", async (end) => {
    const client = await fixture.tcp(fixture.json);
    client.socket.write(`${end}isStreamRunning id=1${end}isStreamRunning id=2${end}`);
    for (let i = 0; i < 2; i++) expect((await client.reply()).subarray(4).toString()).toBe(`${NOT_RUNNING}\r\n\r\n`);
  });

  it.each(["isStreamRunning id=1\n", "isStreamRunning id=1"])(
    "a client that ends its side at once gets its reply: %j",
    async (text) => {
      const client = await fixture.tcp(fixture.json);
      client.socket.end(text);
      expect((await client.reply()).subarray(4).toString()).toBe(`${NOT_RUNNING}\r\n\r\n`);
      await until("the server ends its side", () => client.isEnded);
    },
  );

  it("quit is answered, then the connection ends", async () => {
    for (const port of [fixture.json, fixture.ascii]) {
      const client = await fixture.tcp(port);
      client.socket.write("QUIT\nversion\n");
      await until("the end", () => client.isClosed);
      expect(client.received.toString()).toContain("Bye!");
      expect(client.received.toString()).not.toContain("banner");
    }
    const channel = await fixture.webSocket();
    expect(await channel.ask("quit")).toBe('{"data":null,"description":"Bye!","status":"SUCCESS"}');
    await until("the end", () => channel.isClosed);
  });

  it("a line of more than 16 KiB is refused and the connection closed, on every listener", async () => {
    const long = `record localStreamName=${"x".repeat(MAX_LINE_BYTES)}`;
    for (const port of [fixture.json, fixture.ascii]) {
      const client = await fixture.tcp(port);
      client.socket.write(`${long}\nversion\n`);
      await until("the end", () => client.isClosed);
      expect(client.received.toString()).toContain("A command line has at most 16384 bytes");
      expect(client.received.toString()).not.toContain("banner");
    }
    const channel = await fixture.webSocket();
    expect(await channel.ask(long)).toContain('"status":"FAIL"');
    await until("the end", () => channel.isClosed);
    const answer = await fixture.httpRequest("/record", { method: "POST", body: long });
    expect(answer.body).toContain('"status":"FAIL"');
    expect((await fixture.httpRequest("/record", { method: "POST", body: "x".repeat(70_000) })).status).toBe(413);
  });

  it("the channel refuses binary messages, malformed JSON gets its FAIL, and several lines their replies", async () => {
    const channel = await fixture.webSocket();
    expect(await channel.ask("{")).toBe('{"data":null,"description":"Syntax error. Invalid JSON","status":"FAIL"}');
    channel.socket.send("\r\nisStreamRunning id=1\r\n\r\nisStreamRunning id=2\n");
    expect([await channel.next(), await channel.next()]).toEqual([NOT_RUNNING, NOT_RUNNING]);
    channel.socket.send(Buffer.from("version"), { binary: true });
    await until("the end", () => channel.isClosed);
    expect(channel.closeCode).toBe(1003);
  });

  it("commands of a client that does not read are held, and the others answered", async () => {
    const greedy = connect({ host: "127.0.0.1", port: fixture.json });
    greedy.on("error", () => {});
    greedy.pause();
    const before = process.memoryUsage().rss;
    // The replies to these would be about 180 MiB.
    greedy.write("help\n".repeat(20_000));
    const other = await fixture.tcp(fixture.json);
    for (let i = 0; i < 100; i++) {
      other.socket.write("isStreamRunning id=1\n");
      await other.reply();
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    expect(greedy.bytesRead).toBeLessThan(16 * 1024 * 1024);
    greedy.destroy();
  });
});

describe("HTTP", () => {
  const text = "localStreamName=cam1 pathToFile=../media/a?b>c~~~ ";
  const base64 = Buffer.from(text).toString("base64");
  const expected = { localStreamName: "cam1", pathToFile: "../media/a?b>c~~~" };

  function parsed(url: string, body = ""): { command: string; values: Record<string, string> } {
    const result = parseHttpCommand(url, body);
    if ("failure" in result) throw new Error(result.failure);
    return {
      command: result.request.command,
      values: Object.fromEntries(result.request.parameters.map((parameter) => [parameter.name, parameter.text])),
    };
  }

  it("the sample holds what the alphabet makes special", () => expect(base64).toMatch(/[+/].*=$/));

  const urlSafe = base64.replaceAll("+", "-").replaceAll("/", "_");
  it.each([
    ["raw", `/record?params=${base64}`],
    ["behind a path prefix", `/apiproxy/v1/record?params=${base64}`],
    ["percent-encoded", `/record?params=${encodeURIComponent(base64)}`],
    ["URL-safe", `/record?params=${urlSafe}`],
    ["without padding", `/record?params=${base64.replace(/=+$/, "")}`],
    ["form-decoded plus", `/record?params=${base64.replaceAll("+", "%20")}`],
    ["another case", `/record?PARAMS=${base64}`],
    ["another name", `/record?zz=ignored&p=${base64}`],
    ["with a leading space", `/record?params=%20${base64}`],
    ["wrapped into lines", `/record?params=${base64.slice(0, 20)}%0d%0a${base64.slice(20)}`],
    ["in parentheses", `/record?params=(${base64})`],
    ["text in parentheses", `/record?params=${Buffer.from(`(${text.trim()})`).toString("base64")}`],
    ["an encoded question mark", `/apiproxy/record%3fparams=${base64}`],
    ["an encoded question mark and equals sign", `/apiproxy/record%3Fparams%3D${encodeURIComponent(base64)}`],
    ["a slash at the end", `/record/?params=${base64}`],
  ])("%s", (_name, url) => {
    expect(parsed(url)).toEqual({ command: "record", values: expected });
  });

  it("a lone closing parenthesis stays part of the value", () => {
    expect(decodeParams(Buffer.from("uri=rtmp://h/a)").toString("base64"))).toBe("uri=rtmp://h/a)");
  });

  it("the parameters may stand in the body: as text, as JSON, as a form", () => {
    expect(parsed("/record", text)).toEqual({ command: "record", values: expected });
    expect(parsed("/record", JSON.stringify(expected))).toEqual({ command: "record", values: expected });
    expect(parsed("/", JSON.stringify({ command: "record", parameters: expected }))).toEqual({
      command: "record",
      values: expected,
    });
    expect(parsed("/record", `params=${encodeURIComponent(base64)}`)).toEqual({ command: "record", values: expected });
  });

  it("empty and absent parameters are none; what is no base64 is said so; a cache buster is ignored", () => {
    expect(parsed("/version?params=").values).toEqual({});
    expect(parsed("/version?").values).toEqual({});
    expect(parsed("/version?_=1700000000000").values).toEqual({});
    expect(parseHttpCommand("/record?params=!!!!", "")).toEqual({
      failure: "Syntax error. Unable to decode parameters",
    });
    expect(parseHttpCommand("/record?params=abcde", "")).toEqual({
      failure: "Syntax error. Unable to decode parameters",
    });
  });

  describe("over the wire", () => {
    let fixture: ControlFixture;
    afterEach(() => fixture.close());

    it("a command by any method, behind a broken path, by a method unknown to the router: always status 200", async () => {
      fixture = await ControlFixture.open();
      for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"]) {
        const answer = await fixture.httpRequest("/x/isStreamRunning?params=aWQ9MQ==", { method });
        expect([method, answer.status, answer.body]).toEqual([method, 200, `${NOT_RUNNING}\r\n\r\n`]);
      }
      const broken = await fixture.httpRequest("/%zz/isStreamRunning?params=aWQ9MQ==");
      expect([broken.status, broken.body]).toEqual([200, `${NOT_RUNNING}\r\n\r\n`]);
      expect((await fixture.httpRequest("/isStreamRunning?params=!")).status).toBe(200);
    });

    it("needs a token or Basic credentials where they are set, HTTP and WebSocket alike", async () => {
      fixture = await ControlFixture.open({ control: { token: "long-token", user: "ann", password: "pass:word" } });
      const basic = (user: string, password: string): string =>
        `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
      const status = async (authorization?: string): Promise<number> =>
        (
          await fixture.httpRequest("/version", {
            headers: authorization === undefined ? {} : { Authorization: authorization },
          })
        ).status;
      expect(await status()).toBe(401);
      for (const wrong of [
        "Bearer long-toke",
        "Bearer",
        basic("ann", "wrong"),
        basic("bob", "pass:word"),
        "Basic !!!",
        "Digest x",
      ])
        expect([wrong, await status(wrong)]).toEqual([wrong, 401]);
      for (const right of [
        "Bearer long-token",
        "bearer long-token",
        basic("ann", "pass:word"),
        basic("", "long-token"),
      ])
        expect([right, await status(right)]).toEqual([right, 200]);
      await expect(fixture.webSocket()).rejects.toThrow("401");
      const channel = await fixture.webSocket({ headers: { Authorization: "Bearer long-token" } });
      expect(await channel.ask("isStreamRunning id=1")).toBe(NOT_RUNNING);
    });

    it("other web pages are refused by Host, Origin, Sec-Fetch-Site and Referer", async () => {
      fixture = await ControlFixture.open({
        control: { allowHosts: ["reel.example"], allowOrigins: ["https://ui.example"] },
      });
      const own = `127.0.0.1:${fixture.http}`;
      const cases: [Record<string, string>, number][] = [
        [{}, 200],
        [{ Host: `localhost:${fixture.http}` }, 200],
        [{ Host: "[::1]:7777" }, 200],
        [{ Host: "reel.example" }, 200],
        [{ Host: "evil.example" }, 403],
        [{ Host: "evil.example:7777" }, 403],
        [{ Host: "127.0.0.1.evil.example" }, 403],
        [{ Origin: `http://${own}` }, 200],
        [{ Origin: `http://${own}`, "Sec-Fetch-Site": "same-origin" }, 200],
        [{ Origin: "https://ui.example", "Sec-Fetch-Site": "cross-site" }, 200],
        [{ Origin: "http://evil.example" }, 403],
        [{ Origin: "null" }, 403],
        [{ Origin: "http://127.0.0.1:1" }, 403],
        [{ "Sec-Fetch-Site": "none" }, 200],
        [{ "Sec-Fetch-Site": "cross-site" }, 403],
        [{ "Sec-Fetch-Site": "same-site" }, 403],
        [{ Referer: `http://${own}/page` }, 200],
        [{ Referer: "http://evil.example/page" }, 403],
      ];
      for (const [headers, status] of cases) {
        expect([headers, (await fixture.httpRequest("/version", { headers })).status]).toEqual([headers, status]);
        const upgrade = fixture.webSocket({ headers });
        if (status === 200) await upgrade;
        else await expect(upgrade, JSON.stringify(headers)).rejects.toThrow(String(status));
      }
    });
  });
});

describe("listeners off loopback", () => {
  it("are not opened without protection, and the message says what to set", () => {
    expect(() => requireHttpProtection("0.0.0.0", {})).toThrow("control.token");
    expect(() => requireHttpProtection("::", { user: "ann" })).toThrow("control.token");
    expect(() => requireAddressList("jsonCli", "192.0.2.1", [])).toThrow("control.allowAddresses");
    expect(() => requireHttpProtection("0.0.0.0", { token: "long-token" })).not.toThrow();
    expect(() => requireAddressList("jsonCli", "::ffff:127.0.0.1", undefined)).not.toThrow();
  });

  it("half of a user and password is refused, not taken for none", () => {
    for (const half of [{ user: "me" }, { password: "secret" }])
      expect(() => requireHttpProtection("127.0.0.1", half)).toThrow("go together");
  });

  it("a refused start leaves no listener open", async () => {
    await expect(ControlFixture.open({ control: { allowAddresses: ["not an address"] } })).rejects.toMatchObject({
      code: "badArgument",
    });
  });

  it("the TCP listeners let in the listed addresses, networks and loopback", () => {
    const guard = new AddressGuard(["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]);
    for (const address of [
      "127.0.0.1",
      "::1",
      "::ffff:127.0.0.1",
      "192.0.2.7",
      "::ffff:192.0.2.7",
      "10.255.0.1",
      "2001:db8::1",
    ])
      expect([address, guard.allows(address)]).toEqual([address, true]);
    for (const address of ["192.0.2.8", "11.0.0.1", "::ffff:11.0.0.1", "2001:db9::1", undefined])
      expect([address, guard.allows(address)]).toEqual([address, false]);
  });
});
