// What this process has open of a segment, by name: a thread that dies leaves descriptors that are noted nowhere.

import { readdirSync, readlinkSync } from "node:fs";

const OWN_DESCRIPTORS = "/proc/self/fd";
const GONE = " (deleted)";

export interface OwnDescriptor {
  fd: number;
  /** The name that it was opened by. */
  path: string;
  /** The name is gone. */
  isDeleted: boolean;
}

/** Of the file of this name and of those beside it. For a segment that nobody else has open. */
export function ownDescriptors(path: string): OwnDescriptor[] {
  return readdirSync(OWN_DESCRIPTORS).flatMap((fd) => {
    try {
      const link = readlinkSync(`${OWN_DESCRIPTORS}/${fd}`);
      const isDeleted = link.endsWith(GONE);
      const name = isDeleted ? link.slice(0, -GONE.length) : link;
      return name === path || name.startsWith(`${path}.`) ? [{ fd: Number(fd), path: name, isDeleted }] : [];
    } catch {
      return []; // that of the listing itself is gone by now
    }
  });
}
