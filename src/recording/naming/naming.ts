// From pathToFile to files (ems-record-spec §3.3, §3.4, §3.6; section 7 for its contradictions).
//
//   pathToFile ─▶ base path below a media folder ─▶ number (_0001) ─▶ part (_part0000) ─▶ extension
//
// A name is taken if its final file, any temporary file of it, any part of it (when chunking) or a reservation exists.
// Nothing is written outside the media folders: neither by `..`, nor by an absolute path, nor through a symbolic link.
// All look-ups are asynchronous, and claims on one volume take turns: a dead mount keeps those waiting that want a name
// on it, never the thread, and holds one of the few threads that look up for all.

import { constants } from "node:fs";
import { access, lstat, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, relative } from "node:path";
import { KeyedQueue } from "../../base/keyed-queue.js";
import { makeFolder } from "../../base/make-folder.js";
import { ReelError } from "../../base/reel-error.js";
import { CONTAINERS, type ContainerName } from "../../container/table.js";
import { isChunked } from "../record-config.js";
import { FolderListing } from "./folder-listing.js";
import { type Asker, type CheckedFolder, FolderLooks } from "./folder-looks.js";
import { expanded, isPerSegment, type NamedConfig, plainConfig, type SegmentPlace } from "./named-config.js";
import { exists, isFolder, isInside, mustBeShort, realOf, withoutSlash } from "./paths.js";
import type { Reservation, Reservations } from "./reservations.js";

/** Where one run of a recording writes. */
export interface Target {
  /** As shown to clients: relative where pathToFile is; without `_partNNNN`. */
  computedPathToFile: string;
  /** Absolute, without part number. */
  basePath: string;
  /** The same before a number was added: what further numbers are added to. */
  plainPath: string;
  /** st_dev of the volume. */
  volume: number;
}

/** A target that nobody else gets while its reservation is held. Dated recordings share the one of their folder. */
export interface ClaimedTarget extends Target {
  reservation: Reservation;
}

/** Of the files that an unfinished segment may have beside its final name, whatever its container. */
const UNFINISHED_SUFFIXES = Object.values(CONTAINERS).flatMap(({ journal }) => journal?.suffixes ?? []);
const MAX_NUMBER = 8192; // EMS's limit
const EMS_MEDIA_PREFIX = "../media/";

/** `name.mp4`, 2 → `name_0002.mp4`. */
export function numbered(path: string, number: number, type: ContainerName): string {
  return number === 0 ? path : `${stem(path, type)}_${String(number).padStart(4, "0")}.${type}`;
}

/** `name.mp4`, 3 → `name_part0003.mp4`; from 10000 on with five digits (§6.4). */
export function partOf(path: string, part: number, type: ContainerName): string {
  return `${stem(path, type)}_part${String(part).padStart(4, "0")}.${type}`;
}

function stem(path: string, type: ContainerName): string {
  return path.slice(0, -(type.length + 1));
}

export class Naming {
  /** Absolute, real. */
  readonly #folders: readonly string[];
  readonly #reservations: Reservations;
  readonly #claims = new KeyedQueue<string>();
  readonly #looks: FolderLooks;
  /** st_dev of the folders that have answered. */
  readonly #volumes = new Map<string, number>();

  private constructor(folders: readonly string[], reservations: Reservations) {
    this.#folders = folders;
    this.#reservations = reservations;
    this.#looks = new FolderLooks(() => reservations.releases);
  }

  /** Creates the media folders that are missing. */
  static async open(folders: readonly string[], reservations: Reservations): Promise<Naming> {
    const real: string[] = [];
    for (const folder of folders) {
      await makeFolder(folder);
      real.push(await realpath(folder));
    }
    if (real.length === 0) throw new ReelError("badArgument", "at least one media folder is needed (media.folders)");
    return new Naming(real, reservations);
  }

  get folders(): readonly string[] {
    return this.#folders;
  }

  /** The media folder of that name. Throws ReelError `badPath` where it is none. */
  mediaFolder(path: string): string {
    const real = this.#folders.find((folder) => folder === path || folder === realOf(path));
    if (real !== undefined) return real;
    throw new ReelError("badPath", `${path} is no media folder; they are ${this.#folders.join(", ")}`);
  }

  /**
   * Finds the next free name without reserving it. Throws ReelError `badPath`, `notWritable`, `noFreeName`,
   * `targetBusy`.
   */
  async resolve(config: NamedConfig): Promise<Target> {
    const asker = this.#looks.ask();
    return this.#find(config, asker, false, (target) => target).finally(() => asker.close());
  }

  /** `onFound` is called in the same turn as the last look: between the two nothing else runs. */
  async #find<T extends Target>(
    given: NamedConfig,
    asker: Asker,
    makes: boolean,
    onFound: (target: Target) => T,
  ): Promise<T> {
    const config = plainConfig(given);
    const placed = await this.#place(config, asker, makes && given.template === true);
    const { volume } = placed;
    if (config.dateFolderStructure || config.overwrite) {
      if (!config.dateFolderStructure && this.#reservations.isActive(placed.absolute))
        throw new ReelError("targetBusy", `${placed.absolute} is being written by another recording`);
      return onFound({
        computedPathToFile: isPerSegment(given) ? given.pathToFile : placed.shown,
        basePath: placed.absolute,
        plainPath: placed.absolute,
        volume,
      });
    }
    const folder = dirname(placed.absolute);
    // A template's folder may be yet to come.
    const names = await (config.template ? FolderListing.read(folder, true) : asker.listing(folder));
    for (let number = 0; number <= MAX_NUMBER; number++) {
      const basePath = numbered(placed.absolute, number, config.type);
      if (this.#isTaken(names, basePath, config.type, isChunked(config))) continue;
      return onFound({
        computedPathToFile: numbered(placed.shown, number, config.type),
        basePath,
        plainPath: placed.absolute,
        volume,
      });
    }
    throw new ReelError(
      "noFreeName",
      `every number of ${placed.absolute} up to ${MAX_NUMBER} is taken; move files away or choose another name`,
    );
  }

  /** The same, and reserves the name, so that two recordings never get one. */
  async claim(config: NamedConfig): Promise<ClaimedTarget> {
    const turn = this.#turnOf(config);
    const asker = this.#looks.ask();
    const claimed = this.#claims.run(turn, () =>
      this.#find(config, asker, true, (target) => ({
        ...target,
        reservation: this.#reservations.take(target.basePath),
      })),
    );
    return claimed.finally(() => asker.close());
  }

  /**
   * The next free number of a path, reserved: where an unfinished file, or an inner cut of an unchunked recording,
   * goes.
   */
  nextFree(basePath: string, type: ContainerName): Promise<Reservation> {
    return this.#claims.run(this.#turnIn(dirname(basePath)), () => this.#claimNext(basePath, type));
  }

  async #claimNext(basePath: string, type: ContainerName): Promise<Reservation> {
    const names = await FolderListing.read(dirname(basePath));
    for (let number = 1; number <= MAX_NUMBER; number++) {
      const path = numbered(basePath, number, type);
      if (!this.#isTaken(names, path, type)) return this.#reservations.take(path);
    }
    throw new ReelError(
      "noFreeName",
      `every number of ${basePath} up to ${MAX_NUMBER} is taken; move files away or choose another name`,
    );
  }

  /** dateFolderStructure: the name of a segment that opens now, local time, reserved; its folders are made (§3.6). */
  dated(target: Target, config: NamedConfig, wallMs: number): Promise<Reservation> {
    return this.#claims.run(this.#turnIn(target.basePath), () => this.#claimDated(target, config, wallMs));
  }

  #claimDated(target: Target, config: NamedConfig, wallMs: number): Promise<Reservation> {
    const now = new Date(wallMs);
    const two = (value: number): string => String(value).padStart(2, "0");
    const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    // `live/cam1` has folders of its own already (§3.6 knows no slash in a stream's name).
    const name = `${basename(config.localStreamName)}-${day}-${time}.${config.type}`;
    return this.#claimIn(join(target.basePath, config.localStreamName, day), name, config.type);
  }

  /** The name of a segment by a template that has fields of the segment, reserved; its folders are made. */
  templated(target: Target, config: NamedConfig, place: SegmentPlace): Promise<Reservation> {
    return this.#claims.run(this.#turnIn(target.basePath), async () => {
      const { absolute } = this.checkText(expanded(config, place));
      const name = withExtension(basename(absolute), config.type);
      mustBeShort(name);
      return this.#claimIn(dirname(absolute), name, config.type);
    });
  }

  /** Makes the folder, and takes the name in it, or its next free number. */
  async #claimIn(folder: string, name: string, type: ContainerName): Promise<Reservation> {
    try {
      await this.#makeFolder(folder, folder);
    } catch (error) {
      if (error instanceof ReelError) throw error;
      throw new ReelError(
        "notWritable",
        `${folder} cannot be created: ${(error as Error).message}`,
        {},
        { cause: error },
      );
    }
    const real = await realpath(folder);
    this.#mustBeInside(real, folder);
    const path = join(real, name);
    const names = await FolderListing.read(real);
    if (this.#isTaken(names, path, type)) return this.#claimNext(path, type);
    return this.#reservations.take(path);
  }

  #turnOf(config: NamedConfig): string {
    const { pathToFile, dateFolderStructure } = plainConfig(config);
    const { absolute } = this.#given(pathToFile);
    const path = withoutSlash(absolute);
    const isFolder = dateFolderStructure || absolute.endsWith("/") || this.#volumes.has(path);
    return this.#turnIn(isFolder ? path : dirname(path));
  }

  /** Whose turn a look-up in a folder waits for: its volume's, or its own as long as it has not answered. */
  #turnIn(folder: string): string {
    const volume = this.#volumes.get(folder);
    return volume === undefined ? folder : `volume ${volume}`;
  }

  /** pathToFile as it was written, as it is shown, without EMS's prefix, and where that is. Nothing is looked up. */
  #given(pathToFile: string): { given: string; shown: string; rest: string; absolute: string } {
    const given = pathToFile.trim();
    const isEmsForm = given === "../media" || given.startsWith(EMS_MEDIA_PREFIX);
    const written = isEmsForm ? given.slice(EMS_MEDIA_PREFIX.length) : given;
    // `a/../b` is `b`, whether `a` exists or is a link: nothing outside can be reached by way of it.
    const rest = written.split("/").includes("..") ? normalize(written) : written;
    const shown = rest === written ? given : (isEmsForm ? EMS_MEDIA_PREFIX : "") + rest;
    return {
      given,
      shown,
      rest,
      absolute: isAbsolute(rest) ? normalize(rest) : join(this.#folders[0] as string, rest),
    };
  }

  /** What can be said of a pathToFile without a look at the disk. Throws ReelError `badPath`. */
  checkText(pathToFile: string): { given: string; rest: string; shown: string; absolute: string } {
    const place = this.#given(pathToFile);
    const { given, absolute } = place;
    if (given === "" || given.includes("\0")) throw new ReelError("badPath", "pathToFile is empty");
    if (/^[A-Za-z]:[\\/]|^\\\\/.test(given))
      throw new ReelError("badPath", `${given} is a Windows path, and this server runs on ${process.platform}`);
    if (given.includes("\\"))
      throw new ReelError("badPath", `${given} has a backslash, which separates no folders here: write / instead`);
    if (given.split("/").includes("..") && !this.#folders.some((media) => isInside(absolute, media)))
      throw new ReelError("badPath", `${given} leads out of the media folders by '..'`);
    return place;
  }

  /** Steps 1 to 4 of §3.3. */
  async #place(
    config: NamedConfig,
    asker: Asker,
    makesFolder: boolean,
  ): Promise<{ shown: string; absolute: string; volume: number }> {
    const { given, rest, ...place } = this.checkText(config.pathToFile);
    let { absolute, shown } = place;
    if (config.dateFolderStructure) {
      const folder = await this.#checkFutureFolder(absolute, given);
      return { shown, absolute: folder.real, volume: folder.volume };
    }
    if (given.endsWith("/") || rest === "" || (await this.#leadsToFolder(absolute, asker))) {
      shown = shown.endsWith("/") ? shown + config.localStreamName : `${shown}/${config.localStreamName}`;
      absolute = join(absolute, config.localStreamName);
    }
    shown = withExtension(shown, config.type);
    absolute = withExtension(absolute, config.type);
    mustBeShort(basename(absolute));
    if (makesFolder) await this.restoreFolder(absolute);
    // A template's folders are made when its recording begins.
    const folder = await (config.template && !makesFolder
      ? this.#checkFutureFolder(dirname(absolute), given)
      : asker.checked(dirname(absolute), () => this.#checkFolder(dirname(absolute), given)));
    absolute = join(folder.real, basename(absolute));
    const existing = (await this.#mayExist(absolute, asker)) ? await lstat(absolute).catch(() => undefined) : undefined;
    if (existing && !existing.isFile()) throw new ReelError("badPath", `${absolute} exists and is not a regular file`);
    return { shown, absolute, volume: folder.volume };
  }

  async #leadsToFolder(absolute: string, asker: Asker): Promise<boolean> {
    return (await this.#mayExist(absolute, asker)) && (await isFolder(absolute));
  }

  /** False where its folder, which many may ask about, does not have the name. */
  async #mayExist(absolute: string, asker: Asker): Promise<boolean> {
    const folder = dirname(absolute);
    if (!this.#folders.some((media) => isInside(folder, media))) return true;
    return asker.listing(folder).then(
      (names) => names.has(basename(absolute)),
      () => true,
    );
  }

  /**
   * A folder that is made when the first segment opens. What exists of the way there is checked now, so that a caller
   * hears of it.
   */
  async #checkFutureFolder(folder: string, given: string): Promise<CheckedFolder> {
    if (!this.#folders.some((media) => isInside(folder, media))) this.#outside(given);
    let existing = folder;
    while (!this.#folders.includes(existing) && !(await exists(existing))) existing = dirname(existing);
    const { real, volume } = await this.#checkFolder(existing, given);
    const future = join(real, relative(existing, folder));
    for (const path of [withoutSlash(folder), withoutSlash(future)]) this.#volumes.set(path, volume);
    return { real: future, volume };
  }

  async #checkFolder(folder: string, given: string): Promise<CheckedFolder> {
    // Said before the disk is asked: an outsider learns nothing about what exists outside the media folders.
    if (!this.#folders.some((media) => isInside(folder, media))) this.#outside(given);
    const real = await realpath(folder).catch((error: unknown) => {
      throw new ReelError("notWritable", `the folder ${folder} does not exist; create it first`, {}, { cause: error });
    });
    // It has answered, so both at once: each answer costs a round trip to the thread pool, and a control room sends
    // many commands.
    const [found, unwritable] = await Promise.all([
      stat(folder).catch(() => undefined),
      access(folder, constants.W_OK | constants.X_OK).then(
        () => undefined,
        (error: unknown) => error ?? true,
      ),
    ]);
    this.#mustBeInside(real, given);
    if (!found?.isDirectory()) throw new ReelError("notWritable", `${folder} is not a folder`);
    if (unwritable)
      throw new ReelError(
        "notWritable",
        `the folder ${folder} is not writable by this server`,
        {},
        { cause: unwritable },
      );
    for (const path of [folder, real]) this.#volumes.set(path, found.dev);
    return { real, volume: found.dev };
  }

  /** Makes the folder of a path, also one that somebody removed. Throws ReelError `badPath`, `notWritable`. */
  async restoreFolder(path: string): Promise<void> {
    const folder = dirname(path);
    try {
      await this.#makeFolder(folder, folder);
    } catch (error) {
      if (error instanceof ReelError) throw error;
      const reason = (error as Error).message;
      throw new ReelError("notWritable", `${folder} cannot be created: ${reason}`, {}, { cause: error });
    }
  }

  /** Nothing is made before it is known where the part that exists really is: a symbolic link may lead out. */
  async #makeFolder(folder: string, given: string): Promise<void> {
    let existing = folder;
    while (!(await isFolder(existing)) && dirname(existing) !== existing) existing = dirname(existing);
    this.#mustBeInside(await realpath(existing), given);
    await makeFolder(folder);
  }

  #mustBeInside(real: string, given: string): void {
    if (!this.#folders.some((media) => isInside(real, media))) this.#outside(given);
  }

  #outside(given: string): never {
    throw new ReelError("badPath", `${given} is outside the media folders (media.folders in reel.json)`);
  }

  #isTaken(names: FolderListing, path: string, type: ContainerName, hasParts = false): boolean {
    if (this.#reservations.has(path)) return true;
    const name = basename(path);
    if (names.has(name) || UNFINISHED_SUFFIXES.some((suffix) => names.has(name + suffix))) return true;
    return hasParts && names.hasPartsOf(stem(name, type));
  }
}

function withExtension(path: string, type: ContainerName): string {
  return path.toLowerCase().endsWith(`.${type}`) ? path : `${path}.${type}`;
}
