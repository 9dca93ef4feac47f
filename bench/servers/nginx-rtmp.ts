// nginx with the RTMP module (Debian libnginx-mod-rtmp), recording FLV: every frame is written by the thread that reads
// the sockets.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import {
  freePort,
  type RecordingServer,
  ServerProcess,
  type StartOptions,
  untilQuiet,
  waitFor,
} from "./recording-server.js";

const MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

function configuration(port: number, folder: string, workers: string): string {
  return `load_module ${MODULE};
user root;
daemon off;
worker_processes ${workers};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 8192; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    chunk_size 4096;
    application live {
      live on;
      record all;
      record_path ${folder}/recordings;
    }
  }
}
`;
}

/** `workers`: nginx's worker_processes. */
export function nginxRtmp(workers: "auto" | "1"): RecordingServer {
  return {
    name: workers === "auto" ? "nginx-rtmp" : "nginx-rtmp:1",
    types: ["flv"],
    missing: () =>
      existsSync(MODULE)
        ? undefined
        : "nginx with its RTMP module: apt-get update && apt-get install -y nginx-light libnginx-mod-rtmp",
    async start({ folder }: StartOptions) {
      const recordings = join(folder, "recordings");
      mkdirSync(recordings);
      const port = await freePort();
      writeFileSync(join(folder, "nginx.conf"), configuration(port, folder, workers));
      const server = new ServerProcess(
        "nginx",
        ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", join(folder, "error.log")],
        { cwd: folder },
      );
      let isListening = false;
      const probe = setInterval(() => {
        const socket = connect({ port, host: "127.0.0.1" }, () => {
          isListening = true;
          socket.destroy();
        });
        socket.on("error", () => socket.destroy());
      }, 50);
      try {
        await waitFor("nginx listens", server, () => isListening);
      } finally {
        clearInterval(probe);
      }
      const fileOf = (stream: string) => join(recordings, `${stream}.flv`);
      return {
        title: `nginx-rtmp ${version()}, ${workers === "auto" ? "one worker a core" : "1 worker"}`,
        pid: server.pid,
        port,
        app: "live",
        filesOf: (stream) => (existsSync(fileOf(stream)) ? [fileOf(stream)] : []),
        growingFile: (stream) => ({ path: fileOf(stream), kind: "flv" }),
        settled: () => untilQuiet(recordings),
        stop: () => server.stop("SIGQUIT"),
      };
    },
  };
}

function version(): string {
  const { stdout } = spawnSync("dpkg-query", ["--show", "libnginx-mod-rtmp"], { encoding: "utf8" });
  return /\s(?:\d+:)?([\d.]+)/.exec(stdout ?? "")?.[1] ?? "";
}
