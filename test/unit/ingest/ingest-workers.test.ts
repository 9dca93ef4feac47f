// Threads that read publishers: connections handed over in the middle of chunks, threads that die, and threads that are
// stuck. Every stream has bytes of its own, so a byte of another one would show. Beside recordings: test/fault.

import net from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { effort } from "../../support/effort.js";
import {
  audioTag,
  command,
  messageBytes,
  obsOpening,
  PACKET_CONFIG,
  PACKET_FRAME,
  videoTag,
} from "../../support/rtmp-bytes.js";
import { type Collector, frameHash, type ServerRig, startRtmpRig } from "../../support/rtmp-rig.js";
import { ASC, AVCC, accessUnit, NAL_IDR, NAL_SLICE, nalUnit } from "../../support/test-media.js";
import { until } from "../../support/until.js";

const CHUNK_SIZE = 4096;
const FRAME_MS = 40;

let rig: ServerRig;
const sockets = new Set<net.Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await rig.server.close();
  await rig.workers?.close();
  rig.stop();
  expect(rig.arena.stats().blocks, "blocks left in the arena").toBe(0);
  expect(rig.registry.list()).toEqual([]);
});

/** A stream of its own bytes: what is sent, and the frames that are in it. */
class Sent {
  readonly bytes: Buffer;
  readonly hashes: string[] = [];

  constructor(number: number, frames: number, firstFrame = 0) {
    const out: Uint8Array[] = [];
    if (firstFrame === 0) {
      out.push(this.#message(6, 9, 0, videoTag(true, PACKET_CONFIG, 0, AVCC)));
      out.push(this.#message(7, 8, 0, audioTag(PACKET_CONFIG, ASC)));
    }
    for (let i = firstFrame; i < firstFrame + frames; i++) {
      const isKey = i % 10 === 0;
      const picture = accessUnit([nalUnit(isKey ? NAL_IDR : NAL_SLICE, 90 + (i % 7), number * 100_000 + i)]);
      const sound = nalUnit(NAL_SLICE, 20, number * 100_000 + 50_000 + i);
      out.push(this.#message(6, 9, i * FRAME_MS, videoTag(isKey, PACKET_FRAME, 0, picture)));
      out.push(this.#message(7, 8, i * FRAME_MS, audioTag(PACKET_FRAME, sound)));
      this.hashes.push(frameHash(picture), frameHash(sound));
    }
    this.bytes = Buffer.concat(out);
  }

  #message(csid: number, type: number, time: number, payload: Uint8Array): Buffer {
    return messageBytes({ csid, type, streamId: 1, time, payload }, CHUNK_SIZE);
  }
}

async function connect(): Promise<net.Socket> {
  const socket = net.connect(rig.port, "127.0.0.1");
  sockets.add(socket);
  socket.on("error", () => {}).resume();
  socket.once("close", () => sockets.delete(socket));
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return socket;
}

const collectorOf = (name: string): Collector | undefined =>
  rig.collectors.findLast(({ inStream }) => inStream.name === name);

async function ended(name: string): Promise<Collector> {
  return await until(`${name} has ended`, () => {
    const collector = collectorOf(name);
    return collector?.endReason === undefined ? undefined : collector;
  });
}

function expectWhole(collector: Collector, sent: readonly Sent[]): void {
  expect(collector.frames.map(({ hash }) => hash)).toEqual(sent.flatMap(({ hashes }) => hashes));
  expect(collector.gaps).toEqual([]);
}

describe("a connection that is handed over", () => {
  it("goes on in the middle of a chunk, at whatever byte: each stream has its own frames, and all of them", async () => {
    rig = await startRtmpRig({}, {}, 2);
    const { length } = new Sent(0, 3).bytes;
    const step = effort(37, 1);
    for (let first = 0; first < length; first += 40 * step) {
      const places = Array.from({ length: 40 }, (_, i) => first + i * step).filter((at) => at < length);
      await Promise.all(
        places.map(async (at) => {
          const name = `at${at}`;
          const sent = new Sent(at, 3);
          const socket = await connect();
          // With the publish command, as librtmp would not: the main thread has read them before it hands over.
          socket.write(Buffer.concat([obsOpening("live", name), sent.bytes.subarray(0, at)]));
          await until(`${name} is published`, () => collectorOf(name));
          socket.end(sent.bytes.subarray(at));
          expectWhole(await ended(name), [sent]);
        }),
      );
    }
    expect(rig.workers?.threads.map(({ clients }) => clients.size)).toEqual([0, 0]);
  });
});

describe("a thread that reads", () => {
  it("looks how large the memory is only where it must: views of what it was go the slow way", async () => {
    rig = await startRtmpRig({}, {}, 1);
    const publish = async (name: string): Promise<void> => {
      const sent = new Sent(1, 3);
      const socket = await connect();
      socket.end(Buffer.concat([obsOpening("live", name), sent.bytes]));
      expectWhole(await ended(name), [sent]);
    };
    // The arena grows for the first.
    await publish("first");
    const { buffer } = rig.arena.memory;
    for (const name of ["second", "third"]) await publish(name);
    expect(rig.arena.memory.buffer).toBe(buffer);
  });

  it("reads on where the memory has grown", async () => {
    rig = await startRtmpRig({}, {}, 1);
    const pointers: number[] = [];
    for (let i = 0; i < 4; i++) {
      pointers.push(rig.arena.allocate(24 << 20));
      const sent = new Sent(i, 3);
      const socket = await connect();
      socket.end(Buffer.concat([obsOpening("live", `grown${i}`), sent.bytes]));
      expectWhole(await ended(`grown${i}`), [sent]);
    }
    for (const pointer of pointers) rig.arena.free(pointer);
  });
});

describe("a stream that ends before its connection", () => {
  it("gives its memory back", async () => {
    rig = await startRtmpRig({}, {}, 1);
    const sent = new Sent(1, 5);
    const socket = await connect();
    socket.write(Buffer.concat([obsOpening("live", "a"), sent.bytes]));
    await until("a is read", () => collectorOf("a")?.inStream.tracks.length === 2);
    const { blocks } = rig.arena.stats();
    socket.write(command(0, "deleteStream", 7, null, 1));
    expectWhole(await ended("a"), [sent]);
    // The ring, where it is described, its counters, and two configurations.
    await until("its memory is free", () => rig.arena.stats().blocks === blocks - 5);
    expect(rig.workers?.threads[0]?.clients.size).toBe(1);
  });
});

describe("a thread that dies", () => {
  it("ends its connections with their events and no other, and is replaced", async () => {
    rig = await startRtmpRig({}, {}, 2);
    const names = ["a", "b", "c", "d"];
    const sent = names.map((_, i) => [new Sent(i, 20), new Sent(i, 20, 20)]);
    const publishing = await Promise.all(
      names.map(async (name, i) => {
        const socket = await connect();
        socket.write(Buffer.concat([obsOpening("live", name), sent[i]?.[0]?.bytes ?? Buffer.alloc(0)]));
        await until(`frames of ${name}`, () => collectorOf(name)?.frames.length === 40);
        return socket;
      }),
    );
    const [dying] = rig.workers?.threads ?? [];
    await dying?.kill();
    await until("its streams end", () => rig.collectors.filter(({ endReason }) => endReason).length === 2);
    const reasons = names.map((name) => collectorOf(name)?.endReason);
    const lost = "the thread that read the connection has died";
    expect(reasons.toSorted()).toEqual([lost, lost, undefined, undefined]);
    for (const [i, socket] of publishing.entries()) {
      const isLost = reasons[i] === lost;
      if (!isLost) socket.end(sent[i]?.[1]?.bytes ?? Buffer.alloc(0));
      expectWhole(await ended(names[i] ?? ""), (sent[i] ?? []).slice(0, isLost ? 1 : 2));
    }
    // The next one is on the thread that has taken its place.
    const [taker] = await until("another thread", () =>
      rig.workers?.threads.length === 2 && rig.workers.threads.every(({ isReady }) => isReady)
        ? rig.workers.threads.filter((thread) => thread !== dying)
        : undefined,
    );
    expect(taker).toBeDefined();
    const again = new Sent(9, 20);
    const socket = await connect();
    socket.end(Buffer.concat([obsOpening("live", "again"), again.bytes]));
    expectWhole(await ended("again"), [again]);
  });

  it("and another, at any moment: whoever is not on it has all frames", async () => {
    rig = await startRtmpRig({}, {}, 2);
    const rounds = effort(2, 40);
    const perRound = 6;
    for (let round = 0; round < rounds; round++) {
      const names = Array.from({ length: perRound }, (_, i) => `r${round}-${i}`);
      const killed = rig.workers?.threads[round % 2];
      const whole = names.map((_, i) => new Sent(round * perRound + i, 40));
      const running = Promise.all(
        names.map(async (name, i) => {
          const socket = await connect();
          const { bytes } = whole[i] as Sent;
          socket.write(obsOpening("live", name));
          for (let at = 0; at < bytes.length && !socket.destroyed; at += 500) {
            socket.write(bytes.subarray(at, at + 500));
            await new Promise((resolve) => setImmediate(resolve));
          }
          socket.end();
          return await ended(name);
        }),
      );
      const many = (round * 7) % (perRound * 60);
      await until("some frames", () => rig.collectors.reduce((sum, { frames }) => sum + frames.length, 0) >= many);
      await killed?.kill();
      for (const [i, collector] of (await running).entries()) {
        const hashes = collector.frames.map(({ hash }) => hash);
        const all = whole[i]?.hashes ?? [];
        // Of the dead: from the first frame on, none out of order, none of another.
        expect(hashes).toEqual(all.slice(0, hashes.length));
        if (!collector.endReason?.includes("died")) expect(hashes).toHaveLength(all.length);
      }
      rig.collectors.length = 0;
      await until("the next thread", () => rig.workers?.threads.every(({ isReady }) => isReady));
    }
  });
});

describe("a thread that is stuck", () => {
  const STUCK = new URL("../../support/stuck-ingest-thread.mjs", import.meta.url);
  const SLOW = new URL("../../support/slow-ingest-thread.mjs", import.meta.url);
  const publish = async (name: string): Promise<net.Socket> => {
    const socket = await connect();
    socket.write(obsOpening("live", name));
    return socket;
  };

  it("is waited for once, and its descriptors stay open until it is gone", async () => {
    rig = await startRtmpRig({}, {}, 1, STUCK);
    const socket = await publish("a");
    await until("a is published", () => collectorOf("a"));
    const waits = vi.spyOn(Atomics, "wait");
    const refused = (): number => rig.logger.lines.filter(({ message }) => message.includes("refused")).length;
    // Whether the first one has said goodbye is asked of the thread.
    await publish("a");
    await until("the second is refused", () => refused() === 1);
    expect(waits).toHaveBeenCalled();
    waits.mockClear();
    await publish("a");
    await until("the third is refused", () => refused() === 2);
    expect(waits).not.toHaveBeenCalled();

    const isGone = (): boolean => rig.logger.lines.some(({ message }) => message.includes("has died"));
    let wasGone: boolean | undefined;
    socket.once("close", () => {
      wasGone = isGone();
    });
    const closing = rig.server.close();
    expect(waits).not.toHaveBeenCalled();
    expect(collectorOf("a")?.endReason).toBeDefined();
    // What the sweeps count in some seconds.
    const [thread] = rig.workers?.threads ?? [];
    if (thread) vi.spyOn(thread, "countSilentLooks").mockReturnValue(50);
    await until("the thread is ended", isGone);
    await closing;
    await until("the socket is closed", () => wasGone !== undefined);
    expect(wasGone).toBe(true);
    vi.restoreAllMocks();
  });

  it("for a while loses nothing of others, and what it has is given back when it goes on", async () => {
    rig = await startRtmpRig({}, {}, 1, SLOW);
    const [thread] = rig.workers?.threads ?? [];
    const [a, b] = [new Sent(1, 20), new Sent(2, 20)];
    const [first, second] = [await publish("a"), await publish("b")];
    first.write(a.bytes);
    second.write(b.bytes);
    await until("frames", () => ["a", "b"].every((name) => collectorOf(name)?.frames.length === 40));
    collectorOf("a")?.inStream.closeSource("the test wants it");
    expect(collectorOf("a")?.endReason).toBe("the test wants it");
    const more = new Sent(2, 20, 20);
    second.end(more.bytes);
    expectWhole(await ended("b"), [b, more]);
    await until("the thread has let go", () => thread?.clients.size === 0);
    expect(rig.workers?.threads).toEqual([thread]);
  });

  it("is one that does not go round its event loop", async () => {
    rig = await startRtmpRig({}, {}, 1);
    const [thread] = rig.workers?.threads ?? [];
    if (!thread) throw new Error("no thread");
    const { beats } = thread;
    await until("a beat", () => thread.beats > beats);
    const now = vi.spyOn(thread, "beats", "get");
    const looks = [7, 7, 7, 8, 8].map((beat) => {
      now.mockReturnValue(beat);
      return thread.countSilentLooks();
    });
    expect(looks).toEqual([0, 1, 2, 0, 1]);
    vi.restoreAllMocks();
  });
});
