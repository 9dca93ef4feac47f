// The record configs that there are: by id in the order in which they came, and by the stream they are for, since every
// stream that opens is asked for its own.

import type { ConfigEntry } from "./config-entry.js";

export class ConfigEntries {
  readonly #byId = new Map<number, ConfigEntry>();
  readonly #byStream = new Map<string, Set<ConfigEntry>>();

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

  add(entry: ConfigEntry): void {
    const { configId, localStreamName } = entry.config;
    this.#byId.set(configId, entry);
    const own = this.#byStream.get(localStreamName);
    if (own) own.add(entry);
    else this.#byStream.set(localStreamName, new Set([entry]));
  }

  /** Nothing is left of it, nor of its stream's name where it was the last. */
  remove(entry: ConfigEntry): void {
    const { configId, localStreamName } = entry.config;
    this.#byId.delete(configId);
    const own = this.#byStream.get(localStreamName);
    own?.delete(entry);
    if (own?.size === 0) this.#byStream.delete(localStreamName);
  }
}
