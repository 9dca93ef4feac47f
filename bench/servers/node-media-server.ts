// Node-Media-Server, recording FLV: a Node stream per file, a write per frame. From bench's own package, not the
// project's.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  freePort,
  type RecordingServer,
  ServerProcess,
  type StartOptions,
  untilQuiet,
  waitFor,
} from "./recording-server.js";

const packageFolder = fileURLToPath(new URL("../node_modules/node-media-server", import.meta.url));

export const nodeMediaServer: RecordingServer = {
  name: "node-media-server",
  types: ["flv"],
  missing: () => (existsSync(packageFolder) ? undefined : "node-media-server: npm install --prefix bench"),
  async start({ folder }: StartOptions) {
    const recordings = join(folder, "recordings");
    mkdirSync(recordings);
    const port = await freePort();
    const config = {
      bind: "127.0.0.1",
      rtmp: { port },
      auth: { play: false, publish: false },
      record: { auto: true, path: recordings },
      store: { path: join(folder, "data") },
    };
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    const args = [join(packageFolder, "bin/app.js"), "-c", join(folder, "config.json"), "--no-admin"];
    const server = new ServerProcess(process.execPath, args, { cwd: folder });
    let isListening = false;
    const probe = setInterval(() => {
      const socket = connect({ port, host: "127.0.0.1" }, () => {
        isListening = true;
        socket.destroy();
      });
      socket.on("error", () => socket.destroy());
    }, 50);
    try {
      await waitFor("node-media-server listens", server, () => isListening);
    } finally {
      clearInterval(probe);
    }
    const filesOf = (stream: string): string[] => {
      const streamFolder = join(recordings, "live", stream);
      return existsSync(streamFolder)
        ? readdirSync(streamFolder)
            .sort()
            .map((name) => join(streamFolder, name))
        : [];
    };
    const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { version: string };
    return {
      title: `Node-Media-Server ${version}`,
      pid: server.pid,
      port,
      app: "live",
      filesOf,
      growingFile(stream) {
        const path = filesOf(stream).at(-1);
        return path === undefined ? undefined : { path, kind: "flv" };
      },
      settled: () => untilQuiet(recordings),
      stop: () => server.stop(),
    };
  },
};
