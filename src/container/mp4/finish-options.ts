// What a caller of the finish may say.

import type { FinishMethod } from "../finish-method.js";

export interface Mp4FinishOptions {
  /** Whether a file of the final name may be replaced; default: what the journal says. */
  overwrite?: boolean;
  /** Everything but "none" syncs the file before it gets its name, and the folder after. Default "close". */
  durability?: "none" | "close" | "interval";
  /** The lock of the calling server, which owns the segment. */
  ownLockPath?: string;
  /** Finish an orphan: no one else may be at it. Default: true for callers that own no lock. */
  recover?: boolean;
  /** Another name for the finished file, where the journal's own is taken. */
  targetPath?: string;
  /** Ways to make the index fit; default all. */
  methods?: readonly Exclude<FinishMethod, "none">[];
  /** Say what would be done; change nothing. */
  dryRun?: boolean;
  /** Called with a rising fraction, at most once per block of work. */
  onProgress?: (fraction: number) => void;
  /** The compiled kernel; default: the release build beside this program. */
  module?: WebAssembly.Module;
}
