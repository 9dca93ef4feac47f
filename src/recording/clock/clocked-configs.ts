// Configs that the clock ends: with a duration for good, outside of their schedule until it is time again. One timer
// looks at them when the next of them ends or begins, and at least once a second, since the wall clock may be set; who
// has neither costs nothing. Ends survive a restart.

import type { Logger } from "../../base/logger.js";
import type { Clock, Millis } from "../../time/units.js";
import type { ConfigStore } from "../config-store.js";
import type { ConfigEntry } from "../lifecycle/config-entry.js";
import type { RecordConfig } from "../record-config.js";
import { isConfigId } from "../record-options.js";
import { SectionWriter } from "../section-writer.js";
import { scheduleOf } from "./schedule.js";

const SECTION = "ends";
const MAX_WAIT_MS = 1000;

export interface ClockedParts {
  readonly clock: Clock;
  readonly store: ConfigStore;
  readonly logger: Logger;
  /** A duration is over. */
  readonly removeConfig: (configId: number) => void;
  /** A schedule ends; may be told again while it is closed. */
  readonly leaveOff: (entry: ConfigEntry) => void;
  /** A schedule begins, of a config that waits for that. */
  readonly goOn: (entry: ConfigEntry) => void;
}

/** False where a config's schedule says that it does not record now. */
export function isOnTime({ schedule, zone }: Pick<RecordConfig, "schedule" | "zone">, wallMs: Millis): boolean {
  return schedule === "" || scheduleOf(schedule, zone).isOpen(wallMs);
}

export class ClockedConfigs {
  readonly #entries = new Map<number, ConfigEntry>();
  /** Monotonic, by config id. */
  readonly #ends = new Map<number, Millis>();
  readonly #saved: SectionWriter;
  #timer: NodeJS.Timeout | undefined;
  #dueMs: Millis = 0;
  #isClosed = false;

  constructor(private readonly parts: ClockedParts) {
    const { store, clock, logger } = parts;
    this.#saved = new SectionWriter(store, SECTION, logger);
    const nowMs = clock.monotonicMs() - clock.wallMs();
    for (const [configId, wallMs] of readEnds(store.get(SECTION)?.value)) this.#ends.set(configId, nowMs + wallMs);
  }

  /** A config has come, or is wanted once more: its duration begins now, its schedule is kept. */
  begin(entry: ConfigEntry): void {
    const { configId, duration } = entry.config;
    if (duration > 0) {
      this.#ends.set(configId, this.parts.clock.monotonicMs() + duration * 1000);
      this.#save();
    }
    this.#watch(entry);
  }

  /**
   * The same of those that an earlier run has left: durations go on. One whose end could not be saved (a full disk, a
   * kill) begins anew: it must not record for ever.
   */
  restore(entries: readonly ConfigEntry[]): void {
    for (const entry of entries)
      if (this.#ends.has(entry.config.configId)) this.#watch(entry);
      else this.begin(entry);
    const gone = [...this.#ends.keys()].filter((configId) => !this.#entries.has(configId));
    for (const configId of gone) this.#ends.delete(configId);
    if (gone.length > 0) this.#save();
  }

  forget({ config: { configId } }: ConfigEntry): void {
    this.#entries.delete(configId);
    if (this.#ends.delete(configId)) this.#save();
  }

  look(): void {
    const { clock, removeConfig, leaveOff, goOn } = this.parts;
    const nowMs = clock.monotonicMs();
    const wallMs = clock.wallMs();
    for (const [configId, entry] of this.#entries) {
      const endMs = this.#ends.get(configId);
      if (endMs !== undefined && nowMs >= endMs) removeConfig(configId);
      else if (!isOnTime(entry.config, wallMs)) leaveOff(entry);
      else if (entry.waitsForTime) goOn(entry);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waits = [...this.#entries.values()].map((entry) => this.#waitOf(entry));
    if (waits.length > 0) this.#lookIn(waits.reduce((least, waitMs) => Math.min(least, waitMs)));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async whenSaved(): Promise<void> {
    await this.#saved.whenIdle();
  }

  #watch(entry: ConfigEntry): void {
    const { configId, duration, schedule } = entry.config;
    if (duration === 0 && schedule === "") return;
    this.#entries.set(configId, entry);
    this.#lookIn(this.#waitOf(entry));
  }

  /** How long nothing can change for it. */
  #waitOf({ config: { configId, schedule, zone } }: ConfigEntry): Millis {
    const { clock } = this.parts;
    const wallMs = clock.wallMs();
    const edgeMs = schedule === "" ? MAX_WAIT_MS : scheduleOf(schedule, zone).holdsUntil(wallMs) - wallMs;
    const endMs = (this.#ends.get(configId) ?? Number.POSITIVE_INFINITY) - clock.monotonicMs();
    return Math.min(MAX_WAIT_MS, edgeMs, endMs);
  }

  /** At the latest then. */
  #lookIn(waitMs: Millis): void {
    const dueMs = this.parts.clock.monotonicMs() + waitMs;
    if (this.#isClosed || (this.#timer && this.#dueMs <= dueMs)) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.look(), Math.max(1, Math.ceil(waitMs))).unref();
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
