// RTMP sources against a server that plays by script: what connect and play say, how it ends, where it is sent, and
// replies that nobody would send.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { FrameSink } from "../../../../src/ingest/frame-sink.js";
import { parsePlayTarget, redirectedTarget } from "../../../../src/ingest/rtmp/play-target.js";
import { RtmpSource } from "../../../../src/ingest/rtmp/rtmp-source.js";
import type { SourceConnection, SourceRequest } from "../../../../src/ingest/source.js";
import { parseFlvFile } from "../../../../src/media/flv/flv-tag.js";
import { makeClip } from "../../../support/clip.js";
import { command, messageBytes } from "../../../support/rtmp-bytes.js";
import {
  type Command,
  mediaBytes,
  type Playing,
  playScript,
  RtmpPlayServer,
  type Script,
  status,
} from "../../../support/rtmp-play-server.js";
import { IngestRig } from "../../../support/rtmp-rig.js";
import { TEST_CERTIFICATE } from "../../../support/test-certificate.js";
import { until } from "../../../support/until.js";

const REQUEST: SourceRequest = {
  configId: 1,
  uri: "",
  localStreamName: "pulled",
  keepAlive: false,
  forceTcp: false,
  emulateUserAgent: "Agent 1.0",
  ssmIp: "",
  rangeStart: -2,
  rangeEnd: -1,
  tcUrl: "",
  pageUrl: "",
  swfUrl: "",
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Pulled {
  rig: IngestRig;
  server: RtmpPlayServer;
  sink: FrameSink;
  connection: SourceConnection;
  connected: object[];
  received: number;
  /** Asked for further connections. */
  places: number;
  reason: string | undefined;
}

async function pull(script: Script, request: Partial<SourceRequest> = {}, path = "/live/cam1"): Promise<Pulled> {
  const server = await RtmpPlayServer.start(script);
  cleanups.push(() => server.close());
  return pullFrom(server, request, `rtmp://127.0.0.1:${server.port}${path}`);
}

function pullFrom(server: RtmpPlayServer, request: Partial<SourceRequest>, uri: string, ca?: string): Pulled {
  const rig = new IngestRig();
  rig.drainContinuously();
  const { arena, clock, logger } = rig;
  const source = new RtmpSource({ arena, clock, logger }, { ca });
  cleanups.push(
    () => rig.stop(),
    () => source.close(),
  );
  const sink: FrameSink = new FrameSink({
    arena,
    flow: () => undefined,
    open: () => rig.registry.open("pulled"),
  });
  const pulled: Omit<Pulled, "connection"> = {
    rig,
    server,
    sink,
    connected: [],
    received: 0,
    places: 0,
    reason: undefined,
  };
  const connection = source.open({ ...REQUEST, ...request, uri }, new URL(uri), sink, {
    connected: (ends) => pulled.connected.push(ends),
    received: () => pulled.received++,
    failed: () => {},
    another: (connect) => {
      pulled.places++;
      setImmediate(connect);
      return () => {};
    },
    closed: (reason) => {
      pulled.reason = reason;
      sink.end(reason, false);
    },
  });
  return Object.assign(pulled, { connection });
}

const untilOver = (pulled: Pulled): Promise<unknown> => until("the end", () => pulled.reason !== undefined);

describe("an RTMP source", () => {
  it("gives every frame of the stream, as a publisher would", async () => {
    const tags = [...parseFlvFile(await readFile(await makeClip()))];
    const pulled = await pull(
      playScript((to) => {
        to.send(mediaBytes(tags));
        to.send(status("NetStream.Play.UnpublishNotify"));
      }),
    );
    await untilOver(pulled);
    expect(pulled.reason).toContain("NetStream.Play.UnpublishNotify");
    const { frames } = pulled.rig.collectors[0] ?? { frames: [] };
    const sent = tags.filter(({ type, data }) => (type === 9 ? data[1] === 1 : type === 8 && data[1] === 1));
    const md5 = (bytes: Uint8Array): string => `MD5:${createHash("md5").update(bytes).digest("hex")}`;
    expect(frames.map(({ track, hash, dts90k }) => [track, hash, dts90k / 90])).toEqual(
      sent.map(({ type, timestampMs, data }) =>
        type === 9 ? ["video", md5(data.subarray(5)), timestampMs] : ["audio", md5(data.subarray(2)), timestampMs],
      ),
    );
    expect(pulled.sink.accessUnits).toBe(sent.length);
    expect(pulled.received).toBeGreaterThan(0);
    expect(pulled.connected).toEqual([expect.objectContaining({ farIp: "127.0.0.1", farPort: pulled.server.port })]);
  });

  it("goes through TLS, to a server whose certificate is known", async () => {
    const server = await RtmpPlayServer.start(
      playScript((to) => to.send(status("NetStream.Play.Stop"))),
      true,
    );
    cleanups.push(() => server.close());
    const uri = `rtmps://localhost:${server.port}/live/cam1`;
    const known = pullFrom(server, {}, uri, TEST_CERTIFICATE);
    await untilOver(known);
    expect(known.reason).toContain("NetStream.Play.Stop");
    expect(server.of("connect")[0]?.[2]).toMatchObject({ tcUrl: `rtmps://localhost:${server.port}/live` });
    const unknown = pullFrom(server, {}, uri);
    await untilOver(unknown);
    expect(unknown.reason).toContain("self-signed certificate");
    expect(server.of("connect").length).toBe(1);
  });

  it("says what pullStream says, and what the URI holds", async () => {
    const pulled = await pull(
      playScript((to) => to.end()),
      {
        tcUrl: "rtmp://other/app",
        pageUrl: "http://page/",
        swfUrl: "http://page/x.swf",
        rangeStart: 30,
        rangeEnd: 5,
      },
      "/live/inst/cam1?token=a=b/c",
    );
    await untilOver(pulled);
    expect(pulled.server.of("connect")[0]?.[2]).toMatchObject({
      app: "live/inst",
      flashVer: "Agent 1.0",
      tcUrl: "rtmp://other/app",
      pageUrl: "http://page/",
      swfUrl: "http://page/x.swf",
      objectEncoding: 0,
    });
    expect(pulled.server.of("play")).toEqual([["play", 0, null, "cam1?token=a=b/c", 30_000, 5000]]);
    const plain = await pull(playScript((to) => to.end()));
    await untilOver(plain);
    expect(plain.server.of("play")).toEqual([["play", 0, null, "cam1", -2000]]);
    expect(plain.server.of("connect")[0]?.[2]).toMatchObject({ tcUrl: `rtmp://127.0.0.1:${plain.server.port}/live` });
    expect(plain.reason).toBe("the server closed the connection");
  });

  it.each([
    "NetStream.Play.Stop",
    "NetStream.Play.Complete",
    "NetStream.Play.UnpublishNotify",
    ["NetStream.Play.StreamNotFound", "error"],
    ["NetStream.Play.Failed", "error"],
  ])("ends at %s", async (ending) => {
    const [code = "", level = "status"] = typeof ending === "string" ? [ending] : ending;
    const pulled = await pull(playScript((to) => to.send(status(code, { level }))));
    await untilOver(pulled);
    expect(pulled.reason).toBe(`the server says ${code}: about ${code}`);
  });

  it("goes on at what is no end", async () => {
    const codes = ["NetStream.Play.Reset", "NetStream.Play.PublishNotify", "NetStream.Data.Start"];
    const pulled = await pull(playScript((to) => to.send(Buffer.concat(codes.map((code) => status(code))))));
    await until("the statuses", () => pulled.server.of("play").length === 1);
    pulled.connection.close();
    await untilOver(pulled);
    expect(pulled.reason).toBe("closed");
  });

  it("ends at StreamEOF of its stream, and answers pings", async () => {
    const eof = (stream: number): Buffer =>
      messageBytes({ csid: 2, type: 4, time: 0, payload: Buffer.from([0, 1, 0, 0, 0, stream]) });
    const pulled = await pull(
      playScript((to) => {
        to.send(messageBytes({ csid: 2, type: 4, time: 0, payload: Buffer.from([0, 6, 1, 2, 3, 4]) }));
        to.send(Buffer.concat([eof(9), eof(1)]));
      }),
    );
    await untilOver(pulled);
    expect(pulled.reason).toBe("the server ended the stream");
  });

  const refused = (
    to: Playing,
    id: Command[number] | undefined,
    description: string,
    ex?: { [name: string]: string | number },
  ) => {
    const code = "NetConnection.Connect.Rejected";
    to.send(command(0, "_error", id as number, null, { level: "error", code, description, ...(ex && { ex }) }));
    to.end();
  };

  it("that is refused says why", async () => {
    const pulled = await pull(([, id], to) => refused(to, id, "no such app"));
    await untilOver(pulled);
    expect(pulled.reason).toBe("the server says NetConnection.Connect.Rejected: no such app");
    expect(pulled.server.connections).toBe(1);
  });

  it("follows a redirect, and not for ever", async () => {
    const second = await RtmpPlayServer.start(playScript((to) => to.send(status("NetStream.Play.Stop"))));
    cleanups.push(() => second.close());
    const redirect = `rtmp://127.0.0.1:${second.port}/other`;
    const pulled = await pull(([, id], to) => refused(to, id, "moved", { code: 302, redirect }), {}, "/live/cam1?k=1");
    await untilOver(pulled);
    expect(second.of("connect")[0]?.[2]).toMatchObject({ app: "other", tcUrl: redirect });
    expect(second.of("play")[0]?.[3]).toBe("cam1?k=1");
    expect(pulled.reason).toContain("NetStream.Play.Stop");

    const loop: RtmpPlayServer = await RtmpPlayServer.start(([, id], to) =>
      refused(to, id, "round", { redirect: `rtmp://127.0.0.1:${loop.port}/live` }),
    );
    cleanups.push(() => loop.close());
    const circling = pullFrom(loop, {}, `rtmp://127.0.0.1:${loop.port}/live/cam1`);
    await untilOver(circling);
    expect(circling.reason).toContain("round");
    // Each behind the first in its turn among the host's sources.
    expect([loop.connections, circling.places]).toEqual([8, 7]);
  });

  it("answers a challenge with the credentials of the URI, and tells where they are missing or wrong", async () => {
    const salt = "c2FsdA==";
    const opaque = "b3A+/w==";
    const user = "ann";
    const b64 = (...parts: string[]): string => createHash("md5").update(parts.join("")).digest("base64");
    const server = await RtmpPlayServer.start((given, to, number) => {
      const { app = "" } = (given[2] ?? {}) as { app?: string };
      const query = new URLSearchParams((app.split("?")[1] ?? "").replaceAll("+", "%2B"));
      if (given[0] !== "connect") {
        playScript((playing) => playing.send(status("NetStream.Play.Stop")))(given, to, number);
      } else if (!query.has("authmod")) {
        refused(to, given[1] as number, "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ");
      } else if (!query.has("response")) {
        refused(
          to,
          given[1] as number,
          `[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=ann&salt=${salt}&challenge=ch==&opaque=${opaque}`,
        );
      } else if (query.get("response") === b64(b64(user, salt, "p@ss"), opaque, query.get("challenge") ?? "")) {
        to.send(command(0, "_result", 1, null, { code: "NetConnection.Connect.Success" }));
      } else refused(to, given[1] as number, "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed");
    });
    cleanups.push(() => server.close());
    const at = `127.0.0.1:${server.port}/live/cam1`;
    for (const [credentials, reason] of [
      ["ann:p%40ss@", "NetStream.Play.Stop"],
      ["ann:wrong@", "does not accept the user and password"],
      ["", "wants a user and a password"],
    ] as const) {
      const pulled = pullFrom(server, {}, `rtmp://${credentials}${at}`);
      await untilOver(pulled);
      expect(pulled.reason).toContain(reason);
      expect(JSON.stringify([pulled.connected, pulled.rig.logger.lines, pulled.reason])).not.toMatch(/response|p@ss/);
    }
  });

  it("survives whatever a server sends", async () => {
    const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 1 })))].slice(0, 12);
    let seed = 20_261_127;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 4_294_967_296) * below);
    };
    const mutated = (bytes: Uint8Array): Buffer => {
      const out = Buffer.from(bytes);
      for (let i = 0; i < 1 + random(4); i++) out[random(out.length)] = random(256);
      return random(4) === 0 ? out.subarray(0, random(out.length)) : out;
    };
    const replies = [
      command(0, "_result", 1, null, { code: "NetConnection.Connect.Success", ex: { redirect: "x" } }),
      command(0, "_result", 2, null, 1),
      status("NetStream.Play.Start"),
      mediaBytes(tags),
    ];
    const server = await RtmpPlayServer.start(([name], to) => {
      const at = ["connect", "createStream", "play"].indexOf(String(name));
      const reply = replies[at];
      if (reply) to.send(random(3) === 0 ? reply : mutated(reply));
      if (at === 2) to.send(mutated(replies[3] as Buffer));
      if (random(3) === 0) to.send(mutated(command(0, "close", 0, null)));
      setTimeout(() => to.end(), 20);
    });
    cleanups.push(() => server.close());
    for (let i = 0; i < 40; i++) {
      const pulls = Array.from({ length: 5 }, () => pullFrom(server, {}, `rtmp://127.0.0.1:${server.port}/live/cam1`));
      await Promise.all(pulls.map(untilOver));
      for (const cleanup of cleanups.splice(1).reverse()) await cleanup();
    }
    expect(server.connections).toBeGreaterThanOrEqual(200);
  }, 60_000);
});

describe("an RTMP URI", () => {
  it.each([
    ["rtmp://h/live/cam1", "live", "cam1", 1935],
    ["rtmp://h:1936/a/b/cam1?x=/y", "a/b", "cam1?x=/y", 1936],
    ["rtmps://h/live/cam1", "live", "cam1", 443],
    ["rtmp://h/cfx/st/mp4:sintel.mp4", "cfx/st", "mp4:sintel.mp4", 1935],
    ["rtmp://h/vod/mp4:folder/film.mp4", "vod", "mp4:folder/film.mp4", 1935],
    ["rtmp://h/live?vhost=a.b/cam1", "live?vhost=a.b", "cam1", 1935],
  ])("%s is application %s, stream %s", (uri, app, name, port) => {
    expect(parsePlayTarget(new URL(uri))).toMatchObject({ app, name, port });
  });

  it.each(["rtmp://h/cam1", "rtmp://h/", "rtmp:///live/cam1", "rtmp://h/live/"])("%s is refused", (uri) => {
    expect(() => parsePlayTarget(new URL(uri))).toThrow("rtmp://host/application/stream");
  });

  it("of a redirect may name the stream or not", () => {
    const from = parsePlayTarget(new URL("rtmp://u:p@h/live/cam1?k=1"));
    expect(redirectedTarget(from, "rtmp://o/x")).toMatchObject({ host: "o", app: "x", name: "cam1?k=1", user: "u" });
    expect(redirectedTarget(from, "rtmps://o/x/y/cam1?t=2")).toMatchObject({ app: "x/y", name: "cam1?t=2", port: 443 });
    expect(redirectedTarget(from, "http://o/x")).toBeUndefined();
  });
});
