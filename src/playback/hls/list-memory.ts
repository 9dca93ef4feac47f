// What lists have named before: a file that is deleted must not give its numbers to the next one (RFC 8216 §6.2.1). Of
// each list it is kept where its files stood when it was asked for last; a list that nobody asks for is forgotten.
//
// It is saved where it changes, so that a player that goes on over a restart of the server finds its numbers again: a
// file or two may be deleted before it asks. What is not saved yet is the newest, and is deleted last.

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../base/logger.js";
import { PRIVATE_FILE } from "../../base/private-files.js";
import { type Carried, playedTracks } from "./list-tracks.js";
import { beginsAnew, type PlaylistPart } from "./playlist.js";

export interface ListedFile {
  readonly id: number;
  readonly carries: Carried;
  readonly parts: readonly PlaylistPart[];
}

interface Place {
  readonly parts: number;
  readonly discontinuities: number;
}

interface List {
  /** What stands in front of each of its files, and of its end. */
  readonly byFile: ReadonlyMap<number, Place>;
  readonly end: Place;
  readonly tracks: Carried;
}

/** How it is saved: key, tracks, then file and place, again and again; the end has number 0. */
type SavedList = readonly [key: string, tracks: Carried | null, places: readonly number[]];

const FILE = "hls-lists.json";
const MAX_LISTS = 256;
/** Of all lists together, in the file; 400 kB. */
const MAX_SAVED_FILES = 20_000;
const SAVE_MS = 5_000;

export class ListMemory {
  /** The one asked for last stands last. */
  readonly #lists = new Map<string, List>();
  readonly #path: string;
  #loaded: Promise<void> | undefined;
  #isChanged = false;
  #savedMs = Number.NEGATIVE_INFINITY;
  #isSaving = false;

  constructor(
    stateFolder: string,
    private readonly logger: Logger,
    private readonly saveMs = SAVE_MS,
  ) {
    this.#path = join(stateFolder, FILE);
  }

  /** How much the list has lost in front of its first file that is still there, and what tracks it plays. */
  async recall(key: string, files: readonly ListedFile[]): Promise<{ gone: Place; tracks: Carried }> {
    this.#loaded ??= this.#load();
    await this.#loaded;
    const before = this.#lists.get(key);
    const gone = before ? placeOfFirst(before, files) : { parts: 0, discontinuities: 0 };
    const byFile = new Map<number, Place>();
    let { parts, discontinuities } = gone;
    for (const file of files) {
      if (file.parts.length > 0) byFile.set(file.id, { parts, discontinuities });
      for (const part of file.parts) if (beginsAnew(part, parts++)) discontinuities++;
    }
    const tracks = playedTracks(files, before?.tracks);
    this.#lists.delete(key);
    this.#lists.set(key, { byFile, end: { parts, discontinuities }, tracks });
    for (const oldest of this.#lists.keys()) {
      if (this.#lists.size <= MAX_LISTS) break;
      this.#lists.delete(oldest);
    }
    this.#isChanged ||= before?.tracks !== tracks || before?.end.parts !== parts || !isSame(before.byFile, byFile);
    if (this.#isChanged && !this.#isSaving && performance.now() > this.#savedMs + this.saveMs) void this.#save();
    return { gone, tracks };
  }

  /** Only while it is asked, at most every five seconds. */
  async #save(): Promise<void> {
    this.#isSaving = true;
    this.#isChanged = false;
    try {
      await writeFile(`${this.#path}.new`, JSON.stringify(savedLists(this.#lists)), { mode: PRIVATE_FILE });
      await rename(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#isChanged = true;
      this.logger.warn({ err: error }, "the numbers of HLS lists could not be saved: a restart may begin them anew");
    }
    this.#savedMs = performance.now();
    this.#isSaving = false;
  }

  async #load(): Promise<void> {
    try {
      const saved = JSON.parse(await readFile(this.#path, "utf8")) as readonly SavedList[];
      for (const [key, tracks, places] of saved) this.#lists.set(key, restored(tracks ?? undefined, places));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        this.logger.warn({ err: error }, `${FILE} cannot be read: HLS lists that lost files may begin anew`);
    }
  }
}

function isSame(before: ReadonlyMap<number, Place>, now: ReadonlyMap<number, Place>): boolean {
  if (before.size !== now.size) return false;
  for (const [id, { parts }] of now) if (before.get(id)?.parts !== parts) return false;
  return true;
}

/** Those asked for last, as many as there is room for. */
function savedLists(lists: ReadonlyMap<string, List>): SavedList[] {
  const saved: SavedList[] = [];
  let files = 0;
  for (const [key, { byFile, end, tracks }] of [...lists].reverse()) {
    files += byFile.size + 1;
    if (files > MAX_SAVED_FILES) break;
    const places = [...byFile, [0, end] as const];
    saved.push([key, tracks ?? null, places.flatMap(([id, place]) => [id, place.parts, place.discontinuities])]);
  }
  return saved.reverse();
}

/** Throws where it is no list of places: its numbers go into playlists. */
function restored(tracks: Carried, places: readonly number[]): List {
  if (!places.every((number) => Number.isSafeInteger(number) && number >= 0)) throw new Error("places are numbers");
  const byFile = new Map<number, Place>();
  for (let at = 0; at + 2 < places.length; at += 3)
    byFile.set(places[at] as number, { parts: places[at + 1] as number, discontinuities: places[at + 2] as number });
  const end = byFile.get(0) ?? { parts: 0, discontinuities: 0 };
  byFile.delete(0);
  return { byFile, end, tracks };
}

function placeOfFirst({ byFile, end }: List, files: readonly ListedFile[]): Place {
  // Of a file that could not be read the last time nothing is known: it stands in front of those that were.
  let parts = 0;
  for (const file of files) {
    const place = byFile.get(file.id);
    if (place) return { parts: Math.max(0, place.parts - parts), discontinuities: place.discontinuities };
    parts += file.parts.length;
  }
  return end;
}
