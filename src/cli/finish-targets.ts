// Finds what there is to finish at the paths of a command line. A file may be named by its final name or by one of an
// MP4's temporary files; a folder stands for the orphans in it and below. Many kinds of file end in `.ts`, so below a
// folder only transport streams with a torn end count.

import { existsSync, statSync } from "node:fs";
import { ReelError } from "../base/reel-error.js";
import { CONTAINERS, type ContainerName, containerOf, unfinishedBy } from "../container/table.js";
import { filesBelow } from "./files-below.js";

export interface FinishTarget {
  path: string;
  container: ContainerName;
}

/** Throws ReelError `notFound`, `badArgument` or `io`. */
export function expandTarget(path: string): FinishTarget[] {
  const named = withJournal(path);
  if (named) return [named];
  const final = unfinishedBy(path);
  if (final) return expandTarget(final.path);
  for (const { extension } of Object.values(CONTAINERS)) {
    const target = withJournal(`${path}.${extension}`);
    if (target) return [target];
  }
  if (!existsSync(path)) throw new ReelError("notFound", "no such file, and no journal of that name", { path });
  const found = statSync(path);
  if (found.isDirectory()) return orphansIn(path);
  if (!found.isFile()) throw new ReelError("badArgument", "is neither a file nor a folder", { path });
  const container = containerOf(path);
  if (!container)
    throw new ReelError("badArgument", "is neither an MP4, MPEG-TS or FLV recording nor a folder", { path });
  return [{ path, container }];
}

/** The segment whose journal lies beside this name. */
function withJournal(path: string): FinishTarget | undefined {
  const found = Object.values(CONTAINERS).find(({ journal }) => journal && existsSync(path + journal.marker));
  return found && { path, container: found.name };
}

function orphansIn(folder: string): FinishTarget[] {
  return filesBelow(folder).flatMap((path): FinishTarget[] => {
    const unfinished = unfinishedBy(path, true);
    if (unfinished) return [unfinished];
    const container = containerOf(path);
    return container && isTorn(path, CONTAINERS[container].isTorn) ? [{ path, container }] : [];
  });
}

/** A file that cannot be read counts, because its repair reports why. */
function isTorn(path: string, check: (path: string) => boolean): boolean {
  try {
    return check(path);
  } catch {
    return true;
  }
}
