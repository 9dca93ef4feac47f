// What is opened before a recorder can be made: the state folder with its lock, what the last run left in it, and the
// media folders.

import { warnIfOthersRead } from "../base/private-files.js";
import { Catalog } from "../catalog/catalog.js";
import { Ledger } from "../catalog/ledger.js";
import { JsonConfigStore } from "./json-config-store.js";
import { Naming } from "./naming/naming.js";
import { Reservations } from "./naming/reservations.js";
import type { ReceivedNote } from "./received-note.js";
import { readReceivedNotes } from "./received-notes.js";
import type { RecorderIds, RecorderSettings } from "./recorder-options.js";
import { StateLock } from "./state-lock.js";

export interface RecorderState {
  readonly lock: StateLock;
  readonly reservations: Reservations;
  readonly naming: Naming;
  readonly store: JsonConfigStore;
  readonly ledger: Ledger;
  readonly catalog: Catalog;
  /** What the last run had received when a crash ended it. */
  readonly received: readonly ReceivedNote[];
  readonly ids: RecorderIds | undefined;
}

/** Where the recorder cannot be made after all. */
export async function giveBack({ ledger, lock }: Pick<RecorderState, "lock"> & Partial<RecorderState>): Promise<void> {
  await ledger?.close();
  lock.release();
}

/** Leaves nothing open if it throws. */
export async function openRecorderState(settings: RecorderSettings): Promise<RecorderState> {
  const { stateFolder, logger } = settings;
  const lock = await StateLock.take(stateFolder);
  let ledger: Ledger | undefined;
  try {
    const reservations = new Reservations();
    const naming = await Naming.open(settings.mediaFolders, reservations);
    await warnIfOthersRead(stateFolder, logger);
    const store = await JsonConfigStore.open(stateFolder, logger, settings.discardConfigs);
    ledger = await Ledger.open(stateFolder, logger, { isDurable: settings.durability !== "none" });
    const catalog = await Catalog.open(stateFolder, {
      ...{ ledger, mediaFolders: naming.folders, logger },
      names: reservations,
    });
    const received = await readReceivedNotes(stateFolder);
    const ids = await settings.ids?.();
    return { lock, reservations, naming, store, ledger, catalog, received, ids };
  } catch (error) {
    await giveBack({ lock, ...(ledger && { ledger }) });
    throw error;
  }
}
