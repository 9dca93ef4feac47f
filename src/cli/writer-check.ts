// Whether somebody is writing a file. MPEG-TS and FLV are written under their final name and carry no lock, but their
// writer keeps them open: Linux shows that in /proc/<pid>/fd, and the mode of opening in fdinfo. Processes of other
// users hide theirs; then a file that was written a moment ago counts as live, because a recording writes at least
// every 500 ms and is given up after 30 s without progress.

import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";

const LIVE_MS = 60_000;
/** O_WRONLY and O_RDWR, in the octal `flags` of fdinfo. */
const ACCESS_MODE = 0o3;

/** A sentence that says who writes the file, or undefined where nobody does. */
export function writerOf(path: string, nowMs = Date.now()): string | undefined {
  const real = realpathSync(path);
  const processes = listed("/proc")?.filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid) ?? [];
  let areAllSeen = processes.length > 0;
  for (const pid of processes) {
    const fds = listed(`/proc/${pid}/fd`);
    if (!fds) {
      areAllSeen &&= !exists(`/proc/${pid}`);
      continue;
    }
    if (fds.some((fd) => isOpenForWriting(pid, fd, real))) return `process ${pid} (${nameOf(pid)}) is writing it`;
  }
  const ageMs = nowMs - statSync(real).mtimeMs;
  if (areAllSeen || ageMs >= LIVE_MS) return undefined;
  return `it was written ${Math.max(0, Math.round(ageMs / 1000))} s ago, and not every process could be asked whether it is writing it; try again as root, or in a minute`;
}

function isOpenForWriting(pid: string, fd: string, real: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== real) return false;
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0;
  } catch {
    return false; // it was closed meanwhile
  }
}

function nameOf(pid: string): string {
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
