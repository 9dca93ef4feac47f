// KeyedQueue: order and bounds of one key, independence of keys, and that nothing is kept of a key that is idle.

import { describe, expect, it } from "vitest";
import { KeyedQueue } from "../../../src/base/keyed-queue.js";

/** Work that runs until it is told to end. */
function gate(): { work: () => Promise<void>; open: () => void; hasBegun: () => boolean } {
  let open = (): void => {};
  let begun = false;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    work: () => {
      begun = true;
      return opened;
    },
    open,
    hasBegun: () => begun,
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("KeyedQueue", () => {
  it("runs the work on one key in order, one at a time", async () => {
    const queue = new KeyedQueue<string>();
    const gates = [gate(), gate(), gate()];
    const runs = gates.map((each) => queue.run("volume", each.work));
    for (const [index, each] of gates.entries()) {
      await turn();
      expect(gates.map((other) => other.hasBegun())).toEqual(gates.map((_, at) => at <= index));
      each.open();
    }
    await Promise.all(runs);
  });

  it("runs as much at a time as it has places", async () => {
    const queue = new KeyedQueue<number>(2);
    const gates = [gate(), gate(), gate()];
    const runs = gates.map((each) => queue.run(7, each.work));
    await turn();
    expect(gates.map((each) => each.hasBegun())).toEqual([true, true, false]);
    gates[1]?.open();
    await turn();
    expect(gates[2]?.hasBegun()).toBe(true);
    for (const each of gates) each.open();
    await Promise.all(runs);
  });

  it("does not make one key wait for another", async () => {
    const queue = new KeyedQueue<string>();
    const stuck = gate();
    const run = queue.run("dead", stuck.work);
    await queue.run("healthy", async () => {});
    expect(stuck.hasBegun()).toBe(true);
    stuck.open();
    await run;
  });

  it("goes on behind work that failed, and hands the failure to its caller alone", async () => {
    const queue = new KeyedQueue<string>();
    const failed = queue.run("key", () => Promise.reject(new Error("no")));
    const next = queue.run("key", async () => "done");
    await expect(failed).rejects.toThrow("no");
    await expect(next).resolves.toBe("done");
  });
});
