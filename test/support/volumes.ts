// Volumes that misbehave, as root on Linux: a small tmpfs that fills up, a loop-mounted ext4 that can be frozen (a
// stuck disk). Mounted below a test's own folder; `removeVolumes` in an afterEach thaws and unmounts whatever is left.

import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram } from "./run-program.js";

const mounted = new Set<string>();
const frozen = new Set<string>();

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram(program, args);
  if (code !== 0)
    throw new Error(
      `${program} ${args.join(" ")} (exit ${code}): ${stderr.trim()} — these tests need root and mount(8)`,
    );
}

/** A tmpfs of `mebibytes` at `path`. */
export async function mountTmpfs(path: string, mebibytes: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await must("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "reel-test", path]);
  mounted.add(path);
}

/** What is there stays. */
export async function resizeTmpfs(path: string, mebibytes: number): Promise<void> {
  await must("mount", ["-o", `remount,size=${mebibytes}m`, path]);
}

/** An ext4 in a file beside `path`, mounted there. */
export async function mountLoop(path: string, mebibytes: number): Promise<void> {
  await mkdir(path, { recursive: true });
  const image = join(dirname(path), `${Math.floor(performance.now() * 1000)}.img`);
  await must("truncate", ["-s", `${mebibytes}M`, image]);
  await must("mkfs.ext4", ["-q", "-F", image]);
  await must("mount", ["-o", "loop", image, path]);
  mounted.add(path);
  await rm(image); // the mount keeps it alive; nothing is left behind
}

/**
 * An ext4 whose disk breaks: its image lies in a tmpfs that is smaller than the file system says. What does not fit is
 * taken by write(2) and lost by the sync: fdatasync(2) answers ENOSPC, then EIO, then success.
 */
export async function mountBrokenDisk(path: string, mebibytes: number): Promise<void> {
  const backing = `${path}-backing`;
  await mountTmpfs(backing, mebibytes);
  const image = join(backing, "disk.img");
  await must("truncate", ["-s", "256M", image]);
  await must("mkfs.ext4", ["-q", "-F", "-E", "nodiscard,lazy_itable_init=1", "-O", "^has_journal", image]);
  await mkdir(path, { recursive: true });
  await must("mount", ["-o", "loop", image, path]);
  mounted.add(path);
}

export async function freeze(path: string): Promise<void> {
  await must("fsfreeze", ["--freeze", path]);
  frozen.add(path);
}

export async function thaw(path: string): Promise<void> {
  frozen.delete(path);
  await must("fsfreeze", ["--unfreeze", path]);
}

/** For afterEach, before the servers' folders are removed. */
export async function removeVolumes(): Promise<void> {
  for (const path of [...frozen]) await thaw(path);
  for (const path of [...mounted].reverse()) await must("umount", ["--lazy", path]);
  mounted.clear();
}

/** What is at `from`, at `path` as well: a mount that can go and come back without its files. */
export async function bindMount(from: string, path: string, { readOnly = false } = {}): Promise<void> {
  await mkdir(path, { recursive: true });
  await must("mount", ["--bind", from, path]);
  mounted.add(path);
  // Somebody may have opened a file there in between; then it stays writable.
  if (readOnly) await remount(path, "ro");
}

/** False where it is in use. */
export async function remount(path: string, how: "ro" | "rw"): Promise<boolean> {
  return (await runProgram("mount", ["-o", `remount,bind,${how}`, path])).code === 0;
}

/** Who has files open there keeps them. */
export async function unmountLazily(path: string): Promise<void> {
  await must("umount", ["--lazy", path]);
  mounted.delete(path);
}
