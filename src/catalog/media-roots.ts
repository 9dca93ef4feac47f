// The media folders as they were at the start, and over all starts. An unmounted volume leaves an empty folder of
// another file system in its place, where every file seems to be gone; streams may even be recorded there until it is
// back.
//
//   media-roots.json   { "<media folder>": [{ "identity": …, "from": <id of the first segment> }, …] }

import { readFile, rename, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../base/logger.js";
import { PRIVATE_FILE } from "../base/private-files.js";
import { ReelError } from "../base/reel-error.js";
import { askVolume } from "../base/volume-calls.js";

/** From that segment on a media folder has been the one of this identity. */
interface Period {
  readonly identity: string;
  readonly from: number;
}

interface RootedSegment {
  readonly id: number;
  readonly path: string;
}

export interface RootsStore {
  readonly stateFolder: string;
  /** Id of the next segment. */
  readonly nextId: number;
  readonly logger: Logger;
}

const FILE = "media-roots.json";
/** A volume that comes and goes: what was recorded before so many changes is not told apart any more. */
const MAX_PERIODS = 64;
const LOOK_MS = 5000;

export class MediaRoots {
  readonly #identities = new Map<string, string>();
  readonly #periods: Map<string, readonly Period[]>;
  /** When each folder was looked at last, monotonic. */
  readonly #lookedMs = new Map<string, number>();
  readonly #asking = new Map<string, Promise<string | undefined>>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    /** Absolute, real. */
    readonly folders: readonly string[],
    private readonly store: RootsStore,
    periods: Map<string, readonly Period[]>,
  ) {
    this.#periods = periods;
  }

  static async look(folders: readonly string[], store: RootsStore): Promise<MediaRoots> {
    const roots = new MediaRoots(folders, store, await readPeriods(store));
    for (const folder of folders) {
      const identity = await identityOf(folder);
      if (identity !== undefined) roots.#identities.set(folder, identity);
      await roots.#note(folder, store.nextId);
    }
    await roots.#saving;
    return roots;
  }

  /** Throws ReelError `targetBusy` where the media folder of a path is not the one of the start. */
  async mustBeThere(path: string): Promise<void> {
    const folder = longestOf(this.folders, path);
    if (folder === undefined) return;
    const before = this.#identities.get(folder);
    if (before !== undefined && (await identityOf(folder)) === before) return;
    throw new ReelError("targetBusy", `${path} is not there, nor is the media folder that was there at the start`, {
      path,
    });
  }

  /** True where its media folder is not the one that the segment was recorded in. False where that is not known. */
  async isElsewhere({ id, path }: RootedSegment): Promise<boolean> {
    const folder = longestOf(this.folders, path);
    const was = this.#identityAt(id, folder);
    return folder !== undefined && was !== undefined && (await this.#askIdentity(folder)) !== was;
  }

  /** True where two segments of one path have been recorded in different folders: each has a file of its own. */
  areApart(one: RootedSegment, other: RootedSegment): boolean {
    const folder = longestOf(this.folders, one.path);
    const [a, b] = [this.#identityAt(one.id, folder), this.#identityAt(other.id, folder)];
    return a !== undefined && b !== undefined && a !== b;
  }

  #identityAt(id: number, folder = ""): string | undefined {
    return this.#periods.get(folder)?.findLast(({ from }) => from <= id)?.identity;
  }

  /** A segment is recorded there. Its volume may have come, or gone, since the last one. */
  recorded({ id, path }: RootedSegment): void {
    const folder = longestOf(this.folders, path);
    const nowMs = performance.now();
    if (folder === undefined || nowMs - (this.#lookedMs.get(folder) ?? 0) < LOOK_MS) return;
    void this.#note(folder, id);
  }

  /** One call a folder at a time: a dead one keeps one of the few places at most, whoever asks. */
  #askIdentity(folder: string): Promise<string | undefined> {
    let asking = this.#asking.get(folder);
    if (!asking) {
      asking = askVolume(() => lastingIdentityOf(folder)).finally(() => this.#asking.delete(folder));
      this.#asking.set(folder, asking);
    }
    return asking;
  }

  async #note(folder: string, id: number): Promise<void> {
    this.#lookedMs.set(folder, performance.now());
    const identity = await this.#askIdentity(folder);
    const periods = this.#periods.get(folder) ?? [];
    if (identity === undefined || periods.at(-1)?.identity === identity) return;
    this.#periods.set(folder, [...periods, { identity, from: id }].slice(-MAX_PERIODS));
    this.#saving = this.#saving.then(() => this.#save());
  }

  async #save(): Promise<void> {
    const path = join(this.store.stateFolder, FILE);
    try {
      await writeFile(`${path}.new`, `${JSON.stringify(Object.fromEntries(this.#periods))}\n`, { mode: PRIVATE_FILE });
      await rename(`${path}.new`, path);
    } catch (error) {
      this.store.logger.warn({ err: error }, "which volume has which files could not be noted; the next start does it");
    }
  }
}

/** The innermost folder that has a path. */
export function longestOf(folders: readonly string[], path: string): string | undefined {
  let longest: string | undefined;
  for (const folder of folders)
    if (path.startsWith(`${folder}/`) && folder.length > (longest?.length ?? 0)) longest = folder;
  return longest;
}

async function readPeriods({ stateFolder, logger }: RootsStore): Promise<Map<string, readonly Period[]>> {
  try {
    const saved = JSON.parse(await readFile(join(stateFolder, FILE), "utf8")) as Record<string, readonly Period[]>;
    const isPeriod = (period: Partial<Period> | null): boolean =>
      typeof period?.identity === "string" && typeof period.from === "number";
    return new Map(Object.entries(saved).filter(([, periods]) => Array.isArray(periods) && periods.every(isPeriod)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      logger.warn({ err: error }, `${FILE} cannot be read: of older files it is not known which volume has them`);
    return new Map();
  }
}

async function identityOf(folder: string): Promise<string | undefined> {
  return stat(folder).then(
    ({ dev, ino }) => `${dev}.${ino}`,
    () => undefined,
  );
}

/** Numbers of devices are given anew with every mount. */
async function lastingIdentityOf(folder: string): Promise<string | undefined> {
  try {
    const [{ type }, { ino }] = [await statfs(folder), await stat(folder)];
    return `${type}.${ino}`;
  } catch {
    return undefined;
  }
}
