// HLS of what was recorded and of what grows: a playlist over the files of a stream, and of each MP4 its head and its
// parts as fragments, made when they are asked for.
//
//   /hls/<stream>/index.m3u8?from=&to=      files of the stream between the two, and behind them what grows
//   /hls/<stream>/<sequence>/init.mp4       head of a file
//   /hls/<stream>/<sequence>/<n>.m4s        its part n

import { setTimeout as sleep } from "node:timers/promises";
import { KeyedQueue } from "../../base/keyed-queue.js";
import { ReelError } from "../../base/reel-error.js";
import type { RouteModule, RouteReply, RouteRequest } from "../../base/routes.js";
import type { SegmentCatalog } from "../../catalog/catalog.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import type { Clock } from "../../time/units.js";
import { fragment, initSegment } from "../movie/fragments.js";
import type { MovieStore, OpenMovie } from "../movie/movie-store.js";
import type { Part } from "../movie/parts.js";
import { type PlayedSample, type PlayedTrack, timeAt } from "../movie/played-track.js";
import { runStream } from "../movie/run-stream.js";
import { countParameter, rangeParameters, sequenceOf, streamOf } from "../parameters.js";
import { filesOf, oneBehindTheOther } from "../timeline.js";
import { type ListedFile, ListMemory } from "./list-memory.js";
import { masterPlaylist, mediaPlaylist, type PlaylistPart } from "./playlist.js";

export interface HlsParts {
  readonly catalog: SegmentCatalog;
  readonly movies: MovieStore;
  readonly clock: Clock;
  /** Whether a stream is being recorded now: it may have no file yet. */
  readonly isRecorded: (stream: string) => boolean;
}

const HOUR_MS = 3_600_000;
/** Without `from`: what grows from its beginning, and the files of so long before now. */
const BACK_MS = HOUR_MS;
const MAX_WINDOW_SECONDS = 24 * 3600;
/** Between two files of a recording nothing grows for a moment; only after so long is the list called complete. */
const COMPLETE_AFTER_MS = 30_000;
/** A recording that has just begun has no whole part yet. Players wait ten seconds for an answer. */
const FIRST_PART_MS = 6_000;
const LOOK_MS = 200;
/** Samples of one part that are described; a part without random access points may hold a file. */
const MAX_PART_SAMPLES = 200_000;
/** Playlists and fragments that are made at a time. */
const AT_A_TIME = 8;
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

export class HlsRoutes implements RouteModule {
  readonly name = "hls";
  readonly #work = new KeyedQueue<"hls">(AT_A_TIME);
  readonly #memory = new ListMemory();

  constructor(private readonly parts: HlsParts) {}

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/hls/:stream/index.m3u8", (request) => this.#playlist(request), {
      summary: "HLS of a stream's MP4 files, also of one that grows, from its beginning.",
      query: {
        from: "what ends after this (RFC 3339 or Unix milliseconds); where not given a list that leads to the last hour",
        to: "what begins before this",
        window: "only so many seconds of its end",
      },
      answers: {
        200: "a playlist, complete (VOD), growing (EVENT) or sliding (`window`)",
        400: "a parameter cannot be read",
        404: "nothing of the stream lies there",
        413: "too many files lie there",
      },
    });
    register("GET", "/hls/:stream/:sequence/init.mp4", (request) => this.#head(request), {
      summary: "Head of a file's fragments.",
      answers: { 200: "`ftyp` and `moov`", 404: "the file is not there" },
    });
    register("GET", "/hls/:stream/:sequence/:part", (request) => this.#part(request), {
      summary: "Part of a file as a fragment, `<number>.m4s`.",
      answers: { 200: "`moof` and `mdat`", 404: "there is no such part (yet)" },
    });
  }

  async #playlist({ parameters, query }: RouteRequest): Promise<RouteReply> {
    const stream = streamOf(parameters.stream);
    const { from, to } = rangeParameters(query);
    const window = query.get("window") ? countParameter(query, "window", 60, MAX_WINDOW_SECONDS) : undefined;
    const nowMs = this.parts.clock.wallMs();
    if (from === undefined) {
      const start = Math.max(0, Math.floor((to ?? nowMs) - BACK_MS));
      query.set("from", String(start));
      return playlistReply(masterPlaylist(`index.m3u8?${query}`));
    }
    for (const deadlineMs = performance.now() + FIRST_PART_MS; ; ) {
      const files = oneBehindTheOther(await filesOf(this.parts.catalog, stream, from, to), "mp4");
      const { listed, fault } = await this.#work.run("hls", () => this.#list(files, from, to));
      const parts = listed.flatMap((file) => file.parts);
      if (parts.length > 0) {
        const newestMs = Math.max(...files.map(({ stoppedMs }) => stoppedMs ?? Number.POSITIVE_INFINITY));
        const isComplete = newestMs < nowMs - COMPLETE_AFTER_MS || (to !== undefined && newestMs >= to && to < nowMs);
        const gone = this.#memory.goneFrom(`${stream} ${from} ${to}`, listed);
        return playlistReply(mediaPlaylist(parts, { isComplete, windowSeconds: window, gone }));
      }
      if (fault) throw fault;
      const mayCome = this.parts.isRecorded(stream) || files.some(({ state }) => state === "growing");
      if (!mayCome || performance.now() > deadlineMs)
        throw new ReelError("notFound", `nothing of ${stream} is there to play`);
      await sleep(LOOK_MS);
    }
  }

  /** A file that cannot be read is left out, and hides no other; `fault` says what was wrong with one. */
  async #list(
    files: readonly FoundSegment[],
    from: number,
    to: number | undefined,
  ): Promise<{ listed: ListedFile[]; fault: unknown }> {
    const listed: ListedFile[] = [];
    let fault: unknown;
    for (const file of files) {
      const { parts } = await this.parts.movies.partsOf(file).catch((error: unknown) => {
        if (!(error instanceof ReelError && error.code === "notFound")) fault = error;
        return { parts: [] };
      });
      listed.push({ id: file.id, parts: partsBetween(file, parts, from, to) });
    }
    return { listed, fault };
  }

  async #head({ parameters }: RouteRequest): Promise<RouteReply> {
    const movie = await this.#open(parameters);
    await movie.close();
    const body = initSegment([movie.main, ...(movie.sound ? [movie.sound] : [])].map(({ head }) => head));
    return { status: 200, headers: { "Content-Type": "video/mp4" }, body };
  }

  async #part({ parameters, isHead }: RouteRequest): Promise<RouteReply> {
    const [, digits] = /^(\d{1,7})\.m4s$/.exec(parameters.part ?? "") ?? [];
    if (digits === undefined) throw new ReelError("notFound", "a part is <number>.m4s");
    const number = Number(digits);
    const movie = await this.#open(parameters);
    try {
      const part = movie.parts[number];
      if (!part) throw new ReelError("notFound", `there is no part ${number} (yet)`);
      const tracks = await this.#work.run("hls", () => samplesOf(movie, part, number));
      const { head, runs } = fragment(number + 1, tracks);
      const bytes = head.byteLength + runs.reduce((sum, run) => sum + run.bytes, 0);
      const headers = { "Content-Type": "video/mp4", "Content-Length": String(bytes) };
      if (isHead) await movie.close();
      return {
        status: 200,
        headers,
        body: isHead ? "" : runStream(head, once({ source: movie, runs }), () => movie.close()),
      };
    } catch (error) {
      await movie.close();
      throw error;
    }
  }

  async #open({ stream, sequence }: RouteRequest["parameters"]): Promise<OpenMovie> {
    const name = streamOf(stream);
    const segment = await this.parts.catalog.find(sequenceOf(sequence));
    if (segment?.localStreamName !== name) throw new ReelError("notFound", `${name} has no such file`);
    return this.parts.movies.open(segment);
  }
}

function playlistReply(body: string): RouteReply {
  return { status: 200, headers: { "Content-Type": PLAYLIST_TYPE }, body };
}

function partsBetween(
  { id, startedMs }: FoundSegment,
  parts: readonly Part[],
  from: number,
  to: number | undefined,
): PlaylistPart[] {
  const listed: PlaylistPart[] = [];
  for (const [number, part] of parts.entries()) {
    const wallMs = startedMs + part.startSeconds * 1000;
    if (startedMs + part.nextSeconds * 1000 <= from || (to !== undefined && wallMs >= to)) continue;
    listed.push({
      uri: `${id}/${number}.m4s`,
      mapUri: `${id}/init.mp4`,
      seconds: part.endSeconds - part.startSeconds,
      isDiscontinuous: listed.length === 0 || part.isDiscontinuous,
      wallMs,
    });
  }
  return listed;
}

async function samplesOf({ main, sound, parts }: OpenMovie, part: Part, number: number) {
  const tracks = [{ track: main, samples: await read(main, part.first, part.end) }];
  if (!sound) return tracks;
  const from = number === 0 ? 0 : await sound.find(timeAt(sound, part.startSeconds));
  const isLast = number === parts.length - 1 && part.nextSeconds === Number.POSITIVE_INFINITY;
  const to = isLast ? sound.count : await sound.find(timeAt(sound, part.nextSeconds));
  return [...tracks, { track: sound, samples: await read(sound, from, to) }];
}

async function read(track: PlayedTrack, from: number, to: number): Promise<PlayedSample[]> {
  if (to - from > MAX_PART_SAMPLES) throw new ReelError("limit", "the part has too many samples");
  const samples: PlayedSample[] = [];
  for await (const block of track.blocks(from, to)) samples.push(...block);
  return samples;
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
