// What is noted of a recording between its drains: the stream's counts, less what its segment was found to hold.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../../src/abi/frame.js";
import { SEG_TRACK_BYTES_OFFSET, SEG_TRACK_FRAMES_OFFSET, SEG_TRACKS_OFFSET } from "../../../../src/abi/segment.js";
import { Arena } from "../../../../src/arena/arena.js";
import { UNKNOWN_ORIGIN } from "../../../../src/container/segment-origin.js";
import { Received } from "../../../../src/recording/lifecycle/received.js";
import { Segment } from "../../../../src/recording/lifecycle/segment.js";
import { Reservations } from "../../../../src/recording/naming/reservations.js";
import type { Gap } from "../../../../src/stream/gap.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { TestClock } from "../../../support/test-clock.js";
import { ASC, AVCC } from "../../../support/test-media.js";

const SOURCE = { type: "INR", ip: "", port: 0, farIp: "", farPort: 0, nearIp: "", nearPort: 0 };
const GAP: Gap = { cause: "lag", track: null, dtsMs: 0, durationMs: 0, frames: 1, bytes: 100 };
const START = { wallMs: 0, monotonicMs: 0 };

function rig() {
  const arena = new Arena();
  const limits = { ringBytes: 16384, maxRingBytes: 65536, lagLimitMs: 2000 };
  const stream = new StreamRegistry(arena, new TestClock(), limits, () => 1).open("cam", SOURCE, () => {});
  stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  const segment = new Segment(arena, new Reservations().take("/m/x.ts"), 1, false, START, "ts", UNKNOWN_ORIGIN);
  const received = new Received(stream, 3, true);
  const write = (track: number, ms: number): boolean => stream.writeFrame(track, new Uint8Array(100), ms * 90, 0, true);
  const open = (): void => {
    segment.isOpen = true;
    segment.sequence = 7;
    received.begin(segment, stream.ring.head, () => false);
    received.look(segment);
  };
  const takes = (frames: number): void => {
    const at = segment.pointer + SEG_TRACKS_OFFSET + TRACK_VIDEO * 32;
    arena.view.setUint32(at + SEG_TRACK_FRAMES_OFFSET, frames, true);
    arena.setI64(at + SEG_TRACK_BYTES_OFFSET, frames * 100);
  };
  return { stream, segment, received, write, open, takes };
}

describe("what is noted of a recording", () => {
  it("counts what has come since its segment began, and what of it waits, as of the last drain", () => {
    const { segment, received, write, open, takes } = rig();
    write(TRACK_VIDEO, 0);
    open();
    for (const ms of [40, 80, 120]) write(TRACK_VIDEO, ms);
    expect(received.note(5)).toMatchObject({ configId: 3, sequence: 7, frames: 3, bytes: 300, waitingFrames: 3 });
    takes(2);
    expect(received.note(6).waitingFrames).toBe(3);
    received.look(segment);
    expect(received.note(7)).toMatchObject({ frames: 3, waitingFrames: 1, waitingBytes: 100, wallMs: 7 });
    expect(received.note(7)).toMatchObject({ durationMs: 120, zeroMs: 0 });
  });

  it("counts a track that comes between two drains", () => {
    const { stream, received, write, open } = rig();
    open();
    write(TRACK_VIDEO, 0);
    stream.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
    write(TRACK_AUDIO, 0);
    expect(received.note(0).frames).toBe(2);
  });

  it("leaves out what was told as lost, and begins anew where the segment has ended", () => {
    const { segment, received, write, open, takes } = rig();
    open();
    for (const ms of [0, 40, 80]) write(TRACK_VIDEO, ms);
    received.told(GAP);
    received.look(segment);
    expect(received.note(0)).toMatchObject({ frames: 2, bytes: 200 });
    takes(2);
    received.end(segment);
    received.look(undefined);
    expect(received.note(0)).toMatchObject({ sequence: 0, frames: 0, waitingFrames: 0, zeroMs: 80, durationMs: 0 });
  });

  it("is nothing before the first segment", () => {
    const { received, write } = rig();
    write(TRACK_VIDEO, 0);
    expect(received.note(0)).toMatchObject({ sequence: 0, frames: 0, bytes: 0 });
  });
});
