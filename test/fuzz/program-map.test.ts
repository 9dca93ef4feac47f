// Mutated program maps of a transport stream that goes on underneath: descriptors of every codec and language, under a
// CRC that fits. Nothing is thrown, no more tracks are told than there may be, a language is three letters, and all
// memory comes back.

import { expect, it } from "vitest";
import { MAX_TRACKS } from "../../src/abi/frame.js";
import { demux } from "../support/demux.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";
import { AC3_FRAME, EAC3_FRAME, MP3_FRAME } from "../support/test-media.js";
import { adts, annexB, type StreamSpec, TsBuilder } from "../support/ts-builder.js";

const PMT_PID = 0x1000;
const language = (code: string): number[] => [0x0a, 4, ...Buffer.from(code), 0];
const registration = (name: string): number[] => [5, 4, ...Buffer.from(name)];
/** Stream type and descriptors of each stream, from PID 0x100 on. */
const STREAMS: readonly [type: number, descriptors: readonly number[]][] = [
  [0x1b, []],
  [0x24, registration("HEVC")],
  [0x0f, language("eng")],
  [0x06, [...registration("Opus"), 0x7f, 2, 0x80, 2, ...language("deu")]],
  [0x06, [0x6a, 1, 0, ...language("fra")]],
  [0x06, [0x7a, 1, 0]],
  [0x81, registration("AC-3")],
  [0x03, language("ita")],
  [0x06, [0x59, 8, ...Buffer.from("eng"), 0x10, 0, 1, 0, 1]],
];
const PAYLOADS = [
  annexB(Uint8Array.of(0x67, 0x42, 0xc0, 0x0b), Uint8Array.of(0x65, 0x88, 0x84)),
  annexB(Uint8Array.of(0x40, 1, 12), Uint8Array.of(0x26, 1, 0xaf)),
  adts(new Uint8Array(60)),
  Uint8Array.from([0x7f, 0xe0, 40, ...new Uint8Array(40).fill(0x7c)]),
  AC3_FRAME,
  EAC3_FRAME,
  AC3_FRAME,
  MP3_FRAME,
  new Uint8Array(20),
];

it(`takes any program map (seed ${seed})`, () => {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  /** Changes bytes of descriptors, or takes some away; lengths may lie. */
  const mutate = (bytes: readonly number[]): Uint8Array => {
    const changed = [...bytes, ...(below(4) === 0 ? Array.from({ length: below(12) }, () => below(256)) : [])];
    if (below(4) === 0) changed.splice(below(changed.length + 1), 1 + below(3));
    for (let i = below(4); i > 0 && changed.length > 0; i--) changed[below(changed.length)] = below(256);
    return Uint8Array.from(changed);
  };
  let described = 0;
  let frames = 0;
  for (const round of fuzzRounds(400, 10_000)) {
    const builder = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]);
    for (let version = 0; version < 3; version++) {
      const streams = STREAMS.map(([type, descriptors], i): StreamSpec => {
        const isOther = below(5) === 0;
        return {
          pid: below(20) === 0 ? below(0x2000) : 0x100 + i,
          type: isOther ? below(256) : type,
          descriptors: below(2) === 0 ? mutate(descriptors) : Uint8Array.from(descriptors),
        };
      });
      builder.pmt(PMT_PID, 1, streams, version);
      for (const [i, payload] of PAYLOADS.entries())
        builder.pes(0x100 + i, payload, { pts: 90_000 + version * 3600, streamId: i < 2 ? 0xe0 : 0xc0 });
    }
    const label = `round ${round} of seed ${seed}`;
    const result = demux([builder.bytes()]);
    expect(Math.max(0, ...result.described.keys()), label).toBeLessThan(MAX_TRACKS);
    for (const { language: code } of result.described.values()) {
      if (code === undefined) continue;
      expect(code, label).toMatch(/^[a-z]{3}$/);
      described++;
    }
    frames += result.frames.length;
  }
  expect(described).toBeGreaterThan(100);
  expect(frames).toBeGreaterThan(100);
});
