// Rules that segments brought with them: those of their configs, as they stood when they were recorded. They count
// where the config is gone: what a duration has ended, or what made room for another, must not be kept for ever. Many
// segments share a rule, so each is in memory once.

import type { Logger } from "../base/logger.js";
import type { SegmentRetention } from "../container/segment-origin.js";
import type { ConfigStore } from "../recording/config-store.js";
import { completeRetentionRule, type RetentionRule } from "../recording/retention-rule.js";
import { SectionWriter } from "../recording/section-writer.js";

/** What of a record config says whose files its bounds count together. */
export interface ScopedRule {
  readonly retain: RetentionRule;
  readonly ruleId?: number | undefined;
}

const SECTION = "retainsFiles";
/** Far more than a server has at a time. */
const MAX_KEPT = 10_000;

export class OwnRules {
  readonly #rules = new Map<string, ScopedRule | undefined>();

  /** undefined where there is none, or none that can be read. */
  of(wish: SegmentRetention | undefined): ScopedRule | undefined {
    if (!wish) return undefined;
    const key = JSON.stringify(wish);
    if (this.#rules.size >= MAX_KEPT) this.#rules.clear();
    if (!this.#rules.has(key)) this.#rules.set(key, read(wish));
    return this.#rules.get(key);
  }
}

/** Whether a start must read the catalogue though no config that is there has a rule: files may have brought some. */
export class RetainsFiles {
  readonly #saved: SectionWriter;
  #value: boolean;

  constructor(store: ConfigStore, logger: Logger) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    this.#value = store.get(SECTION)?.value === true;
  }

  get value(): boolean {
    return this.#value;
  }
  set value(value: boolean) {
    if (value === this.#value) return;
    this.#value = value;
    this.#saved.write(value);
  }

  async whenSaved(): Promise<void> {
    await this.#saved.whenIdle();
  }
}

function read({ bounds, ruleId }: SegmentRetention): ScopedRule | undefined {
  try {
    return { retain: completeRetentionRule(bounds), ruleId };
  } catch {
    return undefined; // of another version: the defaults count
  }
}
