// The one writer of a section of the config store. It keeps the revision, writes one value at a time and leaves out
// those that a newer one has overtaken.

import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import type { ConfigStore, ExpectedRevision } from "./config-store.js";

export class SectionWriter {
  #expected: ExpectedRevision;
  #next: { readonly value: unknown } | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    private readonly store: ConfigStore,
    private readonly section: string,
    private readonly logger: Logger,
  ) {
    this.#expected = this.#revision();
  }

  /** Begins at once where no write is under way. */
  write(value: unknown): void {
    this.#next = { value };
    this.#writing ??= this.#run().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when the store has taken all that was written. */
  async whenIdle(): Promise<void> {
    await this.#writing;
  }

  async #run(): Promise<void> {
    for (let next = this.#next; next; next = this.#next) {
      this.#next = undefined;
      try {
        this.#expected = await this.store.put(this.section, next.value, this.#expected);
      } catch (error) {
        this.logger.warn({ err: error, section: this.section }, "a section of the configs was not stored as expected");
        if (!(error instanceof ReelError && error.code === "conflict")) continue;
        // What this process does follows its own configs: they are what is stored in the end.
        this.#expected = this.#revision();
        this.#next ??= next;
      }
    }
  }

  #revision(): ExpectedRevision {
    return this.store.get(this.section)?.revision ?? "absent";
  }
}
