// From the paths of a command line to what there is to finish. A file may be named by its final name or by one of an
// MP4's temporary files; a folder stands for the orphans in it and below. `.ts` is many things: below a folder only
// transport streams with a torn end count.

import { existsSync, statSync } from "node:fs";
import { ReelError } from "../base/reel-error.js";
import { isTornFlv } from "../container/flv/repair-flv.js";
import { hasMp4Journal } from "../container/mp4/journal.js";
import { isTornTs } from "../container/mpegts/repair-ts.js";
import type { ContainerName } from "../container/table.js";
import { filesBelow } from "./files-below.js";

export interface FinishTarget {
  path: string;
  container: ContainerName;
}

const TEMPORARY_FILE = /\.mp4\.(info|mdat|track\d)$/;
const EXTENSION = /\.(mp4|ts|flv)$/i;

/** Throws ReelError `notFound`, `badArgument` or `io`. */
export function expandTarget(path: string): FinishTarget[] {
  if (hasMp4Journal(path)) return [{ path, container: "mp4" }];
  if (TEMPORARY_FILE.test(path)) return expandTarget(path.replace(TEMPORARY_FILE, ".mp4"));
  if (hasMp4Journal(`${path}.mp4`)) return [{ path: `${path}.mp4`, container: "mp4" }];
  if (!existsSync(path)) throw new ReelError("notFound", "no such file, and no journal of that name", { path });
  const found = statSync(path);
  if (found.isDirectory()) return orphansIn(path);
  if (!found.isFile()) throw new ReelError("badArgument", "is neither a file nor a folder", { path });
  const container = EXTENSION.exec(path)?.[1]?.toLowerCase() as ContainerName | undefined;
  if (!container)
    throw new ReelError("badArgument", "is neither an MP4, MPEG-TS or FLV recording nor a folder", { path });
  return [{ path, container }];
}

function orphansIn(folder: string): FinishTarget[] {
  return filesBelow(folder).flatMap((path): FinishTarget[] => {
    if (path.endsWith(".mp4.info")) return [{ path: path.slice(0, -".info".length), container: "mp4" }];
    if (/\.ts$/i.test(path)) return isTorn(path, isTornTs) ? [{ path, container: "ts" }] : [];
    return /\.flv$/i.test(path) && isTorn(path, isTornFlv) ? [{ path, container: "flv" }] : [];
  });
}

/** What cannot be read counts: its repair says why. */
function isTorn(path: string, check: (path: string) => boolean): boolean {
  try {
    return check(path);
  } catch {
    return true;
  }
}
