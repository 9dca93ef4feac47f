// When a stream without a track that is recorded has had its time. What is refused, over a server: test/e2e.

import { expect, it } from "vitest";
import { TRACK_VIDEO } from "../../../../src/abi/frame.js";
import { Arena } from "../../../../src/arena/arena.js";
import { refusalOf } from "../../../../src/recording/lifecycle/refusal.js";
import type { InStream } from "../../../../src/stream/in-stream.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { TestClock } from "../../../support/test-clock.js";

/** As of a program map that lists nothing else yet. */
function foreignStream(): InStream {
  const options = { ringBytes: 16384, maxRingBytes: 16384, lagLimitMs: 2000 };
  const stream = new StreamRegistry(new Arena(), new TestClock(), options, () => 1).open("cam");
  stream.setUnrecorded([{ kind: "audio", codec: "DTS" }]);
  return stream;
}

it("refuses a stream that has brought nothing else in its time, and not before", () => {
  const stream = foreignStream();
  expect(refusalOf(stream, "mp4")).toBeUndefined();
  expect(refusalOf(stream, "mp4", true)).toMatchObject({
    code: "notCarried",
    message: "cam has DTS, which cannot be recorded",
  });
});

it("waits on for a track that is announced and has no configuration yet", () => {
  const stream = foreignStream();
  stream.describeTrack(TRACK_VIDEO, { kind: "video", language: undefined });
  expect(refusalOf(stream, "mp4", true)).toBeUndefined();
});
