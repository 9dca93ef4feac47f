import { expect, it } from "vitest";
import { askVolume, volumeCallsUnderWay } from "../../../src/base/volume-calls.js";

it("lets two calls hang, and keeps the others in line", async () => {
  const ends: (() => void)[] = [];
  const hang = () => new Promise<void>((resolve) => ends.push(resolve));
  const calls = [askVolume(hang), askVolume(hang), askVolume(hang)];
  await Promise.resolve();
  expect([ends.length, volumeCallsUnderWay()]).toEqual([2, 2]);
  ends[0]?.();
  await calls[0];
  await Promise.resolve();
  expect([ends.length, volumeCallsUnderWay()]).toEqual([3, 2]);
  for (const end of ends) end();
  await Promise.all(calls);
  expect(volumeCallsUnderWay()).toBe(0);
});

it("gives the place of a call that fails to the next", async () => {
  await expect(askVolume(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(volumeCallsUnderWay()).toBe(0);
});
