// Holds keep what they name, over a restart too, until they are released.

import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { JsonConfigStore } from "../../../src/recording/json-config-store.js";
import { Holds, savedHoldsGuard } from "../../../src/retention/holds.js";
import { scratch } from "../../support/scratch.js";
import { TestClock } from "../../support/test-clock.js";

const { path } = scratch();
const segment = (id: number, localStreamName: string, startedMs: number, stoppedMs: number) => ({
  ...{ id, localStreamName, startedMs, stoppedMs },
});

it("hold one file, or what of a stream overlaps a time, and survive a restart", async () => {
  const clock = new TestClock();
  const store = await JsonConfigStore.open(path("state"), silentLogger);
  const holds = new Holds(store, clock, silentLogger);
  holds.add({ sequence: 7, reason: "theft" });
  holds.add({ localStreamName: "cam1", fromMs: 1000, toMs: 2000, reason: "accident" });
  holds.add({ localStreamName: "cam2", reason: "trial" });
  await holds.whenSaved();
  await store.flush();
  const saved = await JsonConfigStore.open(path("state"), silentLogger);
  const again = new Holds(saved, clock, silentLogger);
  const reasons = [
    segment(7, "cam9", 0, 1),
    segment(8, "cam9", 0, 1),
    segment(9, "cam1", 0, 999),
    segment(10, "cam1", 0, 1000),
    segment(11, "cam1", 1999, 3000),
    segment(12, "cam1", 2000, 3000),
    segment(13, "cam2", 5, 6),
  ].map((one) => again.holdOf(one)?.reason);
  expect(reasons).toEqual(["theft", undefined, undefined, "accident", "accident", undefined, "trial"]);
  expect(again.release(1)?.reason).toBe("theft");
  expect(again.release(1)).toBeUndefined();
  expect(again.holdOf(segment(7, "cam9", 0, 1))).toBeUndefined();
  expect(again.add({ sequence: 1, reason: "x" }).holdId).toBe(4);
  again.release(4);
  await again.whenSaved();
  const last = new Holds(saved, clock, silentLogger);
  expect(last.add({ sequence: 1, reason: "y" }).holdId, "no id is given twice").toBe(5);
});

it("that are saved guard what a crash left, until they are released", async () => {
  const store = await JsonConfigStore.open(path("guarded"), silentLogger);
  const holds = new Holds(store, new TestClock(), silentLogger);
  holds.add({ sequence: 7, reason: "theft" });
  await holds.whenSaved();
  const guard = savedHoldsGuard(store, new TestClock(), silentLogger);
  const one = { id: 7, localStreamName: "cam", startedMs: 0, stoppedMs: 1 } as Parameters<typeof guard>[0];
  expect(guard(one, "request")).toBe("theft");
  holds.release(1);
  await holds.whenSaved();
  expect(guard(one, "request")).toBeUndefined();
});

it.each([
  [{ reason: "x" }, "names a sequence or a localStreamName"],
  [{ sequence: 1, localStreamName: "cam1", reason: "x" }, "names a sequence or a localStreamName"],
  [{ sequence: 1, reason: "" }, "needs a reason"],
  [{ localStreamName: "cam1", fromMs: 2, toMs: 2, reason: "x" }, "from is before its to"],
])("refuse %j", async (wish, message) => {
  const holds = new Holds(await JsonConfigStore.open(path("refused"), silentLogger), new TestClock(), silentLogger);
  expect(() => holds.add(wish)).toThrow(message);
});
