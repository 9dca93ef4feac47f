// Work in order, by key: up to `places` at a time on one thing, and work on another thing does not wait for it. The
// keys are volumes or folders: a dead mount keeps those waiting that want something there, and no one else.

interface Queue {
  running: number;
  waiting: (() => void)[];
}

export class KeyedQueue<Key> {
  readonly #queues = new Map<Key, Queue>();

  /** `places`: how much of the work on one key runs at a time. */
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
      // The place goes to the next in line; an idle queue goes.
      if (next) next();
      else if (--own.running === 0) this.#queues.delete(key);
    }
  }
}
