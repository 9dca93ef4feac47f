// Packets of every payload format, mutated: no byte of them throws, what comes out is no more than what went in, memory
// stays bounded and is given back, and a session goes on with good packets behind.

import { describe, expect, it } from "vitest";
import { Arena } from "../../src/arena/arena.js";
import { StagingBudget } from "../../src/ingest/mpegts/staging.js";
import type { RtpMedia } from "../../src/ingest/rtp/rtp-media.js";
import { RtpSession } from "../../src/ingest/rtp/rtp-session.js";
import { AccessUnitLog } from "../support/access-unit-log.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { mulberry32 } from "../support/random.js";
import { CORPUS } from "../support/rtp-corpus.js";
import { rtpPacket, senderReport } from "../support/rtp-packets.js";

const SHORT_ROUNDS = 600;
const ROUNDS = 10_000;

describe.each(CORPUS.map(({ media, payloads }) => [media.encodingName, media, payloads] as const))(
  "%s",
  (_name, media, payloads) => {
    it(`takes any bytes (seed ${seed})`, () => {
      const random = mulberry32(seed);
      const below = (limit: number): number => Math.floor(random() * limit);
      const arena = new Arena({ maximumBytes: 64 * 1024 * 1024 });
      const budget = new StagingBudget();
      let log = new AccessUnitLog(arena);
      const options = { arena, budget, isReordering: false, note: () => {}, maxAccessUnitBytes: 64 * 1024 };
      const open = (isReordering: boolean): RtpSession =>
        new RtpSession([media as RtpMedia], log, { ...options, isReordering });
      let session = open(false);
      let sequence = 0;
      let timestamp = 0;
      let inBytes = 0;
      for (const round of fuzzRounds(SHORT_ROUNDS, ROUNDS)) {
        const valid = payloads[round % payloads.length] ?? new Uint8Array(1);
        const cut = below(4) === 0 ? below(valid.byteLength + 1) : valid.byteLength;
        const payload = Uint8Array.from(valid.subarray(0, cut));
        for (let i = below(5); i > 0 && payload.length > 0; i--)
          payload[below(below(2) === 0 ? 8 : payload.length)] = below(256);
        if (below(3) > 0) timestamp += 3600;
        if (below(50) === 0) timestamp = below(2 ** 32);
        sequence += below(20) === 0 ? below(70_000) : 1;
        const packet = rtpPacket(
          { payloadType: media.payloadType, sequence, timestamp, isMarked: below(2) === 0 },
          payload,
        );
        if (below(30) === 0) packet[below(12)] = below(256);
        inBytes += packet.byteLength;
        session.rtp(0, packet, round * 10);
        if (below(40) === 0) {
          const rtcp = senderReport(3.9e12 + below(1e6), below(2 ** 32));
          rtcp[below(rtcp.length)] = below(256);
          session.rtcp(0, rtcp, round * 10);
        }
        expect(budget.usedBytes, `round ${round} of seed ${seed}`).toBeLessThan(4 * 1024 * 1024);
        if (round % 500 === 499) {
          session.end();
          expect(arena.stats().blocks).toBe(0);
          const outBytes = log.frames.reduce(
            (sum, { units }) => sum + units.reduce((all, unit) => all + unit.length, 0),
            0,
          );
          // An OBU gets a size, a NAL unit in pieces its header.
          expect(outBytes).toBeLessThanOrEqual(2 * inBytes);
          for (const { dts, cts } of log.frames) expect(Number.isFinite(dts) && Number.isFinite(cts)).toBe(true);
          log = new AccessUnitLog(arena);
          inBytes = 0;
          session = open(round % 1000 === 999);
        }
      }
      session.end();
      expect(arena.stats().blocks).toBe(0);
      // Bytes that are good are still taken.
      log = new AccessUnitLog(arena);
      session = open(false);
      for (let i = 0; i < 3 * payloads.length; i++)
        session.rtp(
          0,
          rtpPacket(
            {
              payloadType: media.payloadType,
              sequence: i,
              timestamp: Math.floor(i / payloads.length) * 3600,
              isMarked: i % payloads.length === payloads.length - 1,
            },
            payloads[i % payloads.length] as Uint8Array,
          ),
          i,
        );
      session.end();
      expect(log.frames.length).toBeGreaterThan(0);
    });
  },
);
