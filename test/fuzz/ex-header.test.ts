// Random and mutated extended headers: whatever comes, parts lie in order inside the message, there are no more of them
// than it has bytes, and the walk ends.

import { expect, it } from "vitest";
import { AvTag } from "../../src/media/flv/av-tag.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";

const VALID = [
  "9168766331000028aabbccdd",
  "961161766331000000000461626364010000016102000000",
  "9621617663310000000400002861686576310100000162",
  "9702 0007a11f 16 0161763031 01 aabb",
  "9521 6d703461 00 000002 6161 4f707573 07 000001 6f",
  "97 ff 0002 000000 11 6d703461 aa",
].map((hex) => Buffer.from(hex.replaceAll(" ", ""), "hex"));

it(`reads every extended header without leaving the message (seed ${seed})`, () => {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const tag = new AvTag();
  let several = 0;
  for (const round of fuzzRounds(20_000, 1_000_000)) {
    const margin = below(3);
    const valid = VALID[below(VALID.length)] ?? Buffer.alloc(1);
    const body = Buffer.from(valid.subarray(0, round % 4 === 0 ? 1 + below(valid.byteLength) : undefined));
    for (let i = below(4); i > 0; i--) body[below(body.byteLength)] = below(256);
    const bytes = Buffer.concat([Buffer.alloc(margin, 0x97), body, Buffer.alloc(margin, 0x97)]);
    if (round % 2 === 0) tag.parseVideo(bytes, margin, body.byteLength);
    else tag.parseAudio(bytes, margin, body.byteLength);
    let parts = 0;
    let last = margin;
    const label = `${body.toString("hex")} of seed ${seed}`;
    do {
      if (tag.codec && tag.kind <= 2) {
        expect(margin + tag.headerBytes, label).toBeGreaterThanOrEqual(last);
        expect(tag.end, label).toBeGreaterThanOrEqual(margin + tag.headerBytes);
        expect(tag.end, label).toBeLessThanOrEqual(margin + body.byteLength);
        last = tag.end;
      }
      expect(Math.abs(tag.compositionTimeMs)).toBeLessThanOrEqual(1 << 23);
      expect(tag.nanoOffset).toBeLessThan(1_000_000);
      expect(++parts, label).toBeLessThanOrEqual(body.byteLength);
    } while (tag.next(bytes, margin));
    if (parts > 1) several++;
  }
  expect(several).toBeGreaterThan(100);
});
