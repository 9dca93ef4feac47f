// Which segment of the catalogue a file is counted for.

import { expect, it } from "vitest";
import { SegmentIndex } from "../../../src/retention/segment-index.js";
import { MIDNIGHT, MINUTE, Rig } from "../../support/catalog-rig.js";

it("a file is that of the newest segment whose volume is mounted, whatever was recorded on the mount point", async () => {
  const rig = await new Rig().open();
  const older = await rig.record("cam1", MIDNIGHT, MINUTE, "cam1.ts");
  await rig.close();
  const remount = rig.unmount();
  await rig.open();
  // Its media began earlier, so the catalogue tells it first.
  const newer = await rig.record("cam1", MIDNIGHT - MINUTE, MINUTE, "cam1.ts");
  const index = new SegmentIndex(rig.catalog, () => {});
  const ids = async (): Promise<number[]> => {
    await index.load();
    return index.sorted().map(({ id }) => id);
  };
  expect(await ids()).toEqual([newer.sequence]);
  remount();
  expect(await ids()).toEqual([older.sequence]);
  index.stop();
});

it("a rule counts from the opening of its segment on, though its file is none that may go", async () => {
  const rig = await new Rig().open();
  const index = new SegmentIndex(rig.catalog, () => {});
  index.opened(7, {});
  expect(index.hasOwnRules).toBe(false);
  index.opened(8, { retain: { bounds: { seconds: 9 } } });
  await index.load();
  expect([index.hasOwnRules, index.size]).toEqual([true, 0]);
  index.stop();
});
