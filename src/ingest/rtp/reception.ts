// What a receiver report says of one track (RFC 3550 §6.4.2, §A.3, §A.8).

import type { ReceptionReport, SenderReport } from "../../media/rtp/rtcp.js";
import type { Millis } from "../../time/units.js";
import { signed16 } from "./packet-order.js";

export class Reception {
  #base = -1;
  /** Extended by the times that it wrapped. */
  #highest = -1;
  #received = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;
  #jitter = 0;
  #transit = Number.NaN;
  #senderReport: { middle: number; atMs: Millis } | undefined;

  constructor(private readonly clockRate: number) {}

  packet(sequence: number, timestamp: number, nowMs: Millis): void {
    this.#received++;
    if (this.#base < 0) {
      this.#base = sequence;
      this.#highest = sequence;
    } else this.#highest += Math.max(0, signed16(sequence - (this.#highest & 0xffff)));
    const transit = ((nowMs * this.clockRate) / 1000 - timestamp) | 0;
    if (!Number.isNaN(this.#transit)) this.#jitter += (Math.abs((transit - this.#transit) | 0) - this.#jitter) / 16;
    this.#transit = transit;
  }

  senderReport({ ntpMiddle }: SenderReport, nowMs: Millis): void {
    this.#senderReport = { middle: ntpMiddle, atMs: nowMs };
  }

  get jitterMs(): Millis {
    return (this.#jitter * 1000) / this.clockRate;
  }

  /** The sender has begun anew. */
  restart(): void {
    this.#base = -1;
    this.#highest = -1;
    this.#received = 0;
    this.#expectedBefore = 0;
    this.#receivedBefore = 0;
    this.#transit = Number.NaN;
  }

  report(ownSsrc: number, ssrc: number, nowMs: Millis): ReceptionReport {
    const expected = this.#base < 0 ? 0 : this.#highest - this.#base + 1;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    const last = this.#senderReport;
    return {
      ownSsrc,
      ssrc,
      fractionLost: expectedNow > 0 && lostNow > 0 ? Math.min(255, Math.floor((lostNow * 256) / expectedNow)) : 0,
      cumulativeLost: expected - this.#received,
      extendedHighestSequence: Math.max(0, this.#highest) >>> 0,
      jitter: Math.floor(this.#jitter) >>> 0,
      lastSenderReport: last?.middle ?? 0,
      delaySinceSenderReport: last ? Math.floor(((nowMs - last.atMs) * 65536) / 1000) >>> 0 : 0,
    };
  }
}
