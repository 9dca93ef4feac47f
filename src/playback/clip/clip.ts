// A clip: what several files of a stream hold between two moments, as one MP4, without decoding anything. Its index is
// made first, so its length is known; then the files are read one behind the other.
//
// Files of one recording that follow each other are joined picture to picture, as the source sent them. Everything else
// stands where the wall clock says: what is missing between stays missing, for as long as it was.

import { ReelError } from "../../base/reel-error.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import { type ByteRun, joinRuns, placeRuns } from "../movie/byte-runs.js";
import type { MovieStore, OpenMovie } from "../movie/movie-store.js";
import { type PlayedTrack, timeAt } from "../movie/played-track.js";
import type { RunSource } from "../movie/run-stream.js";
import type { TsStore } from "../ts/ts-store.js";
import { clipHead } from "./clip-index.js";
import { ClipTrack } from "./clip-track.js";

/** Wall times of two files of one recording may be off by the lag of its openings. */
const JOIN_MS = 2000;
/** A day of 60 pictures a second with sound has 9 million. */
const MAX_SAMPLES = 12_000_000;
/** Sound that a decoder takes to begin with. */
const PRE_ROLL_SECONDS = 0.1;

export interface ClipPiece {
  readonly segment: FoundSegment;
  readonly version: string;
  readonly runs: readonly ByteRun[];
  /** Where its media is not that of the file as it lies there. */
  readonly reopen: OpenMovie["reopen"];
  /** Of a file that grows: open until the clip has been sent, because a finish may move its media. */
  readonly growing: OpenMovie | undefined;
}

export interface Clip {
  readonly head: Buffer;
  readonly bytes: number;
  readonly pieces: readonly ClipPiece[];
}

interface Placed {
  segment: FoundSegment;
  /** Seconds of the clip's time at the file's presentation zero. */
  offsetSeconds: number;
  /** The same of the picture behind its last. */
  endSeconds: number;
}

export class ClipMaker {
  #video: ClipTrack | undefined;
  #sound: ClipTrack | undefined;
  #mediaBytes = 0;
  readonly #pieces: ClipPiece[] = [];
  #last: Placed | undefined;

  constructor(
    private readonly stores: { readonly movies: MovieStore; readonly streams: TsStore },
    /** Wall times. */
    private readonly fromMs: number,
    private readonly toMs: number,
  ) {}

  /** Throws ReelError `notFound` where nothing is there, `limit`, `badArgument`. */
  async make(files: readonly FoundSegment[]): Promise<Clip> {
    try {
      for (const file of files) await this.#take(file);
      const tracks = [this.#video, this.#sound].filter(
        (track) => track !== undefined && track.count > 0,
      ) as ClipTrack[];
      for (const track of tracks) track.close();
      const ends = tracks.map(({ shownEnd, head }) => shownEnd / head.timescale);
      const seconds = Math.min((this.toMs - this.fromMs) / 1000, Math.max(...ends));
      if (tracks.length === 0 || seconds <= 0) throw new ReelError("notFound", "nothing lies between from and to");
      const head = await clipHead(tracks, seconds, this.#mediaBytes);
      return { head, bytes: head.byteLength + this.#mediaBytes, pieces: this.#pieces };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Gives back what is open. */
  async close(): Promise<void> {
    await Promise.all(this.#pieces.map(({ growing }) => growing?.close()));
  }

  /**
   * What a piece is read from, and has to be closed behind. Throws ReelError `lostFile` where it is not what it was.
   */
  async open({ segment, version, growing, reopen }: ClipPiece): Promise<RunSource & { close(): Promise<void> }> {
    if (reopen) return reopen();
    if (growing) return { media: growing.media, verify: () => growing.verify(), close: async () => {} };
    const movie = await this.stores.movies.open(segment);
    if (movie.version === version) return movie;
    await movie.close();
    throw new ReelError("lostFile", `${segment.path} has changed while a clip of it was sent`);
  }

  async #take(segment: FoundSegment): Promise<void> {
    const movie = await this.#open(segment).catch((error: unknown) => {
      // It has been deleted meanwhile, or has nothing yet: a gap.
      if (error instanceof ReelError && error.code === "notFound") return undefined;
      throw error;
    });
    if (!movie) return;
    let isKept = false;
    try {
      const runs = await this.#takeMovie(segment, movie);
      if (runs.length === 0) return;
      isKept = !movie.isFinal;
      const { version, reopen } = movie;
      this.#pieces.push({ segment, version, reopen, runs, growing: isKept ? movie : undefined });
    } finally {
      if (!isKept) await movie.close();
    }
  }

  /** Of MPEG-TS what may belong to the clip: where exactly it stands shows when it is placed. */
  #open(segment: FoundSegment): Promise<OpenMovie> {
    const { movies, streams } = this.stores;
    if (segment.container !== "ts") return movies.open(segment);
    const [from, to] = [this.fromMs - segment.startedMs - JOIN_MS, this.toMs - segment.startedMs + JOIN_MS];
    return streams.openRange(segment, from / 1000, to / 1000);
  }

  async #takeMovie(segment: FoundSegment, movie: OpenMovie): Promise<readonly ByteRun[]> {
    const { main, sound } = movie;
    const offsetSeconds = await this.#offsetOf(segment, main);
    const placed: Placed = { segment, offsetSeconds, endSeconds: offsetSeconds };
    const from = -offsetSeconds;
    const to = (this.toMs - this.fromMs) / 1000 - offsetSeconds;
    const isVideo = main.head.kind === "video";
    const first = isVideo ? await firstPicture(movie, from) : await main.find(timeAt(main, from - PRE_ROLL_SECONDS));
    const end = await main.find(timeAt(main, to));
    const taken: ClipTrack[] = [];
    if (isVideo) {
      this.#video ??= new ClipTrack(main.head);
      await this.#takeTrack(this.#video, main, first, end, placed);
      taken.push(this.#video);
    }
    const heard = isVideo ? sound : main;
    if (heard) {
      this.#sound ??= new ClipTrack(heard.head);
      const firstSound = await heard.find(timeAt(heard, from - PRE_ROLL_SECONDS));
      await this.#takeTrack(this.#sound, heard, firstSound, await heard.find(timeAt(heard, to)), placed);
      taken.push(this.#sound);
    }
    placed.endSeconds = await endOf(main, offsetSeconds);
    this.#last = placed;
    const chunks = taken.flatMap(({ chunks }) => chunks);
    const runs = joinRuns(chunks.map(({ position, bytes }) => ({ position, sizeBytes: bytes })));
    const placeOf = placeRuns(runs);
    for (const track of taken) track.place(({ position }) => this.#mediaBytes + placeOf(position));
    this.#mediaBytes += runs.reduce((sum, { bytes }) => sum + bytes, 0);
    return runs;
  }

  async #takeTrack(into: ClipTrack, track: PlayedTrack, first: number, end: number, placed: Placed): Promise<void> {
    into.describe(track.head);
    const { timescale } = into.head;
    const scale = timescale / track.head.timescale;
    const offset = Math.round(placed.offsetSeconds * timescale);
    if ((this.#video?.count ?? 0) + (this.#sound?.count ?? 0) + Math.max(0, end - first) > MAX_SAMPLES)
      throw new ReelError("limit", `a clip has at most ${MAX_SAMPLES} pictures and sounds: ask for less`);
    for await (const block of track.blocks(first, end))
      for (const { dts, cts, duration, sizeBytes, position, isSync } of block) {
        const time = offset + Math.round((dts + track.shift) * scale);
        into.add(time, Math.round(cts * scale), Math.round(duration * scale), sizeBytes, position, isSync);
      }
  }

  /** Where the file's presentation begins on the clip's time. */
  async #offsetOf(segment: FoundSegment, main: PlayedTrack): Promise<number> {
    const last = this.#last;
    if (!last) return (segment.startedMs - this.fromMs) / 1000;
    const isOne = last.segment.configId === segment.configId && last.segment.outStreamId === segment.outStreamId;
    const lastBegin = await firstSeconds(main);
    const joined = last.endSeconds - lastBegin;
    const startedMs = isOne ? latestStartOf(segment) : segment.startedMs;
    // By wall time the file would begin so much later than the media of the one in front of it ends.
    const byWallMs = startedMs - last.segment.startedMs - (joined - last.offsetSeconds) * 1000;
    return isOne && Math.abs(byWallMs) < JOIN_MS ? joined : Math.max(joined, (startedMs - this.fromMs) / 1000);
  }
}

/**
 * Wall time at which a file began, at the latest: one that was opened late, on a busy disk, has media from before that,
 * and ends less than its duration behind its opening.
 */
function latestStartOf({ state, startedMs, stoppedMs, durationMs }: FoundSegment): number {
  return state === "growing" || stoppedMs === null ? startedMs : Math.min(startedMs, stoppedMs - durationMs);
}

/** The random access point at or before a moment; the first of the file where there is none. */
async function firstPicture({ main, parts }: OpenMovie, seconds: number): Promise<number> {
  let first = 0;
  for (const part of parts) {
    if (part.startSeconds > seconds) break;
    first = part.first;
  }
  // A part may hold several of them.
  const until = (await main.find(timeAt(main, seconds))) + 1;
  let at = first;
  let found = first;
  for await (const block of main.blocks(first, until))
    for (const { dts, cts, isSync } of block) {
      if (isSync && (dts + cts + main.shift) / main.head.timescale <= seconds + 1e-9) found = at;
      at++;
    }
  return found;
}

async function firstSeconds(track: PlayedTrack): Promise<number> {
  for await (const block of track.blocks(0, 1))
    for (const { dts } of block) return (dts + track.shift) / track.head.timescale;
  return 0;
}

/** Where the picture behind the last would be decoded. */
async function endOf(track: PlayedTrack, offsetSeconds: number): Promise<number> {
  for await (const block of track.blocks(track.count - 1, track.count))
    for (const { dts, duration } of block) return offsetSeconds + (dts + duration + track.shift) / track.head.timescale;
  return offsetSeconds;
}
