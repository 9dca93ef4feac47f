// The random access point nearest to a moment, as bytes that a decoder can begin with: of MP4 one picture as a movie in
// fragments, of MPEG-TS the file from its tables on.

import { ReelError } from "../../base/reel-error.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import { type MediaVolumes, openInTurn } from "../media-file.js";
import { fragment, initSegment } from "../movie/fragments.js";
import type { MovieStore, OpenMovie } from "../movie/movie-store.js";
import { type PlayedSample, secondsOf } from "../movie/played-track.js";
import type { TsStore } from "../ts/ts-store.js";
import type { TurnFile } from "../turn-file.js";
import type { StillFormat } from "./stills.js";

export interface NearestPicture {
  readonly id: number;
  readonly wallMs: number;
  readonly format: StillFormat;
  read(): Promise<Buffer>;
}

/** An 8K picture of high quality has some 5 MB. */
const MAX_PICTURE_BYTES = 16 * 1024 * 1024;
/** Of a transport stream, in which the end of a picture is where the next one begins. */
const MAX_TS_BYTES = 8 * 1024 * 1024;
/** How long an unknown transport stream is walked. */
const WALK_MS = 3_000;

export interface PictureSources extends MediaVolumes {
  readonly movies: MovieStore;
  readonly streams: TsStore;
}

/** Undefined where the file has no picture. Throws ReelError as the stores do. */
export function nearestPicture(
  sources: PictureSources,
  segment: FoundSegment,
  atMs: number,
): Promise<NearestPicture | undefined> {
  const seconds = (atMs - segment.startedMs) / 1000;
  return segment.container === "ts" ? inStream(sources, segment, seconds) : inMovie(sources, segment, seconds);
}

async function inMovie(
  { movies }: PictureSources,
  segment: FoundSegment,
  seconds: number,
): Promise<NearestPicture | undefined> {
  const movie = await movies.open(segment);
  try {
    if (movie.main.head.kind !== "video") return undefined;
    const found = await nearestSample(movie, seconds);
    if (!found) return undefined;
    const wallMs = Math.round(segment.startedMs + found.seconds * 1000);
    return { id: segment.id, wallMs, format: "mp4", read: () => readSample(movies, segment, found.sample) };
  } finally {
    await movie.close();
  }
}

/** Of the part that holds the moment, and the first of the next one. */
async function nearestSample({ main, parts }: OpenMovie, seconds: number) {
  const at = Math.max(
    0,
    parts.findLastIndex(({ startSeconds }) => startSeconds <= seconds),
  );
  const first = parts[at]?.first ?? 0;
  const end = parts[at + 1] ? (parts[at + 1]?.first ?? 0) + 1 : main.count;
  let nearest: { sample: PlayedSample; seconds: number } | undefined;
  for await (const block of main.blocks(first, end))
    for (const sample of block) {
      if (!sample.isSync) continue;
      const shown = secondsOf(main, sample.dts + sample.cts);
      if (!nearest || Math.abs(shown - seconds) < Math.abs(nearest.seconds - seconds))
        nearest = { sample, seconds: shown };
    }
  return nearest;
}

async function readSample(movies: MovieStore, segment: FoundSegment, sample: PlayedSample): Promise<Buffer> {
  if (sample.sizeBytes > MAX_PICTURE_BYTES) throw new ReelError("limit", "the picture is too large for a thumbnail");
  const movie = await movies.open(segment);
  try {
    const { head } = fragment(1, [{ track: movie.main, samples: [sample], lead: 0 }]);
    const picture = await readAt(movie.media, sample.position, sample.sizeBytes);
    await movie.verify();
    return Buffer.concat([initSegment([{ head: movie.main.head, lead: 0 }]), head, picture]);
  } finally {
    await movie.close();
  }
}

async function inStream(
  sources: PictureSources,
  segment: FoundSegment,
  seconds: number,
): Promise<NearestPicture | undefined> {
  const deadlineMs = performance.now() + WALK_MS;
  const { parts, rest, pointsOf } = await sources.streams.partsOf(segment, () => performance.now() < deadlineMs);
  // What has come behind the last part may hold the nearest.
  const known = [...parts, ...(rest ? [rest] : [])];
  const at = Math.max(
    0,
    known.findLastIndex(({ startSeconds }) => startSeconds <= seconds),
  );
  const part = known[at];
  if (!part) return undefined;
  const { handle } = await openInTurn(segment.path, sources);
  try {
    const points = pointsOf(part);
    await points.extend(handle, part.position + part.bytes, true, () => true);
    if (!points.isVideo) return undefined;
    const next = known[at + 1];
    const candidates: { startSeconds: number; position: number; bytes: number }[] = [...points.list];
    if (next) candidates.push(next);
    const away = ({ startSeconds }: { startSeconds: number }): number => Math.abs(startSeconds - seconds);
    const [nearest] = candidates.sort((a, b) => away(a) - away(b));
    if (!nearest) return undefined;
    const wallMs = Math.round(segment.startedMs + nearest.startSeconds * 1000);
    const bytes = Math.min(nearest.bytes, MAX_TS_BYTES);
    return {
      id: segment.id,
      wallMs,
      format: "mpegts",
      read: () => readRange(sources, segment, nearest.position, bytes),
    };
  } finally {
    await handle.close();
  }
}

async function readRange(sources: MediaVolumes, segment: FoundSegment, position: number, bytes: number) {
  const { handle } = await openInTurn(segment.path, sources);
  try {
    return await readAt(handle, position, bytes);
  } finally {
    await handle.close();
  }
}

async function readAt(file: Pick<TurnFile, "read">, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, position);
  if (bytesRead < bytes) throw new ReelError("notFound", "the file became shorter");
  return buffer;
}
