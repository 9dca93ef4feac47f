// What the reader makes of the bytes of an RTSP connection, however they are cut, and of cameras that break the rules.

import { describe, expect, it } from "vitest";
import { Channels } from "../../../../src/ingest/rtsp/channels.js";
import { RtspMessageReader } from "../../../../src/ingest/rtsp/message-reader.js";
import { HEADROOM_BYTES } from "../../../../src/ingest/sockets/read-loop.js";

class Reading {
  readonly seen: string[] = [];
  readonly channels = new Channels();
  onPacket: () => void = () => {};
  readonly reader: RtspMessageReader;
  #left = Buffer.alloc(0);

  constructor(maxJunkBytes = 1000) {
    for (const channel of [0, 1]) this.channels.set(channel, channel);
    this.reader = new RtspMessageReader(
      {
        channels: this.channels,
        packet: (channel, bytes, start, end) => {
          this.seen.push(`${channel}:${Buffer.from(bytes.subarray(start, end)).toString("latin1")}`);
          this.onPacket();
        },
        message: (message) => {
          const first =
            message.kind === "response" ? `${message.status} ${message.reason}` : `${message.method} ${message.uri}`;
          this.seen.push(`${first} ${message.headers.get("cseq")}|${message.body.toString("latin1")}`);
        },
      },
      maxJunkBytes,
    );
  }

  feed(...parts: (string | Buffer)[]): this {
    for (const part of parts) {
      const bytes = Buffer.concat([this.#left, typeof part === "string" ? Buffer.from(part, "latin1") : part]);
      const at = this.reader.read(bytes, 0, bytes.byteLength);
      this.#left = bytes.subarray(at);
      expect(this.#left.byteLength).toBeLessThanOrEqual(HEADROOM_BYTES);
    }
    return this;
  }
}

const OK = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
const packet = (channel: number, payload: string, size = payload.length): string =>
  `$${String.fromCharCode(channel, size >> 8, size & 255)}${payload}`;
const RTP = "\x80`abcdefghij";
const sdp = (length: string, body: string): string =>
  `RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n${length}\r\n${body}`;
const SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:track1\r\n";

describe("the bytes of an RTSP connection", () => {
  it("make the same messages and packets wherever reads divide them", () => {
    const bytes = Buffer.from(
      `${OK}${packet(0, RTP)}\r\n${packet(1, "")}RTSP/1.0 401 Not you\nCSeq: 2\nContent-Length: 3\n\nabc${packet(0, RTP)}` +
        `ANNOUNCE rtsp://a/b RTSP/1.0\r\nCSeq: 9\r\n\r\n`,
      "latin1",
    );
    const expected = ["200 OK 1|", `0:${RTP}`, "1:", "401 Not you 2|abc", `0:${RTP}`, "ANNOUNCE rtsp://a/b 9|"];
    expect(new Reading().feed(bytes).seen).toEqual(expected);
    for (let cut = 1; cut < bytes.byteLength; cut++)
      expect(new Reading().feed(bytes.subarray(0, cut), bytes.subarray(cut)).seen).toEqual(expected);
    expect(new Reading().feed(...Array.from(bytes, (byte) => Buffer.of(byte))).seen).toEqual(expected);
  });

  it("are passed over where they are neither, up to the next packet or message", () => {
    // A `$` that is none may take the bytes behind it along, but not what follows them.
    for (const junk of ["\0\0\0", "xyz", "$\x07\x00", "$\x00\x00\x0c\x00", "RTP", "OPTIO\x01NS ", "\xff".repeat(900)]) {
      const reading = new Reading().feed(OK, packet(0, RTP), junk, packet(0, RTP), packet(1, RTP), OK);
      expect(reading.seen.slice(2).slice(-2), JSON.stringify(junk)).toEqual([`1:${RTP}`, "200 OK 1|"]);
    }
    const reading = new Reading().feed(OK, "???", packet(0, RTP));
    expect(reading.seen).toEqual(["200 OK 1|", `0:${RTP}`]);
    expect(reading.reader.junkBytes).toBe(3);
    // Whole, but of a channel that nobody has asked for, and no RTP.
    const stranger = new Reading().feed(OK, packet(0, RTP) + packet(7, "xy") + packet(1, RTP));
    expect(stranger.seen).toEqual(["200 OK 1|", `0:${RTP}`, `1:${RTP}`]);
    expect(stranger.reader.junkBytes).toBe(6);
  });

  it("wait behind the packet that made the reader stop", () => {
    const reading = new Reading().feed(OK);
    const bytes = Buffer.from(packet(0, RTP) + packet(1, RTP) + packet(0, ""), "latin1");
    reading.onPacket = () => {
      reading.reader.isStopped = true;
    };
    const ends: number[] = [];
    for (let at = 0; at < bytes.byteLength; ends.push(at)) {
      reading.reader.isStopped = false;
      at = reading.reader.read(bytes, at, bytes.byteLength);
    }
    expect(ends).toEqual([RTP.length + 4, 2 * RTP.length + 8, bytes.byteLength]);
    expect(reading.seen).toEqual(["200 OK 1|", `0:${RTP}`, `1:${RTP}`, "0:"]);
    expect(reading.reader.read(bytes, 0, bytes.byteLength)).toBe(0);
  });

  it("end the connection where they are no RTSP from the beginning, or for too long", () => {
    expect(() => new Reading().feed("HTTP/1.1 200 OK\r\n\r\n")).toThrow(/no message/);
    expect(() => new Reading().feed(packet(0, RTP))).toThrow(/before any message/);
    expect(() => new Reading().feed(OK, "?".repeat(1001))).toThrow(/no RTSP/);
    expect(() => new Reading().feed(OK, `GET_PARAMETER ${"x".repeat(16_384)}`)).toThrow(/too many headers/);
    expect(() => new Reading().feed("RTSP/1.0 200 OK\r\nContent-Length: 65537\r\n\r\n")).toThrow(/65537/);
  });

  it("hold a description whose length is wrong", () => {
    const exact = new Reading().feed(sdp(`Content-Length: ${SDP.length}\r\n`, SDP), packet(0, RTP)).seen;
    expect(exact).toEqual([`200 OK 2|${SDP}`, `0:${RTP}`]);
    // Too short: in the middle of a line, and at the end of one.
    for (const length of [SDP.length - 5, SDP.length - 18, 5, 0])
      expect(new Reading().feed(sdp(`Content-Length: ${length}\r\n`, SDP) + packet(0, RTP)).seen).toEqual(exact);
    // Too long, and without one: complete when nothing more comes.
    for (const length of ["Content-Length: 999\r\n", ""]) {
      const reading = new Reading().feed(sdp(length, SDP));
      expect([reading.seen, reading.reader.isInBody]).toEqual([[], true]);
      reading.reader.endBody();
      expect(reading.feed(packet(0, RTP)).seen).toEqual(exact);
    }
  });

  it("hold a description of which its length, and the read, leave the rest for later", () => {
    // Within a line, and behind one: the description is not whole without the lines about its medium.
    for (const length of [SDP.length - 5, SDP.length - 18, 30, 5, 1]) {
      const [first, rest] = [SDP.slice(0, length), SDP.slice(length)];
      const reading = new Reading().feed(sdp(`Content-Length: ${length}\r\n`, first));
      expect([reading.seen, reading.reader.isInBody], `${length}`).toEqual([[], true]);
      expect(reading.feed(rest, packet(0, RTP)).seen).toEqual([`200 OK 2|${SDP}`, `0:${RTP}`]);
    }
    // One that is whole is not waited with, and one that never comes is given up.
    expect(new Reading().feed(sdp(`Content-Length: ${SDP.length}\r\n`, SDP)).seen.length).toBe(1);
    const cut = new Reading().feed(sdp("Content-Length: 10\r\n", SDP.slice(0, 10)));
    cut.reader.endBody();
    expect(cut.seen.length).toBe(1);
  });

  it("are taken with white space as people write it", () => {
    const text = "RTSP/1.0  200  \r\ncseq :  7 \r\nPublic: OPTIONS,\r\n PLAY\r\nnonsense\r\n\r\n";
    const seen: string[] = [];
    const reader = new RtspMessageReader(
      {
        channels: new Channels(),
        packet: () => {},
        message: ({ headers }) => void seen.push(headers.get("cseq"), headers.get("public")),
      },
      0,
    );
    reader.read(Buffer.from(text), 0, text.length);
    expect(seen).toEqual(["7", "OPTIONS, PLAY"]);
  });
});
