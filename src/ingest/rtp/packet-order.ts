// Puts the packets of one track into the order of their sequence numbers (RFC 3550 §5.1, §A.1), drops doubles and says
// how many are missing. Over UDP a packet that comes early waits for those before it, bounded in packets and in time;
// over TCP nothing can overtake, and a gap is a loss at once.
//
//   expected ─▶ handed on          ahead ─▶ waits, or the gap is given up
//   behind   ─▶ a double, or late  far off, or behind over TCP, twice in a row ─▶ the sender has begun anew

import type { Millis } from "../../time/units.js";
import type { StagingBudget } from "../mpegts/staging.js";
import type { RtpStatistics } from "./rtp-statistics.js";

/** At 20 Mb/s, 200 ms are 350 packets. */
const MAX_HELD_PACKETS = 512;
const MAX_HELD_MS = 200;
/** MAX_DROPOUT and MAX_MISORDER of RFC 3550 §A.1; the second one is larger, for networks of today. */
const MAX_GAP = 3000;
const MAX_BEHIND = 1000;
/** Which of the last packets have come. A power of two above MAX_BEHIND. */
const MEMORY = 1024;
/** So many packets behind the expected one in a row: the sender has begun anew a little earlier. */
const MAX_LATE_RUN = 64;

export interface PacketOrderEvents {
  /** bytes[start…end]. */
  deliver(bytes: Uint8Array, arrivalMs: Millis, start: number, end: number): void;
  /** Before what comes behind the gap. 0: it is not known how many, the numbers began anew. */
  lost(packets: number): void;
}

interface Held {
  packet: Uint8Array;
  arrivalMs: Millis;
}

export class PacketOrder {
  readonly #isReordering: boolean;
  readonly #statistics: RtpStatistics;
  readonly #events: PacketOrderEvents;
  readonly #budget: StagingBudget;
  #expected = -1;
  /** By sequence number, in order of arrival. */
  readonly #held = new Map<number, Held>();
  readonly #seen = new Int32Array(MEMORY).fill(-1);
  /** Of those that wait. */
  #furthest = 0;
  #lateRun = 0;
  /** A packet far from what is expected, until the next one bears it out. */
  #stray: (Held & { sequence: number }) | undefined;

  /** `budget` bounds the bytes that wait: where it is used up gaps are given up until what waits has room. */
  constructor(isReordering: boolean, statistics: RtpStatistics, budget: StagingBudget, events: PacketOrderEvents) {
    this.#isReordering = isReordering;
    this.#statistics = statistics;
    this.#budget = budget;
    this.#events = events;
  }

  /**
   * True for the packet that is expected, where none waits: it is the caller's, who has read its header already, and
   * counts as handed on. What nearly every packet is.
   */
  passes(sequence: number): boolean {
    if (sequence !== this.#expected || this.#held.size > 0) return false;
    this.#lateRun = 0;
    if (!this.#isReordering) this.#stray = undefined;
    this.#pass(sequence);
    return true;
  }

  /** The packet bytes[start…end], which may be reused by the caller: what waits is copied. */
  take(bytes: Uint8Array, sequence: number, nowMs: Millis, start = 0, end = bytes.byteLength): void {
    if (this.#expected < 0) this.#expected = sequence;
    const ahead = signed16(sequence - this.#expected);
    if (ahead === 0) {
      this.#lateRun = 0;
      if (!this.#isReordering) this.#stray = undefined;
      this.#countOvertaken(sequence);
      this.#handOn(bytes, sequence, nowMs, start, end);
      if (this.#held.size > 0) this.#drain();
    } else if (ahead > MAX_GAP || ahead < -MAX_BEHIND) this.#takeStray(bytes.subarray(start, end), sequence, nowMs);
    else if (ahead < 0) this.#takeLate(bytes.subarray(start, end), sequence, nowMs);
    else if (this.#isReordering) this.#hold(bytes.subarray(start, end), sequence, nowMs);
    else {
      this.#lose(ahead);
      this.#handOn(bytes, sequence, nowMs, start, end);
    }
    if (this.#held.size > 0) this.poll(nowMs);
  }

  /** Gives up what has been waited for too long. */
  poll(nowMs: Millis): void {
    while (this.#held.size > 0) {
      const [oldest] = this.#held.values();
      if (this.#held.size <= MAX_HELD_PACKETS && oldest && nowMs - oldest.arrivalMs < MAX_HELD_MS) return;
      this.#giveUpGap();
    }
  }

  /** No more packets will come. */
  flush(): void {
    while (this.#held.size > 0) this.#giveUpGap();
  }

  /** What waits is dropped: nobody takes it any more. */
  free(): void {
    for (const { packet } of this.#held.values()) this.#budget.usedBytes -= packet.byteLength;
    this.#held.clear();
  }

  /** The next packet is the first of another source. */
  restart(): void {
    this.flush();
    this.#expected = -1;
    this.#stray = undefined;
    this.#seen.fill(-1);
    this.#lateRun = 0;
  }

  #handOn(bytes: Uint8Array, sequence: number, arrivalMs: Millis, start = 0, end = bytes.byteLength): void {
    this.#pass(sequence);
    this.#events.deliver(bytes, arrivalMs, start, end);
  }

  #pass(sequence: number): void {
    this.#seen[sequence & (MEMORY - 1)] = sequence;
    this.#expected = (sequence + 1) & 0xffff;
  }

  #hold(packet: Uint8Array, sequence: number, arrivalMs: Millis): void {
    if (this.#held.has(sequence)) {
      this.#statistics.duplicates++;
      return;
    }
    this.#countOvertaken(sequence);
    this.#held.set(sequence, { packet: packet.slice(), arrivalMs });
    this.#budget.usedBytes += packet.byteLength;
    // No room for more: what is missing is given up.
    while (this.#held.size > 0 && this.#budget.usedBytes > this.#budget.limitBytes) this.#giveUpGap();
  }

  #countOvertaken(sequence: number): void {
    if (this.#held.size === 0 || signed16(sequence - this.#furthest) > 0) this.#furthest = sequence;
    else this.#statistics.reorderedPackets++;
  }

  #drain(): void {
    for (;;) {
      const sequence = this.#expected;
      const held = this.#held.get(sequence);
      if (!held) return;
      this.#held.delete(sequence);
      this.#budget.usedBytes -= held.packet.byteLength;
      this.#handOn(held.packet, sequence, held.arrivalMs);
    }
  }

  #giveUpGap(): void {
    let nearest = Number.POSITIVE_INFINITY;
    for (const sequence of this.#held.keys()) nearest = Math.min(nearest, (sequence - this.#expected) & 0xffff);
    this.#lose(nearest);
    this.#expected = (this.#expected + nearest) & 0xffff;
    this.#drain();
  }

  #lose(packets: number): void {
    this.#statistics.lostPackets += packets;
    this.#events.lost(packets);
  }

  #takeLate(packet: Uint8Array, sequence: number, nowMs: Millis): void {
    // Over TCP nothing comes late, and only the last one twice: with a second one behind it the numbers begin anew.
    const mayBeFirst = !this.#isReordering && ((sequence + 1) & 0xffff) !== this.#expected;
    if (!mayBeFirst || !this.#isBorneOut(sequence)) {
      if (this.#seen[sequence & (MEMORY - 1)] === sequence) this.#statistics.duplicates++;
      else this.#statistics.latePackets++;
    }
    if (mayBeFirst) this.#takeFollowed(packet, sequence, nowMs);
    else if (++this.#lateRun > MAX_LATE_RUN) this.#beginAnew(packet, sequence, nowMs);
  }

  /** One stray packet is nothing; over TCP, and with a second one behind it, the numbers have begun anew. */
  #takeStray(packet: Uint8Array, sequence: number, nowMs: Millis): void {
    if (!this.#isReordering) this.#beginAnew(packet, sequence, nowMs);
    else this.#takeFollowed(packet, sequence, nowMs);
  }

  /** Waits for the next one to bear it out. */
  #takeFollowed(packet: Uint8Array, sequence: number, nowMs: Millis): void {
    const stray = this.#stray;
    if (stray && this.#isBorneOut(sequence)) {
      this.#beginAnew(stray.packet, stray.sequence, stray.arrivalMs);
      this.#handOn(packet, sequence, nowMs);
    } else this.#stray = { packet: packet.slice(), sequence, arrivalMs: nowMs };
  }

  #isBorneOut(sequence: number): boolean {
    return this.#stray !== undefined && sequence === ((this.#stray.sequence + 1) & 0xffff);
  }

  #beginAnew(packet: Uint8Array, sequence: number, arrivalMs: Millis): void {
    this.restart();
    this.#statistics.restarts++;
    this.#events.lost(0);
    this.#handOn(packet, sequence, arrivalMs);
  }
}

/** The nearest way round of a difference of 16-bit numbers. */
export function signed16(difference: number): number {
  return (difference << 16) >> 16;
}
