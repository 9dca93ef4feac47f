// What the build leaves of the dashboard, and how it is served: small, of this origin alone, for everybody.

import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReelServer } from "../../src/server/server.js";
import { startHttpServer } from "../support/http-server.js";
import { scratch } from "../support/scratch.js";

const BUILT = resolve(import.meta.dirname, "../../dist/dashboard");
const BUDGET_BYTES = 150_000;
const PLAYERS = /^(hls|preview)/;
const TOKEN = "owner-token-of-this-test";

const { path } = scratch();
let server: ReelServer;

beforeAll(async () => {
  server = await startHttpServer(path("."), { control: { token: TOKEN, allowHosts: ["reel.example"] } });
});
afterAll(() => server.close());

function ask(target: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${server.addresses.http}${target}`, init);
}

/** As it is written: `fetch` would take the dots out of a path. */
function statusOf(target: string): Promise<number | undefined> {
  const { hostname, port } = new URL(`http://${server.addresses.http}`);
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const asked = request({ hostname, port, path: target, headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject).end();
  });
}

const files = readdirSync(join(BUILT, "dashboard"));

describe("the build", () => {
  it("is under 150 kB compressed, without the player", () => {
    const page = join(BUILT, "index.html");
    const counted = files.filter((name) => !PLAYERS.test(name)).map((name) => join(BUILT, "dashboard", name));
    const bytes = [page, ...counted].reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
    console.log(`the dashboard: ${counted.length + 1} files, ${(bytes / 1000).toFixed(1)} kB compressed`);
    expect(files.filter((name) => PLAYERS.test(name))).toHaveLength(2);
    expect(bytes).toBeLessThan(BUDGET_BYTES);
  });

  it("has a page without a script or style of its own, and names no other place", () => {
    const page = readFileSync(join(BUILT, "index.html"), "utf8");
    expect(page).not.toMatch(/<style|style=|<script(?![^>]* src="\/dashboard\/)/);
    for (const name of files) {
      const text = readFileSync(join(BUILT, "dashboard", name), "utf8");
      // Loaded by an address: in an import, a style or an element.
      expect([name, /(?:import\(?["']|url\(["']?|src=["'])https?:/.test(text)]).toEqual([name, false]);
    }
  });
});

describe("its files", () => {
  it("are for everybody, compressed where that is taken, with a policy that allows this origin alone", async () => {
    const page = await ask("/");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-encoding")).toBe("gzip");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    const [, script = ""] = /src="([^"]+)"/.exec(await page.text()) ?? [];
    const plain = await ask(script, { headers: { "Accept-Encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("cache-control")).toContain("immutable");
    expect(await plain.text()).toBe(readFileSync(join(BUILT, script), "utf8"));
  });

  it.each([
    ...["/dashboard/../index.html", "/dashboard/../../cli/reel.js", "/dashboard//../index.html"],
    ...["/dashboard/%2e%2e/%2e%2e/cli/reel.js", "/dashboard/..%2findex.html", "/dashboard/..%5cindex.html"],
    ...["/dashboard/none.js", "/dashboard/"],
  ])("are those of the build and no others, for its owner neither: %s", async (target) => {
    expect(await statusOf(target)).toBe(404);
  });

  it("leave POST at the same address to commands", async () => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const answer = await ask("/", { method: "POST", headers, body: '{"command":"version"}' });
    expect(await answer.text()).toContain('"status":"SUCCESS"');
    expect((await ask("/", { method: "POST", body: '{"command":"version"}' })).status).toBe(401);
  });
});

describe("a login", () => {
  const logIn = (body: unknown) => ask("/api/session", { method: "POST", body: JSON.stringify(body) });

  it("sets a cookie that opens what is read, and its end closes it", async () => {
    expect(await (await ask("/api/session")).json()).toEqual({ role: null, needsLogin: true });
    const answer = await logIn({ token: TOKEN });
    expect(await answer.json()).toEqual({ role: "owner", needsLogin: true });
    const set = answer.headers.get("set-cookie") ?? "";
    expect(set).toMatch(/^reel_session_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const Cookie = set.split(";")[0] ?? "";
    expect((await ask("/api/streams", { headers: { Cookie } })).status).toBe(200);
    expect(await (await ask("/api/server", { headers: { Cookie } })).json()).toMatchObject({
      listeners: { http: server.addresses.http },
      configuration: { control: { token: "***" } },
    });
    const ended = await ask("/api/session", { method: "DELETE", headers: { Cookie } });
    expect(ended.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await ask("/api/streams", { headers: { Cookie } })).status).toBe(401);
  });

  it.each([
    [{ token: "wrong-token" }, 403],
    [{ user: "boss" }, 400],
    ["words", 400],
    [null, 400],
  ])("says what is wrong: %j", async (body, status) => {
    const answer = await logIn(body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  it("is asked for by the browser's own dialog where a program asks, not where the dashboard does", async () => {
    expect((await ask("/api/streams")).headers.get("www-authenticate")).toContain("Basic");
    const headers = { "Reel-Request": "dashboard" };
    expect((await ask("/api/streams", { headers })).headers.get("www-authenticate")).toBeNull();
  });

  it("is refused to other sites", async () => {
    const headers = { Origin: "https://evil.example" };
    const body = JSON.stringify({ token: TOKEN });
    expect((await ask("/api/session", { method: "POST", headers, body })).status).toBe(403);
  });
});
