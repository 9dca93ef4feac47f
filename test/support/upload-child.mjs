// Uploads what a catalogue has until nothing waits, or until it is killed; says "u" on standard output for each file.
// Run from what was built: it starts four times in a test.

import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { silentLogger } from "../../dist/base/logger.js";
import { Catalog } from "../../dist/catalog/catalog.js";
import { Ledger } from "../../dist/catalog/ledger.js";
import { systemClock } from "../../dist/time/units.js";
import { completeUploadSettings } from "../../dist/upload/upload-settings.js";
import { Uploads } from "../../dist/upload/uploads.js";

const [state, media, endpoint, region, partBytes, concurrency] = process.argv.slice(2);
const ledger = await Ledger.open(state, silentLogger);
const catalog = await Catalog.open(state, { ledger, mediaFolders: [media], logger: silentLogger });
catalog.start();
const settings = completeUploadSettings({ endpoint, bucket: "footage", region, concurrency: Number(concurrency) });
const uploads = await Uploads.start({
  catalog,
  whenCatalogued: () => catalog.whenComplete(),
  mediaFolders: [media],
  stateFolder: state,
  settings: { ...settings, partBytes: Number(partBytes) },
  env: process.env,
  clock: systemClock,
  logger: silentLogger,
  timing: { idleMs: 2000, retryMs: 2, pauseMs: 20 },
});
uploads.on("uploaded", () => writeSync(1, "u"));
while (!uploads.isComplete || uploads.pending().length > 0) await delay(5);
await uploads.close();
await catalog.close();
await ledger.close();
