// One preview: begun by its first watcher, gone five seconds behind the last, one process for all.

import { beforeEach, describe, expect, it } from "vitest";
import type { ChannelPeer } from "../../../src/base/channels.js";
import { LINGER_MS, Preview, type PreviewEvents, TRY_AGAIN } from "../../../src/preview/preview.js";

class Peer implements ChannelPeer {
  bufferedBytes = 0;
  readonly got: number[] = [];
  readonly closed: [number, string][] = [];
  send(bytes: Uint8Array): void {
    this.got.push(bytes[0] ?? -1);
  }
  close(code: number, reason: string): void {
    this.closed.push([code, reason]);
  }
}

let events: PreviewEvents;
let told: string[];
/** What waits, with its delay. */
let waiting: { delayMs: number; callback: () => void }[];
let preview: Preview;

beforeEach(() => {
  [told, waiting] = [[], []];
  const after = (delayMs: number, callback: () => void): (() => void) => {
    const timer = { delayMs, callback };
    waiting.push(timer);
    return () => {
      waiting = waiting.filter((other) => other !== timer);
    };
  };
  preview = new Preview(
    (given) => {
      events = given;
      told.push("started");
      return { stop: () => told.push("stopped") };
    },
    { after },
    () => told.push("gone"),
  );
});

describe("a preview", () => {
  it("gives everybody the same bytes, and those that come later what comes later", () => {
    const [first, second] = [new Peer(), new Peer()];
    preview.join(first);
    events.onBytes(Uint8Array.of(1));
    preview.join(second);
    events.onBytes(Uint8Array.of(2));
    expect([first.got, second.got, told]).toEqual([[1, 2], [2], ["started"]]);
  });

  it("leaves out bytes where somebody reads too slowly, and nobody else waits", () => {
    const [slow, quick] = [new Peer(), new Peer()];
    preview.join(slow);
    preview.join(quick);
    slow.bufferedBytes = 2 ** 20;
    events.onBytes(Uint8Array.of(1));
    slow.bufferedBytes = 0;
    events.onBytes(Uint8Array.of(2));
    expect([slow.got, quick.got]).toEqual([[2], [1, 2]]);
  });

  it("ends five seconds behind its last watcher, unless somebody comes meanwhile", () => {
    const leaves = [preview.join(new Peer()), preview.join(new Peer())];
    leaves[0]?.();
    expect(waiting).toEqual([]);
    leaves[1]?.();
    leaves[1]?.();
    expect(waiting.map(({ delayMs }) => delayMs)).toEqual([LINGER_MS]);
    const leave = preview.join(new Peer());
    expect([waiting, told]).toEqual([[], ["started"]]);
    leave();
    waiting[0]?.callback();
    expect(told).toEqual(["started", "stopped"]);
    const late = new Peer();
    preview.join(late);
    expect(late.closed).toEqual([[TRY_AGAIN, "the preview begins anew"]]);
    events.onExit("closed");
    expect(told).toEqual(["started", "stopped", "gone"]);
  });

  it("tells its watchers why it is over", () => {
    const peer = new Peer();
    const leave = preview.join(peer);
    events.onExit("ffmpeg ended with 1: Connection refused");
    leave();
    expect([peer.closed, told, waiting]).toEqual([
      [[TRY_AGAIN, "ffmpeg ended with 1: Connection refused"]],
      ["started", "gone"],
      [],
    ]);
  });
});
