// An open file of a media volume, each of whose calls waits for its turn (base/volume-turns.ts): a volume that hangs
// takes one thread of the pool and four seconds of who asks, and nothing else of the server.

import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { VolumeTurns } from "../base/volume-turns.js";

export class TurnFile {
  #isCalling = false;

  constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
    private readonly volumes: VolumeTurns,
  ) {}

  /** Fewer bytes where the file ends. Throws ReelError `stuck` where the volume does not answer. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return this.#call(() => this.handle.read(buffer, offset, length, position));
  }

  stat(): Promise<Stats> {
    return this.#call(() => this.handle.stat());
  }

  /** A call that hangs is not waited for: the file is closed when it is back. */
  async close(): Promise<void> {
    const closed = this.handle.close();
    if (this.#isCalling) closed.catch(() => undefined);
    else await closed;
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return this.volumes.run(this.path, async () => {
      this.#isCalling = true;
      try {
        return await work();
      } finally {
        this.#isCalling = false;
      }
    });
  }
}
