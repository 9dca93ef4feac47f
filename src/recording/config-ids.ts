// The ids of record configs and pull configs: a count of this recorder, stored, so that no id comes twice; or what a
// group of recorders gives out.

import type { Logger } from "../base/logger.js";
import type { ConfigStore } from "./config-store.js";
import { isConfigId } from "./record-options.js";
import type { RecorderIds } from "./recorder-options.js";
import { SectionWriter } from "./section-writer.js";

const SECTION = "nextConfigId";

export class ConfigIds {
  readonly #saved: SectionWriter;
  #next: number;

  /** `known`: configs that were stored. `shared`: who gives the ids of several recorders. */
  constructor(
    store: ConfigStore,
    logger: Logger,
    known: readonly { readonly configId: number }[],
    private readonly shared: RecorderIds | undefined,
  ) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    const saved = store.get(SECTION)?.value;
    this.#next = known.reduce((next, { configId }) => Math.max(next, configId + 1), isConfigId(saved) ? saved : 1);
  }

  /** `isTaken`: by a config from before this recorder was one of several. */
  next(isTaken: (configId: number) => boolean): number {
    if (this.shared) {
      let claimed = this.shared.nextConfigId();
      while (isTaken(claimed)) claimed = this.shared.nextConfigId();
      return claimed;
    }
    const id = this.#next++;
    this.#saved.write(this.#next);
    return id;
  }

  whenSaved(): Promise<void> {
    return this.#saved.whenIdle();
  }
}
