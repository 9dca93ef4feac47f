// The record configs that there are: by id in the order in which they came, and by the stream they are for, since every
// stream that opens is asked for its own.

import type { RecordConfig } from "../record-config.js";
import type { ConfigEntry } from "./config-entry.js";

export class ConfigEntries {
  readonly #byId = new Map<number, ConfigEntry>();
  readonly #byStream = new Map<string, Set<ConfigEntry>>();
  readonly #kept: RecordConfig[] = [];

  get count(): number {
    return this.#byId.size;
  }
  get all(): readonly ConfigEntry[] {
    return [...this.#byId.values()];
  }
  get(configId: number): ConfigEntry | undefined {
    return this.#byId.get(configId);
  }
  of(localStreamName: string): readonly ConfigEntry[] {
    return [...(this.#byStream.get(localStreamName) ?? [])];
  }

  /** Those that outlive a restart, as they are now: a copy costs little, and each config that comes asks for one. */
  get kept(): readonly RecordConfig[] {
    return this.#kept.slice();
  }

  add(entry: ConfigEntry): void {
    const { configId, localStreamName, keepAlive } = entry.config;
    if (keepAlive) this.#kept.push(entry.config);
    this.#byId.set(configId, entry);
    const own = this.#byStream.get(localStreamName);
    if (own) own.add(entry);
    else this.#byStream.set(localStreamName, new Set([entry]));
  }

  /** Nothing is left of it, nor of its stream's name where it was the last. */
  remove(entry: ConfigEntry): void {
    const { configId, localStreamName } = entry.config;
    const at = this.#kept.indexOf(entry.config);
    if (at >= 0) this.#kept.splice(at, 1);
    this.#byId.delete(configId);
    const own = this.#byStream.get(localStreamName);
    own?.delete(entry);
    if (own?.size === 0) this.#byStream.delete(localStreamName);
  }
}
