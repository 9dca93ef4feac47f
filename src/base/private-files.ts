// Modes of what only the server reads: the state folder and all in it. Media files are others' to read.

import { stat } from "node:fs/promises";
import type { Logger } from "./logger.js";

export const PRIVATE_FOLDER = 0o700;
export const PRIVATE_FILE = 0o600;
const OTHERS = 0o077;

/** A folder that was there before may be shared on purpose: it is left as it is, and the log says so. */
export async function warnIfOthersRead(folder: string, logger: Logger): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & OTHERS) !== 0)
    logger.warn(
      { folder, mode: (mode & 0o777).toString(8) },
      "other users can look into the state folder, which names every recording: chmod 700 keeps it private",
    );
}
