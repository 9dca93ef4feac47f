// Mutants that were looked at and stay: those that change nothing anybody could see, which do not count, and those that
// no test is worth. By the key that the results show.

export interface KnownMutant {
  /** True: no behaviour is another one. */
  isEquivalent: boolean;
  reason: string;
}

export const KNOWN: Readonly<Record<string, KnownMutant>> = {};
