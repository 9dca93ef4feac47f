// GET /api/clip: what a stream's files hold between two moments, as one MP4; and /list in the shape of MediaMTX's
// playback server, whose scripts ask it for the spans that there are and find a clip of each behind its url.

import { KeyedQueue } from "../../base/keyed-queue.js";
import { ReelError } from "../../base/reel-error.js";
import { jsonReply, type RouteModule, type RouteReply, type RouteRequest } from "../../base/routes.js";
import type { SegmentCatalog } from "../../catalog/catalog.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import type { Clock } from "../../time/units.js";
import type { MovieStore } from "../movie/movie-store.js";
import { type RunSource, runStream } from "../movie/run-stream.js";
import { choiceParameter, needed, rangeParameters, streamParameter } from "../parameters.js";
import { playedType, refuseFlv } from "../played-type.js";
import { filesOf, oneBehindTheOther } from "../timeline.js";
import type { TsStore } from "../ts/ts-store.js";
import { type Clip, ClipMaker } from "./clip.js";

export interface ClipParts {
  readonly catalog: SegmentCatalog;
  readonly movies: MovieStore;
  readonly streams: TsStore;
  readonly clock: Clock;
  /** The listener serves HTTPS. */
  readonly isSecure: boolean;
}

/** Indexes of clips that are made at a time: that of a day takes some 60 MB. */
const AT_A_TIME = 2;
/** MediaMTX joins what lies no further apart. */
const JOIN_MS = 1000;
/** Its scripts ask for all that there is. */
const MAX_LISTED_FILES = 10_000;

export class ClipRoutes implements RouteModule {
  readonly name = "clip";
  readonly #making = new KeyedQueue<"clip">(AT_A_TIME);

  constructor(private readonly parts: ClipParts) {}

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/api/clip", (request) => this.#clip(request), {
      summary:
        "What a stream's MP4 or MPEG-TS files hold between two moments, as one MP4 with its index in front: not encoded again, exactly from `from` on; what is missing stays missing for as long as it was.",
      query: {
        stream: "name of the stream, needed",
        from: "RFC 3339 or Unix milliseconds, needed",
        to: "the same, needed",
        format: "mp4, also where not given",
      },
      answers: {
        200: "the clip, its length known in advance",
        400: "a parameter is missing or cannot be read, or a gap is longer than six hours",
        404: "nothing lies there",
        413: "more than 2000 files, or 12 million pictures and sounds (2 million of one MPEG-TS file), lie there",
        415: "all that lies there is FLV",
        503: "a volume does not answer, or a large MPEG-TS file is still being looked through: ask again",
      },
    });
    register("GET", "/list", (request) => this.#list(request), {
      summary: "The spans of time that are recorded, in the shape of MediaMTX's playback server.",
      query: { path: "name of the stream, needed", start: "RFC 3339 or Unix milliseconds", end: "the same" },
      answers: {
        200: '`[{"start":"…","duration":60.5,"url":"http://…/api/clip?…"}]`, duration in seconds',
        400: "a parameter is missing or cannot be read",
        404: "nothing is recorded there",
      },
    });
  }

  async #clip({ query, isHead }: RouteRequest): Promise<RouteReply> {
    const stream = needed(streamParameter(query, "stream"), "stream");
    const range = rangeParameters(query);
    const from = needed(range.from, "from");
    const to = needed(range.to, "to");
    choiceParameter(query, "format", ["mp4"]);
    const found = await filesOf(this.parts.catalog, stream, from, to);
    const files = oneBehindTheOther(found, playedType(found));
    if (files.length === 0) refuseFlv(stream, found);
    const maker = new ClipMaker(this.parts, from, to);
    const clip = await this.#making.run("clip", () => maker.make(files));
    const name = `${stream.replace(/[^A-Za-z0-9._-]/g, "_")}_${new Date(from).toISOString().replace(/[:.]/g, "-")}.mp4`;
    const headers = {
      "Content-Type": "video/mp4",
      "Content-Length": String(clip.bytes),
      "Content-Disposition": `attachment; filename="${name}"`,
    };
    if (isHead) {
      await maker.close();
      return { status: 200, headers, body: "" };
    }
    return { status: 200, headers, body: runStream(clip.head, sourcesOf(maker, clip), () => maker.close()) };
  }

  async #list({ query, headers }: RouteRequest): Promise<RouteReply> {
    const path = needed(streamParameter(query, "path"), "path");
    const { from = 0, to } = rangeParameters(query, ["start", "end"]);
    const found = await filesOf(this.parts.catalog, path, from, to, MAX_LISTED_FILES);
    const files = oneBehindTheOther(found, playedType(found));
    const nowMs = this.parts.clock.wallMs();
    const spans = spansOf(files, from, to ?? Number.POSITIVE_INFINITY, nowMs);
    if (spans.length === 0) throw new ReelError("notFound", `nothing of ${path} is recorded there`);
    const origin = `${this.parts.isSecure ? "https" : "http"}://${headers.host ?? "127.0.0.1"}`;
    return jsonReply(
      200,
      spans.map(({ fromMs, toMs }) => {
        const clip = new URLSearchParams({ stream: path, from: String(fromMs), to: String(toMs) });
        return {
          start: new Date(fromMs).toISOString(),
          duration: (toMs - fromMs) / 1000,
          url: `${origin}/api/clip?${clip}`,
        };
      }),
    );
  }
}

/** Joined where they touch, cut to the window. */
function spansOf(
  files: readonly FoundSegment[],
  from: number,
  to: number,
  nowMs: number,
): { fromMs: number; toMs: number }[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const { startedMs, durationMs, stoppedMs } of files) {
    const fromMs = Math.max(startedMs, from);
    const toMs = Math.min(stoppedMs === null ? nowMs : startedMs + Math.round(durationMs), to);
    if (toMs <= fromMs) continue;
    const last = spans.at(-1);
    if (last && fromMs - last.toMs <= JOIN_MS) last.toMs = Math.max(last.toMs, toMs);
    else spans.push({ fromMs, toMs });
  }
  return spans;
}

async function* sourcesOf(
  maker: ClipMaker,
  { pieces }: Clip,
): AsyncGenerator<{ source: RunSource; runs: Clip["pieces"][number]["runs"] }> {
  for (const piece of pieces) {
    const source = await maker.open(piece);
    try {
      yield { source, runs: piece.runs };
    } finally {
      await source.close();
    }
  }
}
