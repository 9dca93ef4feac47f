// A server in the test's own process that has HTTP on a free port and no other listener.

import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.js";
import { LISTENER_NAMES } from "../../src/server/listeners/listener-table.js";
import { ReelServer } from "../../src/server/server.js";

/** Media and state are in `media` and `state` of the folder. */
export function startHttpServer(folder: string): Promise<ReelServer> {
  return ReelServer.start(
    {
      media: { folders: [join(folder, "media")] },
      state: { folder: join(folder, "state") },
      workers: 1,
      listeners: { ...Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"])), http: "127.0.0.1:0" },
    },
    silentLogger,
  );
}
