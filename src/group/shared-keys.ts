// What a node remembers of the group's bucket of configs over restarts, as one section, so that a crash keeps all of it
// or nothing. It is written once in a turn of the event loop, however many keys change in that.

import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "../recording/config-store.js";
import { SectionWriter } from "../recording/section-writer.js";

const SECTION = "shared";

export class SharedKeys {
  /** Configs that stand in the bucket and that this node has: where one goes from the bucket, it goes here. */
  readonly confirmed: Set<string>;
  /** Configs that were removed here, until the bucket shows that they are gone. */
  readonly removed: Set<string>;
  readonly #writer: SectionWriter;
  #bucket: string | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(store: ConfigStore, logger: Logger) {
    this.#writer = new SectionWriter(store, SECTION, logger);
    const { bucket, confirmed, removed } = (store.get(SECTION)?.value ?? {}) as Record<string, unknown>;
    this.#bucket = typeof bucket === "string" ? bucket : undefined;
    this.confirmed = new Set(strings(confirmed));
    this.removed = new Set(strings(removed));
  }

  /** `bucket`: when it was made. What was known of another one says nothing of this one. */
  enter(bucket: string): void {
    if (bucket === this.#bucket) return;
    this.#bucket = bucket;
    this.confirmed.clear();
    this.removed.clear();
    this.save();
  }

  save(): void {
    this.#soon ??= setImmediate(() => this.#write());
  }

  async whenSaved(): Promise<void> {
    if (this.#soon) this.#write();
    await this.#writer.whenIdle();
  }

  #write(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    this.#writer.write({ bucket: this.#bucket, confirmed: [...this.confirmed], removed: [...this.removed] });
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
