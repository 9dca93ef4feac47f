// Both kinds of RTSP connections on a socket of the test's own: whatever goes wrong ends the connection, and is thrown
// at nobody.

import { describe, expect, it } from "vitest";
import { FrameSink } from "../../../../src/ingest/frame-sink.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { PublishGate } from "../../../../src/ingest/publish-gate.js";
import { RtpSession } from "../../../../src/ingest/rtp/rtp-session.js";
import { Authentication } from "../../../../src/ingest/rtsp/authentication.js";
import { RtspPlayConnection } from "../../../../src/ingest/rtsp/play-connection.js";
import type { DialogEnd } from "../../../../src/ingest/rtsp/play-dialog.js";
import { RtspRecordConnection } from "../../../../src/ingest/rtsp/record-connection.js";
import { interleaved, PLAIN_SDP, pictureOf, recordOpening, SESSION } from "../../../support/fake-camera.js";
import { IngestRig } from "../../../support/rtmp-rig.js";
import { until } from "../../../support/until.js";

class Socket {
  readonly written: string[] = [];
  unsentBytes = 0;
  isDestroyed = false;
  write(bytes: Uint8Array): void {
    this.written.push(Buffer.from(bytes).toString("latin1"));
  }
  end(): void {}
  destroy(): void {
    this.isDestroyed = true;
  }
  resume(): void {}
  readNow(): void {}
  replay(): void {}
}

const reply = (cseq: number, ...lines: string[]): string =>
  ["RTSP/1.0 200 OK", `CSeq: ${cseq}`, ...lines, "", ""].join("\r\n");
const playing = (sdp: string): Buffer =>
  Buffer.from(
    reply(1) +
      reply(2, "Content-Type: application/sdp", `Content-Length: ${sdp.length}`) +
      sdp +
      reply(3, "Session: 1;timeout=60", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1") +
      reply(4, "Session: 1"),
  );

/** A source that plays. */
class Playing {
  readonly rig = new IngestRig();
  readonly socket = new Socket();
  readonly ends: DialogEnd[] = [];
  readonly notes: string[] = [];
  readonly sink: FrameSink;
  readonly connection: RtspPlayConnection;
  nowMs = 1000;
  received = 0;

  constructor(given: { budget?: StagingBudget; isReordering?: boolean } = {}, opening = playing(PLAIN_SDP)) {
    const { arena, registry } = this.rig;
    const sink = new FrameSink({ arena, flow: () => this.connection.flow, open: () => registry.open("cam") });
    this.sink = sink;
    const note = (text: string): void => void this.notes.push(text);
    this.connection = new RtspPlayConnection(
      {
        nowMs: () => this.nowMs,
        random: () => 0.5,
        isTcp: true,
        isSecure: false,
        nearIp: "127.0.0.1",
        farIp: "127.0.0.1",
        connected: () => {},
        received: () => this.received++,
        note,
        openSession: (media) => {
          const recorded = media.map((one) => one.media);
          return new RtpSession(recorded, sink, { arena, isReordering: false, note, ...given });
        },
        over: (end) => this.ends.push(end),
      },
      { uri: "rtsp://cam/live", userAgent: "", rangeStart: -2, rangeLength: -1 },
      new Authentication("u", "p"),
      () => this.socket,
    );
    this.take(opening);
  }

  take(bytes: Buffer): void {
    this.connection.onBytes(bytes, 0, bytes.byteLength, bytes.byteLength);
  }
}

describe("RtspPlayConnection", () => {
  it("leaves a server that does not read what keeps the session alive", () => {
    const { connection, socket, ends } = Object.assign(new Playing(), { nowMs: 61_000 });
    socket.unsentBytes = 300_000;
    expect(() => connection.tick()).not.toThrow();
    connection.close("closed");
    expect(ends).toEqual([{ reason: "the server does not read what we send" }]);
  });

  it("takes replies without a number where the first ones had one", () => {
    const opening = playing(PLAIN_SDP)
      .toString("latin1")
      .replace(/CSeq: [34]\r\n/g, "");
    const source = new Playing({}, Buffer.from(opening, "latin1"));
    for (const frame of [0, 1]) source.take(interleaved(0, pictureOf(frame)));
    expect(source.sink.stream).toBeDefined();
  });

  it("ends where the last packets find no room", () => {
    const budget = new StagingBudget(200_000);
    const playing = new Playing({ budget, isReordering: true });
    for (const frame of [0, 1]) playing.take(interleaved(0, pictureOf(frame)));
    const large = Buffer.alloc(60_000, 0x99).fill(0x65, 0, 1);
    playing.take(interleaved(0, pictureOf(3, large)));
    // Other sources have taken the rest of what all may hold.
    budget.usedBytes += 200_000;
    expect(() => playing.connection.close("closed")).not.toThrow();
    expect(playing.ends).toEqual([{ reason: "closed" }]);
    expect(playing.notes).toEqual([expect.stringMatching(/^its end was not in order: the staging memory/)]);
    expect(playing.socket.written.at(-1)).toMatch(/^TEARDOWN /);
    playing.sink.end("closed", true);
    expect(playing.rig.arena.stats().blocks).toBe(0);
  });
});

/** A publisher, as far as its bytes go. */
class Publishing {
  readonly rig = new IngestRig();
  readonly closed: unknown[] = [];
  readonly connection: RtspRecordConnection;

  constructor(socket: Socket) {
    const { arena, clock, registry } = this.rig;
    const gate = new PublishGate(registry, clock, { publishKeys: undefined, takeOverAfterMs: 3000 });
    this.connection = new RtspRecordConnection(
      {
        arena,
        clock,
        budget: new StagingBudget(),
        isSecure: false,
        random: Math.random,
        refusalOf: (one) => gate.refusalOf(one),
        open: (one, publisher) => gate.open(one, publisher),
        closed: (...about) => this.closed.push(about),
        note: () => {},
        refused: () => {},
      },
      { ip: "127.0.0.1", port: 1, nearIp: "127.0.0.1", nearPort: 1, farIp: "127.0.0.1", farPort: 2 },
      () => socket,
    );
  }

  take(bytes: Buffer): void {
    this.connection.onBytes(bytes, 0, bytes.byteLength, bytes.byteLength);
  }
}

describe("RtspPlayConnection, of which nothing is recorded", () => {
  it("has no sign of life where only reports come", () => {
    const source = new Playing();
    const { received } = source;
    expect(received).toBeGreaterThan(0);
    for (let i = 0; i < 5; i++) source.take(interleaved(1, senderReport(1, 1000 + i)));
    source.take(Buffer.from(reply(5)));
    expect(source.received).toBe(received);
    source.take(interleaved(0, pictureOf(0)));
    expect(source.received).toBe(received + 1);
  });

  it("says after ten seconds what it is that comes", () => {
    const source = new Playing({}, playing(PLAIN_SDP.replace(/; sprop[^\r]*/, "")));
    for (let frame = 0; frame < 50; frame++) source.take(interleaved(0, pictureOf(frame)));
    source.nowMs += 9000;
    source.connection.tick();
    expect(source.notes).toEqual([]);
    source.nowMs += 1000;
    for (let i = 0; i < 2; i++) source.connection.tick();
    expect(source.notes).toEqual(["nothing can be recorded of what comes; RTP of medium 0: framesBeforeConfig 49"]);
    expect(source.ends).toEqual([]);
  });
});

describe("RtspRecordConnection", () => {
  it("is gone for its server, whatever goes wrong at its end", () => {
    const fault = new Error("the socket is broken");
    const socket = Object.assign(new Socket(), {
      destroy: () => {
        throw fault;
      },
    });
    const publishing = new Publishing(socket);
    const { connection, rig, closed } = publishing;
    publishing.take(recordOpening("cam"));
    expect(rig.registry.list()).toHaveLength(1);
    expect(() => connection.close("closed")).not.toThrow();
    expect(closed).toEqual([[connection, "closed", fault]]);
    expect(rig.registry.list()).toEqual([]);
  });

  it("has the ports of the media that were set up, and of no others", async () => {
    const udpSockets = (): number => process.getActiveResourcesInfo().filter((name) => /^udp/i.test(name)).length;
    const before = udpSockets();
    const socket = new Socket();
    const publishing = new Publishing(socket);
    const media = Array.from({ length: 16 }, (_, i) => `m=audio 0 RTP/AVP 0\r\na=control:track${i + 1}\r\n`).join("");
    const setUp = "SETUP rtsp://127.0.0.1/live/cam/track3 RTSP/1.0\r\nCSeq: 9\r\n";
    const opening = recordOpening("cam", SESSION + media).toString("latin1");
    publishing.take(Buffer.from(opening.slice(0, opening.indexOf("SETUP"))));
    publishing.take(Buffer.from(`${setUp}Transport: RTP/AVP;unicast;client_port=5000-5001;mode=record\r\n\r\n`));
    await until("ports are answered", () => /server_port=\d/.test(socket.written.at(-1) ?? ""), 15_000);
    expect(udpSockets() - before).toBe(2);
    publishing.connection.close("closed");
  });

  it("leaves tracks where their sender reports put them", () => {
    const publishing = new Publishing(new Socket());
    const sdp = `${PLAIN_SDP}m=audio 0 RTP/AVP 0\r\na=control:track2\r\n`;
    publishing.take(recordOpening("cam", sdp));
    const [stream] = publishing.rig.registry.list();
    const found: unknown[] = [];
    stream?.on("gap", ({ cause }) => found.push(cause));
    // The sound is 4 s behind.
    publishing.take(interleaved(1, senderReport(1, 1000)));
    publishing.take(interleaved(3, senderReport(2, 1004)));
    for (let frame = 0; frame < 200; frame++) {
      publishing.take(interleaved(0, pictureOf(frame)));
      publishing.take(interleaved(2, soundOf(frame)));
      publishing.rig.clock.nowMs += 40;
    }
    expect(stream?.statistics.slice(0, 2).map(({ frames }) => frames > 150)).toEqual([true, true]);
    expect(found).toEqual([]);
    publishing.connection.close("closed");
  });
});

/** Of timestamp 0. */
function senderReport(ssrc: number, ntpSeconds: number): Buffer {
  const report = Buffer.from("80c80006000000000000000000000000000000000000000000000000", "hex");
  report.writeUInt32BE(ssrc, 4);
  report.writeUInt32BE(ntpSeconds, 8);
  return report;
}

/** 40 ms of G.711. */
function soundOf(frame: number): Buffer {
  const packet = Buffer.alloc(12 + 320, 0xff);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt16BE(frame, 2);
  packet.writeUInt32BE(frame * 320, 4);
  packet.writeUInt32BE(2, 8);
  return packet;
}
