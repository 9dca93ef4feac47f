// What an embedding program writes with, on a real in-stream with a ring that fills.

import { expect, it } from "vitest";
import { TRACK_AUDIO } from "../../../src/abi/frame.js";
import { Arena } from "../../../src/arena/arena.js";
import { FrameWriter } from "../../../src/recording/frame-writer.js";
import type { Cursor } from "../../../src/stream/cursor.js";
import { StreamRegistry } from "../../../src/stream/stream-registry.js";
import { systemClock } from "../../../src/time/units.js";
import { ASC } from "../../support/test-media.js";

const RING_BYTES = 65536;

/** A writer whose ring has just refused a frame, and the cursor that holds it full. */
function fullWriter() {
  let id = 1;
  const options = { ringBytes: RING_BYTES, maxRingBytes: RING_BYTES, lagLimitMs: 2000 };
  const stream = new StreamRegistry(new Arena(), systemClock, options, () => id++).open("cam?key=1");
  const writer = new FrameWriter(stream);
  writer.setDecoderConfig(TRACK_AUDIO, "aac", ASC);
  writer.settle();
  let tail = 0;
  const cursor: Cursor = {
    tail: () => tail,
    hasTaken: () => false,
    mainVideo: undefined,
    tryLock: () => true,
    unlock: () => undefined,
    jump: () => undefined,
    onGap: () => undefined,
  };
  stream.attach(cursor);
  const write = (frame: number): boolean => writer.writeFrame(TRACK_AUDIO, new Uint8Array(1000), frame * 1920, 0, true);
  let written = 0;
  while (write(written)) written++;
  const drain = (): void => {
    tail = stream.ring.head;
    stream.onDrained();
  };
  return { writer, write, written, drain };
}

it("waits for room where the ring is full, and writes the frame then", async () => {
  const { writer, write, written, drain } = fullWriter();
  expect(written).toBeGreaterThan(50);
  let hasRoom = false;
  const room = writer.room().then(() => {
    hasRoom = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasRoom).toBe(false);
  drain();
  await room;
  expect(write(written)).toBe(true);
  await writer.room(); // there is room: nothing to wait for
});

it("waits no longer where the stream is ended meanwhile, and says so at the next frame", async () => {
  const { writer, write, written } = fullWriter();
  const room = writer.room();
  writer.end();
  await room;
  expect([writer.name, writer.isEnded]).toEqual(["cam", true]);
  expect(() => write(written)).toThrow(expect.objectContaining({ code: "closed" }));
});
