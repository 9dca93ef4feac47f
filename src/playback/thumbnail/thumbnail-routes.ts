// GET /api/thumbnail: the picture of a stream nearest to a moment that can be decoded by itself, as JPEG.

import { ReelError } from "../../base/reel-error.js";
import { jsonReply, type RouteModule, type RouteReply, type RouteRequest } from "../../base/routes.js";
import type { SegmentCatalog } from "../../catalog/catalog.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import type { Clock } from "../../time/units.js";
import { countParameter, needed, streamParameter, timeParameter } from "../parameters.js";
import { filesOf } from "../timeline.js";
import { type NearestPicture, nearestPicture, type PictureSources } from "./nearest-picture.js";
import { StillCache } from "./still-cache.js";
import { Stills } from "./stills.js";

export interface ThumbnailParts extends PictureSources {
  readonly catalog: SegmentCatalog;
  readonly clock: Clock;
  /** Another than that of PATH. */
  readonly ffmpeg?: string | undefined;
}

/** A picture further away is none of that moment. */
const REACH_MS = 60_000;
const DEFAULT_WIDTH = 320;
const MAX_WIDTH = 3840;
/** Files that are looked into: that of the moment, and its neighbours. */
const MOST_FILES = 3;
const FAULT_STATUS = { missing: 501, busy: 503, failed: 415 } as const;

export class ThumbnailRoutes implements RouteModule {
  readonly name = "thumbnail";
  readonly #cache: StillCache;

  constructor(private readonly parts: ThumbnailParts) {
    this.#cache = new StillCache(new Stills(parts.ffmpeg));
  }

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/api/thumbnail", (request) => this.#answer(request), {
      summary: "The picture of a stream nearest to a moment that can be decoded by itself, as JPEG; needs ffmpeg.",
      query: {
        stream: "name of the stream, needed",
        at: "RFC 3339 or Unix milliseconds; now where not given",
        width: `at most so many pixels, up to ${MAX_WIDTH}; ${DEFAULT_WIDTH} where not given; no picture is made larger`,
      },
      answers: {
        200: "the picture; its time is in `Reel-Picture-Time`",
        400: "a parameter is missing or cannot be read",
        404: "there is no picture within a minute of that moment",
        415: "it cannot be decoded; FLV has no thumbnails",
        501: "ffmpeg is not installed",
        503: "too many are being made, or the volume does not answer: ask again",
      },
    });
  }

  async #answer({ query, isHead }: RouteRequest): Promise<RouteReply> {
    const stream = needed(streamParameter(query, "stream"), "stream");
    const given = timeParameter(query, "at");
    const width = countParameter(query, "width", DEFAULT_WIDTH, MAX_WIDTH);
    const atMs = given ?? this.parts.clock.wallMs();
    const picture = await this.#find(stream, atMs);
    const still = await this.#cache.get(picture, width);
    if ("fault" in still) {
      const { status, ...reply } = jsonReply(FAULT_STATUS[still.fault], { error: still.message });
      const retry: Record<string, string> = status === 503 ? { "Retry-After": "1" } : {};
      return { ...reply, status, headers: { ...reply.headers, ...retry } };
    }
    const headers = {
      "Content-Type": "image/jpeg",
      "Content-Length": String(still.jpeg.byteLength),
      "Reel-Picture-Time": new Date(picture.wallMs).toISOString(),
      // A moment that is not over may get a nearer picture.
      "Cache-Control": given !== undefined && picture.wallMs > given ? "private, max-age=3600" : "private, no-cache",
    };
    return { status: 200, headers, body: isHead ? "" : still.jpeg };
  }

  async #find(stream: string, atMs: number): Promise<NearestPicture> {
    const found = await filesOf(this.parts.catalog, stream, Math.max(0, atMs - REACH_MS), atMs + REACH_MS);
    const playable = found.filter(({ container }) => container !== "flv");
    if (playable.length === 0 && found.length > 0)
      throw new ReelError("notCarried", `${stream} is recorded as FLV, of which there are no thumbnails`);
    let nearest: NearestPicture | undefined;
    let fault: unknown;
    for (const segment of nearestFirst(playable, atMs).slice(0, MOST_FILES)) {
      const picture = await nearestPicture(this.parts, segment, atMs).catch((error: unknown) => {
        if (!(error instanceof ReelError && error.code === "notFound")) fault = error;
        return undefined;
      });
      if (picture && (!nearest || Math.abs(picture.wallMs - atMs) < Math.abs(nearest.wallMs - atMs))) nearest = picture;
    }
    if (nearest && Math.abs(nearest.wallMs - atMs) <= REACH_MS) return nearest;
    throw fault ?? new ReelError("notFound", `${stream} has no picture within a minute of that moment`);
  }
}

function nearestFirst(files: readonly FoundSegment[], atMs: number): FoundSegment[] {
  const away = ({ startedMs, stoppedMs }: FoundSegment): number =>
    Math.max(0, startedMs - atMs, atMs - (stoppedMs ?? Number.POSITIVE_INFINITY));
  return [...files].sort((a, b) => away(a) - away(b));
}
