// A media folder as retention sees it: what its volume has free, how fast it fills, on which step of the ladder it is,
// and whether it is still the folder that has the recorded files. A volume that hangs is not waited for, and holds one
// call.

import { stat, statfs } from "node:fs/promises";
import { FillRate } from "../base/fill-rate.js";
import { askVolume } from "../base/volume-calls.js";
import { isThere } from "../catalog/segment-deletion.js";
import type { RetentionRule } from "../recording/retention-rule.js";
import type { Clock } from "../time/units.js";
import { Ladder } from "./ladder.js";
import { minimumFreeBytes, type VolumeRoom } from "./retention-plan.js";

export interface FolderLook extends VolumeRoom {
  /** st_dev: folders of one volume share its room. */
  readonly volume: number;
  /** Of the folder itself. */
  readonly inode: number;
  /** `f_type` of statfs(2). */
  readonly type: number;
}
export type LookAt = (folder: string) => Promise<FolderLook>;

const PATIENCE_MS = 1000;
const HOUR_S = 3600;

export class FolderWatch {
  readonly ladder = new Ladder();
  /** As it was last seen; undefined where the volume does not answer. */
  room: VolumeRoom | undefined;
  /** st_dev; folders that have not answered are each alone. */
  volume: number | string;
  /** Of its file system, as statfs(2) numbers them; 0 until it has answered. */
  type = 0;
  /** False where another folder is in its place (an unmounted volume) and none of the known files is in it. */
  isTrusted = true;
  /** Recordings of this priority and below may not run; -1 = all may. */
  stoppedUpTo = -1;
  readonly #rate = new FillRate();
  readonly #prefix: string;
  #bytesPerSecond = 0;
  #identity: string | undefined;
  #isChanged = false;
  #attempt: Promise<FolderLook | undefined> | undefined;

  constructor(
    readonly folder: string,
    readonly rule: RetentionRule,
    private readonly clock: Clock,
    private readonly lookAt: LookAt = lookAtVolume,
  ) {
    this.volume = folder;
    this.#prefix = `${folder}/`;
  }

  get minimumBytes(): number {
    return this.room ? minimumFreeBytes(this.rule, this.room) : 0;
  }

  get isLow(): boolean {
    return this.room !== undefined && this.room.freeBytes < this.minimumBytes;
  }

  /** Asks the volume. `known` are some of the files that must be in the folder, asked for where it is another one. */
  async look(known: () => readonly string[]): Promise<void> {
    this.#attempt ??= askVolume(() => this.#ask(known))
      .catch(() => undefined)
      .finally(() => {
        this.#attempt = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    });
    const look = await Promise.race([this.#attempt, patience]);
    clearTimeout(timer);
    this.room = look;
    if (!look) return;
    this.volume = look.volume;
    this.type = look.type;
    this.#bytesPerSecond = this.#rate.after({ atMs: this.clock.monotonicMs(), freeBytes: look.freeBytes });
  }

  async #ask(known: () => readonly string[]): Promise<FolderLook> {
    const look = await this.lookAt(this.folder);
    const identity = `${look.volume}.${look.inode}`;
    const isFirst = this.#identity === undefined;
    const isSame = identity === this.#identity;
    const isTrusted = isFirst || isSame || (await isOneThere(known()));
    this.#isChanged ||= isTrusted && !isFirst && !(isSame && this.isTrusted);
    this.isTrusted = isTrusted;
    if (isTrusted) this.#identity = identity;
    return look;
  }

  /** True once where its volume has come back, or another folder with the known files. */
  takeChange(): boolean {
    const isChanged = this.#isChanged;
    this.#isChanged = false;
    return isChanged;
  }

  /** Until its minimum is reached, at the rate of the last minutes; undefined where it does not fill up. */
  get hoursLeft(): number | undefined {
    if (!this.room || this.#bytesPerSecond <= 0) return undefined;
    return Math.max(0, this.room.freeBytes - this.minimumBytes) / this.#bytesPerSecond / HOUR_S;
  }

  has(path: string): boolean {
    return path.startsWith(this.#prefix);
  }
}

/** The innermost folder that has a path. */
export function folderOf(folders: readonly FolderWatch[], path: string): FolderWatch | undefined {
  let innermost: FolderWatch | undefined;
  for (const watch of folders)
    if (watch.has(path) && watch.folder.length > (innermost?.folder.length ?? 0)) innermost = watch;
  return innermost;
}

async function lookAtVolume(folder: string): Promise<FolderLook> {
  const { bavail, blocks, bsize, type } = await statfs(folder);
  const { dev, ino } = await stat(folder);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize, volume: dev, inode: ino, type };
}

/** Where nothing is known, nothing can be taken for deleted. */
async function isOneThere(paths: readonly string[]): Promise<boolean> {
  if (paths.length === 0) return true;
  for (const path of paths) if (await isThere(path)) return true;
  return false;
}
