// nginx with its RTMP module (Debian nginx-light, libnginx-mod-rtmp): a server that others publish to and that we play
// from.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freePort } from "./pull-fixture.js";
import { until } from "./until.js";

const MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

export class NginxRtmp {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  /** `folder` gets its configuration and logs. */
  static async start(folder: string): Promise<NginxRtmp> {
    if (!existsSync(MODULE))
      throw new Error("nginx with its RTMP module is missing: apt-get install -y nginx-light libnginx-mod-rtmp");
    mkdirSync(folder, { recursive: true });
    const port = await freePort();
    writeFileSync(
      join(folder, "nginx.conf"),
      `load_module ${MODULE};
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 256; }
rtmp { access_log off; server { listen 127.0.0.1:${port}; chunk_size 4096; application live { live on; } } }
`,
    );
    const args = ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", join(folder, "error.log")];
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "nginx", ...args], { stdio: "ignore" });
    const server = new NginxRtmp(port, child);
    await until("nginx listens", async () => {
      if (child.exitCode !== null) throw new Error("nginx ended");
      const socket = connect(port, "127.0.0.1");
      const isThere = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      socket.destroy();
      return isThere;
    });
    return server;
  }

  url(name: string): string {
    return `rtmp://127.0.0.1:${this.port}/live/${name}`;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.kill("SIGTERM");
    await once(this.child, "exit");
  }
}
