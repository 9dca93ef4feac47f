// A WebSocket channel and what let it be opened: it ends by logging out, with its session and with its credentials, and
// nothing that was sent behind that is carried out. Who is refused one is not asked for credentials by the browser.

import { afterEach, describe, expect, it } from "vitest";
import { SESSION_IDLE_MS } from "../../src/control/security/login-sessions.js";
import { ControlFixture, type WsClient } from "../support/control-fixture.js";
import { until } from "../support/until.js";

const EVE = { user: "eve", password: "looks" };
const CREDENTIALS = { token: "owner-token", viewers: [EVE] };
const OWNER = { Authorization: "Bearer owner-token" };
const VIEWER = { Authorization: `Basic ${Buffer.from("eve:looks").toString("base64")}` };
const POLICY_VIOLATION = 1008;
const CREATED = '"type":"inStreamCreated"';

let fixture: ControlFixture;
let lateMs = 0;
afterEach(() => fixture.close());

async function open(control: object = CREDENTIALS): Promise<void> {
  lateMs = 0;
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + lateMs };
  fixture = await ControlFixture.open({ control, recorder: { clock } });
}

async function logIn(shown: Record<string, string>, headers: Record<string, string> = {}): Promise<string> {
  const body = JSON.stringify(shown);
  const answer = await fixture.httpRequest("/api/session", { method: "POST", body, headers });
  return String(answer.headers["set-cookie"]).split(";")[0] ?? "";
}

function page(Cookie: string): Promise<WsClient> {
  return fixture.webSocket({ headers: { Cookie, Origin: `http://127.0.0.1:${fixture.http}` } });
}

async function ended(client: WsClient): Promise<number> {
  await until("its end", () => client.isClosed);
  return client.closeCode;
}

describe("a channel ends", () => {
  it("by logging out, and others' channels stay", async () => {
    await open();
    const [Cookie, other] = [await logIn({ token: "owner-token" }), await logIn(EVE)];
    const [own, others, program] = [await page(Cookie), await page(other), await fixture.webSocket({ headers: OWNER })];
    for (const client of [own, others, program]) expect(await client.ask("subscribe")).toContain("SUCCESS");
    await fixture.httpRequest("/api/session", { method: "DELETE", headers: { Cookie } });
    own.socket.send("record localStreamName=x pathToFile=x");
    expect(await ended(own)).toBe(POLICY_VIOLATION);
    expect(fixture.recorder.configs()).toEqual([]);
    fixture.publish("cam1");
    expect(await others.next()).toContain(CREATED);
    await until("the owner's events", () => program.messages.some((message) => message.includes(CREATED)));
    expect(own.messages.filter((message) => message.includes(CREATED))).toEqual([]);
    // A login takes the place of the one before it in the same browser.
    await logIn(EVE, { Cookie: other });
    expect(await ended(others)).toBe(POLICY_VIOLATION);
    expect(program.isClosed).toBe(false);
  });

  it("with its session, which commands keep open", async () => {
    await open();
    const client = await page(await logIn({ token: "owner-token" }));
    for (let i = 0; i < 2; i++) {
      lateMs += SESSION_IDLE_MS - 60_000;
      expect(await client.ask("version")).toContain("SUCCESS");
    }
    lateMs += SESSION_IDLE_MS;
    client.socket.send("record localStreamName=x pathToFile=x");
    expect(await ended(client)).toBe(POLICY_VIOLATION);
    expect([client.messages, fixture.recorder.configs()]).toEqual([[], []]);
  });

  it("with its session, which pings do not keep open, and nobody is told of them", async () => {
    await open();
    const client = await page(await logIn({ token: "owner-token" }));
    const watcher = await fixture.webSocket({ headers: OWNER });
    await watcher.ask("subscribe events=cliRequest");
    for (let i = 0; i < 2; i++) {
      lateMs += SESSION_IDLE_MS / 2;
      if (i === 0) expect(await client.ask("ping")).toBe('{"data":null,"description":"Pong","status":"SUCCESS"}');
    }
    client.socket.send("ping");
    expect(await ended(client)).toBe(POLICY_VIOLATION);
    expect([client.messages, watcher.messages]).toEqual([[], []]);
  });

  it("with its credentials, and stays where they have not changed", async () => {
    await open();
    const [owner, viewer] = [await fixture.webSocket({ headers: OWNER }), await fixture.webSocket({ headers: VIEWER })];
    const sessions = [await page(await logIn({ token: "owner-token" })), await page(await logIn(EVE))];
    fixture.control.setCredentials({ ...CREDENTIALS, viewers: [] });
    expect([await ended(viewer), await ended(sessions[1] as WsClient)]).toEqual([POLICY_VIOLATION, POLICY_VIOLATION]);
    for (const client of [owner, sessions[0] as WsClient]) expect(await client.ask("version")).toContain("SUCCESS");
    fixture.control.setCredentials({ token: "another-token" });
    expect([await ended(owner), await ended(sessions[0] as WsClient)]).toEqual([POLICY_VIOLATION, POLICY_VIOLATION]);
  });

  it("where credentials are asked for the first time", async () => {
    await open({});
    const client = await fixture.webSocket();
    fixture.control.setCredentials({});
    expect(await client.ask("version")).toContain("SUCCESS");
    fixture.control.setCredentials(CREDENTIALS);
    expect(await ended(client)).toBe(POLICY_VIOLATION);
  });
});

describe("a viewer's subscription", () => {
  it("tells only the events that will come", async () => {
    await open();
    const viewer = await fixture.webSocket({ headers: VIEWER });
    expect(await viewer.ask("subscribe events=cliRequest,recordGap")).toContain('"events":["recordGap"]');
    expect(await viewer.ask("subscribe events=timerTriggered")).toContain('"events":[]');
    expect(await viewer.ask("subscribe")).not.toContain("cliRequest");
    const owner = await fixture.webSocket({ headers: OWNER });
    expect(await owner.ask("subscribe events=cliRequest,recordGap")).toContain('"events":["cliRequest","recordGap"]');
  });
});

describe("who may not open a channel", () => {
  const upgrade = (headers: Record<string, string>) =>
    fixture.httpRequest("/ws", {
      headers: {
        ...{ Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
        ...{ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers },
      },
    });

  it("is asked for credentials by the browser only where no page wants it", async () => {
    await open();
    const Origin = `http://127.0.0.1:${fixture.http}`;
    const challenges = [];
    for (const headers of [{}, { Origin }, { Cookie: `reel_session_${fixture.http}=over` }]) {
      const answer = await upgrade(headers as Record<string, string>);
      challenges.push([answer.status, answer.headers["www-authenticate"] !== undefined]);
    }
    expect(challenges).toEqual([
      [401, true],
      [401, false],
      [401, false],
    ]);
  });
});

describe("who guesses", () => {
  it("is told to wait, at the login and everywhere else, and those that work go on", async () => {
    await open();
    const version = (token: string) =>
      fixture.httpRequest("/version", { headers: { Authorization: `Bearer ${token}` } });
    expect((await version("owner-token")).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await version(`guess-${i}`)).status).toBe(401);
    const refused = [
      await version("guess-5"),
      await fixture.httpRequest("/api/session", { method: "POST", body: JSON.stringify(EVE) }),
    ];
    for (const { status, headers, body } of refused) {
      expect([status, headers["retry-after"]]).toEqual([429, "1"]);
      expect(body).toContain("Too many wrong credentials came from this address: try again in 1 s");
    }
    expect((await version("owner-token")).status).toBe(200);
    await expect(fixture.webSocket({ headers: { Authorization: "Bearer guess-6" } })).rejects.toThrow("429");
    lateMs += 1000;
    expect(await logIn(EVE)).toContain("reel_session");
  });
});
