// The RTMP connection without a socket: byte sequences of encoders, and what becomes of the frames in them.

import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AmfObject, type AmfValue, encodeAmf0 } from "../../../../src/media/flv/amf0.js";
import {
  amf,
  audioTag,
  chunksOf,
  command,
  type Message,
  messageBytes,
  obsOpening,
  PACKET_CONFIG,
  PACKET_FRAME,
  plainHandshake,
  rtmp2sinkOpening,
  setChunkSize,
  u32,
  videoTag,
} from "../../../support/rtmp-bytes.js";
import { DirectConnection, frameHash, IngestRig } from "../../../support/rtmp-rig.js";
import {
  ASC,
  ASC_HE,
  AVCC,
  accessUnit,
  NAL_AUD,
  NAL_IDR,
  NAL_SEI,
  NAL_SLICE,
  nalUnit,
} from "../../../support/test-media.js";

const VIDEO = 9;
const AUDIO = 8;

interface Expected {
  track: "video" | "audio";
  dts90k: number;
  pts90k: number;
  isKey: boolean;
  sizeBytes: number;
  hash: string;
}

function video(
  timeMs: number,
  ctsMs: number,
  isKey: boolean,
  sizeBytes: number,
  seed: number,
): { message: Message; expected: Expected } {
  const payload = accessUnit([nalUnit(NAL_AUD, 2), nalUnit(isKey ? NAL_IDR : NAL_SLICE, sizeBytes, seed)]);
  return {
    message: {
      csid: 6,
      type: VIDEO,
      streamId: 1,
      time: timeMs,
      payload: videoTag(isKey, PACKET_FRAME, ctsMs, payload),
    },
    expected: {
      track: "video",
      dts90k: timeMs * 90,
      pts90k: (timeMs + ctsMs) * 90,
      isKey,
      sizeBytes: payload.byteLength,
      hash: frameHash(payload),
    },
  };
}

function audio(timeMs: number, sizeBytes: number, seed: number): { message: Message; expected: Expected } {
  const payload = nalUnit(1, sizeBytes, seed);
  return {
    message: { csid: 4, type: AUDIO, streamId: 1, time: timeMs, payload: audioTag(PACKET_FRAME, payload) },
    expected: {
      track: "audio",
      dts90k: timeMs * 90,
      pts90k: timeMs * 90,
      isKey: true,
      sizeBytes,
      hash: frameHash(payload),
    },
  };
}

function configs(chunkSize = 4096): Buffer {
  return Buffer.concat([
    messageBytes(
      { csid: 6, type: VIDEO, streamId: 1, time: 0, payload: videoTag(true, PACKET_CONFIG, 0, AVCC) },
      chunkSize,
    ),
    messageBytes({ csid: 4, type: AUDIO, streamId: 1, time: 0, payload: audioTag(PACKET_CONFIG, ASC) }, chunkSize),
  ]);
}

/** A GOP with reordered pictures and audio between, as frames and as bytes after `configs`. */
function session(chunkSize: number, scale = 1): { bytes: Buffer; expected: Expected[] } {
  const parts = [
    video(0, 80, true, Math.ceil(9000 * scale), 1),
    audio(0, Math.ceil(300 * scale), 2),
    video(40, 120, false, Math.ceil(700 * scale), 3),
    audio(21, Math.ceil(301 * scale), 4),
    video(80, 0, false, Math.ceil(200 * scale), 5),
    video(120, 0, false, 5, 6),
    audio(43, Math.ceil(302 * scale), 7),
    video(160, 80, true, Math.ceil(4091 * scale), 8),
  ];
  return {
    bytes: Buffer.concat(parts.map((part) => messageBytes(part.message, chunkSize))),
    expected: parts.map((part) => part.expected),
  };
}

function publish(rig: IngestRig, name = "cam1"): DirectConnection {
  const direct = new DirectConnection(rig);
  direct.feed(obsOpening("live", name));
  return direct;
}

describe("a published stream", () => {
  it.each([
    ["OBS", obsOpening("live", "cam1"), 4096],
    ["rtmp2sink", rtmp2sinkOpening("live", "cam1"), 128],
  ])("opens by the messages of %s and gives every frame", (_name, opening, chunkSize) => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    const { bytes, expected } = session(chunkSize);
    direct.feed(Buffer.concat([opening, configs(chunkSize), bytes]));
    expect(direct.replies).toContain("NetConnection.Connect.Success");
    expect(direct.replies).toContain("NetStream.Publish.Start");
    expect(rig.only.inStream.name).toBe("cam1");
    expect(rig.only.frames).toEqual(expected);
    direct.close();
    expect(rig.only.endReason).toBe("the test is over");
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("gives the same frames whatever pieces its bytes come in", () => {
    const { bytes, expected } = session(128);
    const all = Buffer.concat([plainHandshake(), rtmp2sinkOpening("live", "cam1").subarray(3073), configs(128), bytes]);
    for (const pieceBytes of [1, 2, 3, 7, 61, 128, 129, 1500]) {
      const rig = new IngestRig();
      const direct = new DirectConnection(rig);
      direct.feed(all, pieceBytes);
      expect(rig.only.frames, `pieces of ${pieceBytes}`).toEqual(expected);
      direct.close();
      expect(rig.arena.stats().blocks).toBe(0);
    }
  });

  it("gives the same frames split at any one byte", () => {
    const opening = rtmp2sinkOpening("live", "cam1");
    const { bytes, expected } = session(128, 0.07);
    const media = Buffer.concat([configs(128), bytes]);
    for (let at = 1; at < media.length; at++) {
      const rig = new IngestRig({ ringBytes: 32768 });
      const direct = new DirectConnection(rig);
      direct.feed(opening);
      direct.feed(media.subarray(0, at));
      direct.feed(media.subarray(at));
      expect(rig.only.frames.length, `split at ${at}`).toBe(expected.length);
      if (at % 97 === 0) expect(rig.only.frames).toEqual(expected);
      direct.close();
    }
  });

  it("gives whole frames from messages that are woven into each other", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 64, max: 900 }),
        (turns, chunkSize) => {
          const rig = new IngestRig();
          const direct = publish(rig);
          const one = video(0, 0, true, 4000, 1);
          const other = audio(10, 3000, 2);
          const left = [chunksOf(one.message, chunkSize), chunksOf(other.message, chunkSize)];
          const woven: Buffer[] = [setChunkSize(chunkSize)];
          for (const turn of turns) woven.push(...(left[turn ? 1 : 0]?.splice(0, 1) ?? []));
          woven.push(...(left[0] ?? []), ...(left[1] ?? []));
          direct.feed(Buffer.concat([configs(), ...woven]));
          const { frames } = rig.only;
          const sorted = [...frames]
            .sort((a, b) => (a.track < b.track ? 1 : -1))
            .map(({ track, hash, isKey }) => ({ track, hash, isKey }));
          expect(sorted).toEqual(
            [one.expected, other.expected].map(({ track, hash, isKey }) => ({ track, hash, isKey })),
          );
          direct.close();
          expect(rig.arena.stats().blocks).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("takes the frames out of an aggregate message, on the message's clock", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const parts = [video(1000, 0, true, 500, 1), audio(1010, 100, 2), video(1040, 0, false, 300, 3)];
    const tags = parts.map(({ message }, i) => {
      const header = Buffer.alloc(11);
      header[0] = message.type;
      header.writeUIntBE(message.payload.length, 1, 3);
      header.writeUIntBE(7000 + ([0, 10, 40][i] ?? 0), 4, 3);
      return Buffer.concat([header, message.payload, u32(11 + message.payload.length)]);
    });
    direct.feed(
      Buffer.concat([
        configs(),
        messageBytes({ csid: 7, type: 22, streamId: 1, time: 1000, payload: Buffer.concat(tags) }, 4096),
      ]),
    );
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual(parts.map((part) => part.expected.hash));
    expect(rig.only.frames.map((frame) => frame.dts90k)).toEqual([0, 900, 3600]);
    direct.close();
  });

  it("understands AMF3 commands", () => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    const amf3 = (streamId: number, ...values: Parameters<typeof amf>): Buffer =>
      messageBytes({
        csid: 3,
        type: 17,
        streamId,
        time: 0,
        payload: Buffer.concat([Buffer.from([0]), amf(...values)]),
      });
    direct.feed(
      Buffer.concat([
        plainHandshake(),
        amf3(0, "connect", 1, { app: "live", objectEncoding: 3 }),
        amf3(0, "createStream", 2, null),
        amf3(1, "publish", 3, null, "cam1", "live"),
        configs(128),
      ]),
    );
    expect(rig.only.inStream.name).toBe("cam1");
    expect(rig.only.inStream.settled).toBe(true);
    direct.close();
  });

  it("widens NAL unit lengths of 2 bytes and says so in the decoder configuration", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const avcC = AVCC.slice();
    avcC[4] = 0xfd;
    const nals = [nalUnit(NAL_AUD, 2), nalUnit(NAL_IDR, 700, 1), nalUnit(NAL_IDR, 900, 2)];
    const narrow = Buffer.concat(
      nals.flatMap((nal) => [Buffer.from([nal.byteLength >> 8, nal.byteLength & 255]), nal]),
    );
    direct.feed(
      Buffer.concat([
        messageBytes(
          { csid: 6, type: VIDEO, streamId: 1, time: 0, payload: videoTag(true, PACKET_CONFIG, 0, avcC) },
          4096,
        ),
        messageBytes(
          { csid: 6, type: VIDEO, streamId: 1, time: 0, payload: videoTag(true, PACKET_FRAME, 0, narrow) },
          4096,
        ),
      ]),
    );
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual([frameHash(accessUnit(nals))]);
    expect(rig.only.inStream.config(0)?.bytes[4]).toBe(0xff);
    direct.close();
  });

  it("believes an IDR and a recovery point without a key flag, and no key flag without them", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const recoveryPoint = Uint8Array.of(NAL_SEI, 6, 1, 0xc4, 0x80);
    const units = [
      { key: true, unit: accessUnit([nalUnit(NAL_SLICE, 100, 1)]), expected: false },
      { key: true, unit: accessUnit([recoveryPoint, nalUnit(NAL_SLICE, 100, 2)]), expected: true },
      { key: false, unit: accessUnit([recoveryPoint, nalUnit(NAL_SLICE, 100, 3)]), expected: true },
      { key: false, unit: accessUnit([nalUnit(NAL_IDR, 100, 4)]), expected: true },
    ];
    direct.feed(
      Buffer.concat([
        configs(),
        ...units.map(({ key, unit }, i) =>
          messageBytes(
            { csid: 6, type: VIDEO, streamId: 1, time: i * 40, payload: videoTag(key, PACKET_FRAME, 0, unit) },
            4096,
          ),
        ),
      ]),
    );
    expect(rig.only.frames.map((frame) => frame.isKey)).toEqual(units.map(({ expected }) => expected));
    direct.close();
  });

  it("drops damaged and empty access units, reports the damaged ones, and removes NAL units without bytes", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const good = accessUnit([nalUnit(NAL_IDR, 100, 1)]);
    const damaged = good.slice(0, good.byteLength - 1);
    const withEmpty = Buffer.concat([u32(0), good, u32(0)]);
    const units = [good, damaged, damaged, new Uint8Array(0), u32(0), withEmpty];
    direct.feed(
      Buffer.concat([
        configs(),
        ...units.map((unit, i) =>
          messageBytes(
            { csid: 6, type: VIDEO, streamId: 1, time: i * 40, payload: videoTag(true, PACKET_FRAME, 0, unit) },
            4096,
          ),
        ),
      ]),
    );
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual([frameHash(good), frameHash(good)]);
    expect(rig.only.gaps).toMatchObject([
      { cause: "sourceLoss", track: "video", frames: 2, bytes: 2 * damaged.byteLength, durationMs: 160 },
    ]);
    direct.close();
  });

  it("keeps a stream whose other track has a codec that is not recorded, and says so once", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const speex = (time: number): Buffer =>
      messageBytes({ csid: 4, type: AUDIO, streamId: 1, time, payload: Buffer.from([0xb2, 1, 2, 3]) }, 4096);
    const vvc = messageBytes(
      { csid: 6, type: VIDEO, streamId: 1, time: 0, payload: Buffer.from([0x90, 0x76, 0x76, 0x63, 0x31, 1, 2, 3]) },
      4096,
    );
    direct.feed(Buffer.concat([configs(), speex(0), speex(20), vvc, session(4096).bytes]));
    expect(rig.only.frames).toHaveLength(8);
    expect(rig.logger.lines.map((line) => line.message)).toEqual(["not recorded: Speex", "not recorded: H.266"]);
    expect(rig.only.inStream.unrecorded).toEqual([
      { kind: "video", codec: "H.266" },
      { kind: "audio", codec: "Speex" },
    ]);
    direct.feed(configs());
    expect(rig.only.inStream.unrecorded).toEqual([]);
    direct.close();
  });

  it("names frames that come without a decoder configuration until it comes", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    direct.feed(session(4096).bytes);
    expect(rig.only.inStream.unrecorded).toEqual([
      { kind: "video", codec: "H.264 without a usable decoder configuration" },
      { kind: "audio", codec: "AAC without a usable decoder configuration" },
    ]);
    direct.feed(configs());
    expect(rig.only.inStream.unrecorded).toEqual([]);
    direct.close();
  });

  it("takes H.264 and AAC in the headers of Enhanced RTMP", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const ex = (first: number, fourCc: string, ...rest: Uint8Array[]): Buffer =>
      Buffer.concat([Buffer.from([first]), Buffer.from(fourCc), ...rest]);
    const unit = accessUnit([nalUnit(NAL_IDR, 50, 1)]);
    const bodies: [number, Buffer][] = [
      [VIDEO, ex(0x90, "avc1", AVCC)],
      [AUDIO, ex(0x90, "mp4a", ASC)],
      [VIDEO, ex(0x91, "avc1", Buffer.from([0xff, 0xff, 0xf6]), unit)],
      [VIDEO, ex(0xa3, "avc1", unit)],
      [AUDIO, ex(0x91, "mp4a", nalUnit(1, 80, 2))],
    ];
    direct.feed(
      Buffer.concat(
        bodies.map(([type, payload], i) => messageBytes({ csid: 6, type, streamId: 1, time: i * 20, payload }, 4096)),
      ),
    );
    expect(rig.only.frames.map(({ track, hash, pts90k, dts90k }) => [track, hash, pts90k - dts90k])).toEqual([
      ["video", frameHash(unit), -900],
      ["video", frameHash(unit), 0],
      ["audio", frameHash(nalUnit(1, 80, 2)), 0],
    ]);
    direct.close();
  });

  it("takes every track of multitrack messages, and nanoseconds to the nearest tick", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const unit = accessUnit([nalUnit(NAL_IDR, 50, 1)]);
    const sized = (id: number, bytes: Uint8Array): Buffer =>
      Buffer.concat([Buffer.of(id, 0, 0, bytes.byteLength), bytes]);
    const ex = (head: number[], fourCc: string, ...rest: Uint8Array[]): Buffer =>
      Buffer.concat([Buffer.from(head), Buffer.from(fourCc), ...rest]);
    const [first, second] = [nalUnit(1, 80, 2), nalUnit(1, 90, 3)];
    const bodies: [number, Buffer][] = [
      [VIDEO, ex([0x90], "avc1", AVCC)],
      [AUDIO, ex([0x95, 0x10], "mp4a", sized(0, ASC), sized(3, ASC_HE))],
      [VIDEO, ex([0x97, 2, 0x07, 0xa1, 0x20, 0x03], "avc1", unit)],
      [AUDIO, ex([0x95, 0x11], "mp4a", sized(0, first), sized(3, second), sized(9, second))],
      [AUDIO, ex([0x95, 0x01], "mp4a", Buffer.of(3), first)],
    ];
    direct.feed(
      Buffer.concat(
        bodies.map(([type, payload], i) => messageBytes({ csid: 6, type, streamId: 1, time: i * 20, payload }, 4096)),
      ),
    );
    const { inStream, frames } = rig.only;
    expect(frames.map(({ track, hash, dts90k, pts90k }) => [track, hash, pts90k - dts90k])).toEqual([
      ["video", frameHash(unit), 45],
      ["audio", frameHash(first), 0],
      ["audio", frameHash(second), 0],
      ["audio", frameHash(first), 0],
    ]);
    expect(inStream.tracks.map(({ number, kind }) => [number, kind])).toEqual([
      [0, "video"],
      [1, "audio"],
      [2, "audio"],
    ]);
    expect(inStream.statistics.map(({ frames }) => frames).slice(0, 3)).toEqual([1, 1, 2]);
    expect(rig.logger.lines.map((line) => line.message)).toEqual([
      "not recorded: AAC without a usable decoder configuration",
    ]);
    expect(inStream.unrecorded).toEqual([{ kind: "audio", codec: "AAC without a usable decoder configuration" }]);
    direct.close();
  });
});

describe("the chunk stream", () => {
  it("reads deltas, repeated headers and wide chunk stream ids", () => {
    for (const csid of [3, 63, 64, 319, 320, 65599]) {
      const rig = new IngestRig();
      const direct = publish(rig);
      const part = (time: number, fmt: 0 | 1 | 2 | 3): Buffer =>
        messageBytes({ ...audio(time, 100, 1).message, csid }, 4096, { fmt });
      direct.feed(Buffer.concat([configs(), part(1000, 0), part(21, 1), part(22, 2), part(22, 3), part(5, 1)]));
      expect(
        rig.only.frames.map((frame) => frame.dts90k / 90),
        `csid ${csid}`,
      ).toEqual([0, 21, 43, 65, 70]);
      direct.close();
    }
  });

  it.each([false, true])(
    "follows extended timestamps over 2^24 and 2^32 (left out of continuations: %s)",
    (omitExtension) => {
      for (const startMs of [0xffffff - 50, 0x7fffffff - 50, 0xffffffff - 50]) {
        const rig = new IngestRig();
        const direct = publish(rig);
        const parts = [0, 40, 80, 120].map((offset) =>
          video((startMs + offset) % 4294967296, 0, offset === 0, 9000, offset),
        );
        direct.feed(
          Buffer.concat([configs(), ...parts.map((part) => messageBytes(part.message, 4096, { omitExtension }))]),
        );
        expect(rig.only.frames.map((frame) => frame.dts90k / 90)).toEqual([0, 40, 80, 120]);
        expect(rig.only.frames.map((frame) => frame.hash)).toEqual(parts.map((part) => part.expected.hash));
        expect(rig.only.gaps).toEqual([]);
        direct.close();
      }
    },
  );

  it("drops an aborted message and goes on", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    const half = chunksOf(video(0, 0, true, 9000, 1).message, 4096).slice(0, 2);
    const whole = video(40, 0, true, 9000, 2);
    direct.feed(
      Buffer.concat([
        configs(),
        ...half,
        messageBytes({ csid: 2, type: 2, time: 0, payload: u32(6) }, 4096),
        messageBytes(whole.message, 4096),
      ]),
    );
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual([whole.expected.hash]);
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("reads a message with every chunk size", () => {
    for (const chunkSize of [1, 2, 5, 13, 16, 100_000]) {
      const rig = new IngestRig();
      const direct = publish(rig);
      const part = video(0, 40, true, 3000, 1);
      direct.feed(Buffer.concat([configs(), setChunkSize(chunkSize), messageBytes(part.message, chunkSize)]));
      expect(
        rig.only.frames.map((frame) => [frame.hash, frame.pts90k]),
        `chunk size ${chunkSize}`,
      ).toEqual([[part.expected.hash, 3600]]);
      direct.close();
    }
  });

  it("takes a message of 16 MiB less one byte through scratch memory into a grown ring", () => {
    const rig = new IngestRig({ ringBytes: 262144, maxRingBytes: 64 * 1048576 });
    const direct = publish(rig);
    const part = video(0, 0, true, 0xffffff - 5 - 6 - 4, 1);
    expect(part.message.payload.length).toBe(0xffffff);
    direct.feed(Buffer.concat([configs(), messageBytes(part.message, 4096)]));
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual([part.expected.hash]);
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("answers pings and acknowledges what was received", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    direct.sent.length = 0;
    direct.feed(
      messageBytes({ csid: 2, type: 4, time: 0, payload: Buffer.concat([Buffer.from([0, 6]), u32(0x01020304)]) }, 4096),
    );
    expect(Buffer.concat(direct.sent).subarray(12)).toEqual(Buffer.from([0, 7, 1, 2, 3, 4]));
    direct.sent.length = 0;
    direct.feed(messageBytes({ csid: 2, type: 5, time: 0, payload: u32(1000) }, 4096));
    const [acknowledgement] = direct.sent;
    expect(acknowledgement?.[7]).toBe(3);
    expect(acknowledgement?.readUInt32BE(12)).toBe(obsOpening("live", "cam1").length + 18 + 16);
    direct.close();
  });
});

describe("the handshake", () => {
  const CLIENT_KEY = "Genuine Adobe Flash Player 001";
  const SERVER_KEY = "Genuine Adobe Flash Media Server 001";
  const TAIL = Buffer.from("F0EEC24A8068BEE82E00D0D1029E7E576EEC5D2D29806FAB93B8E636CFEB31AE", "hex");
  const place = (packet: Buffer, base: number): number =>
    base + 4 + (packet.subarray(base, base + 4).reduce((sum, byte) => sum + byte, 0) % 728);
  const sign = (packet: Buffer, at: number, key: string): Buffer =>
    createHmac("sha256", key)
      .update(Buffer.concat([packet.subarray(0, at), packet.subarray(at + 32)]))
      .digest();

  it.each([8, 772])("answers a digest placed by the bytes at %i with one of its own", (base) => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    const c1 = Buffer.alloc(1536, 0x33);
    c1.set([0, 0, 0, 0, 9, 0, 124, 2]);
    c1.set([200, 100, 255, 250], base);
    const at = place(c1, base);
    const digest = sign(c1, at, CLIENT_KEY);
    digest.copy(c1, at);
    direct.feed(Buffer.concat([Buffer.from([3]), c1]));
    const answer = Buffer.concat(direct.sent);
    expect(answer.length).toBe(3073);
    const s1 = answer.subarray(1, 1537);
    const s2 = answer.subarray(1537);
    const serverAt = place(s1, base);
    expect(sign(s1, serverAt, SERVER_KEY)).toEqual(s1.subarray(serverAt, serverAt + 32));
    const s2Key = createHmac("sha256", Buffer.concat([Buffer.from(SERVER_KEY), TAIL]))
      .update(digest)
      .digest();
    expect(createHmac("sha256", s2Key).update(s2.subarray(0, 1504)).digest()).toEqual(s2.subarray(1504));
    direct.close();
  });

  it("answers a version without a valid digest, and no version, with an echo", () => {
    for (const version of [0, 0x09007c02]) {
      const direct = new DirectConnection(new IngestRig());
      const c1 = Buffer.alloc(1536, 0x44);
      c1.writeUInt32BE(version, 4);
      direct.feed(Buffer.concat([Buffer.from([3]), c1]), 100);
      expect(Buffer.concat(direct.sent).subarray(1537)).toEqual(c1);
      direct.close();
    }
  });

  it("refuses what is not RTMP by its first byte", () => {
    const direct = new DirectConnection(new IngestRig());
    direct.feed(Buffer.from("G"));
    expect(direct.closeReason).toContain("not RTMP");
  });
});

describe("commands", () => {
  const media = (): Buffer => Buffer.concat([configs(), session(4096).bytes]);

  it("takes the last segment of the path as the name, without its query", () => {
    for (const [app, key, name] of [
      ["live", "cam1", "cam1"],
      ["a/b", "c/cam2?key=x", "cam2"],
      ["live", "d/e/cam3", "cam3"],
    ] as const) {
      const rig = new IngestRig();
      const direct = new DirectConnection(rig);
      direct.feed(obsOpening(app, key));
      expect(rig.only.inStream.name).toBe(name);
      direct.close();
    }
  });

  it.each(["", "a b", "a=b", "..", "a\\b", "\u0001"])("refuses the name %j with BadName", (name) => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    direct.feed(obsOpening("live", name));
    expect(direct.replies).toContain("NetStream.Publish.BadName");
    expect(direct.connection.isClosed).toBe(true);
    expect(rig.registry.list()).toEqual([]);
    direct.close();
  });

  it.each([
    ["FCUnpublish", command(0, "FCUnpublish", 6, null, "cam1")],
    ["deleteStream", command(0, "deleteStream", 7, null, 1)],
    ["closeStream", command(1, "closeStream", 0, null)],
  ])("ends the stream by %s and keeps the connection", (_name, bytes) => {
    const rig = new IngestRig();
    const direct = publish(rig);
    direct.feed(Buffer.concat([media(), bytes]));
    expect(rig.only.endReason).toBe("the publisher ended the stream");
    expect(rig.only.frames).toHaveLength(8);
    expect(direct.replies).toContain("NetStream.Unpublish.Success");
    expect(direct.connection.isClosed).toBe(false);
    direct.feed(Buffer.concat([command(0, "createStream", 8, null), command(2, "publish", 9, null, "cam2", "live")]));
    expect(rig.registry.get("cam2")).toBeDefined();
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("answers what it takes of Enhanced RTMP to a publisher that asks, and to no other", () => {
    const answerTo = (options: AmfObject): string => {
      const direct = new DirectConnection(new IngestRig());
      direct.feed(Buffer.concat([plainHandshake(), command(0, "connect", 1, { app: "live", ...options })]));
      const { replies } = direct;
      direct.close();
      return replies;
    };
    const wire = (value: AmfValue): string => Buffer.from(encodeAmf0(value)).toString("latin1");
    const asked: AmfObject[] = [{ fourCcList: ["av01"] }, { capsEx: 3 }, { videoFourCcInfoMap: { "*": 4 } }];
    for (const options of asked) {
      const answer = answerTo(options);
      const all = ["avc1", "hvc1", "av01", "vp09", "vp08", "mp4a", "Opus", ".mp3", "ac-3", "ec-3", "fLaC"];
      expect(answer).toContain(`fourCcList${wire(all)}`);
      expect(answer).toContain(`videoFourCcInfoMap${wire({ avc1: 4, hvc1: 4, av01: 4, vp09: 4, vp08: 4 })}`);
      // Reconnect, Multitrack, ModEx, TimestampNanoOffset.
      expect(answer).toContain(`capsEx${wire(15)}`);
    }
    expect(answerTo({})).not.toContain("fourCcList");
  });

  it("refuses to play, clearly", () => {
    const direct = new DirectConnection(new IngestRig());
    direct.feed(
      Buffer.concat([
        plainHandshake(),
        command(0, "connect", 1, { app: "live" }),
        command(0, "createStream", 2, null),
        command(1, "play", 3, null, "cam1"),
      ]),
    );
    expect(direct.replies).toContain("NetStream.Play.Failed");
    expect(direct.connection.isClosed).toBe(true);
  });

  it("closes the connection, ring released, when the stream is closed from our side", () => {
    const rig = new IngestRig();
    const direct = publish(rig);
    direct.feed(media());
    rig.only.inStream.closeSource("shutdownStream");
    expect(rig.only.endReason).toBe("shutdownStream");
    expect(direct.connection.isClosed).toBe(true);
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });
});

describe("limits", () => {
  const opened = (options?: { scratchBytes: number }): { rig: IngestRig; direct: DirectConnection } => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig, options);
    direct.feed(obsOpening("live", "cam1"));
    direct.feed(configs());
    return { rig, direct };
  };
  const first = (
    csid: number,
    type: number,
    size: number,
    payload: Uint8Array = Buffer.alloc(Math.min(size, 4096)),
  ): Buffer => {
    const header = Buffer.alloc(11);
    header.writeUIntBE(size, 3, 3);
    header[6] = type;
    header.writeUInt32LE(1, 7);
    return Buffer.concat([csid < 64 ? Buffer.from([csid]) : Buffer.from([0, csid - 64]), header, payload]);
  };

  it.each([
    ["a command above 64 KiB", () => first(3, 20, 65537)],
    ["a chunk size of 0", () => setChunkSize(0)],
    ["more than 64 chunk streams", () => Buffer.concat(Array.from({ length: 65 }, (_, i) => first(3 + i, 18, 10)))],
    ["a chunk stream that begins without a header", () => Buffer.from([0xc0 | 40])],
    ["a control message of no use", () => first(2, 1, 2)],
    [
      "AMF0 nested without end",
      () =>
        messageBytes(
          {
            csid: 3,
            type: 20,
            time: 0,
            payload: Buffer.concat([
              amf("connect", 1),
              Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([10, 0, 0, 0, 1]))),
            ]),
          },
          4096,
        ),
    ],
    ["a second connect", () => command(0, "connect", 2, { app: "x" })],
  ])("ends the connection and its stream on %s", (_name, bytes) => {
    const { rig, direct } = opened();
    direct.feed(bytes());
    expect(direct.error).toMatchObject({ code: "badInput" });
    expect(rig.only.endReason).toBeDefined();
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });

  it("bounds half-received messages by what was received, not by what was announced", () => {
    const { rig, direct } = opened();
    const before = process.memoryUsage().arrayBuffers;
    for (let csid = 10; csid < 60; csid++)
      direct.feed(first(csid, VIDEO, 0xffffff, videoTag(true, PACKET_FRAME, 0, Buffer.alloc(4091))));
    expect(direct.connection.isClosed).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1048576);
    expect(rig.arena.stats().usedBytes).toBeLessThan(2 * 1048576);
    direct.close();
    const tight = opened({ scratchBytes: 65536 });
    for (let csid = 10; csid < 60; csid++)
      tight.direct.feed(first(csid, VIDEO, 0xffffff, videoTag(true, PACKET_FRAME, 0, Buffer.alloc(4091))));
    expect(tight.direct.error).toMatchObject({ code: "badInput" });
    tight.direct.close();
  });

  it("loses no byte when the ring is full: the rest waits for room", async () => {
    const rig = new IngestRig({ ringBytes: 16384, maxRingBytes: 16384 });
    rig.stallNew = true;
    const direct = publish(rig);
    const parts = Array.from({ length: 60 }, (_, i) =>
      i % 3 === 0 ? video(i * 40, 0, true, 3000, i) : audio(i * 40, 500, i),
    );
    const bytes = Buffer.concat([configs(), ...parts.map((part) => messageBytes(part.message, 4096))]);
    direct.feed(bytes);
    expect(direct.connection.readMode).toBe("held");
    expect(rig.only.inStream.isHeldBack).toBe(true);
    rig.only.isStalled = false;
    for (let i = 0; i < 1000 && rig.only.frames.length < parts.length; i++) {
      rig.only.drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.only.frames.map((frame) => frame.hash)).toEqual(parts.map((part) => part.expected.hash));
    expect(direct.isResumed).toBe(true);
    expect(direct.connection.readMode).toBe("coalesced");
    direct.close();
    expect(rig.arena.stats().blocks).toBe(0);
  });
});

describe("a decoder configuration inside a multitrack message", () => {
  const configured = (extraBytes: number): Uint8Array | undefined => {
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    direct.feed(obsOpening("live", "cam1"));
    // Extended header, multitrack: one track, a sequence start, avc1, track 0.
    const head = Buffer.concat([Buffer.of(0x96, 0x00), Buffer.from("avc1"), Buffer.of(0)]);
    const payload = Buffer.concat([head, AVCC, Buffer.alloc(extraBytes)]);
    direct.feed(messageBytes({ csid: 6, type: VIDEO, streamId: 1, time: 0, payload }, 4096));
    const bytes = rig.registry.get("cam1")?.config(0)?.bytes;
    direct.close();
    return bytes;
  };

  it("is taken", () => expect(configured(0)).toBeDefined());

  it("is ignored where it is larger than one of its own may be", () => expect(configured(65536)).toBeUndefined());
});
