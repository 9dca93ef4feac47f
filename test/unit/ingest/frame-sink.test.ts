// Frames on their way into an in-stream.

import { expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../src/abi/frame.js";
import { FrameSink } from "../../../src/ingest/frame-sink.js";
import { IngestRig } from "../../support/rtmp-rig.js";
import { AVCC } from "../../support/test-media.js";

it("does not let a stream wait for tracks that its source has not described", () => {
  for (const areTracksNamed of [true, false]) {
    const inStream = new IngestRig().registry.open("cam1");
    const sink = new FrameSink({ arena: new IngestRig().arena, flow: () => undefined, open: () => inStream });
    sink.areTracksNamed = areTracksNamed;
    sink.describeTrack(TRACK_VIDEO, { kind: "video" });
    sink.decoderConfig(TRACK_VIDEO, "h264", AVCC);
    expect(inStream.settled).toBe(areTracksNamed);
  }
});

it("passes over a frame in the ring whose track has no configuration, and goes on", () => {
  const rig = new IngestRig();
  const inStream = rig.registry.open("cam1");
  const sink = new FrameSink({ arena: rig.arena, flow: () => undefined, open: () => inStream });
  sink.openStream();
  for (const ms of [0, 20, 40]) {
    const pointer = inStream.reserve(8);
    expect(pointer).toBeGreaterThan(0);
    sink.commit(TRACK_AUDIO, pointer, 8, ms * 90, 0, true, 0);
  }
  expect(inStream.statistics[TRACK_AUDIO]?.frames).toBe(0);
  expect(inStream.ended).toBe(false);
});
