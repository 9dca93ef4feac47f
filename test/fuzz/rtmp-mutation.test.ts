// Mutations of a valid publish session: bytes are changed, removed, doubled, cut off. The connection may end, nothing
// may be thrown, and all memory comes back.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { command, messageBytes, obsOpening } from "../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../support/rtmp-rig.js";

/** xorshift32. */
function randomFrom(start: number): (below: number) => number {
  let state = start | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function validSession(): Buffer {
  const tags = [...parseFlvFile(readFileSync(new URL("../../assets/clip.flv", import.meta.url)))].slice(0, 40);
  const media = tags.map((tag, i) =>
    messageBytes({ csid: 4 + (i % 3), type: tag.type, streamId: 1, time: tag.timestampMs, payload: tag.data }, 4096),
  );
  return Buffer.concat([
    obsOpening("live", "cam1"),
    ...media,
    command(0, "FCUnpublish", 6, null, "cam1"),
    command(0, "deleteStream", 7, null, 1),
  ]);
}

function mutate(valid: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(valid);
  const times = 1 + random(8);
  for (let i = 0; i < times; i++) {
    // Half of the mutations hit the openings: that is where most of the parsing is.
    const at = random(2) === 0 ? random(Math.max(1, bytes.length)) : random(Math.max(1, Math.min(bytes.length, 5000)));
    const size = random(2) === 0 ? 1 + random(4) : 1 + random(300);
    switch (random(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        for (let k = at; k < Math.min(bytes.length, at + size); k++) bytes[k] = random(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)]);
        break;
      case 4:
        bytes.fill([0, 0xff, 0x7f, 3][random(4)] ?? 0, at, Math.min(bytes.length, at + size));
        break;
      default:
        bytes = bytes.subarray(0, Math.max(1, at));
    }
  }
  return bytes;
}

it(`survives mutated sessions (seed ${seed})`, () => {
  const rig = new IngestRig();
  const valid = validSession();
  const random = randomFrom(seed);
  let count = 0;
  let published = 0;
  for (const i of fuzzRounds(300, 10_000)) {
    count++;
    const direct = new DirectConnection(rig);
    direct.feed(mutate(valid, random), 1 + random(20_000));
    published += rig.collectors.length;
    direct.close();
    const unexpected =
      direct.error instanceof Error && (direct.error as Error & { code?: string }).code !== "badInput"
        ? direct.error
        : undefined;
    expect(unexpected, `mutation ${i} of seed ${seed}`).toBeUndefined();
    expect(rig.registry.list()).toEqual([]);
    expect(rig.arena.stats().blocks, `mutation ${i} of seed ${seed}`).toBe(0);
    rig.collectors.length = 0;
  }
  expect(published).toBeGreaterThan(count / 4);
});
