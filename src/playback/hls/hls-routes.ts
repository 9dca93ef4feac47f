// HLS of what was recorded and of what grows: a playlist over the files of a stream, and of each MP4 its head and its
// parts as fragments, made when they are asked for.
//
//   /hls/<stream>/index.m3u8?from=&to=      files of the stream between the two, and behind them what grows
//   /hls/<stream>/<sequence>/init.mp4       head of a file
//   /hls/<stream>/<sequence>/<n>.m4s        its part n
//   /hls/<stream>/<sequence>/media.ts       a file of MPEG-TS, by ranges of bytes

import { setTimeout as sleep } from "node:timers/promises";
import { KeyedQueue } from "../../base/keyed-queue.js";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import type { RouteModule, RouteReply, RouteRequest } from "../../base/routes.js";
import type { SegmentCatalog } from "../../catalog/catalog.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import type { Clock } from "../../time/units.js";
import type { MediaVolumes } from "../media-file.js";
import { fileReply } from "../media-routes.js";
import { fragment, initSegment } from "../movie/fragments.js";
import type { MovieStore, OpenMovie } from "../movie/movie-store.js";
import type { Part } from "../movie/parts.js";
import { leadOf, type PlayedSample, type PlayedTrack, timeAt } from "../movie/played-track.js";
import { runStream } from "../movie/run-stream.js";
import { choiceParameter, countParameter, rangeParameters, sequenceOf, streamOf } from "../parameters.js";
import type { PlayedFiles } from "../played-files.js";
import { playedType, refuseFlv } from "../played-type.js";
import { filesOf, oneBehindTheOther } from "../timeline.js";
import type { TsStore } from "../ts/ts-store.js";
import { ListMemory } from "./list-memory.js";
import { PartLists } from "./part-lists.js";
import { masterPlaylist, mediaPlaylist } from "./playlist.js";

export interface HlsParts extends MediaVolumes {
  readonly catalog: SegmentCatalog;
  readonly movies: MovieStore;
  readonly streams: TsStore;
  readonly played: PlayedFiles;
  readonly clock: Clock;
  /** Whether a stream is being recorded now: it may have no file yet. */
  readonly isRecorded: (stream: string) => boolean;
  readonly stateFolder: string;
  readonly logger: Logger;
  /** How long a list waits for its first part. */
  readonly firstPartMs?: number;
}

const HOUR_MS = 3_600_000;
/** Without `from`: what grows from its beginning, and the files of so long before now. */
const BACK_MS = HOUR_MS;
const MAX_WINDOW_SECONDS = 24 * 3600;
/** Between two files of a recording nothing grows for a moment; only after so long is the list called complete. */
const COMPLETE_AFTER_MS = 30_000;
/** A part is whole when the next one begins, behind four seconds and a GOP. Players wait ten seconds for an answer. */
const FIRST_PART_MS = 8_000;
const LOOK_MS = 200;
/** Samples of one part that are described; a part without random access points may hold a file. */
const MAX_PART_SAMPLES = 200_000;
/** Playlists and fragments that are made at a time. */
const AT_A_TIME = 8;
const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

export class HlsRoutes implements RouteModule {
  readonly name = "hls";
  readonly #work = new KeyedQueue<"hls">(AT_A_TIME);
  readonly #memory: ListMemory;
  readonly #lists: PartLists;

  constructor(private readonly parts: HlsParts) {
    this.#lists = new PartLists(parts.movies, parts.streams);
    this.#memory = new ListMemory(parts.stateFolder, parts.logger);
  }

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/hls/:stream/index.m3u8", (request) => this.#playlist(request), {
      summary: "HLS of a stream's MP4 or MPEG-TS files, also of one that grows, from its beginning.",
      query: {
        from: "what ends after this (RFC 3339 or Unix milliseconds); where not given a list that leads to the last hour",
        to: "what begins before this",
        window: "only so many seconds of its end",
        type: "mp4 or ts, where a stream is recorded as both; of the newest file where not given",
      },
      answers: {
        200: "a playlist, complete (VOD), growing (EVENT) or sliding (`window`)",
        400: "a parameter cannot be read",
        404: "nothing of the stream lies there",
        503: "it is being recorded, and has no whole part yet: try again",
        413: "too many files lie there",
        415: "all that lies there is FLV, which HLS does not play",
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
    register("GET", "/hls/:stream/:sequence/media.ts", (request) => this.#transportStream(request), {
      summary: "A file of MPEG-TS, also one that grows: lists name ranges of its bytes.",
      answers: {
        200: "the file",
        206: "the bytes that Range asks for",
        304: "If-None-Match names its ETag",
        404: "the file is not there",
        416: "the range lies behind its end",
        503: "its volume does not answer",
      },
    });
  }

  async #playlist({ parameters, query }: RouteRequest): Promise<RouteReply> {
    const stream = streamOf(parameters.stream);
    const { from, to } = rangeParameters(query);
    const window = query.get("window") ? countParameter(query, "window", 60, MAX_WINDOW_SECONDS) : undefined;
    const type = choiceParameter(query, "type", ["mp4", "ts"]);
    const nowMs = this.parts.clock.wallMs();
    if (from === undefined) {
      const start = Math.max(0, Math.floor((to ?? nowMs) - BACK_MS));
      query.set("from", String(start));
      return playlistReply(masterPlaylist(`index.m3u8?${query}`));
    }
    for (const deadlineMs = performance.now() + (this.parts.firstPartMs ?? FIRST_PART_MS); ; ) {
      const found = await filesOf(this.parts.catalog, stream, from, to);
      const files = oneBehindTheOther(found, type ?? playedType(found));
      const { listed, fault, isWhole } = await this.#work.run("hls", () => this.#lists.of(files, from, to));
      if (listed.some(({ parts }) => parts.length > 0)) {
        const newestMs = Math.max(...files.map(({ stoppedMs }) => stoppedMs ?? Number.POSITIVE_INFINITY));
        const isOver = newestMs < nowMs - COMPLETE_AFTER_MS || (to !== undefined && newestMs >= to && to < nowMs);
        const { gone, tracks } = await this.#memory.recall(`${stream} ${from} ${to} ${type ?? ""}`, listed);
        const parts = listed.flatMap((file) =>
          file.carries === tracks ? file.parts : file.parts.map((part) => ({ ...part, isGap: true })),
        );
        return playlistReply(mediaPlaylist(parts, { isComplete: isOver && isWhole, windowSeconds: window, gone }));
      }
      if (fault) throw fault;
      if (files.length === 0) refuseFlv(stream, found);
      const mayCome = this.parts.isRecorded(stream) || files.some(({ state }) => state === "growing") || !isWhole;
      if (!mayCome) throw new ReelError("notFound", `nothing of ${stream} is there to play`);
      // Players take a 404 for an end, and try again behind a 503.
      if (performance.now() > deadlineMs)
        throw new ReelError("stuck", `${stream} is being recorded, but no part of it is whole yet: try again`);
      await sleep(LOOK_MS);
    }
  }

  async #head({ parameters }: RouteRequest): Promise<RouteReply> {
    const movie = await this.#open(parameters);
    try {
      const tracks = [movie.main, ...(movie.sound ? [movie.sound] : [])];
      const heads = await this.#work.run("hls", () =>
        Promise.all(tracks.map(async (track) => ({ head: track.head, lead: await leadOf(track) }))),
      );
      await movie.verify();
      return { status: 200, headers: { "Content-Type": "video/mp4" }, body: initSegment(heads) };
    } finally {
      await movie.close();
    }
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

  async #transportStream(request: RouteRequest): Promise<RouteReply> {
    const segment = await this.#find(request.parameters);
    if (segment.container !== "ts") throw new ReelError("notFound", `${segment.path} is no MPEG-TS`);
    return fileReply(this.parts, segment, request);
  }

  async #open(parameters: RouteRequest["parameters"]): Promise<OpenMovie> {
    return this.parts.movies.open(await this.#find(parameters));
  }

  async #find({ stream, sequence }: RouteRequest["parameters"]): Promise<FoundSegment> {
    const name = streamOf(stream);
    const segment = await this.parts.catalog.find(sequenceOf(sequence));
    if (segment?.localStreamName !== name) throw new ReelError("notFound", `${name} has no such file`);
    return segment;
  }
}

function playlistReply(body: string): RouteReply {
  return { status: 200, headers: { "Content-Type": PLAYLIST_TYPE }, body };
}

async function samplesOf({ main, sound, parts }: OpenMovie, part: Part, number: number) {
  const tracks = [{ track: main, samples: await read(main, part.first, part.end), lead: await leadOf(main) }];
  if (!sound) return tracks;
  const from = number === 0 ? 0 : await sound.find(timeAt(sound, part.startSeconds));
  const isLast = number === parts.length - 1 && part.nextSeconds === Number.POSITIVE_INFINITY;
  const to = isLast ? sound.count : await sound.find(timeAt(sound, part.nextSeconds));
  return [...tracks, { track: sound, samples: await read(sound, from, to), lead: await leadOf(sound) }];
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
