// What the depacketizers of RTP read of packets: fields of bits, and start codes in NAL units that were put together.

import fc from "fast-check";
import { expect, it } from "vitest";
import { Arena } from "../../../../src/arena/arena.js";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { PacketBits } from "../../../../src/ingest/rtp/packet-bits.js";
import { PacketScratch } from "../../../../src/ingest/rtp/packet-scratch.js";

it("fields are read bit by bit, wherever they begin, and zeros past the end", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 32 }), { minLength: 1, maxLength: 8 }),
      (bytes, sizes) => {
        const text = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
        const bits = new PacketBits();
        bits.begin(bytes, 0, bytes.byteLength);
        let at = 0;
        for (const size of sizes) {
          const isThere = at + size <= text.length;
          expect(bits.u(size)).toBe(isThere ? Number.parseInt(text.slice(at, at + size) || "0", 2) : 0);
          at = isThere ? at + size : text.length;
          expect(bits.bit).toBe(at);
        }
      },
    ),
  );
});

it("start codes are found up to the last byte, in short and in long NAL units", () => {
  const scratch = new PacketScratch(new Arena(), new StagingBudget());
  for (const size of [3, 4, 20, 63, 64, 65, 66, 300]) {
    for (const code of [0, 1, size - 4, size - 3, size - 2, size - 1]) {
      scratch.reset();
      const bytes = new Uint8Array(7 + size).fill(9);
      for (const [i, byte] of [0, 0, 1].entries()) if (code >= 0 && code + i < size) bytes[7 + code + i] = byte;
      scratch.append(bytes, 0, bytes.byteLength);
      const found = scratch.nextStartCode(7);
      expect(found, `${size} bytes, a code at ${code}`).toBe(code >= 0 && code + 3 <= size ? 7 + code : 7 + size);
    }
  }
  scratch.free();
});
