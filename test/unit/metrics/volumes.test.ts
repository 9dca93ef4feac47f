import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { FillRate } from "../../../src/base/fill-rate.js";
import { secondsUntilFull, VolumeWatch } from "../../../src/metrics/volumes.js";

async function values(watch: VolumeWatch): Promise<Record<string, number>> {
  return Object.fromEntries((await watch.collect()).map(({ name, value }) => [name, value]));
}

it("tells what is free, and that a volume which does not fill up will never be full", async () => {
  const watch = new VolumeWatch(tmpdir(), { wallMs: () => 0, monotonicMs: () => 0 });
  const found = await values(watch);
  expect(found.reel_volume_answers).toBe(1);
  expect(found.reel_volume_free_bytes).toBeGreaterThan(0);
  expect(found.reel_volume_size_bytes).toBeGreaterThanOrEqual(found.reel_volume_free_bytes ?? Number.NaN);
  expect(found).toMatchObject({
    reel_volume_fill_bytes_per_second: 0,
    reel_volume_full_in_seconds: Number.POSITIVE_INFINITY,
  });
});

it("says so where a folder is gone, and nothing else", async () => {
  const watch = new VolumeWatch("/nowhere/at/all", { wallMs: () => 0, monotonicMs: () => 0 });
  expect(await values(watch)).toEqual({ reel_volume_answers: 0 });
});

it("takes the rate of filling over the last ten minutes, and none over less than ten seconds", () => {
  const rate = new FillRate();
  const looks = [
    [0, 1_000_000],
    [5, 999_000],
    [10, 990_000],
    [600, 940_000],
    [700, 700_000],
  ];
  const rates = looks.map(([s = 0, freeBytes = 0]) => rate.after({ atMs: s * 1000, freeBytes }));
  // At 700 s the looks at 0, 5 and 10 s are older than the window.
  expect(rates).toEqual([0, 0, 1000, 100, 2400]);
  expect(rate.after({ atMs: 800_000, freeBytes: 1_000_000 })).toBe(-300);
});

it("calls a full volume full, though nothing fills it any more", () => {
  expect([secondsUntilFull(0, 0), secondsUntilFull(500, 100), secondsUntilFull(500, -1)]).toEqual([0, 5, Infinity]);
});
