// Frames that are coded as two fields: both are access units of their own in a transport stream, and one sample in a
// file (ISO/IEC 14496-15).

import { describe, expect, it } from "vitest";
import { type Demuxed, demux, digest } from "../../../support/demux.js";
import { FIELD_PPS, FIELD_SPS, type FieldSpec, fieldSlice } from "../../../support/field-pictures.js";
import { annexB, TsBuilder } from "../../../support/ts-builder.js";

const VIDEO_PID = 0x100;
const FIELD = 1800;
const AUD = Buffer.of(0x09, 0xf0);

function stream(): TsBuilder {
  return new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: VIDEO_PID, type: 0x1b }]);
}

function unit(spec: FieldSpec): Buffer {
  return annexB(AUD, ...(spec.isIdr ? [FIELD_SPS, FIELD_PPS] : []), fieldSlice(spec));
}

/** Field `i` of a stream that begins with an IDR field and its bottom field. */
function field(i: number): FieldSpec {
  return { frame: i >> 1, isBottom: i % 2 === 1, isIdr: i === 0 };
}

function shape(result: Demuxed): [number, number, boolean, number][] {
  return result.frames.map((frame) => [frame.dts, frame.cts, frame.isRandomAccess, frame.units.length]);
}

const paired = (frames: number): [number, number, boolean, number][] =>
  Array.from({ length: frames }, (_, i) => [i * 2 * FIELD, 0, i === 0, 2]);

describe("fields of a frame", () => {
  it("are one frame where each has a PES packet and a time of its own", () => {
    const ts = stream();
    for (let i = 0; i < 12; i++) ts.pes(VIDEO_PID, unit(field(i)), { pts: i * FIELD });
    const result = demux([ts.bytes()]);
    expect(shape(result)).toEqual(paired(6));
    expect(result.frames[2]?.units).toEqual([fieldSlice(field(4)), fieldSlice(field(5))]);
    expect(result.statistics).toMatchObject({ derivedTimes: 0, framesBeforeConfig: 0, damagedFrames: 0 });
  });

  it("are one frame where they share a PES packet, and where packets begin anywhere", () => {
    const shared = stream();
    for (let i = 0; i < 12; i += 2)
      shared.pes(VIDEO_PID, Buffer.concat([unit(field(i)), unit(field(i + 1))]), { pts: i * FIELD });
    expect(shape(demux([shared.bytes()]))).toEqual(paired(6));
    const all = Buffer.concat(Array.from({ length: 12 }, (_, i) => unit(field(i))));
    const endless = stream().pes(VIDEO_PID, all, { pts: 0 });
    expect(demux([endless.bytes()]).frames.map((frame) => frame.units.length)).toEqual(Array(6).fill(2));
    const cut = stream();
    for (let at = 0; at < all.length; at += 500)
      cut.pes(VIDEO_PID, all.subarray(at, at + 500), at === 0 ? { pts: 0 } : {});
    expect(demux([cut.bytes()]).frames.map((frame) => frame.units.length)).toEqual(Array(6).fill(2));
  });

  it("give the same however the stream is split", () => {
    const ts = stream();
    for (let i = 0; i < 8; i++) ts.pes(VIDEO_PID, unit(field(i)), { pts: i * FIELD });
    const bytes = ts.bytes();
    const whole = digest(demux([bytes]));
    for (let at = 1; at < bytes.length; at += 13)
      expect(digest(demux([bytes.subarray(0, at), bytes.subarray(at)])), `split at ${at}`).toBe(whole);
  });

  it("are shown from the earlier one on, whichever is decoded first", () => {
    const ts = stream();
    for (let i = 0; i < 4; i++) ts.pes(VIDEO_PID, unit(field(i)), { pts: 7200 + (i ^ 1) * FIELD, dts: i * FIELD });
    // The bottom field of the second frame stands before its top field.
    expect(demux([ts.bytes()]).frames.map((frame) => frame.dts + frame.cts)).toEqual([7200, 7200 + 2 * FIELD]);
  });

  it("stay alone where the other one is of another frame, another kind, or was lost", () => {
    const run = (...fields: FieldSpec[]): number[] => {
      const ts = stream();
      for (const [i, spec] of fields.entries()) ts.pes(VIDEO_PID, unit(spec), { pts: i * FIELD });
      return demux([ts.bytes()]).frames.map((frame) => frame.units.length);
    };
    const top = (frame: number, more: Partial<FieldSpec> = {}): FieldSpec => ({ frame, isBottom: false, ...more });
    const bottom = (frame: number, more: Partial<FieldSpec> = {}): FieldSpec => ({ frame, isBottom: true, ...more });
    const idr = [top(0, { isIdr: true }), bottom(0)];
    expect(run(...idr, top(1), bottom(2), top(2))).toEqual([2, 1, 2]);
    expect(run(...idr, top(1), top(1))).toEqual([2, 1, 1]);
    expect(run(...idr, top(1), bottom(1, { isReference: false }))).toEqual([2, 1, 1]);
    expect(run(...idr, top(1, { isReference: false }), bottom(1, { isReference: false }))).toEqual([2, 2]);
    expect(run(...idr, top(1), ...idr)).toEqual([2, 1, 2]);
  });
});
