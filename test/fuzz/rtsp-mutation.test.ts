// Mutations of what servers and publishers say over RTSP, of their descriptions, and of the packets between: a
// connection may end, with a reason; nothing may be thrown, and all memory comes back.

import { expect, it } from "vitest";
import { ReelError } from "../../src/base/reel-error.js";
import { FrameSink } from "../../src/ingest/frame-sink.js";
import { StagingBudget } from "../../src/ingest/mpegts/staging.js";
import { PublishGate } from "../../src/ingest/publish-gate.js";
import { RtpSession } from "../../src/ingest/rtp/rtp-session.js";
import { Authentication } from "../../src/ingest/rtsp/authentication.js";
import { RtspPlayConnection } from "../../src/ingest/rtsp/play-connection.js";
import { type RecordConnectionHost, RtspRecordConnection } from "../../src/ingest/rtsp/record-connection.js";
import { parseSessionDescription } from "../../src/ingest/rtsp/session-description.js";
import type { ByteConsumer } from "../../src/ingest/sockets/paced-socket.js";
import { HEADROOM_BYTES } from "../../src/ingest/sockets/read-loop.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { interleaved, PLAIN_SDP, pictureOf, recordOpening, SESSION, VIDEO } from "../support/fake-camera.js";
import { mutate, randomFrom } from "../support/mutate.js";
import { IngestRig } from "../support/rtmp-rig.js";

const AUDIO =
  "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=control:track2\r\n" +
  "a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1190;sizelength=13;indexlength=3;indexdeltalength=3\r\n";
const SDP = `${SESSION}c=IN IP4 0.0.0.0\r\na=range:npt=0-\r\n${VIDEO}a=control:track1\r\na=recvonly\r\n${AUDIO}`;
const REPORT = Buffer.from("80c80006000000010000000000000000000000000000000a0000000b", "hex");
const packets = (channel: number): Buffer[] =>
  Array.from({ length: 12 }, (_, frame) =>
    Buffer.concat([
      interleaved(channel, pictureOf(frame)),
      frame % 4 === 0 ? interleaved(channel + 1, REPORT) : Buffer.alloc(0),
    ]),
  );
const reply = (cseq: number, ...lines: string[]): string =>
  ["RTSP/1.0 200 OK", `CSeq: ${cseq}`, ...lines, "", ""].join("\r\n");

const SERVER = Buffer.concat([
  Buffer.from(
    reply(1, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER") +
      'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm="cam", nonce="1", qop="auth", algorithm=MD5\r\n\r\n' +
      reply(3, "Content-Base: rtsp://cam/live/", "Content-Type: application/sdp", `Content-Length: ${SDP.length}`) +
      SDP +
      reply(4, "Session: 1;timeout=60", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1") +
      reply(5, "Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=2-3") +
      reply(
        6,
        "Session: 1",
        "RTP-Info: url=rtsp://cam/live/track1;seq=0;rtptime=0,url=rtsp://cam/live/track2;seq=9;rtptime=7",
      ),
  ),
  ...packets(0),
]);

const PUBLISHER = Buffer.concat([
  recordOpening("cam", SDP),
  ...packets(0),
  Buffer.from("TEARDOWN rtsp://127.0.0.1/live/cam RTSP/1.0\r\nCSeq: 6\r\n\r\n"),
]);

class Socket {
  consumer: ByteConsumer | undefined;
  unsentBytes = 0;
  write(): void {}
  end(): void {}
  destroy(): void {}
  resume(): void {}
  readNow(): void {}
  replay(): void {}
}

/** Feeds all bytes in reads of some size, as a PacedSocket does. */
function feed(consumer: ByteConsumer, bytes: Buffer, readBytes: number): void {
  let left = Buffer.alloc(0);
  for (let at = 0; at < bytes.byteLength; at += readBytes) {
    const read = Buffer.concat([left, bytes.subarray(at, at + readBytes)]);
    left = read.subarray(consumer.onBytes(read, 0, read.byteLength, read.byteLength - left.byteLength));
    expect(left.byteLength).toBeLessThanOrEqual(HEADROOM_BYTES);
  }
}

it(`reads every mutated description, or says what is wrong with it (seed ${seed})`, () => {
  const random = randomFrom(seed);
  let read = 0;
  let refused = 0;
  for (const round of fuzzRounds(7000, 200_000)) {
    const text = mutate(Buffer.from(round % 2 === 0 ? SDP : PLAIN_SDP), random).toString("utf8");
    try {
      const { media } = parseSessionDescription(text);
      read++;
      for (const { media: one } of media) expect(one.payloadType).toBeLessThanOrEqual(127);
    } catch (error) {
      expect(error instanceof ReelError && error.code, `${JSON.stringify(text)}: ${String(error)}`).toBe("badInput");
      refused++;
    }
  }
  expect([read > 0, refused > 0]).toEqual([true, true]);
});

it(`survives mutated servers (seed ${seed})`, () => {
  const rig = new IngestRig();
  const { registry, arena } = rig;
  const random = randomFrom(seed);
  const reasons = new Map<string, number>();
  let rounds = 0;
  let played = 0;
  for (const round of fuzzRounds(1500, 100_000)) {
    rounds++;
    let nowMs = 1000;
    let session: RtpSession | undefined;
    const sink = new FrameSink({ arena, flow: () => connection.flow, open: () => registry.open("cam") });
    const connection: RtspPlayConnection = new RtspPlayConnection(
      {
        nowMs: () => nowMs,
        random: () => 0.5,
        isTcp: true,
        isSecure: false,
        nearIp: "127.0.0.1",
        farIp: "127.0.0.1",
        connected: () => {},
        received: () => {},
        note: () => {},
        openSession: (media) => {
          const options = { arena, isReordering: false, note: () => {}, budget: new StagingBudget() };
          session = new RtpSession(
            media.map((one) => one.media),
            sink,
            options,
          );
          return session;
        },
        over: ({ reason }) => {
          const kind = reason.replace(/\d+|"[^"]*"/g, "N").slice(0, 40);
          reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
        },
      },
      { uri: "rtsp://cam/live", userAgent: "", rangeStart: -2, rangeLength: -1 },
      new Authentication("u", "p"),
      () => new Socket(),
    );
    const label = `mutation ${round} of seed ${seed}`;
    expect(() => {
      feed(connection, mutate(SERVER, random), 1 + random(2000));
      for (let i = 0; i < 3; i++) {
        nowMs += 31_000;
        connection.tick();
      }
    }, label).not.toThrow();
    if (sink.stream) played++;
    connection.close("closed");
    sink.end("closed", true);
    expect([registry.list(), arena.stats().blocks], label).toEqual([[], 0]);
  }
  // Most are hit where it does not matter, or end with what is wrong.
  expect(played).toBeGreaterThan(rounds / 10);
  expect(reasons.size).toBeGreaterThan(3);
});

it(`survives mutated publishers (seed ${seed})`, () => {
  const rig = new IngestRig();
  const { registry, arena, clock } = rig;
  const random = randomFrom(seed);
  let rounds = 0;
  let published = 0;
  let faults = 0;
  const gate = new PublishGate(registry, clock, { publishKeys: { cam: "k" }, takeOverAfterMs: 3000 });
  const address = { ip: "127.0.0.1", port: 1, nearIp: "127.0.0.1", nearPort: 1, farIp: "127.0.0.1", farPort: 2 };
  for (const round of fuzzRounds(1500, 100_000)) {
    rounds++;
    const label = `mutation ${round} of seed ${seed}`;
    const host: RecordConnectionHost = {
      arena,
      clock,
      budget: new StagingBudget(),
      isSecure: false,
      random: () => 0.5,
      refusalOf: (one) => gate.refusalOf(one),
      open: (one, publisher) => {
        const answer = gate.open(one, publisher);
        if (answer.ok) published++;
        return answer;
      },
      closed: (_connection, _reason, error) => {
        if (error === undefined) return;
        faults++;
        expect((error as { code?: string }).code, `${label}: ${String(error)}`).toBe("badInput");
      },
      note: () => {},
      refused: () => {},
    };
    const connection = new RtspRecordConnection(host, address, () => new Socket());
    expect(() => feed(connection, mutate(PUBLISHER, random), 1 + random(2000)), label).not.toThrow();
    connection.close("closed", undefined, true);
    expect([registry.list(), arena.stats().blocks], label).toEqual([[], 0]);
  }
  expect(published).toBeGreaterThan(rounds / 10);
  expect(faults).toBeGreaterThan(0);
});
