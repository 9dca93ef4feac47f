// Who is writing a file. A growing MPEG-TS or FLV has its final name and carries no lock, but its writer keeps it open:
// Linux shows that in /proc/<pid>/fd, and the mode of opening in fdinfo. It ends with the process, whatever ends that.
// Processes of other users hide theirs, and those of another PID namespace are not to be seen at all.

import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";

/** O_WRONLY and O_RDWR, in the octal `flags` of fdinfo. */
const ACCESS_MODE = 0o3;

export interface FileWriters {
  /** Processes that have it open for writing. */
  pids: number[];
  /** How many descriptors of this process do. */
  own: number;
  /** No process has hidden its descriptors. */
  areAllSeen: boolean;
}

export function writersOf(path: string): FileWriters {
  const { ino, dev } = statSync(path, { bigint: true });
  const isOpen = (pid: string, fd: string): boolean => {
    try {
      const link = `/proc/${pid}/fd/${fd}`;
      // Mounts may name it by another folder. The name is looked at first because it costs less.
      if (basename(readlinkSync(link)) !== basename(path)) return false;
      const file = statSync(link, { bigint: true });
      if (file.ino !== ino || file.dev !== dev) return false;
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1];
      return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0;
    } catch {
      return false; // it was closed meanwhile
    }
  };
  const processes = listed("/proc")?.filter((name) => /^\d+$/.test(name)) ?? [];
  const found: FileWriters = { pids: [], own: 0, areAllSeen: processes.length > 0 };
  for (const pid of processes) {
    const fds = listed(`/proc/${pid}/fd`);
    if (!fds) {
      found.areAllSeen &&= !exists(`/proc/${pid}`);
      continue;
    }
    const open = fds.filter((fd) => isOpen(pid, fd)).length;
    if (Number(pid) === process.pid) found.own = open;
    else if (open > 0) found.pids.push(Number(pid));
  }
  return found;
}

export function processName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "gone meanwhile";
  }
}

function listed(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
