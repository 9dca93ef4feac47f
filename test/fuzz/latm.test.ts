// Mutations of LATM from outside: elements are read or refused, access units lie in their element, counters take every
// byte, and a transport stream gives what it can. Nothing is thrown.

import { expect, it } from "vitest";
import { AudioMuxReader, copyFromBit } from "../../src/media/codec/aac/latm.js";
import { LatmCounter } from "../../src/media/codec/aac/latm-counter.js";
import { demux } from "../support/demux.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { audioMuxElement, loas, type MuxSpec, specificConfigHead } from "../support/latm.js";
import { mulberry32 } from "../support/random.js";
import { TsBuilder } from "../support/ts-builder.js";

const random = mulberry32(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const PMT_PID = 0x1000;
const PID = 0x101;

const CONFIGS = [
  specificConfigHead(2).u(3, 0),
  specificConfigHead(39).u(4, 0).u(1, 1).u(2, 0).u(16, 0).u(4, 1).u(4, 2).u(16, 7).u(4, 0).u(2, 0),
  specificConfigHead(23).u(3, 1).u(4, 0).u(2, 0),
  specificConfigHead(2, 0).u(3, 0).u(10, 3).u(4, 1).u(8, 0).u(12, 0).u(5, 16).align().u(8, 1).u(8, 65),
] as const;
const MUXES: readonly MuxSpec[] = [{}, { version: 1 }, { subFrames: 3 }, { payloadBytes: 60 }, { otherDataBits: 20 }];

function element(isConfigured: boolean): Uint8Array {
  const mux = MUXES[below(MUXES.length)] ?? {};
  const payloads = Array.from({ length: mux.subFrames ?? 1 }, () => new Uint8Array(60).fill(below(256)));
  return audioMuxElement(payloads, isConfigured ? CONFIGS[below(CONFIGS.length)] : undefined, mux);
}

/** Most changes hit the front, where the configuration is. */
function mutate(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice(0, random() < 0.2 ? below(bytes.byteLength) : bytes.byteLength);
  for (let i = below(4); i >= 0 && changed.byteLength > 0; i--) {
    const at = below(random() < 0.8 ? Math.min(changed.byteLength, 24) : changed.byteLength);
    changed[at] = random() < 0.5 ? below(256) : (changed[at] ?? 0) ^ (1 << below(8));
  }
  return changed;
}

it("access units lie in their element, whatever it says", () => {
  const reader = new AudioMuxReader();
  let read = 0;
  let refused = 0;
  for (const round of fuzzRounds(2000, 10_000)) {
    const label = `seed ${seed}, round ${round}`;
    const bytes = mutate(element(random() < 0.8));
    const isRead = reader.read(bytes, 0, bytes.byteLength);
    if (isRead) read++;
    else refused++;
    expect(reader.payloads > 0, label).toBe(isRead);
    for (let i = 0; i < reader.payloads; i++) {
      const [bit = 0, size = 0] = [reader.payloadBit[i], reader.payloadBytes[i]];
      expect(bit + size * 8, label).toBeLessThanOrEqual(bytes.byteLength * 8);
      copyFromBit(new Uint8Array(size), 0, bytes, bit, size);
    }
    if (isRead) expect(reader.config?.audio.sampleRate, label).toBeGreaterThan(0);
  }
  expect(Math.min(read, refused)).toBeGreaterThan(0);
});

it("counters and the demuxer take any bytes", () => {
  let frames = 0;
  for (const round of fuzzRounds(300, 10_000)) {
    const label = `seed ${seed}, round ${round}`;
    const whole = Buffer.concat(Array.from({ length: 6 }, (_, i) => loas(element(i % 2 === 0))));
    const bytes = Buffer.from(mutate(whole));
    const counter = new LatmCounter();
    for (let at = 0; at < bytes.byteLength; at += 100) counter.push(bytes.subarray(at, at + 100));
    expect(counter.strayBytes, label).toBeLessThanOrEqual(bytes.byteLength);
    const ts = new TsBuilder().pat([{ number: 1, pmtPid: PMT_PID }]).pmt(PMT_PID, 1, [{ pid: PID, type: 0x11 }]);
    const middle = below(bytes.byteLength + 1);
    ts.pes(PID, bytes.subarray(0, middle), { pts: 9000, streamId: 0xc0 });
    ts.pes(PID, bytes.subarray(middle), { pts: 90000, streamId: 0xc0 });
    const found = demux([ts.bytes()]);
    frames += found.frames.length;
    for (const { units } of found.frames) expect(Buffer.concat(units).byteLength, label).toBeLessThan(8192);
  }
  expect(frames).toBeGreaterThan(0);
});
