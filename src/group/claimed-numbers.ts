// Numbers that no two nodes have: a node's own, and blocks of config ids. Each is claimed by the creation of its
// subject, so the server decides, once and for all. What a node has claimed it keeps in its state folder.

import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import { create, readSubject } from "./claim-log.js";
import type { Nats } from "./nats-connection.js";
import type { GroupSubjects } from "./subjects.js";

/** Ids are claimed so many at a time, before they are needed: `nextConfigId` cannot wait. */
export const BLOCK_SIZE = 100;
const CLAIM_AHEAD = BLOCK_SIZE / 2;
/** From here on: ids of a node that could claim no block. Each node has 65 536 of them. */
const CUT_OFF_FROM = 2 ** 31;
const CUT_OFF_SIZE = 2 ** 16;
/** So that its ids when it is cut off fit below 2^32. */
export const MAX_NODE_NUMBER = 2 ** 15 - 1;

export function isNodeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MAX_NODE_NUMBER;
}

const SECTION = "ids";
const AGAIN_MS = 1000;

/**
 * The number of the node of that name: the one it has claimed before, else the first that is free. undefined where no
 * server answers.
 */
export async function claimNodeNumber(nats: Nats, subjects: GroupSubjects, name: string): Promise<number | undefined> {
  for (let number = 1; number <= MAX_NODE_NUMBER; number++) {
    const subject = subjects.number(number);
    const outcome = await create(nats, subject, { name });
    if (outcome === "won") return number;
    const message = await readSubject(nats, subjects, subject).catch(() => undefined);
    if (!message) return undefined;
    if (nameOf(message.data) === name) return number;
  }
  return undefined;
}

function nameOf(data: Uint8Array): unknown {
  try {
    return (JSON.parse(new TextDecoder().decode(data)) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

interface StoredIds {
  /** Claimed and not used: the first, and the one behind the last. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Ids taken while no block could be claimed. */
  readonly cutOff: number;
}

/** Config ids of this node. */
export class ConfigIds {
  #ranges: (readonly [number, number])[];
  #cutOff: number;
  #claim: ((block: number) => Promise<"won" | "lost" | "unknown">) | undefined;
  #newestBlock: (() => Promise<number>) | undefined;
  #claiming: Promise<void> | undefined;
  readonly #saved: SectionWriter;
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    store: ConfigStore,
    private readonly number: number,
    logger: Logger,
  ) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    const { ranges, cutOff } = readIds(store.get(SECTION)?.value);
    this.#ranges = [...ranges];
    this.#cutOff = cutOff;
  }

  /** Claims blocks from now on. Resolves when there are ids, or none could be claimed at once. */
  connect(nats: Nats, subjects: GroupSubjects): Promise<void> {
    this.#claim = (block) => create(nats, subjects.ids(block), { node: this.number });
    this.#newestBlock = async () => {
      const message = await readSubject(nats, subjects, subjects.ids("*"));
      return message ? Number(message.subject.slice(message.subject.lastIndexOf(".") + 1)) : -1;
    };
    return this.#claimAhead();
  }

  next(): number {
    const [range] = this.#ranges;
    if (!range) {
      const id = CUT_OFF_FROM + this.number * CUT_OFF_SIZE + (this.#cutOff % CUT_OFF_SIZE);
      this.#cutOff++;
      this.#save();
      return id;
    }
    const [first, end] = range;
    this.#ranges = first + 1 < end ? [[first + 1, end], ...this.#ranges.slice(1)] : this.#ranges.slice(1);
    this.#save();
    void this.#claimAhead();
    return first;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#again);
    await this.#saved.whenIdle();
  }

  #claimAhead(): Promise<void> {
    this.#claiming ??= this.#claimBlocks().finally(() => {
      this.#claiming = undefined;
    });
    return this.#claiming;
  }

  async #claimBlocks(): Promise<void> {
    const left = this.#ranges.reduce((sum, [first, end]) => sum + end - first, 0);
    if (left > CLAIM_AHEAD || !this.#claim || !this.#newestBlock) return;
    try {
      for (let block = (await this.#newestBlock()) + 1; ; block++) {
        const outcome = await this.#claim(block);
        if (outcome === "unknown") break;
        if (outcome === "lost") continue;
        // 0 is no id.
        this.#ranges = [...this.#ranges, [Math.max(1, block * BLOCK_SIZE), (block + 1) * BLOCK_SIZE]];
        this.#save();
        return;
      }
    } catch {
      // No leader answers.
    }
    if (!this.#isClosed) this.#again = setTimeout(() => void this.#claimAhead(), AGAIN_MS).unref();
  }

  #save(): void {
    this.#saved.write({ ranges: this.#ranges, cutOff: this.#cutOff } satisfies StoredIds);
  }
}

function readIds(stored: unknown): StoredIds {
  const { ranges, cutOff } = (typeof stored === "object" && stored !== null ? stored : {}) as Partial<StoredIds>;
  const isRange = (range: unknown): range is [number, number] =>
    Array.isArray(range) && Number.isSafeInteger(range[0]) && Number.isSafeInteger(range[1]) && range[0] < range[1];
  return {
    ranges: Array.isArray(ranges) ? ranges.filter(isRange) : [],
    cutOff: Number.isSafeInteger(cutOff) ? (cutOff as number) : 0,
  };
}
