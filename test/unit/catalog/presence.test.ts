// A page of the catalogue whose files lie on a volume that hangs: it is answered, one call hangs, and files of other
// volumes are looked at.

import { mkdirSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import { Ledger } from "../../../src/catalog/ledger.js";
import { scratch } from "../../support/scratch.js";

const { path } = scratch();
const NOON = Date.UTC(2026, 10, 27, 12);

it("is answered while one volume hangs", async () => {
  const folders = [path("media"), path("nas")];
  for (const folder of folders) mkdirSync(folder);
  const ledger = await Ledger.open(path("state"), silentLogger, { isDurable: false });
  const catalog = await Catalog.open(path("state"), { ledger, mediaFolders: folders, logger: silentLogger });
  catalog.start();
  await catalog.whenComplete();
  for (let id = 1; id <= 40; id++) {
    const file = join(folders[id % 2] as string, `${id}.ts`);
    if (id !== 4) writeFileSync(file, Buffer.alloc(188));
    await catalog.append({
      ...{ id, state: "finished", path: file, container: "ts", tracks: [], startedMs: NOON + id, stoppedMs: NOON + id },
      ...{ localStreamName: "cam", configId: 1, outStreamId: 1, variables: {}, durationMs: 40, sizeBytes: 188 },
      ...{ videoFrames: 1, audioFrames: 0, finish: "none", gaps: 0, lost: null },
    });
  }
  const { stat } = fs;
  const ends: (() => void)[] = [];
  const hangs = (file: unknown) => String(file).startsWith(`${folders[1]}/`);
  Object.assign(fs, {
    stat: (file: string) =>
      hangs(file) ? new Promise<never>((_, end) => ends.push(() => end(new Error("EIO")))) : stat(file),
  });
  syncBuiltinESMExports();
  try {
    const { segments } = await catalog.query();
    expect(segments.map(({ id, missing, unreachable }) => [id, missing, unreachable])).toEqual(
      Array.from({ length: 40 }, (_, i) => [i + 1, i + 1 === 4 || undefined, i % 2 === 0 || undefined]),
    );
    expect(await catalog.find(1)).toMatchObject({ unreachable: true });
    expect(ends.length).toBe(1);
  } finally {
    Object.assign(fs, { stat });
    syncBuiltinESMExports();
    for (const end of ends) end();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(await catalog.find(1)).not.toHaveProperty("unreachable");
  await catalog.close();
  await ledger.close();
}, 20_000);
