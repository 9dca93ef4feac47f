// Configs that the clock ends: with a duration for good, outside of their schedule until it is time again. Looked at a
// few times a second, since the wall clock may be set; who has neither costs nothing. Ends survive a restart.

import type { Logger } from "../../base/logger.js";
import type { Clock, Millis } from "../../time/units.js";
import type { ConfigStore } from "../config-store.js";
import type { ConfigEntry } from "../lifecycle/config-entry.js";
import { isConfigId } from "../record-options.js";
import { SectionWriter } from "../section-writer.js";
import { scheduleOf } from "./schedule.js";

const SECTION = "ends";
const LOOK_MS = 200;

export interface ClockedParts {
  readonly clock: Clock;
  readonly store: ConfigStore;
  readonly logger: Logger;
  readonly entries: () => readonly ConfigEntry[];
  readonly removeConfig: (configId: number) => void;
}

/** False where a config's schedule says that it does not record now. */
export function isOnTime({ schedule, zone }: { schedule: string; zone: string | undefined }, wallMs: Millis): boolean {
  return schedule === "" || scheduleOf(schedule, zone).isOpen(wallMs);
}

export class ClockedConfigs {
  /** Monotonic, by config id. */
  readonly #ends = new Map<number, Millis>();
  readonly #saved: SectionWriter;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: ClockedParts) {
    const { store, clock, logger } = parts;
    this.#saved = new SectionWriter(store, SECTION, logger);
    const nowMs = clock.monotonicMs() - clock.wallMs();
    for (const [configId, wallMs] of readEnds(store.get(SECTION)?.value)) this.#ends.set(configId, nowMs + wallMs);
  }

  /** A config has come, or is wanted once more: its duration begins now, its schedule is kept. */
  begin({ config }: ConfigEntry): void {
    if (config.duration > 0) {
      this.#ends.set(config.configId, this.parts.clock.monotonicMs() + config.duration * 1000);
      this.#save();
    }
    this.watch(config);
  }

  /** The same of one that an earlier run has left: its duration goes on. */
  watch({ duration, schedule }: { duration: number; schedule: string }): void {
    if (duration === 0 && schedule === "") return;
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  look(): void {
    const { clock, removeConfig, entries } = this.parts;
    const nowMs = clock.monotonicMs();
    const wallMs = clock.wallMs();
    let hasClocked = false;
    for (const { config, recordings } of entries()) {
      if (config.duration === 0 && config.schedule === "") continue;
      hasClocked = true;
      const endMs = this.#ends.get(config.configId);
      if (endMs !== undefined && nowMs >= endMs) removeConfig(config.configId);
      else if (!isOnTime(config, wallMs)) for (const recording of recordings) recording.stop();
    }
    this.#forgetGone();
    if (!hasClocked) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async whenSaved(): Promise<void> {
    await this.#saved.whenIdle();
  }

  #forgetGone(): void {
    if (this.#ends.size === 0) return;
    const ids = new Set(this.parts.entries().map(({ config }) => config.configId));
    const gone = [...this.#ends.keys()].filter((configId) => !ids.has(configId));
    for (const configId of gone) this.#ends.delete(configId);
    if (gone.length > 0) this.#save();
  }

  #save(): void {
    const { clock } = this.parts;
    const offsetMs = clock.wallMs() - clock.monotonicMs();
    this.#saved.write([...this.#ends].map(([configId, endMs]) => [configId, endMs + offsetMs]));
  }
}

/** Config ids and Unix milliseconds. */
function readEnds(saved: unknown): [number, Millis][] {
  if (!Array.isArray(saved)) return [];
  return saved.filter(
    (pair: unknown): pair is [number, Millis] => Array.isArray(pair) && isConfigId(pair[0]) && Number.isFinite(pair[1]),
  );
}
