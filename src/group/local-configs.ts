// What this node has that is the group's, as its config store says. A store tells of every write with the whole
// section, and a group may have ten thousand configs in one: configs do not change, so what both values have at their
// beginning and at their end is passed over by identity, and only what stands between is looked at.

import type { ConfigStore } from "../recording/config-store.js";

/** A section of the config store that is an array of configs. */
export interface SharedSection {
  /** Its name in the store, and the first token of its keys. */
  readonly name: string;
  /** What names a config in it. */
  idOf(config: object): unknown;
  /** Of the configs that are in use here: the store may hold others, which could not be read. */
  ids(): readonly number[];
  /** False for a config of this node alone. */
  isShared(config: object): boolean;
  /** A config of another node. Throws ReelError where this node cannot have it; it stays another's then. */
  adopt(config: unknown): void;
  remove(configId: number): void;
}

export interface Local {
  readonly section: SharedSection;
  readonly configId: number;
  readonly config: object;
}

export interface LocalChange {
  readonly came: readonly string[];
  readonly went: readonly string[];
}

export class LocalConfigs {
  readonly #byKey = new Map<string, Local>();
  /** Each section as it was looked at last. */
  readonly #seen = new Map<SharedSection, readonly object[]>();

  constructor(
    sections: readonly SharedSection[],
    private readonly store: ConfigStore,
  ) {
    for (const section of sections) {
      const ids = new Set(section.ids());
      const stored = this.#stored(section);
      for (const [key, local] of keyed(section, stored)) if (ids.has(local.configId)) this.#byKey.set(key, local);
      this.#seen.set(section, stored);
    }
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  get(key: string): Local | undefined {
    return this.#byKey.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** Looks at a section that was written: the keys of the configs that are new in it, and of those that are gone. */
  compare(section: SharedSection): LocalChange {
    const before = this.#seen.get(section) ?? [];
    const now = this.#stored(section);
    this.#seen.set(section, now);
    const shorter = Math.min(before.length, now.length);
    let first = 0;
    while (first < shorter && before[first] === now[first]) first++;
    let last = 0;
    while (last < shorter - first && before.at(-1 - last) === now.at(-1 - last)) last++;
    const came = keyed(section, now.slice(first, now.length - last));
    const left = keyed(section, before.slice(first, before.length - last));
    const went = [...left.keys()].filter((key) => !came.has(key) && this.#byKey.delete(key));
    for (const [key, local] of came) this.#byKey.set(key, local);
    return { came: [...came.keys()], went };
  }

  #stored({ name }: SharedSection): readonly object[] {
    const stored = this.store.get(name)?.value;
    return Array.isArray(stored) ? (stored as readonly object[]) : [];
  }
}

/** Those of them that are the group's. */
function keyed(section: SharedSection, configs: readonly object[]): Map<string, Local> {
  const found = new Map<string, Local>();
  for (const config of configs) {
    const configId = section.idOf(config);
    if (typeof configId === "number" && section.isShared(config))
      found.set(`${section.name}.${configId}`, { section, configId, config });
  }
  return found;
}
