// Bounds how much of the finish pool one volume may hold: a call on a frozen volume cannot be interrupted, and files on healthy ones must still become
// final (design.md §2). Two finishes and one sync a volume, of five threads.

const PER_VOLUME = 2;

interface Lane {
  running: number;
  waiting: (() => void)[];
}

export class Lanes {
  #lanes = new Map<number, Lane>();

  /** Runs the work when its volume has a place free, in order. */
  async run<T>(volume: number, work: () => Promise<T>): Promise<T> {
    let lane = this.#lanes.get(volume);
    if (!lane) {
      lane = { running: 0, waiting: [] };
      this.#lanes.set(volume, lane);
    }
    const own = lane;
    if (own.running >= PER_VOLUME) await new Promise<void>((resolve) => own.waiting.push(resolve));
    else own.running++;
    try {
      return await work();
    } finally {
      const next = own.waiting.shift();
      // The place goes to the next in line; an empty lane goes.
      if (next) next();
      else if (--own.running === 0) this.#lanes.delete(volume);
    }
  }
}
