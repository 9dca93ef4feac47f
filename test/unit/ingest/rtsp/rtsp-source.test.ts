// A pulled RTSP source against a camera with bytes of our own: what is asked, in which order, and what becomes of the
// defects that cameras have.

import { afterEach, describe, expect, it } from "vitest";
import { effort } from "../../../support/effort.js";
import {
  type CameraScript,
  FakeCamera,
  interleaved,
  ok,
  PLAIN_SDP,
  pictureOf,
  SESSION,
  VIDEO,
} from "../../../support/fake-camera.js";
import { RtspRig } from "../../../support/rtsp-rig.js";
import { until } from "../../../support/until.js";

let rig: RtspRig;
const others: FakeCamera[] = [];
afterEach(async () => {
  await rig.close();
  for (const camera of others.splice(0)) await camera.close();
});

/** A source of that camera plays; its first pictures are in the stream. */
async function play(script: CameraScript, given: Parameters<RtspRig["pull"]>[0] = {}): Promise<void> {
  rig = await RtspRig.open(script);
  rig.pull(given);
  await rig.untilAsked("PLAY");
  rig.camera.send(5);
  await rig.untilFrames(4);
}

const sdpReply = (sdp: string, ...headers: string[]): string =>
  ok("Content-Type: application/sdp", `Content-Length: ${sdp.length}`, ...headers) + sdp;

describe("an RTSP source", () => {
  it("asks in order, without credentials in the URI, and says goodbye", async () => {
    rig = await RtspRig.open();
    rig.pull({
      uri: rig.camera.url("cam/realmonitor?channel=1&subtype=0", "user:p%40ss@"),
      emulateUserAgent: "Reel\r\nX: y",
    });
    await rig.untilAsked("PLAY");
    rig.camera.send(5);
    await rig.untilFrames(4);
    rig.pulls.stop(7, "removed");
    await rig.untilAsked("TEARDOWN");
    const base = rig.camera.url("cam/realmonitor?channel=1&subtype=0");
    expect(rig.camera.requests.map(({ method, uri }) => `${method} ${uri}`)).toEqual([
      `OPTIONS ${base}`,
      `DESCRIBE ${base}`,
      `SETUP ${base}/track1`,
      `PLAY ${base}/`,
      `TEARDOWN ${base}/`,
    ]);
    expect(rig.camera.of("SETUP")[0]?.headers.transport).toBe("RTP/AVP/TCP;unicast;interleaved=0-1");
    expect(rig.camera.of("PLAY")[0]?.headers).toMatchObject({
      session: "4711",
      range: "npt=0.000-",
      "user-agent": "Reel X: y",
    });
    expect(rig.reports).toEqual([1, 3, 0]);
  });

  it("gives back all memory, and ends every connection, when it is closed", async () => {
    await play({});
    rig.pulls.stop(7, "removed");
    await rig.untilAsked("TEARDOWN");
    await rig.pulls.close();
    expect([rig.stream, rig.arena.stats().blocks]).toEqual([undefined, 0]);
  });

  it("ends when the camera leaves its connection, or says goodbye on all tracks", async () => {
    for (const leave of [
      () => rig.camera.socket?.destroy(),
      () => rig.camera.socket?.write("TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
      () => {
        rig.camera.socket?.write(interleaved(1, Buffer.from("81cb000100000001", "hex")));
        rig.aheadMs += 1000;
      },
    ]) {
      await play({});
      leave();
      expect(await rig.untilOver()).toMatch(/closed the connection|ended/);
      expect([rig.reports, rig.stream]).toEqual([[1, 3, 0, 4], undefined]);
      await rig.close();
    }
    rig = await RtspRig.open();
  });
});

describe("credentials", () => {
  const digest = (nonce: string, stale = ""): string =>
    `401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\nWWW-Authenticate: Digest realm="cam", nonce="${nonce}"${stale}\r\n\r\n`;

  it("are given when they are asked for, then always, and anew for a stale nonce", async () => {
    let nonce = "n1";
    let isStale = false;
    const reply = ({ method, headers }: { method: string; headers: Record<string, string> }) => {
      if (method === "OPTIONS" && !isStale) return undefined;
      return headers.authorization?.includes(`nonce="${nonce}"`)
        ? undefined
        : digest(nonce, isStale ? ", stale=true" : "");
    };
    rig = await RtspRig.open({ reply });
    rig.pull({ uri: rig.camera.url("live", "user:the-password@") });
    await rig.untilAsked("PLAY");
    expect(rig.camera.methods).toEqual(["OPTIONS", "DESCRIBE", "DESCRIBE", "SETUP", "PLAY"]);
    const [, withAnswer] = rig.camera.of("DESCRIBE");
    expect(withAnswer?.headers.authorization).toMatch(/^Digest username="user", realm="cam", nonce="n1", uri="rtsp:/);
    [nonce, isStale] = ["n2", true];
    rig.camera.send(5);
    await rig.untilFrames(4);
    rig.aheadMs += 31_000;
    await rig.untilAsked("GET_PARAMETER", 2);
    expect(rig.camera.of("GET_PARAMETER")[1]?.headers.authorization).toContain('nonce="n2"');
    expect(rig.reports).toEqual([1, 3, 0]);
  });

  it("that are wrong are tried once in an attempt, and stand in no log line", async () => {
    rig = await RtspRig.open({ reply: ({ method }) => (method === "DESCRIBE" ? digest("n") : undefined) });
    rig.pull({ uri: rig.camera.url("live", "user:the-password@") });
    expect(await rig.untilOver()).toBe('the server refuses the user and password of the URI (Digest MD5, realm "cam")');
    expect(rig.camera.of("DESCRIBE").length).toBe(2);
    expect(JSON.stringify(rig.logger.lines)).not.toContain("the-password");
    expect(JSON.stringify(rig.logger.lines)).toContain("user:***@");
  });

  it("go to another host by digest only", async () => {
    const basic = '401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n';
    const other = await FakeCamera.open({ reply: ({ method }) => (method === "DESCRIBE" ? basic : undefined) });
    others.push(other);
    const moved = `302 Moved\r\nLocation: rtsp://localhost:${other.port}/there\r\n\r\n`;
    rig = await RtspRig.open({ reply: ({ method }) => (method === "DESCRIBE" ? moved : undefined) });
    rig.pull({ uri: rig.camera.url("live", "user:the-password@") });
    expect(await rig.untilOver()).toContain("plain text");
    expect(other.of("DESCRIBE")[0]?.uri).toBe(`rtsp://localhost:${other.port}/there`);
    expect(other.requests.some(({ headers }) => headers.authorization)).toBe(false);
  });
});

describe("a redirect", () => {
  it("is followed, and given up when there are too many", async () => {
    const other = await FakeCamera.open();
    others.push(other);
    rig = await RtspRig.open({
      reply: ({ method }) => (method === "DESCRIBE" ? `301 Moved\r\nLocation: ${other.url("x")}\r\n\r\n` : undefined),
    });
    rig.pull();
    await until("the other camera plays", () => other.of("PLAY").length > 0, 15_000);
    other.send(5);
    await rig.untilFrames(4);
    expect(rig.reports).toEqual([1, 3, 0]);
    rig.pulls.stop(7, "removed");
    const loop: FakeCamera = await FakeCamera.open({
      reply: ({ method }) => (method === "DESCRIBE" ? `302 Round\r\nLocation: ${loop.url()}\r\n\r\n` : undefined),
    });
    others.push(loop);
    rig.pull({ uri: loop.url(), configId: 8 });
    expect(await rig.untilOver()).toContain("302 Round");
    expect(loop.connectionCount).toBe(8);
  });
});

describe("over UDP", () => {
  it("pictures come on ports of our own", async () => {
    rig = await RtspRig.open();
    rig.pull({ forceTcp: false });
    await rig.untilAsked("PLAY");
    const [, even, odd] = /client_port=(\d+)-(\d+)$/.exec(rig.camera.of("SETUP")[0]?.headers.transport ?? "") ?? [];
    expect([Number(even) % 2, Number(odd) - Number(even)]).toEqual([0, 1]);
    rig.camera.sendUdp(5);
    await rig.untilFrames(4);
    expect(rig.stream?.source).toMatchObject({ reader: "rtsp, over UDP" });
    const medium = { kind: "video", packets: 5, lostPackets: 0, reorderedPackets: 0, duplicates: 0, latePackets: 0 };
    expect(rig.stream?.reception?.()).toMatchObject({ transport: "UDP", why: undefined, media: [medium] });
  });

  it("each connection is a receiver of its own number", async () => {
    rig = await RtspRig.open();
    for (const configId of [7, 8]) rig.pull({ forceTcp: false, configId, localStreamName: `s${configId}` });
    await until("both have said who they are", () => rig.camera.reports.length >= 2, 15_000);
    const numbers = rig.camera.reports.slice(0, 2).map((report) => report.readUInt32BE(4));
    expect(new Set(numbers).size).toBe(2);
    expect(numbers).not.toContain(1);
  });

  it("TCP is asked for where no packet has come in three seconds, and at once the next time", async () => {
    rig = await RtspRig.open();
    rig.pull({ forceTcp: false, keepAlive: true });
    await rig.untilAsked("PLAY");
    rig.aheadMs += 3100;
    await rig.untilAsked("PLAY", 2);
    expect(rig.camera.of("SETUP").map(({ headers }) => headers.transport?.includes("TCP"))).toEqual([false, true]);
    // The first session is given back: cameras have few.
    expect(rig.camera.of("TEARDOWN").map(({ connection }) => connection)).toEqual([0]);
    rig.camera.send(5);
    await rig.untilFrames(4);
    expect(rig.stream?.source).toMatchObject({ reader: "rtsp, over TCP (no packet came over UDP)" });
    rig.camera.socket?.destroy();
    await rig.untilAsked("SETUP", 3);
    expect(rig.camera.of("SETUP")[2]?.headers.transport).toContain("TCP");
  });

  it("TCP is asked for at once where the camera does not send datagrams", async () => {
    const reply = ({ method, headers }: { method: string; headers: Record<string, string> }) =>
      method === "SETUP" && !headers.transport?.includes("TCP") ? "461 Unsupported Transport\r\n\r\n" : undefined;
    rig = await RtspRig.open({ reply });
    rig.pull({ forceTcp: false });
    await rig.untilAsked("PLAY");
    rig.camera.send(5);
    await rig.untilFrames(4);
  });
});

describe("keep-alive", () => {
  const timeout = (seconds: string, keepAlive?: string): CameraScript => ({
    reply({ method, headers }) {
      if (method === "SETUP") return ok(`Session: 1${seconds}`, `Transport: ${headers.transport}`);
      return method === "GET_PARAMETER" ? keepAlive : undefined;
    },
  });

  it("comes within half of the server's timeout, and within half a minute where that says nothing", async () => {
    for (const [seconds, ms] of [
      [";timeout=15", 7600],
      [";timeout=0", 30_100],
      ["", 30_100],
      [" ; Timeout = 99999", 30_100],
      [";timeout=1", 2100],
    ] as const) {
      await play(timeout(seconds));
      rig.aheadMs += ms - 2000;
      rig.camera.send(2);
      await rig.untilFrames(6);
      expect(rig.camera.of("GET_PARAMETER").length).toBe(0);
      rig.aheadMs += 2000;
      await rig.untilAsked("GET_PARAMETER");
      expect(rig.camera.of("GET_PARAMETER")[0]?.headers.session).toBe("1");
      await rig.close();
    }
    rig = await RtspRig.open();
  });

  it("goes on with OPTIONS where GET_PARAMETER was announced and is refused", async () => {
    await play(timeout("", "405 Method Not Allowed\r\n\r\n"));
    rig.aheadMs += 31_000;
    await rig.untilAsked("GET_PARAMETER");
    // The reply is behind these in nothing.
    rig.camera.send(2);
    await rig.untilFrames(6);
    rig.aheadMs += 31_000;
    await rig.untilAsked("OPTIONS", 2);
    expect(rig.reports).toEqual([1, 3, 0]);
  });

  it("that meets a forgotten session ends the source", async () => {
    await play(timeout("", "454 Session Not Found\r\n\r\n"));
    rig.aheadMs += 31_000;
    expect(await rig.untilOver()).toContain("does not know the session");
  });
});

describe("a camera that goes", () => {
  it("between SETUP and PLAY is asked again, from the beginning", async () => {
    rig = await RtspRig.open({
      reply: ({ method, connection }) => {
        if (method === "PLAY" && connection < 2) rig.camera.socket?.resetAndDestroy();
        return undefined;
      },
    });
    rig.pull({ keepAlive: true });
    await rig.untilAsked("PLAY", 3);
    rig.camera.send(5);
    await rig.untilFrames(4);
    expect(rig.camera.methods.slice(0, 5)).toEqual(["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "OPTIONS"]);
    expect(rig.attempts).toBe(2);
  });

  it("and comes back has all its sources again, at most fifty a second, and nothing leaks", async () => {
    const sources = 50;
    const rounds = effort(2, 10);
    rig = await RtspRig.open();
    const { port } = rig.camera;
    let camera = rig.camera;
    for (let i = 0; i < sources; i++)
      rig.pull({ uri: rig.camera.url(), localStreamName: `cam${i}`, configId: i + 1, keepAlive: true });
    const stopSending = setInterval(() => camera.sendToAll(), 40);
    try {
      let blocks = 0;
      for (let round = 0; round <= rounds; round++) {
        const isLive = (i: number): boolean => (rig.registry.get(`cam${i}`)?.statistics[0]?.frames ?? 0) > 1;
        await until("all are live", () => Array.from({ length: sources }, (_, i) => i).every(isLive), 60_000);
        // Rings may grow; blocks are what a source has.
        if (round === 0) blocks = rig.arena.stats().blocks;
        expect(rig.arena.stats().blocks).toBe(blocks);
        for (const atMs of camera.acceptedMs)
          expect(camera.acceptedMs.filter((other) => other >= atMs && other < atMs + 900).length).toBeLessThanOrEqual(
            50,
          );
        if (round === rounds) break;
        await camera.close();
        await until("none is live", () => rig.registry.list().length === 0, 60_000);
        camera = await FakeCamera.open({}, port);
        others.push(camera);
      }
    } finally {
      clearInterval(stopSending);
    }
  });
});

describe("a camera", () => {
  const works: [string, CameraScript][] = [
    ["that numbers its replies in a way of its own", { cseq: (cseq) => String(cseq + 1) }],
    ["that numbers no reply", { cseq: () => "" }],
    ["that refuses OPTIONS", { reply: ({ method }) => (method === "OPTIONS" ? "501 No\r\n\r\n" : undefined) }],
    ["that gives no Transport", { reply: ({ method }) => (method === "SETUP" ? ok("Session: 1") : undefined) }],
    [
      "that refuses a range",
      {
        reply: ({ method, headers }) => (method === "PLAY" && headers.range ? "457 Invalid Range\r\n\r\n" : undefined),
      },
    ],
    [
      "that plays each track by itself",
      { reply: ({ method, uri }) => (method === "PLAY" && !uri.endsWith("track1") ? "459 No\r\n\r\n" : undefined) },
    ],
    [
      "that sends pictures before it replies to PLAY",
      {
        reply: ({ method, headers }) =>
          method === "PLAY"
            ? Buffer.concat([
                interleaved(0, pictureOf(65_535)),
                Buffer.from(`RTSP/1.0 200 OK\r\nCSeq: ${headers.cseq}\r\n\r\n`),
              ])
            : undefined,
      },
    ],
    [
      "that begins a second session for its sound, and refuses it",
      {
        sdp: `${PLAIN_SDP}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=control:track2\r\n`,
        reply: ({ method, uri }) =>
          method === "SETUP" && uri.endsWith("track2") ? "404 Not Found\r\n\r\n" : undefined,
      },
    ],
    [
      "that announces sound and never sends any",
      { sdp: `${PLAIN_SDP}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=control:track2\r\n` },
    ],
    [
      "with a description that says it is longer",
      {
        reply: ({ method }) =>
          method === "DESCRIBE" ? ok("Content-Type: application/sdp", "Content-Length: 999") + PLAIN_SDP : undefined,
      },
    ],
    [
      "with a description that says it is shorter",
      {
        reply: ({ method }) =>
          method === "DESCRIBE" ? ok("Content-Type: application/sdp", "Content-Length: 60") + PLAIN_SDP : undefined,
      },
    ],
    [
      "with a description without a length",
      { reply: ({ method }) => (method === "DESCRIBE" ? ok("Content-Type: application/sdp") + PLAIN_SDP : undefined) },
    ],
  ];
  it.each(works)("%s is recorded", async (_name, script) => {
    rig = await RtspRig.open(script);
    rig.pull();
    await until(
      "the camera plays",
      () => {
        rig.aheadMs += 200;
        return rig.camera.of("PLAY").length > 0;
      },
      15_000,
    );
    // A PLAY that was refused is asked again in another way.
    await until(
      "pictures come",
      () => {
        rig.camera.send(1);
        return rig.frames > 3;
      },
      15_000,
    );
    expect(rig.reports).toEqual([1, 3, 0]);
  });

  it("that asks, and reads no answer, is left", async () => {
    rig = await RtspRig.open();
    rig.pull();
    await rig.untilAsked("PLAY");
    const { socket } = rig.camera;
    socket?.pause();
    const asked = Buffer.from("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n".repeat(5000));
    const asking = setInterval(() => socket?.write(asked), 10);
    try {
      await until("the source is over", () => rig.reason !== "", 30_000);
    } finally {
      clearInterval(asking);
    }
    expect(rig.reason).toBe("the server does not read what we send");
  });

  it("sends on other channels than were asked for, and junk between its packets", async () => {
    const reply: CameraScript["reply"] = ({ method }) =>
      method === "SETUP" ? ok("Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=6-7") : undefined;
    rig = await RtspRig.open({ reply });
    rig.pull();
    await rig.untilAsked("PLAY");
    for (let i = 0; i < 5; i++) {
      rig.camera.socket?.write(interleaved(0, pictureOf(1000 + i)));
      rig.camera.socket?.write(Buffer.from("\0\x01junk $ and more $\0"));
      rig.camera.send(1, 6);
    }
    await rig.untilFrames(4);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(rig.frames).toBeLessThan(6);
    rig.pulls.stop(7, "removed");
    expect(JSON.stringify(rig.logger.lines)).toContain("bytes between its packets were no RTSP");
  });

  it("that refuses its sound is recorded without, and says so", async () => {
    await play({
      sdp: `${PLAIN_SDP}m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3\r\na=control:track2\r\n`,
      reply: ({ method, uri }) => (method === "SETUP" && uri.endsWith("track2") ? "404 Not Found\r\n\r\n" : undefined),
    });
    const codec = "AAC (the server answers SETUP with 404 Not Found)";
    expect(rig.stream?.unrecorded).toEqual([{ kind: "audio", codec }]);
    // It is not waited for.
    expect(rig.stream?.tracks.map(({ kind }) => kind)).toEqual(["video"]);
    expect(rig.stream?.reception?.()).toMatchObject({ transport: "TCP", why: "forceTcp", media: [{ kind: "video" }] });
  });

  it("is not asked for its loudspeaker, nor for what is no picture and no sound", async () => {
    const medium = (type: string, payload: number, map: string, ...lines: string[]): string =>
      [`m=${type} 0 RTP/AVP ${payload}`, `a=rtpmap:${payload} ${map}`, ...lines, ""].join("\r\n");
    await play({
      sdp:
        `${SESSION}${VIDEO}a=control:v\r\na=recvonly\r\n` +
        medium("audio", 0, "PCMU/8000", "a=control:talk", "a=sendonly") +
        medium("application", 107, "vnd.onvif.metadata/90000", "a=control:meta"),
    });
    expect(rig.camera.of("SETUP").map(({ uri }) => uri)).toEqual([rig.camera.url("live/v")]);
    expect(JSON.stringify(rig.logger.lines)).toContain("audio back channel");
  });

  const refused: [string, CameraReplyOf, RegExp][] = [
    ["speaks HTTP", ["OPTIONS", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")], /HTTP tunnel is not supported/],
    [
      "offers multicast",
      ["SETUP", ok("Session: 1", "Transport: RTP/AVP;multicast;port=5000-5001")],
      /multicast, which is not/,
    ],
    [
      "sends datagrams unasked",
      ["SETUP", ok("Transport: RTP/AVP;unicast;client_port=1-2")],
      /over UDP what was asked for over TCP/,
    ],
    ["has no such stream", ["DESCRIBE", "404 Stream Not Found\r\n\r\n"], /DESCRIBE with 404 Stream Not Found/],
    ["has no place left", ["PLAY", "453 Not Enough Bandwidth\r\n\r\n"], /PLAY with 453/],
    ["describes no media", ["DESCRIBE", sdpReply("v=0\r\ns=x\r\n")], /no media/],
    [
      "has nothing that can be recorded",
      ["DESCRIBE", sdpReply(`${SESSION}m=video 0 RTP/AVP 26\r\n`)],
      /recorded: JPEG/,
    ],
  ];
  type CameraReplyOf = [method: string, reply: string | Buffer];
  it.each(refused)("that %s is told so by name", async (_name, [at, bytes], reason) => {
    rig = await RtspRig.open({ reply: ({ method }) => (method === at ? bytes : undefined) });
    rig.pull();
    expect(await rig.untilOver()).toMatch(reason);
    expect(rig.reports.at(-1)).toBe(5);
  });
});
