// The lock of a server's state folder, held on an open descriptor for as long as the process lives. Every MP4 journal
// names this file (src/container/mp4/): nobody else finishes a live segment.

import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import { lockDescriptor } from "../base/file-lock.js";
import { makeFolderSync } from "../base/make-folder.js";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/private-files.js";
import { ReelError } from "../base/reel-error.js";

const FILE_NAME = "lock";

export class StateLock {
  readonly path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Throws ReelError `locked` where another server owns the folder. */
  static async take(folder: string): Promise<StateLock> {
    makeFolderSync(folder, PRIVATE_FOLDER);
    const path = resolve(folder, FILE_NAME);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, PRIVATE_FILE);
    let isOurs = false;
    try {
      isOurs = lockDescriptor(fd);
    } finally {
      if (!isOurs) closeSync(fd);
    }
    if (isOurs) return new StateLock(path, fd);
    throw new ReelError(
      "locked",
      `another server uses the state folder ${folder}; give this one its own (--state DIR)`,
      {
        path,
      },
    );
  }

  release(): void {
    closeSync(this.#fd);
  }
}
