// A server in the test's own process that has HTTP on a free port, and no other listener unless the test asks for one.

import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.js";
import type { ServerConfig } from "../../src/server/config-schema.js";
import { LISTENER_NAMES } from "../../src/server/listeners/listener-table.js";
import { ReelServer } from "../../src/server/server.js";

/** Media and state are in `media` and `state` of the folder; `config` says what is otherwise. */
export function startHttpServer(folder: string, { listeners, ...config }: ServerConfig = {}): Promise<ReelServer> {
  const off = Object.fromEntries(LISTENER_NAMES.map((name) => [name, "off"]));
  return ReelServer.start(
    {
      media: { folders: [join(folder, "media")] },
      state: { folder: join(folder, "state") },
      workers: 1,
      ...config,
      listeners: { ...off, http: "127.0.0.1:0", ...listeners },
    },
    silentLogger,
  );
}
