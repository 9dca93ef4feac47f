/** By lockfile: packages that may run an install script, and what for. */
export const LOCKFILES: Readonly<Record<string, Readonly<Record<string, string>>>>;
export function faultsOf(lock: object, known: readonly string[]): string[];
