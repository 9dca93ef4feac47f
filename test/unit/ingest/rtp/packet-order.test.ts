// The order of packets: doubles, overtaking, gaps and numbers that begin anew.

import { describe, expect, it } from "vitest";
import { StagingBudget } from "../../../../src/ingest/mpegts/staging.js";
import { PacketOrder } from "../../../../src/ingest/rtp/packet-order.js";
import { newRtpStatistics } from "../../../../src/ingest/rtp/rtp-statistics.js";

function order(isReordering: boolean, limitBytes?: number) {
  const statistics = newRtpStatistics();
  const out: (number | string)[] = [];
  const budget = new StagingBudget(limitBytes);
  const packets = new PacketOrder(isReordering, statistics, budget, {
    deliver: (packet) => out.push(packet[0] as number),
    lost: (count) => out.push(`lost ${count}`),
  });
  // As the track does it: what is expected is not looked at again.
  const take = (sequence: number, nowMs = 0): void => {
    if (packets.passes(sequence & 0xffff)) out.push(sequence & 255);
    else packets.take(Uint8Array.of(sequence & 255), sequence & 0xffff, nowMs);
  };
  return { packets, statistics, out, take, budget };
}

describe("over UDP", () => {
  it("waits for packets that were overtaken and drops doubles", () => {
    const { out, take, statistics } = order(true);
    for (const sequence of [10, 12, 12, 11, 11, 13, 15, 14]) take(sequence);
    expect(out).toEqual([10, 11, 12, 13, 14, 15]);
    expect(statistics).toMatchObject({ duplicates: 2, reorderedPackets: 2, lostPackets: 0 });
  });

  it("takes late packets for what they are, however many, where expected ones come between", () => {
    const { take, statistics } = order(true);
    for (let i = 0; i < 200; i++) {
      take(1000 + i);
      if (i > 0) for (let n = 0; n < 40; n++) take(900);
    }
    expect(statistics).toMatchObject({ restarts: 0, lostPackets: 0 });
  });

  it("crosses the wrap of the numbers", () => {
    const { out, take } = order(true);
    for (const sequence of [65534, 0x10000, 65535, 0x10001]) take(sequence);
    expect(out).toEqual([254, 255, 0, 1]);
  });

  it("gives a gap up after 200 ms, also without further packets", () => {
    const { packets, out, take, statistics } = order(true);
    take(10);
    take(13, 100);
    take(14, 250);
    expect(out).toEqual([10]);
    packets.poll(299);
    expect(out).toEqual([10]);
    packets.poll(300);
    expect(out).toEqual([10, "lost 2", 13, 14]);
    take(11, 301);
    expect(out).toEqual([10, "lost 2", 13, 14]);
    expect(statistics).toMatchObject({ lostPackets: 2, latePackets: 1 });
  });

  it("gives a gap up behind 512 waiting packets", () => {
    const { out, take } = order(true);
    take(0);
    for (let i = 0; i < 512; i++) take(2 + i);
    expect(out).toEqual([0]);
    take(514);
    expect(out.slice(0, 3)).toEqual([0, "lost 1", 2]);
    expect(out).toHaveLength(515);
  });

  it("counts what waits against the budget, and waits no longer for what is missing where that is used up", () => {
    const { packets, budget, take, out, statistics } = order(true, 3);
    for (const sequence of [10, 12, 13, 14]) take(sequence);
    expect([budget.usedBytes, out]).toEqual([3, [10]]);
    take(17);
    expect(out).toEqual([10, "lost 1", 12, 13, 14]);
    expect([budget.usedBytes, statistics.lostPackets]).toEqual([1, 1]);
    take(20);
    packets.free();
    expect(budget.usedBytes).toBe(0);
  });

  it("loses no packet that is there, where there is no room for it to wait", () => {
    const { take, out, statistics } = order(true, 1);
    for (const sequence of [10, 15, 12, 13, 14]) take(sequence);
    expect(out).toEqual([10, "lost 1", 12, 13, 14, 15]);
    expect(statistics).toMatchObject({ lostPackets: 1, duplicates: 0, latePackets: 0 });
  });

  it("takes what waits at the end", () => {
    const { packets, out, take } = order(true);
    for (const sequence of [1, 3, 6]) take(sequence);
    packets.flush();
    expect(out).toEqual([1, "lost 1", 3, "lost 2", 6]);
  });

  it("begins anew with the second of two stray packets, and not with one", () => {
    const { out, take, statistics } = order(true);
    for (const sequence of [10, 40_000, 11, 50_000, 50_001, 50_002]) take(sequence);
    expect(out).toEqual([10, 11, "lost 0", 50_000 & 255, 50_001 & 255, 50_002 & 255]);
    expect(statistics).toMatchObject({ restarts: 1, lostPackets: 0 });
  });
});

describe("over TCP", () => {
  it("takes a gap for a loss at once", () => {
    const { out, take, statistics } = order(false);
    for (const sequence of [10, 13, 13, 12, 14]) take(sequence);
    expect(out).toEqual([10, "lost 2", 13, 14]);
    expect(statistics).toMatchObject({ lostPackets: 2, duplicates: 1, latePackets: 1 });
  });

  it("begins anew where the numbers jump, and with the second one of those that stand a little behind", () => {
    const { out, take, statistics } = order(false);
    for (const sequence of [10, 30_000]) take(sequence);
    expect(out).toEqual([10, "lost 0", 30_000 & 255]);
    for (let i = 0; i < 70; i++) take(29_800 + i);
    expect(statistics.restarts).toBe(2);
    expect(out.slice(3)).toEqual(["lost 0", ...Array.from({ length: 70 }, (_, i) => (29_800 + i) & 255)]);
  });

  it("takes the last packet once where it comes twice, and stays where one from behind comes between", () => {
    const { out, take, statistics } = order(false);
    for (const sequence of [10, 11, 11, 12, 5, 13, 6, 14]) take(sequence);
    expect(out).toEqual([10, 11, 12, 13, 14]);
    expect(statistics).toMatchObject({ restarts: 0, duplicates: 1, latePackets: 2 });
  });
});
