// What a picture's NAL units say about random access, and what the rule makes of it.

import { describe, expect, it } from "vitest";
import { H264PictureFacts, recoveryFrameCount } from "../../../../src/media/codec/h264/picture-facts.js";
import { RandomAccessRule } from "../../../../src/stream/random-access-rule.js";
import { message, recoveryPoint, SLICE_I, SLICE_P, sei, slice } from "../../../support/pictures.js";

function factsOf(...nals: Uint8Array[]): H264PictureFacts {
  const facts = new H264PictureFacts();
  for (const nal of nals) facts.take(nal, 0, nal.byteLength);
  return facts;
}

const IDR = factsOf(slice(7, 1, true));
const POINT_0 = factsOf(recoveryPoint(0), slice(SLICE_P, 1));
const POINT_30 = factsOf(recoveryPoint(30), slice(SLICE_P, 1));
const INTRA = factsOf(slice(SLICE_I, 1), slice(7, 2));
const PLAIN = factsOf(slice(SLICE_P, 1));

describe("the facts of a picture", () => {
  it("finds recovery_frame_cnt behind other messages, whatever emulation prevention stands between", () => {
    const zeros = message(4, new Uint8Array(300));
    for (const count of [0, 1, 59, 65535]) {
      const nal = recoveryPoint(count, zeros, message(0, Uint8Array.of(0, 0, 1)));
      expect(recoveryFrameCount(nal, 0, nal.byteLength)).toBe(count);
    }
    const none = sei(zeros);
    expect(recoveryFrameCount(none, 0, none.byteLength)).toBe(-1);
    const cut = recoveryPoint(0, zeros);
    for (let end = 0; end < cut.byteLength - 2; end++) expect(recoveryFrameCount(cut, 0, end)).toBe(-1);
  });

  it("is intra where every slice is, and counts a recovery point in front of the first slice only", () => {
    expect([IDR.isIntra, INTRA.isIntra, PLAIN.isIntra]).toEqual([true, true, false]);
    expect(factsOf(slice(SLICE_P, 1), slice(SLICE_I, 2)).isIntra).toBe(false);
    expect(factsOf(slice(SLICE_I, 1), slice(SLICE_P, 2)).isIntra).toBe(false);
    expect([POINT_30.recoveryFrames, factsOf(slice(SLICE_P, 1), recoveryPoint(0)).recoveryFrames]).toEqual([30, -1]);
    expect([factsOf(recoveryPoint(0)).hasSlice, PLAIN.hasSlice]).toEqual([false, true]);
  });
});

describe("the rule of random access", () => {
  /** The first second at which a picture counts where it comes once a second behind a plain one at 0. */
  function firstAt(facts: H264PictureFacts, isKey: boolean, begin = PLAIN): number {
    const rule = new RandomAccessRule();
    rule.isRandomAccess(begin, false, 0);
    for (let second = 1; second < 60; second++) if (rule.isRandomAccess(facts, isKey, second * 90_000)) return second;
    return Number.POSITIVE_INFINITY;
  }

  it("takes an IDR and a recovery point of no frames at once, any other recovery point after 10 s without an IDR", () => {
    expect([firstAt(IDR, false), firstAt(POINT_0, false)]).toEqual([1, 1]);
    expect([firstAt(POINT_30, true), firstAt(POINT_30, false, IDR)]).toEqual([10, 10]);
  });

  it("takes intra pictures that the container calls key after 10 s without any other, and no other key picture", () => {
    expect([firstAt(INTRA, true), firstAt(INTRA, false), firstAt(PLAIN, true)]).toEqual([
      10,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("goes back to IDRs when one comes, and counts no jump of the clock as media time", () => {
    const rule = new RandomAccessRule();
    const at = (facts: H264PictureFacts, seconds: number): boolean =>
      rule.isRandomAccess(facts, true, seconds * 90_000);
    expect([at(IDR, 0), at(POINT_30, 5), at(POINT_30, 10), at(IDR, 11), at(POINT_30, 12)]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect([at(POINT_30, 5000), at(POINT_30, 3), at(POINT_30, 11), at(POINT_30, 12)]).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});
