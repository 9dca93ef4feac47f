// Runs work in order, by key: up to `places` jobs of one key at a time, and no key waits for another. The keys are
// volumes or folders, so a dead mount delays only the work that needs it.

interface Queue {
  running: number;
  waiting: (() => void)[];
}

export class KeyedQueue<Key> {
  readonly #queues = new Map<Key, Queue>();

  /** `places`: how many jobs of one key run at a time. */
  constructor(private readonly places = 1) {}

  /** Runs the work when its key has a place free. Settles as the work does. */
  async run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = { running: 0, waiting: [] };
      this.#queues.set(key, queue);
    }
    const own = queue;
    if (own.running >= this.places) await new Promise<void>((resolve) => own.waiting.push(resolve));
    else own.running++;
    try {
      return await work();
    } finally {
      const next = own.waiting.shift();
      // The next in line gets the place. An idle queue is removed.
      if (next) next();
      else if (--own.running === 0) this.#queues.delete(key);
    }
  }
}
