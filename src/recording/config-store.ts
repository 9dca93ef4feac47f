// What must survive a restart, as sections of plain JSON. The file of JsonConfigStore is the default; the interface
// asks for no more than a store that several recorders share can give: a revision with every value, and a write that
// names the revision it replaces.

export interface StoredSection {
  readonly value: unknown;
  /** From 1; greater with every write. It counts one run of the store, so it is never stored by a caller. */
  readonly revision: number;
}

/** The revision that a write replaces, or `absent`: the section must not exist yet. */
export type ExpectedRevision = number | "absent";

export interface ConfigStore {
  /** Undefined where nothing is stored. */
  get(section: string): StoredSection | undefined;
  /**
   * Stores a value and resolves with its revision; `get` shows it from then on. Rejects with ReelError `conflict` where
   * the section is not as expected. Objects in a value that is an array must not change any more.
   */
  put(section: string, value: unknown, expected: ExpectedRevision): Promise<number>;
  /** Calls back after every write of the section, whoever wrote. The callback must not throw. Returns what ends it. */
  watch(section: string, callback: (stored: StoredSection) => void): () => void;
}
