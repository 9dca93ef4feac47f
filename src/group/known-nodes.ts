// The other nodes that this one has heard within the last days, kept over its restarts: who asks for the files of all
// must be told of a node that is down, also by one that has not heard it since it was started.

import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import { FORGET_MS } from "./members.js";

export interface KnownNode {
  readonly number: number;
  readonly name: string;
  /** Heard within the last seconds. */
  readonly isAlive: boolean;
  /** It has said that it goes. */
  readonly hasLeft: boolean;
}

interface Heard {
  readonly number: number;
  readonly name: string;
  /** Unix milliseconds. */
  readonly heardMs: number;
  readonly hasLeft: boolean;
}

const SECTION = "nodes";
/** What is kept of the time is as old as this. */
const FRESH_MS = 3_600_000;

export class KnownNodes {
  readonly #heard: Map<number, Heard>;
  readonly #saved: SectionWriter;

  constructor(
    store: ConfigStore,
    private readonly wallMs: () => number,
    logger: Logger,
  ) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    this.#heard = new Map(readHeard(store.get(SECTION)?.value).map((heard) => [heard.number, heard]));
  }

  heard({ number, name, hasLeft }: Omit<Heard, "heardMs">): void {
    const known = this.#heard.get(number);
    const nowMs = this.wallMs();
    const isSame = known?.name === name && known.hasLeft === hasLeft;
    if (isSame && (hasLeft || Math.abs(nowMs - known.heardMs) < FRESH_MS)) return;
    this.#heard.set(number, { number, name, heardMs: nowMs, hasLeft });
    for (const [other, { heardMs }] of this.#heard) if (heardMs <= nowMs - FORGET_MS) this.#heard.delete(other);
    this.#saved.write([...this.#heard.values()]);
  }

  /** Those that have been heard in this run, and those of earlier runs, by number. */
  with(heardNow: readonly KnownNode[]): KnownNode[] {
    const numbers = new Set(heardNow.map(({ number }) => number));
    const oldestMs = this.wallMs() - FORGET_MS;
    const earlier = [...this.#heard.values()]
      .filter(({ number, heardMs }) => !numbers.has(number) && heardMs > oldestMs)
      .map(({ number, name, hasLeft }) => ({ number, name, isAlive: false, hasLeft }));
    return [...heardNow, ...earlier].sort((a, b) => a.number - b.number);
  }

  whenSaved(): Promise<void> {
    return this.#saved.whenIdle();
  }
}

function readHeard(stored: unknown): Heard[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter((value: unknown): value is Heard => {
    const heard = (typeof value === "object" && value !== null ? value : {}) as Partial<Heard>;
    const { number, name, heardMs, hasLeft } = heard;
    const isNamed = Number.isSafeInteger(number) && typeof name === "string";
    return isNamed && Number.isFinite(heardMs) && typeof hasLeft === "boolean";
  });
}
