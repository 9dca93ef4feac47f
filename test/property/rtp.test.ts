// RTP, whatever the network does: any split of access units into packets gives the same units; any reordering within
// the buffer's bounds gives the same frames; every packet that is lost is counted and told.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAvcDecoderConfiguration } from "../../src/media/codec/h264/decoder-configuration.js";
import { SLICE_P, slice } from "../support/pictures.js";
import { RtpReceiver, receive, VIDEO } from "../support/receive-rtp.js";
import { fuA, PacketWriter, stapA } from "../support/rtp-packets.js";
import { AVCC, NAL_SEI, nalUnit } from "../support/test-media.js";

const { sps, pps } = parseAvcDecoderConfiguration(AVCC);
const SETS = [sps[0] as Uint8Array, pps[0] as Uint8Array];
const D = 3600;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** NAL units of `count` pictures, every fifth an IDR with its parameter sets. */
function pictures(count: number): Uint8Array[][] {
  return Array.from({ length: count }, (_, i) =>
    i % 5 === 0
      ? [...SETS, nalUnit(NAL_SEI, 20, i), slice(7, i, true, 2500)]
      : [slice(SLICE_P, i, false, 300 + 90 * (i % 7))],
  );
}

/** Packs pictures as `choices` say: units together, alone or in pieces. */
function pack(units: readonly Uint8Array[][], choices: () => number, firstSequence = 65_500): Uint8Array[] {
  const writer = new PacketWriter(firstSequence);
  for (const [i, nals] of units.entries()) {
    const timestamp = i * D;
    for (let at = 0; at < nals.length; ) {
      const together = 1 + (choices() % 4);
      const group = nals.slice(at, at + together);
      const isLast = at + group.length === nals.length;
      if (group.length > 1) writer.write(timestamp, stapA(...group), isLast);
      else {
        const [nal = new Uint8Array(0)] = group;
        const pieceBytes = 1 + (choices() % 1400);
        if (choices() % 2 === 0 || pieceBytes < 20) writer.write(timestamp, nal, isLast);
        else {
          const pieces = fuA(nal, pieceBytes);
          for (const [p, piece] of pieces.entries()) writer.write(timestamp, piece, isLast && p === pieces.length - 1);
        }
      }
      at += group.length;
    }
  }
  return writer.packets;
}

const shown = ({ log }: RtpReceiver): string[] =>
  log.frames.map(({ dts, cts, units }) => `${dts + cts} ${units.map(hex).join(" ")}`);

function expected(units: readonly Uint8Array[][]): string[] {
  return units.map(
    (nals, i) =>
      `${i * D} ${nals
        .filter((nal) => !SETS.includes(nal))
        .map(hex)
        .join(" ")}`,
  );
}

const numbers = fc.infiniteStream(fc.nat());
const draw = (stream: Iterable<number>): (() => number) => {
  const iterator = stream[Symbol.iterator]();
  return () => iterator.next().value ?? 0;
};

describe("RTP", () => {
  it("gives the same access units however they are split into packets", () => {
    fc.assert(
      fc.property(numbers, (stream) => {
        const units = pictures(12);
        const received = receive(pack(units, draw(stream)));
        expect(shown(received)).toEqual(expected(units));
        expect(received.log.losses).toEqual([]);
        expect(received.statistics).toMatchObject({ lostPackets: 0, badPackets: 0, damagedFrames: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it("gives the same frames in any order within the buffer's bounds, and of doubles", () => {
    fc.assert(
      fc.property(numbers, (stream) => {
        const choices = draw(stream);
        const units = pictures(12);
        const packets = pack(units, choices);
        // The first one says where the numbers begin.
        const keyed = packets.map((packet, i) => ({ packet, key: i === 0 ? -1 : i + (choices() % 40) }));
        keyed.sort((a, b) => a.key - b.key);
        let doubles = 0;
        const sent = keyed.flatMap(({ packet }) => {
          if (choices() % 10 > 0) return [packet];
          doubles++;
          return [packet, packet];
        });
        const received = receive(sent, {}, true);
        expect(shown(received)).toEqual(expected(units));
        expect(received.statistics).toMatchObject({ lostPackets: 0, duplicates: doubles, latePackets: 0 });
        expect(received.log.losses).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("counts every packet that is lost, tells it, and hands on no half of a picture", () => {
    fc.assert(
      fc.property(numbers, fc.boolean(), (stream, isReordering) => {
        const choices = draw(stream);
        const units = pictures(30);
        const packets = pack(units, choices);
        const isLost = packets.map((_, i) => i > 0 && i < packets.length - 1 && choices() % 12 === 0);
        const received = new RtpReceiver([VIDEO], isReordering);
        for (const [i, packet] of packets.entries()) {
          received.nowMs += 20;
          if (!isLost[i]) received.take([packet]);
        }
        received.end();
        const lost = isLost.filter(Boolean).length;
        expect(received.statistics.lostPackets).toBe(lost);
        // What stands in front of a picture may be missing, no part of the picture itself.
        const whole = new Set(units.map((nals, i) => `${i * D} ${hex(nals.at(-1) ?? nalUnit(0, 1))}`));
        for (const { dts, cts, units: kept } of received.log.frames)
          expect(whole).toContain(`${dts + cts} ${hex(kept.at(-1) ?? nalUnit(0, 1))}`);
        expect(received.log.losses.length > 0).toBe(lost > 0);
        const missing = units.length - received.log.frames.length;
        const told = received.log.losses.reduce((sum, { frames }) => sum + frames, 0);
        // A picture of which nothing came is no frame that is known.
        expect(told).toBeLessThanOrEqual(missing);
        if (lost === 0) expect(missing).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
