// The catalogue over HTTP: /api/recordings, one recording, its deletion, and MediaMTX's /list.

import { KeyedQueue } from "../base/keyed-queue.js";
import { ReelError } from "../base/reel-error.js";
import { jsonReply, type RouteModule, type RouteReply, type RouteRequest } from "../base/routes.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import { type FoundSegment, SEGMENT_STATES } from "../catalog/catalog-segment.js";
import { choiceParameter, countParameter, rangeParameters, sequenceOf, streamParameter } from "./parameters.js";
import { recordingObject } from "./recording-object.js";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;
/** A page over all time and all streams ends behind so many days, full or not. */
const PAGE_DAYS = 31;
/** Each holds the lines of its page; of day files the catalogue bounds what is in memory. */
const QUERIES_AT_A_TIME = 4;

export interface RecordingParts {
  readonly catalog: SegmentCatalog;
  /** Real paths. */
  readonly mediaFolders: readonly string[];
}

export class RecordingRoutes implements RouteModule {
  readonly name = "recordings";
  readonly #queries = new KeyedQueue<"catalogue">(QUERIES_AT_A_TIME);

  constructor(private readonly parts: RecordingParts) {}

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/api/recordings", (request) => this.#list(request), {
      summary: "Files of the catalogue, oldest first.",
      isOfGroup: true,
      query: {
        stream: "of this stream",
        from: "that end after this (RFC 3339 or Unix milliseconds)",
        to: "that begin before this",
        state: SEGMENT_STATES.join(", "),
        limit: `files of one page, at most ${MAX_PAGE}; ${DEFAULT_PAGE} where not given`,
        cursor: "from the page before, of the same question; with `node=all` the one beside `nodes`",
      },
      answers: {
        200: '`{"recordings":[…],"cursor":…,"isComplete":true}`; a page may be short or empty and still have a cursor. `isComplete` is false while the index is made again',
        400: "a parameter cannot be read",
      },
    });
    register("GET", "/api/recordings/:sequence", (request) => this.#one(request), {
      summary: "One file, by the `sequence` of its recordChunkCreated.",
      answers: { 200: "as in the list", 404: "the catalogue knows no such file" },
    });
    register("DELETE", "/api/recordings/:sequence", (request) => this.#delete(request), {
      summary: "Deletes the file; `segmentDeleted` tells it.",
      answers: {
        200: "as in the list, with state `deleted`; also where it was deleted before",
        403: "its folder leads out of the media folders",
        404: "the catalogue knows no such file",
        409: "it is still being recorded, kept by a rule, or on a volume that the server may not write",
      },
    });
  }

  async #list({ query, base }: RouteRequest): Promise<RouteReply> {
    const stream = streamParameter(query, "stream");
    const { from, to } = rangeParameters(query);
    const state = choiceParameter(query, "state", SEGMENT_STATES);
    const limit = countParameter(query, "limit", DEFAULT_PAGE, MAX_PAGE);
    const cursor = query.get("cursor");
    const page = await this.#ask(() =>
      this.parts.catalog.query({
        ...(stream !== undefined && { stream }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(state !== undefined && { state }),
        ...(cursor !== null && cursor !== "" && { cursor }),
        limit,
        maxDays: PAGE_DAYS,
      }),
    );
    const recordings = page.segments.map((segment) => recordingObject(segment, this.parts.mediaFolders, base));
    return jsonReply(200, { recordings, cursor: page.cursor ?? null, isComplete: page.isComplete });
  }

  async #one({ parameters }: RouteRequest): Promise<RouteReply> {
    return jsonReply(200, this.#show(await this.#find(parameters.sequence)));
  }

  async #delete({ parameters }: RouteRequest): Promise<RouteReply> {
    const segment = await this.#find(parameters.sequence);
    if (segment.state !== "deleted") await this.parts.catalog.delete(segment);
    return jsonReply(200, this.#show({ ...segment, state: "deleted" }));
  }

  async #find(sequence: string | undefined): Promise<FoundSegment> {
    const id = sequenceOf(sequence);
    const segment = await this.#ask(() => this.parts.catalog.find(id));
    if (!segment) throw new ReelError("notFound", `the catalogue knows no recording ${id}`);
    return segment;
  }

  #show(segment: FoundSegment) {
    return recordingObject(segment, this.parts.mediaFolders);
  }

  #ask<T>(question: () => Promise<T>): Promise<T> {
    return this.#queries.run("catalogue", question);
  }
}
