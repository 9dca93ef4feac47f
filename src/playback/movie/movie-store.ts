// Opens recorded MP4 files for playback, growing or finished, and keeps what is costly to find out: indexes, parts,
// heads of tracks. What is kept is bounded by bytes; files are open only while somebody reads.

import { KeyedQueue } from "../../base/keyed-queue.js";
import { ReelError } from "../../base/reel-error.js";
import type { SegmentCatalog } from "../../catalog/catalog.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import { ownKernel } from "../../container/mp4/own-kernel.js";
import { type MediaVolumes, openInTurn } from "../media-file.js";
import type { PlayedFiles } from "../played-files.js";
import { readIndex, tracksOf } from "./finished-movie.js";
import { openJournalMovie } from "./journal-movie.js";
import { damaged } from "./movie-boxes.js";
import { type Part, Parts } from "./parts.js";
import { type PlayedTrack, secondsOf } from "./played-track.js";
import type { KeptHeads } from "./record-track.js";
import type { RunSource } from "./run-stream.js";

export interface OpenMovie extends RunSource {
  /** The first video, which divides it; of sound alone, that. */
  readonly main: PlayedTrack;
  /** The first sound beside a video. */
  readonly sound: PlayedTrack | undefined;
  readonly parts: readonly Part[];
  readonly isFinal: boolean;
  /** Changes with the file. */
  readonly version: string;
  /** Where its media is not read from `media` but from its beginning to its end: opens it anew. */
  readonly reopen?: () => Promise<RunSource & { close(): Promise<void> }>;
  close(): Promise<void>;
}

/** What a list says of a movie. */
export type ListedMovie = Pick<OpenMovie, "parts" | "main" | "sound">;

interface Kept {
  /** Changes with the file. */
  readonly version: string;
  readonly parts: Parts;
  readonly heads: KeptHeads;
  tracks: readonly PlayedTrack[] | undefined;
  bytes: number;
}

const MAX_KEPT_BYTES = 96 * 1024 * 1024;
const MAX_KEPT = 4096;
/** Of a sample table what a walk keeps: a state of 200 bytes for every 2048 samples of some 10 bytes. */
const CHECKPOINT_SHARE = 1.01;
const PART_BYTES = 100;
const GROWING = "growing";

export interface MovieParts extends MediaVolumes {
  readonly catalog: SegmentCatalog;
  readonly played: PlayedFiles;
}

export class MovieStore {
  /** The one used last stands last. */
  readonly #kept = new Map<number, Kept>();
  readonly #turns = new KeyedQueue<number>();
  /** Indexes are read one at a time: each may hold some ten megabytes before it is counted. */
  readonly #loads = new KeyedQueue<"index">(2);

  constructor(private readonly parts: MovieParts) {}

  /** Throws ReelError `notFound` where there is nothing to play (any more), `limit`, `corrupt`. */
  async open(segment: FoundSegment): Promise<OpenMovie> {
    const { played } = this.parts;
    played.note(segment.id);
    const movie = await this.#openAny(segment);
    const verify = async (): Promise<void> => {
      played.note(segment.id);
      await movie.verify();
    };
    return { ...movie, verify };
  }

  async #openAny(segment: FoundSegment): Promise<OpenMovie> {
    if (segment.container !== "mp4") throw new ReelError("notFound", `${segment.path} is no MP4`);
    try {
      return await this.#turns.run(segment.id, () => this.#open(segment));
    } catch (error) {
      const isGone = error instanceof ReelError && error.code === "notFound";
      if (!isGone || segment.state !== GROWING) throw error;
      // It has been finished meanwhile; the ledger may hear of it a moment later.
      const now = (await this.parts.catalog.find(segment.id)) ?? segment;
      const later = now.state === GROWING ? { ...now, state: "finished" as const } : now;
      return this.#turns.run(segment.id, () => this.#open(later));
    }
  }

  /** The parts alone, for a list, which is not playing: of a file that has not changed without opening it. */
  async partsOf(segment: FoundSegment): Promise<ListedMovie> {
    const kept = segment.state === GROWING ? undefined : this.#kept.get(segment.id);
    if (kept && kept.version !== GROWING && !segment.missing)
      return { parts: kept.parts.list, ...mainAndSound(kept.tracks ?? [], segment.path) };
    const movie = await this.#openAny(segment);
    await movie.close();
    return movie;
  }

  async #open(segment: FoundSegment): Promise<OpenMovie> {
    if (segment.state === GROWING) return this.#openGrowing(segment);
    if (segment.state === "deleted" || segment.state === "failed" || segment.missing)
      throw new ReelError("notFound", `${segment.path} is not there`);
    return this.#openFinished(segment);
  }

  async #openGrowing({ id, path }: FoundSegment): Promise<OpenMovie> {
    const kept = this.#keptAs(id, GROWING);
    const { tracks, media, verify, close } = await openJournalMovie(path, this.parts, ownKernel(), kept.heads);
    try {
      const { main, sound } = mainAndSound(tracks, path);
      await kept.parts.extend(main, false);
      kept.bytes = kept.parts.list.length * PART_BYTES;
      this.#keep(id, kept);
      const parts = await completeParts(kept.parts.list, main, sound);
      return { media, main, sound, parts, isFinal: false, version: GROWING, verify, close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async #openFinished({ id, path }: FoundSegment): Promise<OpenMovie> {
    const { handle, sizeBytes, etag } = await openInTurn(path, this.parts);
    const close = (): Promise<void> => handle.close();
    try {
      const kept = this.#keptAs(id, etag);
      kept.tracks ??= await this.#loads.run("index", async () => {
        const moov = await readIndex(handle, sizeBytes);
        kept.bytes = moov.byteLength * CHECKPOINT_SHARE;
        return tracksOf(moov).catch((error: unknown) => {
          throw error instanceof RangeError ? damaged() : error; // a box that says more than it holds
        });
      });
      const { main, sound } = mainAndSound(kept.tracks, path);
      await kept.parts.extend(main, true);
      this.#keep(id, kept);
      return {
        media: handle,
        main,
        sound,
        parts: kept.parts.list,
        isFinal: true,
        version: etag,
        verify: async () => {},
        close,
      };
    } catch (error) {
      await close();
      throw error;
    }
  }

  #keptAs(id: number, version: string): Kept {
    const kept = this.#kept.get(id);
    if (kept?.version === version) return kept;
    return { version, parts: new Parts(), heads: {}, tracks: undefined, bytes: 0 };
  }

  #keep(id: number, kept: Kept): void {
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    let bytes = 0;
    for (const one of this.#kept.values()) bytes += one.bytes + one.parts.list.length * PART_BYTES;
    for (const [oldest, one] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT && bytes <= MAX_KEPT_BYTES) return;
      if (oldest === id) return;
      bytes -= one.bytes + one.parts.list.length * PART_BYTES;
      this.#kept.delete(oldest);
    }
  }
}

export function mainAndSound(
  tracks: readonly PlayedTrack[],
  path: string,
): { main: PlayedTrack; sound: PlayedTrack | undefined } {
  const present = tracks.filter(({ count }) => count > 0);
  const video = present.find(({ head }) => head.kind === "video");
  const sound = present.find(({ head }) => head.kind === "audio");
  const main = video ?? sound;
  if (!main) throw new ReelError("notFound", `${path} has nothing to play yet`, { path });
  return { main, sound: video && sound };
}

/** How long sound may be missing beside video before a part is complete without it. */
const SOUND_PATIENCE_SECONDS = 2;

/** Of a movie that grows those parts whose sound has come too: a batch holds all its video, then its sound. */
async function completeParts(
  parts: readonly Part[],
  main: PlayedTrack,
  sound: PlayedTrack | undefined,
): Promise<readonly Part[]> {
  if (!sound) return parts;
  const soundSeconds = await newestSeconds(sound);
  const patient = (await newestSeconds(main)) - SOUND_PATIENCE_SECONDS;
  const waiting = parts.findIndex(({ nextSeconds }) => nextSeconds > soundSeconds && nextSeconds > patient);
  return waiting < 0 ? parts : parts.slice(0, waiting);
}

async function newestSeconds(track: PlayedTrack): Promise<number> {
  for await (const block of track.blocks(track.count - 1, track.count))
    for (const { dts } of block) return secondsOf(track, dts);
  return 0;
}
