// One rule for all ingests: the same access units, sent over RTMP and over MPEG-TS, give the same start and cut points.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { FrameSink } from "../../src/ingest/frame-sink.js";
import { TsSession } from "../../src/ingest/mpegts/ts-session.js";
import { effort, seed } from "../support/effort.js";
import { recoveryPoint, SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { messageBytes, obsOpening, PACKET_CONFIG, PACKET_FRAME, videoTag } from "../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../support/rtmp-rig.js";
import { AVCC, accessUnit, NAL_AUD, nalUnit } from "../support/test-media.js";
import { annexB, TsBuilder } from "../support/ts-builder.js";

interface Picture {
  kind: "idr" | "intra" | "plain";
  /** recovery_frame_cnt, or none. */
  recoveryFrames: number | undefined;
  isFlaggedKey: boolean;
  stepMs: number;
}

const picture: fc.Arbitrary<Picture> = fc.record({
  kind: fc.oneof(
    { weight: 1, arbitrary: fc.constant("idr" as const) },
    { weight: 6, arbitrary: fc.constant("intra" as const) },
    { weight: 10, arbitrary: fc.constant("plain" as const) },
  ),
  recoveryFrames: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 120 }) },
  ),
  isFlaggedKey: fc.boolean(),
  stepMs: fc.integer({ min: 20, max: 4000 }),
});

const SPS = AVCC.subarray(8, 34);
const PPS = AVCC.subarray(37, 43);

function nalsOf({ kind, recoveryFrames }: Picture, index: number): Uint8Array[] {
  const point = recoveryFrames === undefined ? [] : [recoveryPoint(recoveryFrames)];
  return [...point, slice(kind === "plain" ? SLICE_P : SLICE_I, index, kind === "idr")];
}

/** Times in ms of the frames that count as random access points. */
function overRtmp(pictures: readonly Picture[]): number[] {
  const rig = new IngestRig();
  const direct = new DirectConnection(rig);
  direct.feed(obsOpening("live", "cam1"));
  const tag = (time: number, isKey: boolean, packet: number, data: Uint8Array): Buffer =>
    messageBytes({ csid: 6, type: 9, streamId: 1, time, payload: videoTag(isKey, packet, 0, data) }, 4096);
  direct.feed(tag(0, true, PACKET_CONFIG, AVCC));
  let timeMs = 0;
  for (const [i, each] of pictures.entries()) {
    direct.feed(tag(timeMs, each.isFlaggedKey, PACKET_FRAME, accessUnit(nalsOf(each, i))));
    timeMs += each.stepMs;
  }
  direct.close();
  return pointsOf(rig);
}

function overMpegTs(pictures: readonly Picture[]): number[] {
  const rig = new IngestRig();
  const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [{ pid: 0x100, type: 0x1b }]);
  let timeMs = 0;
  for (const [i, each] of pictures.entries()) {
    const unit = annexB(nalUnit(NAL_AUD, 2), ...(i === 0 ? [SPS, PPS] : []), ...nalsOf(each, i));
    ts.pes(0x100, unit, { pts: timeMs * 90, isRandomAccess: each.isFlaggedKey });
    timeMs += each.stepMs;
  }
  const sink = new FrameSink({ arena: rig.arena, flow: () => undefined, open: () => rig.registry.open("cam1") });
  const session = new TsSession(sink, { arena: rig.arena, logger: silentLogger, name: "cam1" });
  session.push(ts.bytes());
  session.end();
  sink.end("the end", true);
  return pointsOf(rig);
}

function pointsOf(rig: IngestRig): number[] {
  return rig.only.frames.filter((frame) => frame.isKey).map((frame) => Math.round(frame.dts90k / 90));
}

describe(`random access, seed ${seed}`, () => {
  it("is the same over RTMP and over MPEG-TS, whatever pictures come", () => {
    let points = 0;
    fc.assert(
      fc.property(fc.array(picture, { minLength: 2, maxLength: 60 }), (pictures) => {
        const found = overRtmp(pictures);
        points += found.length;
        expect(overMpegTs(pictures)).toEqual(found);
      }),
      { seed, numRuns: effort(60, 2000) },
    );
    expect(points).toBeGreaterThan(0);
  });
});
