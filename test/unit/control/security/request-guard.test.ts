// Who passes, by what a request shows and what it wants: credentials, sessions of the login page, links in a browser.

import { describe, expect, it } from "vitest";
import { SESSION_IDLE_MS, SESSION_LIFE_MS } from "../../../../src/control/security/login-sessions.js";
import { OWN_HEADER, type Passage, RequestGuard, type Wish } from "../../../../src/control/security/protection.js";

const HOST = "10.0.0.5:7777";
const CREDENTIALS = {
  token: "owner-token",
  user: "boss",
  password: "pass word",
  viewers: [{ user: "eve", password: "looks" }],
};
const BASIC = `Basic ${Buffer.from("boss:pass word").toString("base64")}`;
const EVE = { authorization: `Basic ${Buffer.from("eve:looks").toString("base64")}` };
/** As Chromium sends them to a plain-HTTP address of the network. */
const BROWSER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept-language": "en-US,en;q=0.9" };
const WISHES: readonly Wish[] = ["page", "login", "read", "channel", "change"];

function rig(isSecure = false) {
  const time = { nowMs: 0 };
  const guard = new RequestGuard(CREDENTIALS, { clock: { monotonicMs: () => time.nowMs }, isSecure });
  const ask = (headers: Record<string, string>, wish: Wish, method = "GET"): string => {
    const found = guard.check({ host: HOST, ...headers }, wish, method);
    return "role" in found ? found.role : String(found.status);
  };
  return { guard, time, ask, each: (headers: Record<string, string>) => WISHES.map((wish) => ask(headers, wish)) };
}

function logIn(guard: RequestGuard, shown: Record<string, string>, headers = {}): Record<string, string> {
  const found = guard.logIn(shown, { host: HOST, ...headers });
  if (!found || "status" in found) throw new Error("refused");
  return { cookie: `other=1; reel_session_7777=${found.session}` };
}

describe("credentials", () => {
  it("of nobody open the page and the login alone", () => {
    expect(rig().each({})).toEqual(["owner", "owner", "401", "401", "401"]);
    expect(rig().each({ authorization: "Bearer wrong" })).toEqual(["owner", "owner", "401", "401", "401"]);
  });

  it.each([["Bearer owner-token"], [BASIC]])("of the owner open everything: %s", (authorization) => {
    expect(rig().each({ authorization })).toEqual(["owner", "owner", "owner", "owner", "owner"]);
  });

  it("of a viewer open what is read and the channel", () => {
    expect(rig().each(EVE).slice(2)).toEqual(["viewer", "viewer", "403"]);
  });

  it("are not asked where there are none", () => {
    const guard = new RequestGuard({});
    for (const wish of WISHES) expect(guard.check({ host: HOST }, wish, "DELETE")).toEqual({ role: "owner" });
  });
});

describe("another site", () => {
  const foreign = { "sec-fetch-site": "cross-site", authorization: BASIC };

  it("may link to the page and do nothing else", () => {
    expect(rig().each(foreign)).toEqual(["owner", "403", "403", "403", "403"]);
  });

  it.each([
    [false, "http:", true],
    [false, "https:", true],
    [true, "https:", true],
    [true, "http:", false],
  ])("is a page without TLS where the listener has it (%s): %s", (isSecure, scheme, isOwn) => {
    const { ask } = rig(isSecure);
    const role = isOwn ? "owner" : "403";
    expect(ask({ authorization: BASIC, origin: `${scheme}//${HOST}` }, "change", "POST")).toBe(role);
    expect(ask({ authorization: BASIC, origin: `${scheme}//${HOST}` }, "channel")).toBe(role);
    expect(ask({ authorization: BASIC, referer: `${scheme}//${HOST}/page` }, "read")).toBe(role);
  });

  it("has another port, also where the port is the scheme's own", () => {
    const ask = (isSecure: boolean, host: string, origin: string) =>
      "role" in new RequestGuard({}, { isSecure }).check({ host, origin }, "change");
    expect(ask(true, "10.0.0.5", "https://10.0.0.5")).toBe(true);
    expect(ask(true, "10.0.0.5:443", "https://10.0.0.5")).toBe(true);
    expect(ask(true, "10.0.0.5:80", "https://10.0.0.5")).toBe(false);
    expect(ask(false, "10.0.0.5:80", "http://10.0.0.5")).toBe(true);
  });

  it("may have no TLS where it is allowed by name", () => {
    const guard = new RequestGuard({ allowOrigins: ["http://wall.example"] }, { isSecure: true });
    expect(guard.check({ host: HOST, origin: "http://wall.example" }, "change")).toEqual({ role: "owner" });
  });

  it("cannot name this server as it likes, for the page neither", () => {
    const { guard } = rig();
    for (const wish of WISHES) expect(guard.check({ host: "evil.example" }, wish)).toMatchObject({ status: 403 });
  });
});

describe("a browser that does not tell whose link it follows", () => {
  it("carries no command out by the Basic credentials that it keeps", () => {
    const { ask } = rig();
    expect(ask({ ...BROWSER, authorization: BASIC }, "change")).toBe("403");
    expect(ask({ ...BROWSER, authorization: BASIC }, "read")).toBe("owner");
  });

  it("is told from programs, from pages of this server, and from a typed address where that is said", () => {
    const { ask } = rig();
    const { "user-agent": agent } = BROWSER;
    expect(ask({ authorization: BASIC }, "change")).toBe("owner");
    // PowerShell calls itself Mozilla.
    expect(ask({ authorization: BASIC, "user-agent": agent }, "change")).toBe("owner");
    expect(ask({ ...BROWSER, authorization: "Bearer owner-token" }, "change")).toBe("owner");
    expect(ask({ ...BROWSER, authorization: BASIC, referer: `http://${HOST}/` }, "change")).toBe("owner");
    expect(ask({ ...BROWSER, authorization: BASIC, "sec-fetch-site": "none" }, "change")).toBe("owner");
  });
});

describe("a session", () => {
  it("has the role of its credentials", () => {
    const { guard, ask } = rig();
    expect(ask(logIn(guard, { token: "owner-token" }), "read")).toBe("owner");
    expect(ask(logIn(guard, { user: "eve", password: "looks" }), "read")).toBe("viewer");
    expect(guard.logIn({ user: "eve", password: "pass word" }, {})).toBeUndefined();
  });

  it("changes nothing by GET, nor without the header that other origins cannot send", () => {
    const { guard, ask } = rig();
    const own = { ...logIn(guard, { token: "owner-token" }), [OWN_HEADER]: "dashboard" };
    expect(ask(own, "change", "POST")).toBe("owner");
    expect(ask(own, "change", "GET")).toBe("403");
    expect(ask({ ...own, [OWN_HEADER]: undefined as unknown as string }, "change", "POST")).toBe("403");
    const viewer = { ...logIn(guard, { user: "eve", password: "looks" }), [OWN_HEADER]: "dashboard" };
    expect(ask(viewer, "change", "POST")).toBe("403");
  });

  it("opens the channel from a page alone", () => {
    const { guard, ask } = rig();
    const own = logIn(guard, { token: "owner-token" });
    expect(ask({ ...own, origin: `http://${HOST}` }, "channel")).toBe("owner");
    expect(ask({ ...own, origin: "http://10.0.0.5:8080" }, "channel")).toBe("403");
    expect(ask(own, "channel")).toBe("403");
  });

  it("ends by logging out, by standing idle, and with its credentials", () => {
    const { guard, time, ask } = rig();
    const first = logIn(guard, { token: "owner-token" });
    guard.logOut({ host: HOST, ...first });
    expect(ask(first, "read")).toBe("401");
    const second = logIn(guard, { token: "owner-token" });
    time.nowMs += SESSION_IDLE_MS;
    expect(ask(second, "read")).toBe("owner");
    time.nowMs += SESSION_IDLE_MS + 1;
    expect(ask(second, "read")).toBe("401");
    const [third, viewer] = [logIn(guard, { token: "owner-token" }), logIn(guard, { user: "eve", password: "looks" })];
    guard.setCredentials({ ...CREDENTIALS, viewers: [] });
    expect([ask(third, "read"), ask(viewer, "read")]).toEqual(["owner", "401"]);
    guard.setCredentials({ token: "another-token" });
    expect(ask(third, "read")).toBe("401");
  });

  it("is of one port: servers of one host do not take each other's", () => {
    const { guard } = rig();
    const own = logIn(guard, { token: "owner-token" });
    expect(guard.check({ host: "10.0.0.5:7778", ...own }, "read")).toMatchObject({ status: 401 });
  });

  it("ends a month after its login, however much it is used", () => {
    const { guard, time, ask } = rig();
    const own = logIn(guard, { token: "owner-token" });
    for (; time.nowMs <= SESSION_LIFE_MS; time.nowMs += SESSION_IDLE_MS) expect(ask(own, "read")).toBe("owner");
    time.nowMs = SESSION_LIFE_MS + 1;
    expect(ask(own, "read")).toBe("401");
  });

  it("gives way to another of the same person where that has a hundred: the one unused for longest", () => {
    const { guard, ask } = rig();
    const owner = logIn(guard, { token: "owner-token" });
    const [first, second] = [0, 1].map(() => logIn(guard, { user: "eve", password: "looks" }));
    expect(ask(first ?? {}, "read")).toBe("viewer");
    const others = Array.from({ length: 99 }, () => logIn(guard, { user: "eve", password: "looks" }));
    expect([first, second, owner].map((session) => ask(session ?? {}, "read"))).toEqual(["viewer", "401", "owner"]);
    expect(others.every((session) => ask(session, "read") === "viewer")).toBe(true);
  });

  it("takes the place of the one whose cookie came with its login", () => {
    const { guard, ask } = rig();
    const first = logIn(guard, { token: "owner-token" });
    const second = logIn(guard, { user: "eve", password: "looks" }, first);
    expect([ask(first, "read"), ask(second, "read")]).toEqual(["401", "viewer"]);
  });
});

describe("Basic credentials that a browser keeps", () => {
  const owner = { authorization: BASIC };

  it("do not outrank the login of a page", () => {
    const { guard, ask } = rig();
    const viewer = { ...owner, ...logIn(guard, { user: "eve", password: "looks" }) };
    const own = { ...viewer, [OWN_HEADER]: "dashboard" };
    expect([ask(own, "read"), ask(own, "change", "POST")]).toEqual(["viewer", "403"]);
    expect(ask({ ...viewer, origin: `http://${HOST}` }, "channel")).toBe("viewer");
    expect(guard.roleOf({ host: HOST, ...own })).toBe("viewer");
  });

  it("count where there is no login, or a program shows them or a token beside a cookie", () => {
    const { guard, ask } = rig();
    const over = { ...owner, cookie: "reel_session_7777=over", [OWN_HEADER]: "dashboard" };
    expect(ask(over, "change", "POST")).toBe("owner");
    const { cookie = "" } = logIn(guard, { user: "eve", password: "looks" });
    expect(ask({ ...owner, cookie, origin: `http://${HOST}` }, "change", "POST")).toBe("owner");
    expect(ask({ authorization: "Bearer owner-token", cookie, [OWN_HEADER]: "x" }, "change", "POST")).toBe("owner");
  });
});

describe("what a passage stands on", () => {
  const pass = (guard: RequestGuard, headers: Record<string, string>): Passage => {
    const found = guard.check({ host: HOST, origin: `http://${HOST}`, ...headers }, "channel");
    if (!("role" in found)) throw new Error("refused");
    return found;
  };

  it("holds until its session ends, which looking at it does not keep open", () => {
    const { guard, time } = rig();
    const passage = pass(guard, logIn(guard, { token: "owner-token" }));
    time.nowMs += SESSION_IDLE_MS;
    expect([guard.stillHolds(passage), guard.stillHolds(passage, true)]).toEqual([true, true]);
    time.nowMs += SESSION_IDLE_MS;
    expect(guard.stillHolds(passage)).toBe(true);
    time.nowMs += 1;
    expect([guard.stillHolds(passage), guard.stillHolds(passage, true)]).toEqual([false, false]);
  });

  it("holds while its credentials are configured", () => {
    const { guard } = rig();
    const passages = [pass(guard, { authorization: BASIC }), pass(guard, EVE)];
    let told = 0;
    guard.whenEnded(() => told++);
    guard.setCredentials({ ...CREDENTIALS });
    expect(passages.map((passage) => guard.stillHolds(passage))).toEqual([true, true]);
    guard.setCredentials({ ...CREDENTIALS, viewers: [] });
    expect(passages.map((passage) => guard.stillHolds(passage))).toEqual([true, false]);
    guard.setCredentials({ token: "another-token" });
    expect(passages.map((passage) => guard.stillHolds(passage))).toEqual([false, false]);
    expect(told).toBe(3);
  });

  it("is nothing where no credentials are asked, until they are", () => {
    const guard = new RequestGuard({});
    const passage = pass(guard, {});
    expect(guard.stillHolds(passage)).toBe(true);
    guard.setCredentials({ token: "new-token" });
    expect(guard.stillHolds(passage)).toBe(false);
  });
});
