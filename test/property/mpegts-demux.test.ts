// What holds for the demuxer on every input: where it is split does not matter, and no input makes it throw, loop or
// hold more than its limits.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeClip } from "../support/clip.js";
import { demux, digest } from "../support/demux.js";
import { effort, seed } from "../support/effort.js";
import { FIELD_PPS, FIELD_SPS, fieldSlice } from "../support/field-pictures.js";
import { EAC3_FRAME, MP3_FRAME } from "../support/test-media.js";
import { adts, annexB, TsBuilder } from "../support/ts-builder.js";

async function sample(seconds: number): Promise<Buffer> {
  return readFileSync(
    await makeClip({ seconds, video: { width: 64, height: 48, bFrames: 2, kilobitsPerSecond: 100 }, format: "ts" }),
  );
}

/** A registration and the extension descriptor with a channel configuration: stereo. */
const OPUS_DESCRIPTORS = Uint8Array.of(5, 4, 0x4f, 0x70, 0x75, 0x73, 0x7f, 2, 0x80, 2);
/** With a start trim, and of a size that takes two bytes. */
const OPUS_PACKETS = Uint8Array.of(
  ...[0x7f, 0xf0, 40, 0x01, 0x38, 0x7c, ...new Uint8Array(39).fill(3)],
  ...[0x7f, 0xe0, 255, 45, 0x7c, ...new Uint8Array(299).fill(4)],
);
/** Of two substreams. */
const EAC3_UNIT = Buffer.concat([EAC3_FRAME, EAC3_FRAME.with(2, 0x41)]);
/** By PID from 0x102 on; `frames` are the access units that a unit of the stream has. */
const SOUNDS = [
  {
    ...{ type: 0x06, streamId: 0xbd, unit: OPUS_PACKETS },
    frames: [OPUS_PACKETS.subarray(5, 45), OPUS_PACKETS.subarray(49)],
  },
  { type: 0x87, streamId: 0xbd, unit: EAC3_UNIT, frames: [EAC3_UNIT] },
  { type: 0x03, streamId: 0xc0, unit: MP3_FRAME, frames: [MP3_FRAME] },
] as const;
const UNITS = 20;

/**
 * Fields as pictures of their own, PES packets that begin anywhere, AAC that describes its channels in band, Opus,
 * E-AC-3 of two substreams and MP3.
 */
function oddSample(): Buffer {
  const ts = new TsBuilder().pat([{ number: 1, pmtPid: 0x1000 }]).pmt(0x1000, 1, [
    { pid: 0x100, type: 0x1b },
    { pid: 0x101, type: 0x0f },
    ...SOUNDS.map(({ type }, i) => ({
      ...{ pid: 0x102 + i, type },
      descriptors: type === 0x06 ? OPUS_DESCRIPTORS : new Uint8Array(0),
    })),
  ]);
  const sounds = SOUNDS.map(({ unit }) => Buffer.concat(Array.from({ length: UNITS }, () => unit)));
  const fields = Array.from({ length: 40 }, (_, i) =>
    annexB(
      Buffer.of(9, 0xf0),
      ...(i % 20 === 0 ? [FIELD_SPS, FIELD_PPS] : []),
      fieldSlice({ frame: (i % 20) >> 1, isBottom: i % 2 === 1, isIdr: i % 20 === 0 }),
    ),
  );
  const all = Buffer.concat(fields);
  const description = Buffer.from("a0c404000024400000", "hex");
  for (let at = 0, i = 0; at < all.length; at += 700, i++) {
    ts.pes(0x100, all.subarray(at, at + 700), { pts: i * 1800 });
    const block = Buffer.concat([description, Buffer.alloc(80, 0x21)]);
    ts.pes(0x101, adts(i % 4 === 0 ? block : block.subarray(description.length), 3, 0), {
      pts: i * 1920,
      streamId: 0xc0,
    });
  }
  // PES packets of sound begin anywhere as well.
  for (const [track, { streamId }] of SOUNDS.entries())
    for (let at = 0, bytes = sounds[track] ?? Buffer.alloc(0); at < bytes.length; at += 500)
      ts.pes(0x102 + track, bytes.subarray(at, at + 500), { pts: at * 4, streamId, isBounded: true });
  return ts.bytes();
}

describe(`MPEG-TS demuxer, seed ${seed}`, () => {
  it("gives the same from one piece, from single bytes, and split at every place", async () => {
    const bytes = (await sample(1)).subarray(0, 188 * 60);
    const whole = digest(demux([bytes]));
    expect(digest(demux(Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1))))).toBe(whole);
    for (let at = 1; at < bytes.length; at += effort(7, 1))
      expect(digest(demux([bytes.subarray(0, at), bytes.subarray(at)])), `split at ${at}`).toBe(whole);
  });

  it("gives the same from any pieces, of any damaged stream", async () => {
    const samples = [await sample(1), oddSample()];
    const odd = demux([oddSample()]);
    const payloadsOf = (track: number): string[] =>
      odd.frames.flatMap((frame) => (frame.track === track ? [Buffer.concat(frame.units).toString("hex")] : []));
    expect(odd.frames.map((frame) => frame.track)).toEqual(expect.arrayContaining([0, 1]));
    for (const [i, { frames }] of SOUNDS.entries()) {
      const all = Array.from({ length: UNITS }, () => frames.map((frame) => Buffer.from(frame).toString("hex")));
      expect(payloadsOf(i + 2), `track ${i + 2}`).toEqual(all.flat());
    }
    const pieceSizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), pieceSizes, mutations, (bytes, sizes, changes) => {
        const damaged = mutate(bytes, changes);
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < damaged.length; i++) {
          const size = sizes[i % sizes.length] as number;
          pieces.push(damaged.subarray(at, at + size));
          at += size;
        }
        expect(digest(demux(pieces))).toBe(digest(demux([damaged])));
      }),
      { seed, numRuns: effort(60, 3000) },
    );
  });

  it("never hands on more than it got, and frames of the clean part are whole", async () => {
    const bytes = await sample(1);
    const clean = demux([bytes]);
    const known = new Set(clean.frames.map((frame) => Buffer.concat(frame.units).toString("latin1")));
    // Packets that are lost, doubled or swapped, but none that is changed: every frame that comes out is one that went
    // in.
    const order = fc.array(fc.tuple(fc.constantFrom("drop", "double", "swap"), fc.nat(bytes.length / 188 - 2)), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(order, (changes) => {
        const packets = Array.from({ length: bytes.length / 188 }, (_, i) => bytes.subarray(i * 188, i * 188 + 188));
        for (const [kind, place] of changes) {
          const at = place % (packets.length - 1);
          if (kind === "drop") packets.splice(at, 1);
          else if (kind === "double") packets.splice(at, 0, packets[at] as Buffer);
          else [packets[at], packets[at + 1]] = [packets[at + 1] as Buffer, packets[at] as Buffer];
        }
        const result = demux([Buffer.concat(packets)]);
        for (const frame of result.frames)
          if (frame.track === 0) expect(known.has(Buffer.concat(frame.units).toString("latin1"))).toBe(true);
        expect(result.frames.length).toBeLessThanOrEqual(clean.frames.length);
      }),
      { seed, numRuns: effort(60, 3000) },
    );
  });
});

type Mutation = { kind: "flip" | "zero" | "insert" | "remove" | "repeat"; at: number; size: number; value: number };

const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom("flip" as const, "zero" as const, "insert" as const, "remove" as const, "repeat" as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    size: fc.integer({ min: 1, max: 400 }),
    value: fc.integer({ min: 0, max: 255 }),
  }),
  { maxLength: 30 },
);

function mutate(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  let out = Buffer.from(bytes);
  for (const { kind, at: place, size, value } of changes) {
    const at = Math.floor(place * (out.length - 1));
    const end = Math.min(out.length, at + size);
    if (kind === "flip") out[at] = (out[at] ?? 0) ^ (value | 1);
    else if (kind === "zero") out.fill(0, at, end);
    else if (kind === "insert") out = Buffer.concat([out.subarray(0, at), Buffer.alloc(size, value), out.subarray(at)]);
    else if (kind === "remove") out = Buffer.concat([out.subarray(0, at), out.subarray(end)]);
    else out = Buffer.concat([out.subarray(0, end), out.subarray(at)]);
  }
  return out;
}
