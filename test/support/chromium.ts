// A headless Chromium with a profile of its own, showing one page. It and its processes end with `close`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Without the last ones a start looks for servers that tests must not talk to. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--mute-audio",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Chromium {
  readonly output: string;
  close(): Promise<void>;
}

export async function openChromium(url: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), "reel-chromium-"));
  // --remote-debugging-port keeps a headless Chromium running; port 0 is a free one, and nobody connects.
  const args = [
    "--pdeathsig",
    "KILL",
    "chromium",
    "--headless",
    "--no-first-run",
    ...CHROMIUM_FLAGS,
    "--remote-debugging-port=0",
    `--user-data-dir=${profile}`,
    url,
  ];
  const child = spawn("setpriv", args, {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: { ...process.env, TMPDIR: profile },
  });
  let output = "";
  child.stderr.on("data", (bytes: Buffer) => {
    output = (output + bytes.toString()).slice(-50_000);
  });
  const exited = once(child, "close");
  return {
    get output() {
      return output;
    },
    async close() {
      // The group: the browser's helpers are its children.
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await exited;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
