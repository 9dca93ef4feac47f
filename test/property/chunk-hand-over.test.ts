// A chunk reader that hands over to another one, at every byte of a stream of interleaved chunks: what is delivered is
// what one reader alone delivers.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkReader, DISCARD, type IncomingMessage, MAX_UNREAD_BYTES } from "../../src/ingest/rtmp/chunk-reader.js";
import { Scratch, ScratchBudget } from "../../src/ingest/rtmp/scratch.js";
import { effort, seed } from "../support/effort.js";

interface Sent {
  chunkStreamId: number;
  fmt: 0 | 1 | 2 | 3;
  /** Absolute in fmt 0, else a delta. */
  time: number;
  size: number;
}

/** Messages of this type are discarded. */
const UNWANTED_TYPE = 18;

const sent: fc.Arbitrary<Sent> = fc.record({
  chunkStreamId: fc.constantFrom(3, 4, 6, 63, 64, 319, 320, 65_599),
  fmt: fc.constantFrom(0, 1, 2, 3),
  time: fc.constantFrom(0, 23, 40, 0xfffffe, 0xffffff, 0x1000000, 0xfffffff0),
  size: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 100, max: 200 })),
});

/** Writes chunks as an encoder that interleaves its messages does. `order` says which message goes on. */
function chunksOf(messages: readonly Sent[], chunkSize: number, order: readonly number[]): Buffer {
  const out: Buffer[] = [];
  const lastOf = new Map<number, { size: number; time: number }>();
  const waiting = [...messages];
  const open: { message: Sent; size: number; left: number; time: number; number: number }[] = [];
  for (let turn = 0; waiting.length > 0 || open.length > 0; turn++) {
    const pick = order[turn % Math.max(1, order.length)] ?? 0;
    const next = waiting[0];
    const mayBegin = next && open.every(({ message }) => message.chunkStreamId !== next.chunkStreamId);
    if (next && mayBegin && (open.length === 0 || pick % 2 === 0)) {
      waiting.shift();
      const before = lastOf.get(next.chunkStreamId);
      const fmt = before ? next.fmt : 0;
      const size = fmt < 2 ? next.size : (before?.size ?? 0);
      const time = fmt < 3 ? next.time : (before?.time ?? 0);
      lastOf.set(next.chunkStreamId, { size, time });
      out.push(basicHeader(fmt, next.chunkStreamId), messageHeader(fmt, size, time, messages.length - waiting.length));
      open.push({ message: next, size, left: size, time, number: messages.length - waiting.length });
    } else {
      const going = open[pick % open.length];
      if (!going) continue;
      out.push(basicHeader(3, going.message.chunkStreamId), extension(going.time));
      open.splice(open.indexOf(going), 1);
      open.push(going);
    }
    const going = open.at(-1);
    if (!going) continue;
    const part = Math.min(chunkSize, going.left);
    out.push(Buffer.alloc(part, (going.number * 31 + going.left) & 0xff));
    going.left -= part;
    if (going.left === 0) open.pop();
  }
  return Buffer.concat(out);
}

function basicHeader(fmt: number, chunkStreamId: number): Buffer {
  if (chunkStreamId < 64) return Buffer.from([(fmt << 6) | chunkStreamId]);
  if (chunkStreamId < 320) return Buffer.from([fmt << 6, chunkStreamId - 64]);
  return Buffer.from([(fmt << 6) | 1, (chunkStreamId - 64) & 255, (chunkStreamId - 64) >> 8]);
}

function messageHeader(fmt: number, size: number, time: number, number: number): Buffer {
  const header = Buffer.alloc([11, 7, 3, 0][fmt] ?? 0);
  if (fmt < 3) header.writeUIntBE(Math.min(time, 0xffffff), 0, 3);
  if (fmt < 2) {
    header.writeUIntBE(size, 3, 3);
    header[6] = [8, 9, UNWANTED_TYPE, 20][number % 4] ?? 0;
  }
  if (fmt === 0) header.writeUInt32LE(number % 3, 7);
  return Buffer.concat([header, extension(time)]);
}

function extension(time: number): Buffer {
  const bytes = Buffer.alloc(time >= 0xffffff ? 4 : 0);
  if (bytes.length > 0) bytes.writeUInt32BE(time);
  return bytes;
}

interface Delivered {
  type: number;
  streamId: number;
  timestampMs: number;
  payload: string;
}

class Receiver {
  readonly #delivered: Delivered[];
  readonly scratch: Scratch;
  readonly reader: ChunkReader;

  constructor(delivered: Delivered[], chunkSize: number, budget: ScratchBudget) {
    this.#delivered = delivered;
    this.scratch = new Scratch(budget, (message, payload) => this.#deliver(message, payload));
    this.reader = new ChunkReader({
      begin: (message) => (message.type === UNWANTED_TYPE ? DISCARD : this.scratch),
    });
    this.reader.setChunkSize(chunkSize);
  }

  #deliver({ type, streamId, timestampMs }: IncomingMessage, payload: Uint8Array): boolean {
    this.#delivered.push({ type, streamId, timestampMs, payload: Buffer.from(payload).toString("hex") });
    return true;
  }
}

/** What was delivered and what the reader remembers. */
function shown(reader: ChunkReader, delivered: readonly Delivered[]): string {
  return JSON.stringify({ delivered, state: reader.give() });
}

describe("a chunk reader that hands over", () => {
  it("delivers what one reader alone does, wherever the other one takes over", () => {
    fc.assert(
      fc.property(
        fc.array(sent, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(5, 7, 16, 128, 1000),
        fc.array(fc.nat(5), { minLength: 1, maxLength: 12 }),
        (messages, chunkSize, order) => {
          const bytes = chunksOf(messages, chunkSize, order);
          const alone: Delivered[] = [];
          const budget = new ScratchBudget(1_000_000);
          const one = new Receiver(alone, chunkSize, budget);
          expect(one.reader.read(bytes, 0, bytes.length)).toBe(bytes.length);
          for (let at = 0; at <= bytes.length; at++) {
            const delivered: Delivered[] = [];
            const first = new Receiver(delivered, chunkSize, budget);
            const taken = first.reader.read(bytes, 0, at);
            if (at - taken > MAX_UNREAD_BYTES) expect.fail(`${at - taken} bytes were left unread`);
            // As it comes out of another thread.
            const state = structuredClone(first.reader.give());
            first.reader.abortAll();
            const second = new Receiver(delivered, 1, budget);
            second.reader.take(state, (message, received) => second.scratch.adopt(message, received));
            second.reader.read(bytes, taken, bytes.length);
            // One comparison of text: a matcher for each byte would take most of the time.
            const [mine, theirs] = [second, one].map(({ reader }, i) => shown(reader, i === 0 ? delivered : alone));
            if (mine !== theirs) expect(`byte ${at}: ${mine}`).toBe(`byte ${at}: ${theirs}`);
          }
          expect(budget.usedBytes).toBe(0);
        },
      ),
      { seed, numRuns: effort(12, 2000) },
    );
  });
});
