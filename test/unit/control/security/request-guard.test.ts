// Who passes, by what a request shows and what it wants: credentials, sessions of the login page, links in a browser.

import { describe, expect, it } from "vitest";
import { SESSION_IDLE_MS } from "../../../../src/control/security/login-sessions.js";
import { OWN_HEADER, RequestGuard, type Wish } from "../../../../src/control/security/protection.js";

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

function rig() {
  const time = { nowMs: 0 };
  const guard = new RequestGuard(CREDENTIALS, { monotonicMs: () => time.nowMs });
  const ask = (headers: Record<string, string>, wish: Wish, method = "GET"): string => {
    const found = guard.check({ host: HOST, ...headers }, wish, method);
    return "role" in found ? found.role : String(found.status);
  };
  return { guard, time, ask, each: (headers: Record<string, string>) => WISHES.map((wish) => ask(headers, wish)) };
}

function logIn(guard: RequestGuard, shown: Record<string, string>): Record<string, string> {
  const found = guard.logIn(shown);
  if (!found) throw new Error("refused");
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
    expect(guard.logIn({ user: "eve", password: "pass word" })).toBeUndefined();
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

  it("is the oldest that gives way where there are a thousand", () => {
    const { guard, ask } = rig();
    const first = logIn(guard, { token: "owner-token" });
    const others = Array.from({ length: 1000 }, () => logIn(guard, { token: "owner-token" }));
    expect(ask(first, "read")).toBe("401");
    expect(others.every((session) => ask(session, "read") === "owner")).toBe(true);
  });
});
