// Calls on media volumes that wait no longer than is reasonable. One that hangs holds a thread of libuv's four until
// its volume is back, so each volume has one place. While its call hangs, nobody else waits for that volume.

import { ReelError } from "./reel-error.js";
import { volumeCall } from "./volume-calls.js";

const PATIENCE_MS = 4_000;

interface Volume {
  isBusy: boolean;
  isHung: boolean;
  readonly waiting: Set<{ begin: () => void; refuse: () => void }>;
}

/** The pool of threads is the process's, and so are they. */
const volumes = new Map<string, Volume>();

export class VolumeTurns {
  constructor(
    private readonly folders: readonly string[],
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  /**
   * Runs the work when the volume of the path is free. Throws ReelError `stuck` where the volume does not answer;
   * `discard` gets what comes after that.
   */
  async run<T>(path: string, work: () => Promise<T>, discard?: (late: T) => void): Promise<T> {
    const folder = this.#folderOf(path);
    const volume = volumes.get(folder) ?? { isBusy: false, isHung: false, waiting: new Set() };
    volumes.set(folder, volume);
    if (volume.isHung) throw stuck(folder);
    if (volume.isBusy)
      await new Promise<void>((begin, reject) => volume.waiting.add({ begin, refuse: () => reject(stuck(folder)) }));
    volume.isBusy = true;
    return new Promise<T>((resolve, reject) => {
      let isLate = false;
      let isDone = false;
      const giveUp = (): void => {
        if (isDone) return;
        isLate = true;
        volume.isHung = true;
        reject(stuck(folder));
        for (const { refuse } of volume.waiting) refuse();
        volume.waiting.clear();
      };
      // Behind a turn of the loop: where the process itself stood still, the answer may be there.
      const timer = setTimeout(() => setImmediate(giveUp), this.patienceMs);
      volumeCall(work)
        .then(
          (value) => (isLate ? discard?.(value) : resolve(value)),
          (error: unknown) => reject(error), // no effect where it is late
        )
        .finally(() => {
          isDone = true;
          clearTimeout(timer);
          volume.isHung = false;
          this.#passOn(volume);
        });
    });
  }

  /** The next in line has the place before anybody who comes meanwhile. */
  #passOn(volume: Volume): void {
    const [next] = volume.waiting;
    volume.isBusy = next !== undefined;
    if (!next) return;
    volume.waiting.delete(next);
    next.begin();
  }

  /** The innermost media folder; a path outside of all has a place of its own. */
  #folderOf(path: string): string {
    let found = "";
    for (const folder of this.folders)
      if (folder.length > found.length && path.startsWith(`${folder}/`)) found = folder;
    return found;
  }
}

function stuck(folder: string): ReelError {
  return new ReelError("stuck", `the volume of ${folder || "the file"} does not answer`, { folder });
}
