// A file on a volume that hangs: who reads it is refused in time, and can close it; others of that volume are refused
// at once; another volume is not concerned. FileHandles stand in for a device that never answers.

import type { FileHandle } from "node:fs/promises";
import { expect, it } from "vitest";
import { VolumeTurns } from "../../../src/base/volume-turns.js";
import { TurnFile } from "../../../src/playback/turn-file.js";

/** Answers when it is told to, as a volume that comes back. */
function deviceOf(isHung: boolean): { handle: FileHandle; comeBack: () => void } {
  let comeBack: () => void = () => undefined;
  const back = new Promise<void>((resolve) => {
    comeBack = resolve;
  });
  const wait = (): Promise<void> => (isHung ? back : Promise.resolve());
  const handle = {
    read: () => wait().then(() => ({ bytesRead: 1 })),
    stat: () => wait().then(() => ({ size: 1 })),
    // As Node's: behind what is under way.
    close: wait,
  } as unknown as FileHandle;
  return { handle, comeBack };
}

it("is refused in time, closes, and answers again when it is back", async () => {
  const volumes = new VolumeTurns(["/slow", "/fast"], 30);
  const { handle, comeBack } = deviceOf(true);
  const slow = new TurnFile(handle, "/slow/a.ts", volumes);
  const reading = slow.read(Buffer.alloc(1), 0, 1, 0);
  const beside = new TurnFile(deviceOf(false).handle, "/slow/b.ts", volumes).stat();
  await expect(reading).rejects.toMatchObject({ code: "stuck" });
  await expect(beside).rejects.toMatchObject({ code: "stuck" });
  const fast = new TurnFile(deviceOf(false).handle, "/fast/c.ts", volumes);
  expect(await fast.read(Buffer.alloc(1), 0, 1, 0)).toEqual({ bytesRead: 1 });
  await slow.close();
  comeBack();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await new TurnFile(deviceOf(false).handle, "/slow/b.ts", volumes).stat()).toEqual({ size: 1 });
});
