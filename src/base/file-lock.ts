// Locks between processes: flock(1) of util-linux, because Node cannot call flock(2). A lock taken on an
// inherited descriptor belongs to its open file description, so it lasts as long as our descriptor does, and SIGKILL
// frees it.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { ReelError } from "./reel-error.js";

/** flock(1) ends with this code where another holds the lock. Its default, 1, could come from the command it runs. */
export const CONFLICT_EXIT_CODE = 75;
const LOCK_DESCRIPTOR = 3;

function runFlock(args: readonly string[], fd?: number): boolean {
  const { status, error } = spawnSync("flock", ["--conflict-exit-code", `${CONFLICT_EXIT_CODE}`, ...args], {
    stdio: ["ignore", "ignore", "ignore", ...(fd === undefined ? [] : [fd])],
  });
  if (error)
    throw new ReelError(
      "io",
      `flock(1) cannot be run (${error.message}); it is part of util-linux`,
      {},
      { cause: error },
    );
  if (status === 0) return true;
  if (status === CONFLICT_EXIT_CODE) return false;
  throw new ReelError("io", `flock ${args.join(" ")} ended with exit code ${status}`);
}

/** True while a living process holds the lock. Nobody holds a lock whose file is gone. */
export function isLockHeld(lockPath: string): boolean {
  if (lockPath === "" || !existsSync(lockPath)) return false;
  return !runFlock(["--nonblock", "--exclusive", lockPath, "true"]);
}

/**
 * Takes the lock of an open file for as long as the descriptor is open; waits for up to `waitSeconds`. False where
 * another holds it.
 */
export function lockDescriptor(fd: number, waitSeconds = 0): boolean {
  const wait = waitSeconds > 0 ? ["--timeout", `${waitSeconds}`] : ["--nonblock"];
  return runFlock([...wait, "--exclusive", `${LOCK_DESCRIPTOR}`], fd);
}
