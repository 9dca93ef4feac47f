// GET /media/<path>: files of the catalogue, whole or by ranges of bytes.

import { ReelError } from "../base/reel-error.js";
import type { RouteModule, RouteReply, RouteRequest } from "../base/routes.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { FoundSegment } from "../catalog/catalog-segment.js";
import { MEDIA_TYPES } from "../container/media-types.js";
import { rangeAnswer } from "./byte-range.js";
import { type MediaVolumes, openInTurn } from "./media-file.js";
import { mediaPath } from "./media-path.js";
import { runStream } from "./movie/run-stream.js";
import type { PlayedFiles } from "./played-files.js";

export interface MediaParts extends MediaVolumes {
  readonly catalog: SegmentCatalog;
  readonly played: PlayedFiles;
}

export function mediaRoutes(parts: MediaParts): RouteModule {
  return {
    name: "media",
    routes(register) {
      register("GET", "/media/*", (request) => answer(parts, request), {
        summary: "A file that the catalogue knows, by its path below its media folder. Not an MP4 that grows.",
        query: { folder: "number of the media folder, 0 where not given" },
        answers: {
          200: "the file",
          206: "the bytes that Range asks for",
          304: "If-None-Match names its ETag",
          404: "the catalogue knows no such file, or it is gone",
          416: "the range lies behind its end",
          503: "its volume does not answer",
        },
      });
    },
  };
}

async function answer(parts: MediaParts, request: RouteRequest): Promise<RouteReply> {
  const path = mediaPath(request.parameters["*"] ?? "", request.query.get("folder"), parts.mediaFolders);
  const segment = await parts.catalog.findByPath(path);
  if (!segment) throw new ReelError("notFound", "the catalogue knows no such file");
  return fileReply(parts, segment, request);
}

/** The file of a segment, or the bytes of it that are asked for. Throws ReelError `notFound`, `stuck`. */
export async function fileReply(
  { played, ...volumes }: MediaVolumes & Pick<MediaParts, "played">,
  segment: FoundSegment,
  request: Pick<RouteRequest, "headers" | "isHead">,
): Promise<RouteReply> {
  const { handle, sizeBytes, modifiedMs, etag } = await openInTurn(segment.path, volumes);
  played.note(segment.id);
  const range = rangeAnswer(request.headers, sizeBytes, etag);
  const headers = {
    "Accept-Ranges": "bytes",
    // What grows has another length a moment later.
    "Cache-Control": segment.state === "growing" ? "no-store" : "private, no-cache",
    "Content-Type": MEDIA_TYPES[segment.container],
    ETag: etag,
    "Last-Modified": new Date(modifiedMs).toUTCString(),
  };
  if (!("from" in range)) {
    await handle.close();
    const size: Record<string, string> = range.status === 416 ? { "Content-Range": `bytes */${sizeBytes}` } : {};
    return { status: range.status, headers: { ...headers, ...size }, body: "" };
  }
  const { status, from, to } = range;
  const part: Record<string, string> =
    status === 206 ? { "Content-Range": `bytes ${from}-${to - 1}/${sizeBytes}` } : {};
  const reply = { status, headers: { ...headers, "Content-Length": String(to - from), ...part } };
  if (request.isHead || to === from) {
    await handle.close();
    return { ...reply, body: "" };
  }
  const source = { media: handle, verify: async () => played.note(segment.id) };
  const piece = { source, runs: [{ position: from, bytes: to - from }] };
  return { ...reply, body: runStream(Buffer.alloc(0), once(piece), () => handle.close()) };
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
