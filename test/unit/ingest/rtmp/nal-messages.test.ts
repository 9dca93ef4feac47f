// Video messages that are no whole access units, and parameter sets that change without a header.

import { describe, expect, it } from "vitest";
import { H264ParameterSets } from "../../../../src/ingest/h264-parameter-sets.js";
import { NalMessages } from "../../../../src/ingest/rtmp/nal-messages.js";
import { H264_NAL_UNITS } from "../../../../src/media/codec/h264/nal-units.js";
import { recoveryPoint, SLICE_P, sei, slice } from "../../../support/pictures.js";
import { messageBytes, obsOpening, PACKET_CONFIG, PACKET_FRAME, videoTag } from "../../../support/rtmp-bytes.js";
import { DirectConnection, frameHash, IngestRig } from "../../../support/rtmp-rig.js";
import { AVCC, AVCC_OTHER, accessUnit, NAL_AUD, nalUnit } from "../../../support/test-media.js";

const VIDEO = 9;
const setsOf = (avcC: Uint8Array): [Uint8Array, Uint8Array] => [avcC.subarray(8, 34), avcC.subarray(37, 43)];
const userData = (seed: number): Uint8Array => sei(Uint8Array.from([5, 17, ...nalUnit(1, 17, seed)]));

function tag(timeMs: number, isKey: boolean, ...nals: Uint8Array[]): Buffer {
  const payload = videoTag(isKey, PACKET_FRAME, 0, accessUnit(nals));
  return messageBytes({ csid: 6, type: VIDEO, streamId: 1, time: timeMs, payload }, 4096);
}

function header(avcC: Uint8Array): Buffer {
  const payload = videoTag(true, PACKET_CONFIG, 0, avcC);
  return messageBytes({ csid: 6, type: VIDEO, streamId: 1, time: 0, payload }, 4096);
}

function publish(bytes: Buffer, pieceBytes?: number): { rig: IngestRig; direct: DirectConnection } {
  const rig = new IngestRig();
  const direct = new DirectConnection(rig);
  direct.feed(obsOpening("live", "cam1"));
  direct.feed(bytes, pieceBytes);
  return { rig, direct };
}

describe("video messages without a picture", () => {
  const [SPS, PPS] = setsOf(AVCC);

  for (const pieceBytes of [65536, 7]) {
    it(`join the next one: 240 pictures are 240 frames, without a gap (reads of ${pieceBytes} bytes)`, () => {
      const parts: Buffer[] = [header(AVCC)];
      const expected: [number, string][] = [];
      for (let i = 0; i < 240; i++) {
        const isKey = i % 60 === 0;
        const picture = slice(SLICE_P, i, isKey);
        if (isKey) parts.push(tag(i * 40, false, SPS), tag(i * 40, false, PPS));
        parts.push(tag(i * 40, false, nalUnit(NAL_AUD, 2), userData(i)), tag(i * 40, isKey, picture));
        expected.push([i * 3600, frameHash(accessUnit([userData(i), picture]))]);
      }
      const { rig, direct } = publish(Buffer.concat(parts), pieceBytes);
      expect(rig.only.frames.map((frame) => [frame.dts90k, frame.hash])).toEqual(expected);
      expect(rig.only.gaps).toEqual([]);
      direct.close();
    });
  }

  it("make the picture behind them a random access point, and stand behind its delimiter", () => {
    const delimiter = nalUnit(NAL_AUD, 2);
    const picture = slice(SLICE_P, 1);
    const bytes = Buffer.concat([header(AVCC), tag(0, false, recoveryPoint(0)), tag(0, false, delimiter, picture)]);
    const { rig, direct } = publish(bytes);
    expect(rig.only.frames.map((frame) => [frame.isKey, frame.hash])).toEqual([
      [true, frameHash(accessUnit([delimiter, recoveryPoint(0), picture]))],
    ]);
    direct.close();
  });

  it("are not kept without an end", () => {
    const parts = [header(AVCC), ...Array.from({ length: 1000 }, (_, i) => tag(i, false, userData(i)))];
    const { rig, direct } = publish(Buffer.concat([...parts, tag(4000, true, slice(SLICE_P, 1, true))]));
    expect(rig.only.frames.length).toBe(1);
    expect(rig.only.frames[0]?.sizeBytes).toBeLessThan(17_000);
    direct.close();
  });
});

describe("parameter sets in band", () => {
  it("change nothing where they repeat the header's, and are a new configuration at the next IDR where they differ", () => {
    const [sps, pps] = setsOf(AVCC);
    const [otherSps] = setsOf(AVCC_OTHER);
    const rig = new IngestRig();
    const direct = new DirectConnection(rig);
    direct.feed(obsOpening("live", "cam1"));
    const configs: string[] = [];
    const [stream] = rig.registry.list();
    stream?.on("config", (track) => configs.push(Buffer.from(stream.config(track)?.bytes ?? []).toString("hex")));
    direct.feed(
      Buffer.concat([
        header(AVCC),
        tag(0, true, sps, pps, slice(SLICE_P, 1, true)),
        tag(40, false, Buffer.concat([sps, Buffer.alloc(2)]), slice(SLICE_P, 2)),
        tag(80, false, otherSps, pps, slice(SLICE_P, 3)),
      ]),
    );
    expect(configs).toEqual([Buffer.from(AVCC).toString("hex")]);
    direct.feed(Buffer.concat([tag(120, true, otherSps, pps, slice(SLICE_P, 4, true)), tag(160, false, slice(0, 5))]));
    expect(configs).toEqual([AVCC, AVCC_OTHER].map((avcC) => Buffer.from(avcC).toString("hex")));
    direct.close();
  });
});

it("learns no more than 64 parameter sets of a header", () => {
  class CountedSets extends H264ParameterSets {
    learned = 0;
    override learn(bytes: Uint8Array, start: number, end: number): boolean {
      this.learned++;
      return super.learn(bytes, start, end);
    }
  }
  const [, pps] = setsOf(AVCC);
  const counted = Buffer.concat([Buffer.of(0, pps.byteLength), pps]);
  const avcC = Buffer.concat([AVCC.subarray(0, 34), Buffer.of(200), ...Array.from({ length: 200 }, () => counted)]);
  const sets = new CountedSets();
  new NalMessages(H264_NAL_UNITS, sets).useHeader(avcC);
  expect(sets.learned).toBe(64);
});

it("the delimiter of a message in a Buffer goes in front whole: a view of it would be written over", () => {
  const [kept, delimiter] = [accessUnit([userData(1)]), accessUnit([nalUnit(NAL_AUD, 2)])];
  const bytes = Buffer.concat([kept, delimiter, accessUnit([slice(SLICE_P, 1)])]);
  const wanted = Buffer.concat([delimiter, kept, bytes.subarray(kept.byteLength + delimiter.byteLength)]);
  new NalMessages(H264_NAL_UNITS, new H264ParameterSets()).putDelimiterFirst(bytes, 0, kept.byteLength, bytes.length);
  expect(bytes.equals(wanted)).toBe(true);
});
