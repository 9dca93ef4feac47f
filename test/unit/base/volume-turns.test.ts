// Calls on a volume wait for each other, and for a volume that hangs nobody waits longer than patience lasts.

import { stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { volumeCallsUnderWay } from "../../../src/base/volume-calls.js";
import { VolumeTurns } from "../../../src/base/volume-turns.js";

const FOLDERS = ["/media", "/media/nas"];

it("runs one call of a volume at a time, in order, and goes on behind one that fails", async () => {
  const turns = new VolumeTurns(FOLDERS);
  const done: string[] = [];
  let running = 0;
  const work = (name: string) => async (): Promise<void> => {
    expect(++running).toBe(1);
    await Promise.resolve();
    running--;
    done.push(name);
    if (name === "b") throw new Error("no");
  };
  const calls = ["a", "b", "c"].map((name) => turns.run(`/media/${name}`, work(name)));
  expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(done).toEqual(["a", "b", "c"]);
});

it("refuses everybody while a call hangs, serves other volumes, and serves this one when it is back", async () => {
  const turns = new VolumeTurns(FOLDERS, 20);
  let end = (_: string): void => {};
  const hung = () => new Promise<string>((resolve) => (end = resolve));
  const late: string[] = [];
  const waiting = [
    turns.run("/media/nas/a", hung, (value) => late.push(value)),
    turns.run("/media/nas/b", async () => "never"),
  ];
  for (const call of waiting) await expect(call).rejects.toMatchObject({ code: "stuck" });
  await expect(turns.run("/media/nas/c", async () => "never")).rejects.toMatchObject({ code: "stuck" });
  expect(await turns.run("/media/d", async () => "answers")).toBe("answers");
  expect(volumeCallsUnderWay()).toBe(1);
  end("opened");
  await new Promise((resolve) => setImmediate(resolve));
  // What was opened behind everybody's back is given back.
  expect([late, volumeCallsUnderWay()]).toEqual([["opened"], 0]);
  expect(await turns.run("/media/nas/e", async () => "back")).toBe("back");
});

it("takes no volume for hung because the process itself stood still", async () => {
  const turns = new VolumeTurns(FOLDERS, 20);
  const call = turns.run("/media/a", () => stat("/"));
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs) {
    // Nothing else runs meanwhile.
  }
  expect((await call).isDirectory()).toBe(true);
});
