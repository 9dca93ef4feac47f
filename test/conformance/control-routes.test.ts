// What HTTP answers to which path (ems-record-spec §1.4): registered routes, commands, and nothing.

import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { jsonReply, type RouteModule } from "../../src/base/routes.js";
import { healthRoutes } from "../../src/server/health-routes.js";
import { ControlFixture } from "../support/control-fixture.js";

const ROUTES: RouteModule = {
  name: "test",
  routes(register) {
    register("GET", "/things/:id", ({ parameters, query }) =>
      jsonReply(200, { id: parameters.id, at: query.get("at") }),
    );
    register("POST", "/things/:id", ({ body }) => jsonReply(201, { body }));
    register("GET", "/api/version", () => jsonReply(200, "ours"));
    register("GET", "/broken", () => {
      throw new Error("no luck");
    });
  },
};

const DEEP: RouteModule = {
  name: "deep",
  routes: (register) => register("GET", "/deep/health", () => jsonReply(200, {})),
};

let fixture: ControlFixture;
afterEach(() => fixture.close());

async function open(
  control = {},
): Promise<(path: string, method?: string, body?: string) => Promise<[number, string]>> {
  fixture = await ControlFixture.open({ control: { routes: [ROUTES], ...control } });
  return async (path, method = "GET", body) => {
    const answer = await fixture.httpRequest(path, { method, ...(body !== undefined && { body }) });
    return [answer.status, answer.body.trim()];
  };
}

const NOT_FOUND =
  '{"data":null,"description":"Nothing is here. Commands are at \\/<command>?params=<base64>, and \\/help lists them","status":"FAIL"}';

function notFound(hint: string): string {
  return NOT_FOUND.replace("lists them", `lists them; did you mean ${hint.replaceAll("/", "\\/")}?`);
}

function unknown(command: string): string {
  return `{"data":null,"description":"command ${command} not known. Type help for list of commands","status":"FAIL"}`;
}

describe("a path that is nothing", () => {
  it.each(["/", "//", "/nothing", "/nothing/", "/record/nothing", "/ws", "/nothing?_=17", "/%zz"])(
    "%s is 404 with a hint, by any method",
    async (path) => {
      const ask = await open();
      for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
        expect([method, await ask(path, method)]).toEqual([method, [404, NOT_FOUND]]);
      expect(await ask(path, "HEAD")).toEqual([404, ""]);
      expect((await fixture.httpRequest(path)).headers).toMatchObject({
        "content-type": "application/json",
        connection: "close",
      });
    },
  );

  it.each([
    ["/recrod", "/record"],
    ["/records", "/record"],
    ["/apiproxy/listStream/", "/listStreams"],
    ["/helthz", "/healthz"],
    ["/deep/helth/", "/deep/health"],
  ])("%s: the hint names %s", async (path, nearest) => {
    fixture = await ControlFixture.open({ control: { routes: [healthRoutes([]), DEEP] } });
    expect((await fixture.httpRequest(path)).body.trim()).toBe(notFound(nearest));
  });

  it("says nothing of it to the receivers of events", async () => {
    const ask = await open();
    const client = await fixture.webSocket();
    await client.ask("subscribe events=cliRequest");
    await ask("/nothing");
    await ask("/version");
    expect(await client.next()).toContain('"command":"version"');
  });
});

describe("a path that ends in the name of a command", () => {
  it.each([
    ["/pushStream", "pushstream"],
    ["/apiproxy/createHLSStream", "createhlsstream"],
    ["/PUSHSTREAM/", "pushstream"],
    ["/listPullPushConfig?params=", "listpullpushconfig"],
    ["/apiproxy/transcode%3fparams=YT1i", "transcode"],
    ["/launchProcess?_=17", "launchprocess"],
  ])("%s: one that is not served is FAIL with status 200", async (path, command) => {
    const ask = await open();
    expect(await ask(path)).toEqual([200, unknown(command)]);
    expect(await ask(path, "OPTIONS")).toEqual([200, unknown(command)]);
    expect(await ask(path, "HEAD")).toEqual([200, ""]);
  });

  it("one that is served is carried out", async () => {
    const ask = await open();
    expect(await ask("/EMS/record?params=")).toEqual([
      200,
      '{"data":null,"description":"Syntax error. No parameters provided","status":"FAIL"}',
    ]);
    expect((await ask("/EMS/record/"))[0]).toBe(200);
    expect((await ask("/x/listStreams"))[1]).toContain('"status":"SUCCESS"');
    expect(await ask("/subscribe")).toEqual([200, expect.stringContaining('"status":"FAIL"')]);
  });
});

describe("a request that carries params", () => {
  it.each(["/nothing?params=YT1i", "/?params=", "/nothing?a=b&PARAMS=YT1i", "/x/nothing%3Fparams%3DYT1i"])(
    "%s is a command that is not known",
    async (path) => {
      const ask = await open();
      const [status, body] = await ask(path);
      expect([status, body.includes("not known. Type help")]).toEqual([200, true]);
    },
  );

  it("in its body too, in any form, and as a JSON object at the root", async () => {
    const ask = await open();
    expect(await ask("/nothing", "POST", "params=YT1i")).toEqual([200, unknown("nothing")]);
    expect(await ask("/", "POST", '{"command":"nothing"}')).toEqual([200, unknown("nothing")]);
    expect((await ask("/", "POST", '{"command":"version"}'))[1]).toContain('"status":"SUCCESS"');
    expect(await ask("/nothing", "POST", '{"a":"b"}')).toEqual([200, unknown("nothing")]);
    expect(await ask("/nothing", "POST", "a=b")).toEqual([200, unknown("nothing")]);
    expect(await ask("/nothing", "POST", " ")).toEqual([404, NOT_FOUND]);
  });
});

describe("a registered route", () => {
  it("answers with its parameters, its query and its body, a slash at the end or none", async () => {
    const ask = await open();
    expect(await ask("/things/a%20b?at=1+2")).toEqual([200, '{"id":"a b","at":"1 2"}']);
    expect(await ask("/things/7/")).toEqual([200, '{"id":"7","at":null}']);
    expect(await ask("/things/7", "POST", "text")).toEqual([201, '{"body":"text"}']);
    expect(await ask("/things/7", "HEAD")).toEqual([200, ""]);
    expect((await ask("/things"))[0]).toBe(404);
  });

  it("comes before a command of the same name, and before params", async () => {
    const ask = await open();
    expect(await ask("/api/version?params=YT1i")).toEqual([200, '"ours"']);
    expect((await ask("/version"))[1]).toContain('"status":"SUCCESS"');
  });

  it("refuses the methods that it does not serve, and names the others", async () => {
    await open();
    for (const [method, status] of [
      ["DELETE", 405],
      ["PATCH", 405],
      ["OPTIONS", 204],
    ] as const) {
      const answer = await fixture.httpRequest("/things/7", { method });
      expect([answer.status, answer.headers.allow]).toEqual([status, "GET, HEAD, POST, OPTIONS"]);
    }
  });

  it("that fails is 500, and the log says why", async () => {
    const lines: unknown[][] = [];
    const note = (...line: unknown[]): number => lines.push(line);
    fixture = await ControlFixture.open({
      control: { routes: [ROUTES] },
      logger: { debug: note, info: note, warn: note },
    });
    expect((await fixture.httpRequest("/broken?token=secret")).status).toBe(500);
    expect(lines).toEqual([
      [{ err: expect.objectContaining({ message: "no luck" }), module: "test", path: "/broken" }, expect.any(String)],
    ]);
  });

  it("stands behind Host, Origin and credentials, as what is not there does", async () => {
    await open({ token: "long-token" });
    const status = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await fixture.httpRequest(path, { headers })).status;
    const Authorization = "Bearer long-token";
    for (const path of ["/things/7", "/nothing", "/version"]) {
      expect([path, await status(path, {})]).toEqual([path, 401]);
      expect([path, await status(path, { Authorization, Host: "evil.example" })]).toEqual([path, 403]);
      expect([path, await status(path, { Authorization, Origin: "http://evil.example" })]).toEqual([path, 403]);
    }
    expect(await status("/things/7", { Authorization })).toBe(200);
    expect((await fixture.httpRequest("/things/7", { method: "OPTIONS" })).status).toBe(401);
  });

  it("may not be another module's too", async () => {
    fixture = await ControlFixture.open();
    await expect(
      ControlFixture.open({ control: { routes: [ROUTES, { ...ROUTES, name: "other" }] } }),
    ).rejects.toMatchObject({ code: "badArgument", message: "GET /things/:id is a route of test and of other" });
  });
});

describe("/healthz", () => {
  it("is 200 while every media folder takes a file, and leaves none there", async () => {
    fixture = await ControlFixture.open();
    const { mediaFolders } = fixture.recorder;
    await fixture.close();
    fixture = await ControlFixture.open({ root: fixture.root, control: { routes: [healthRoutes(mediaFolders)] } });
    for (const path of ["/healthz", "/healthz/", "/healthz?params="]) {
      const answer = await fixture.httpRequest(path);
      expect([answer.status, answer.body]).toEqual([200, '{"status":"ok"}\n']);
    }
    expect(await fixture.httpRequest("/healthz", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    expect(await readdir(mediaFolders[0] ?? "")).toEqual([]);
  });

  it("is 503 with the reason while one cannot be written, and 200 when it can again", async () => {
    fixture = await ControlFixture.open();
    const root = join(fixture.root, "volumes");
    const [good, gone] = [join(root, "good"), join(root, "gone")];
    await mkdir(good, { recursive: true });
    const control = { routes: [healthRoutes([good, gone])] };
    const other = await ControlFixture.open({ control });
    try {
      const failing = await other.httpRequest("/healthz");
      expect(failing.status).toBe(503);
      const { reasons } = JSON.parse(failing.body) as { reasons: string[] };
      expect(reasons).toEqual([expect.stringContaining(`${gone} cannot be written: ENOENT`)]);
      await mkdir(gone);
      await expect.poll(async () => (await other.httpRequest("/healthz")).status, { timeout: 5000 }).toBe(200);
    } finally {
      await other.close();
    }
  });
});
