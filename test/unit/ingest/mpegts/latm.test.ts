// AAC in LATM as a transport stream carries it (stream type 0x11), made packet by packet.

import { describe, expect, it } from "vitest";
import { demux } from "../../../support/demux.js";
import { audioMuxElement, loas, type MuxSpec, specificConfigHead } from "../../../support/latm.js";
import { adts, TsBuilder } from "../../../support/ts-builder.js";

const PMT_PID = 0x1000;
const PID = 0x101;
const STREAM_TYPE_LATM = 0x11;
const STREAM_TYPE_ADTS = 0x0f;
const LC = specificConfigHead(2).u(3, 0);
/** 1024 samples of 48 kHz. */
const FRAME = 1920;
const SOUND = 0xc0;

function tables(type = STREAM_TYPE_LATM): TsBuilder {
  return new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]).pmt(PMT_PID, 1, [{ pid: PID, type }]);
}

const payload = (i: number): Buffer => Buffer.alloc(200 + i, i);
const frame = (i: number, isConfigured = true, mux: MuxSpec = {}): Buffer =>
  loas(audioMuxElement([payload(i)], isConfigured ? LC : undefined, mux));

function unitsOf(bytes: Buffer): { dts: number; payload: Buffer }[] {
  return demux([bytes]).frames.map(({ dts, units }) => ({ dts, payload: Buffer.concat(units) }));
}

const wanted = (count: number, from = 0): { dts: number; payload: Buffer }[] =>
  Array.from({ length: count }, (_, i) => ({ dts: 9000 + (from + i) * FRAME, payload: payload(from + i) }));

describe("LATM in a transport stream", () => {
  it("becomes raw access units, however they lie in PES packets", () => {
    const frames = Array.from({ length: 6 }, (_, i) => frame(i, i % 3 === 0));
    const whole = Buffer.concat(frames);
    const each = tables();
    for (const [i, bytes] of frames.entries()) each.pes(PID, bytes, { pts: 9000 + i * FRAME, streamId: SOUND });
    expect(unitsOf(each.bytes())).toEqual(wanted(6));
    const all = tables().pes(PID, whole, { pts: 9000, streamId: SOUND });
    expect(unitsOf(all.bytes())).toEqual(wanted(6));
    const cut = tables();
    cut.pes(PID, whole.subarray(0, 300), { pts: 9000, streamId: SOUND });
    cut.pes(PID, whole.subarray(300, 900), { pts: 9000 + 2 * FRAME, streamId: SOUND });
    cut.pes(PID, whole.subarray(900), { streamId: SOUND });
    expect(unitsOf(cut.bytes())).toEqual(wanted(6));
    expect(demux([each.bytes()]).configs).toEqual([{ track: 1, codec: "aac", hex: "1190" }]);
  });

  it("gives several access units of an element their times", () => {
    const mux = { subFrames: 3 };
    const three = (i: number): Buffer => loas(audioMuxElement([i, i + 1, i + 2].map(payload), LC, mux));
    const ts = tables()
      .pes(PID, three(0), { pts: 9000, streamId: SOUND })
      .pes(PID, three(3), { pts: 9000 + 3 * FRAME, streamId: SOUND });
    expect(unitsOf(ts.bytes())).toEqual(wanted(6));
  });

  it("begins with the first configuration, and what comes before is counted", () => {
    const ts = tables();
    for (let i = 0; i < 4; i++) ts.pes(PID, frame(i, i >= 2), { pts: 9000 + i * FRAME, streamId: SOUND });
    const result = demux([ts.bytes()]);
    expect(result.frames.map(({ dts }) => dts)).toEqual([9000 + 2 * FRAME, 9000 + 3 * FRAME]);
    expect(result.statistics.framesBeforeConfig).toBe(2);
  });

  it("is found again behind garbage and in front of it", () => {
    const garbage = Buffer.from(Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? 0x56 : i & 255)));
    const bytes = Buffer.concat([garbage, frame(0), frame(1), garbage, frame(2), frame(3)]);
    const ts = tables().pes(PID, bytes, { pts: 9000, streamId: SOUND });
    const result = demux([ts.bytes()]);
    expect(result.frames.map(({ units }) => Buffer.concat(units))).toEqual([0, 1, 2, 3].map(payload));
    expect(result.statistics.audioGarbageBytes).toBe(2 * garbage.byteLength);
  });

  it("follows a program map that says ADTS instead", () => {
    const ts = tables();
    for (let i = 0; i < 3; i++) ts.pes(PID, frame(i), { pts: 9000 + i * FRAME, streamId: SOUND });
    ts.pmt(PMT_PID, 1, [{ pid: PID, type: STREAM_TYPE_ADTS }], 1);
    for (let i = 3; i < 6; i++) ts.pes(PID, adts(payload(i)), { pts: 9000 + i * FRAME, streamId: SOUND });
    expect(unitsOf(ts.bytes())).toEqual(wanted(6));
  });
});

describe("LATM that is not recorded", () => {
  const record = (from: number, to: number, mux: MuxSpec, ts = tables()): TsBuilder => {
    for (let i = from; i < to; i++) ts.pes(PID, frame(i, true, mux), { pts: 9000 + i * FRAME, streamId: SOUND });
    return ts;
  };

  it("is named, is no track, and is one when it says otherwise", () => {
    const refused = record(0, 3, { programs: 2 });
    const result = demux([refused.bytes()]);
    expect(result.unrecorded).toEqual([{ kind: "audio", codec: "AAC in LATM of several programs" }]);
    expect([result.frames, result.configs]).toEqual([[], []]);
    expect([...result.described.keys()]).toEqual([]);
    const later = demux([record(3, 6, {}, refused).bytes()]);
    expect(later.unrecorded).toEqual([]);
    expect([...later.described.keys()]).toEqual([1]);
    expect(later.frames).toHaveLength(3);
  });
});
