// Both kinds of RTSP connections on a socket of the test's own: whatever goes wrong ends the connection, and is thrown at nobody.

import { describe, expect, it } from "vitest";
import { FrameSink } from "../../../../src/ingest/frame-sink.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { PublishGate } from "../../../../src/ingest/publish-gate.js";
import { RtpSession } from "../../../../src/ingest/rtp/rtp-session.js";
import { Authentication } from "../../../../src/ingest/rtsp/authentication.js";
import { RtspPlayConnection } from "../../../../src/ingest/rtsp/play-connection.js";
import type { DialogEnd } from "../../../../src/ingest/rtsp/play-dialog.js";
import { RtspRecordConnection } from "../../../../src/ingest/rtsp/record-connection.js";
import { interleaved, PLAIN_SDP, pictureOf, recordOpening } from "../../../support/fake-camera.js";
import { IngestRig } from "../../../support/rtmp-rig.js";

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
const PLAYING = Buffer.from(
  reply(1) +
    reply(2, "Content-Type: application/sdp", `Content-Length: ${PLAIN_SDP.length}`) +
    PLAIN_SDP +
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

  constructor(given: { budget?: StagingBudget; isReordering?: boolean } = {}) {
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
        received: () => {},
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
    this.take(PLAYING);
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

  it("ends where the last packets find no room", () => {
    const playing = new Playing({ budget: new StagingBudget(40_000), isReordering: true });
    for (const frame of [0, 1]) playing.take(interleaved(0, pictureOf(frame)));
    const large = Buffer.alloc(60_000, 0x99).fill(0x65, 0, 1);
    playing.take(interleaved(0, pictureOf(3, large)));
    expect(() => playing.connection.close("closed")).not.toThrow();
    expect(playing.ends).toEqual([{ reason: "closed" }]);
    expect(playing.notes).toEqual([expect.stringMatching(/^its end was not in order: the staging memory/)]);
    expect(playing.socket.written.at(-1)).toMatch(/^TEARDOWN /);
    playing.sink.end("closed", true);
    expect(playing.rig.arena.stats().blocks).toBe(0);
  });
});

describe("RtspRecordConnection", () => {
  it("is gone for its server, whatever goes wrong at its end", () => {
    const { arena, clock, registry } = new IngestRig();
    const gate = new PublishGate(registry, clock, { publishKeys: undefined, takeOverAfterMs: 3000 });
    const closed: unknown[] = [];
    const fault = new Error("the socket is broken");
    const socket = Object.assign(new Socket(), {
      destroy: () => {
        throw fault;
      },
    });
    const connection = new RtspRecordConnection(
      {
        arena,
        clock,
        budget: new StagingBudget(),
        isSecure: false,
        random: () => 0.5,
        refusalOf: (one) => gate.refusalOf(one),
        open: (one, publisher) => gate.open(one, publisher),
        closed: (...about) => closed.push(about),
        note: () => {},
        refused: () => {},
      },
      { ip: "127.0.0.1", port: 1, nearIp: "127.0.0.1", nearPort: 1, farIp: "127.0.0.1", farPort: 2 },
      () => socket,
    );
    const opening = recordOpening("cam");
    connection.onBytes(opening, 0, opening.byteLength, opening.byteLength);
    expect(registry.list()).toHaveLength(1);
    expect(() => connection.close("closed")).not.toThrow();
    expect(closed).toEqual([[connection, "closed", fault]]);
    expect(registry.list()).toEqual([]);
  });
});
