// Mutations of sound frames and configurations from outside: headers say sizes that are possible or are none, counters
// take every byte, a configuration is read or refused, nothing else is thrown.

import { expect, it } from "vitest";
import { ReelError } from "../../src/base/reel-error.js";
import { Ac3Header } from "../../src/media/codec/ac3/ac3-header.js";
import { Eac3Header } from "../../src/media/codec/ac3/eac3-header.js";
import { MpegAudioHeader } from "../../src/media/codec/mpeg-audio/mpeg-audio-header.js";
import { OpusCounter } from "../../src/media/codec/opus/opus-counter.js";
import { SoundCounter } from "../../src/media/codec/sound-counter.js";
import { CODECS } from "../../src/media/codec/table.js";
import { findDescriptor } from "../../src/media/mpegts/psi.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";
import {
  AC3_FRAME,
  DAC3,
  DEC3,
  EAC3_FRAME,
  FLAC_CONFIG,
  MP2_FRAME,
  MP3_CONFIG,
  MP3_FRAME,
  OPUS_HEAD,
} from "../support/test-media.js";

const random = mulberry32(seed);
const below = (limit: number): number => Math.floor(random() * limit);

/** Most changes hit the front, where the headers are. */
function mutate(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice(0, random() < 0.2 ? below(bytes.byteLength) : bytes.byteLength);
  for (let i = 0; i <= below(4) && changed.byteLength > 0; i++)
    changed[below(random() < 0.8 ? Math.min(changed.byteLength, 24) : changed.byteLength)] = below(256);
  return changed;
}

it("headers and counters take any bytes", () => {
  const headers = [new MpegAudioHeader(), new Ac3Header(), new Eac3Header()] as const;
  const frames = [MP3_FRAME, MP2_FRAME, AC3_FRAME, EAC3_FRAME] as const;
  for (const round of fuzzRounds(2000, 10_000)) {
    const bytes = Buffer.concat([mutate(frames[below(4)] ?? MP3_FRAME), mutate(frames[below(4)] ?? MP3_FRAME)]);
    for (const header of headers) {
      const label = `seed ${seed}, round ${round}`;
      if (header.parse(bytes, 0)) {
        const { sizeBytes, samples, sampleRate, channels } = header;
        expect(Math.min(sizeBytes, samples, sampleRate, channels), label).toBeGreaterThan(0);
        expect(sizeBytes, label).toBeLessThanOrEqual(4096);
        const { audio } = CODECS[header.codec].parse(header.config(bytes, 0, bytes.byteLength));
        expect(audio?.channels, label).toBe(channels);
      }
      const counter = new SoundCounter(header);
      for (let at = 0; at < bytes.byteLength; at += 100) counter.push(bytes.subarray(at, at + 100));
      expect(counter.frames * header.headerBytes + counter.strayBytes, label).toBeLessThanOrEqual(bytes.byteLength);
    }
    const opus = new OpusCounter();
    opus.push(mutate(Buffer.concat([Uint8Array.of(0x7f, 0xe0, 40), MP3_FRAME.subarray(0, 40)])));
    expect(opus.frames).toBeLessThan(100);
  }
});

it("configurations are read or refused", () => {
  const configs = { opus: OPUS_HEAD, mp3: MP3_CONFIG, ac3: DAC3, eac3: DEC3, flac: FLAC_CONFIG } as const;
  let refused = 0;
  for (const round of fuzzRounds(2000, 10_000))
    for (const name of Object.keys(configs) as (keyof typeof configs)[])
      try {
        const { audio } = CODECS[name].parse(mutate(configs[name]));
        expect(audio?.sampleRate, `seed ${seed}, round ${round}, ${name}`).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof ReelError)) throw error;
        refused++;
      }
  expect(refused).toBeGreaterThan(0);
});

/** A walk of its own over tag, length, bytes: all that are whole, up to the first that is cut off. */
function descriptorsOf(bytes: Uint8Array): { tag: number; content: Uint8Array }[] {
  const [tag, size] = bytes;
  if (tag === undefined || size === undefined || bytes.byteLength < 2 + size) return [];
  return [{ tag, content: bytes.slice(2, 2 + size) }, ...descriptorsOf(bytes.slice(2 + size))];
}

it("descriptors are those that a walk finds", () => {
  const valid = Uint8Array.of(5, 4, 0x4f, 0x70, 0x75, 0x73, 0x7f, 2, 0x80, 2, 0x0a, 4, 0x65, 0x6e, 0x67, 0);
  expect(findDescriptor(valid, 0x7f, 0x80)).toEqual(Uint8Array.of(2));
  let missed = 0;
  for (const round of fuzzRounds(2000, 10_000)) {
    const bytes = mutate(valid);
    const all = descriptorsOf(bytes);
    for (const wanted of [5, 0x0a, 0x7f]) {
      const label = `seed ${seed}, round ${round}, tag ${wanted}`;
      const found = findDescriptor(bytes, wanted);
      if (!found) missed++;
      expect(found, label).toEqual(all.find(({ tag }) => tag === wanted)?.content);
    }
    const extension = all.find(({ tag, content }) => tag === 0x7f && content[0] === 0x80);
    expect(findDescriptor(bytes, 0x7f, 0x80), `seed ${seed}, round ${round}`).toEqual(extension?.content.subarray(1));
  }
  expect(missed).toBeGreaterThan(0);
});
