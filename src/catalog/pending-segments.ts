// What later entries of the ledger complete: segments that grow, deletions under way, the last link of each manifest.
// At the start they are those that a crash left.

import { basename } from "node:path";
import type { ManifestLink } from "../container/manifest.js";
import type { LedgerEntry } from "./ledger-entry.js";

type OpenedEntry = Extract<LedgerEntry, { type: "opened" }>;
export type DeletingEntry = Extract<LedgerEntry, { type: "deleting" }>;

export class PendingSegments {
  /** Segments that were opened and not closed yet, by their sequence. */
  readonly unclosed = new Map<number, OpenedEntry>();
  /** By the segment's id. */
  readonly deleting = new Map<number, DeletingEntry>();
  /** The last manifest of each config, by its id. */
  readonly roots = new Map<number, ManifestLink>();

  note(entry: LedgerEntry): void {
    const { unclosed, deleting, roots } = this;
    if (entry.type === "closed" && entry.report.manifest)
      roots.set(entry.report.configId, { file: basename(entry.report.path), root: entry.report.manifest });
    if (entry.type === "opened") {
      const syncError = entry.syncError ?? unclosed.get(entry.report.sequence)?.syncError;
      unclosed.set(entry.report.sequence, syncError === undefined ? entry : { ...entry, syncError });
    } else if (entry.type === "unsynced") {
      // A sync may fail when its segment has just been closed.
      const opening = unclosed.get(entry.opened);
      if (opening) unclosed.set(entry.opened, { ...opening, syncError: entry.report.error });
    } else if (entry.type === "deleting") deleting.set(entry.opened, entry);
    else if (entry.type === "deleted" || entry.type === "kept") deleting.delete(entry.opened);
    else unclosed.delete(entry.opened);
  }
}
