// A full ring holds a connection up in the middle of a read: what is left waits, and comes in order.

import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { Channels } from "../../../../src/ingest/rtsp/channels.js";
import { RtspReceiver } from "../../../../src/ingest/rtsp/receiver.js";

const MESSAGE = Buffer.from("RTSP/1.0 200 OK\r\n\r\n");
const packet = (byte: number): Buffer => Buffer.of(0x24, 0, 0, 1, byte);

it("packets behind the one that found no room come after the hold, and none behind the end", async () => {
  const seen: (number | string)[] = [];
  const channels = new Channels();
  channels.set(0, 0);
  let isOver = false;
  const receiver: RtspReceiver = new RtspReceiver(
    {
      channels,
      isOver: () => isOver,
      message: () => {},
      packet: (_channel, bytes, start) => {
        const byte = bytes[start] as number;
        seen.push(byte);
        if (byte === 2) receiver.flow.pause();
        if (byte !== 5) return;
        isOver = true;
        receiver.close();
      },
      resumed: (kept) => void receiver.read(kept, 0, kept.byteLength),
      resumeReading: () => seen.push("on"),
      fail: (error) => {
        throw error;
      },
    },
    0,
  );
  const feed = (...parts: Buffer[]): void => {
    const bytes = Buffer.concat(parts);
    expect(receiver.read(bytes, 0, bytes.byteLength)).toBe(bytes.byteLength);
  };
  feed(MESSAGE, packet(1), packet(2), packet(3));
  feed(packet(4));
  expect(seen).toEqual([1, 2]);
  receiver.flow.resume();
  await turn();
  expect(seen).toEqual([1, 2, 3, 4, "on"]);

  // The end comes in the middle of a read.
  feed(packet(5), packet(6));
  feed(packet(7));
  expect(seen).toEqual([1, 2, 3, 4, "on", 5]);
});
