// Deletes one segment after the other until it is killed; says on standard output how many there are.

import { writeSync } from "node:fs";
import { silentLogger } from "../../dist/base/logger.js";
import { Catalog } from "../../dist/catalog/catalog.js";
import { Ledger } from "../../dist/catalog/ledger.js";

const [state = "", media = ""] = process.argv.slice(2);
const ledger = await Ledger.open(state, silentLogger);
const catalog = await Catalog.open(state, { ledger, mediaFolders: [media], logger: silentLogger });
catalog.start();
await catalog.whenComplete();
const { segments } = await catalog.query({ state: "finished" });
writeSync(1, `${segments.length}\n`);
for (const segment of segments) {
  writeSync(1, "d");
  await catalog.delete(segment, "bytes");
}
await catalog.close();
await ledger.close();
