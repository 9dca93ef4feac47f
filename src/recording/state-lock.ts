// The lock of a server's state folder. Node has no flock(2): `flock` of util-linux (essential in Debian) takes it on a
// descriptor that it inherits from us. The lock belongs to the open file, so it stays ours after that program has
// ended, and the kernel frees it when this process is gone, also by SIGKILL. Every MP4 journal names this file
// (src/container/mp4/): nobody else finishes a live segment.

import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { ReelError } from "../base/reel-error.js";

const FILE_NAME = "lock";
const INHERITED_FD = 3;

export class StateLock {
  readonly path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Throws ReelError `locked` where another server owns the folder. */
  static async take(folder: string): Promise<StateLock> {
    mkdirSync(folder, { recursive: true });
    const path = resolve(folder, FILE_NAME);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const taken = spawnSync("flock", ["--nonblock", "--exclusive", String(INHERITED_FD)], {
      stdio: ["ignore", "ignore", "ignore", fd],
    });
    if (taken.error || taken.status !== 0) {
      closeSync(fd);
      if (taken.error)
        throw new ReelError("io", `the state folder cannot be locked: ${taken.error.message}; install util-linux`, {
          path,
        });
      throw new ReelError(
        "locked",
        `another server uses the state folder ${folder}; give this one its own (--state DIR)`,
        { path },
      );
    }
    return new StateLock(path, fd);
  }

  release(): void {
    closeSync(this.#fd);
  }
}
