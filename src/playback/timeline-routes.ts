// /api/timeline: what is recorded of a stream, as spans one behind the other. In a group the files of all nodes make
// one timeline (merged-timeline.ts), at whichever node it is asked.

import { ReelError } from "../base/reel-error.js";
import { jsonReply, type RouteModule, type RouteReply, type RouteRequest } from "../base/routes.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { FoundSegment } from "../catalog/catalog-segment.js";
import { CONTAINER_NAMES } from "../container/table.js";
import type { Clock } from "../time/units.js";
import { gapsOf, mergedTimeline, type TimelineFile, type TimelineSpan } from "./merged-timeline.js";
import { choiceParameter, rangeParameters, streamParameter } from "./parameters.js";
import { linksOf } from "./recording-object.js";
import { filesOf } from "./timeline.js";

export interface TimelineParts {
  readonly catalog: SegmentCatalog;
  /** Real paths. */
  readonly mediaFolders: readonly string[];
  readonly clock: Clock;
}

/** A file as nodes tell each other. */
interface ToldFile extends TimelineFile {
  readonly type: string;
  readonly state: string;
  readonly links: Readonly<Record<string, string>>;
}

interface Told {
  readonly stream: string;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** What `links.clip` of its spans begins with. */
  readonly base: string;
  readonly files: readonly ToldFile[];
}

export class TimelineRoutes implements RouteModule {
  readonly name = "timeline";

  constructor(private readonly parts: TimelineParts) {}

  routes(register: Parameters<RouteModule["routes"]>[0]): void {
    register("GET", "/api/timeline", (request) => this.#timeline(request), {
      summary:
        "What is recorded of a stream, as spans one behind the other, with what lies between them. Of nodes that have both recorded it the highest `epoch` is shown; another one fills its gaps, and `fills` says so.",
      query: {
        stream: "name of the stream, needed",
        from: "what ends after this (RFC 3339 or Unix milliseconds)",
        to: "what begins before this",
        type: "mp4, ts or flv, where a stream is recorded as several",
      },
      isOfGroup: true,
      merge: {
        takes: isTold,
        all: (answers) => shown(answers.map(({ node, value }) => toldBy(value as { told: Told }, node))),
      },
      answers: {
        200: '`{"stream":…,"spans":[…],"gaps":[…],"told":…}`. A span has `start`, `end`, `node`, `epoch` (null: it was published to the node), `sequence`, `fills` (the epoch in whose gap it stands, else null), `besides` (files of other nodes of the same time) and `links`. `told`: the files, as nodes tell each other',
        400: "a parameter is missing or cannot be read",
        413: "too many files lie there",
      },
    });
  }

  async #timeline({ query, base = "" }: RouteRequest): Promise<RouteReply> {
    const stream = streamParameter(query, "stream");
    if (stream === undefined) throw new ReelError("badArgument", "stream is needed");
    const { from, to } = rangeParameters(query);
    const type = choiceParameter(query, "type", CONTAINER_NAMES);
    const found = await filesOf(this.parts.catalog, stream, from ?? 0, to);
    const files = found.filter(({ container }) => type === undefined || container === type);
    const told = {
      stream,
      fromMs: from ?? null,
      toMs: to ?? null,
      base,
      files: files.map((file) => this.#told(file, base)),
    };
    return jsonReply(200, { ...shown([told]), told });
  }

  #told(segment: FoundSegment, base: string): ToldFile {
    const { id, node = null, epoch = null, configId, outStreamId, state, container } = segment;
    const startMs = segment.startedMs;
    const endMs = segment.stoppedMs === null ? this.parts.clock.wallMs() : startMs + Math.round(segment.durationMs);
    const links = linksOf(segment, this.parts.mediaFolders, base);
    return { node, epoch, sequence: id, configId, outStreamId, startMs, endMs, type: container, state, links };
  }
}

function isTold(value: unknown): value is { told: Told } {
  const { told } = (value ?? {}) as { told?: Partial<Told> };
  if (!Array.isArray(told?.files)) return false;
  const areNumbers = (...fields: unknown[]): boolean => fields.every(Number.isFinite);
  return (told.files as Partial<ToldFile>[]).every(
    (file) => areNumbers(file?.startMs, file?.endMs, file?.sequence) && typeof file?.links === "object",
  );
}

/** Files from before a node joined do not name it. */
function toldBy({ told }: { told: Told }, node: string): Told {
  return { ...told, files: told.files.map((file) => ({ ...file, node: file.node ?? node })) };
}

function shown(told: readonly Told[]): object {
  const [{ stream = "", fromMs = null, toMs = null } = {}] = told;
  const bases = new Map(told.flatMap(({ base, files }) => files.map((file) => [file, base] as const)));
  const spans = mergedTimeline(told.flatMap(({ files }) => files)).flatMap((span) => cut(span, fromMs, toMs));
  return {
    stream,
    spans: spans.map((span) => spanObject(span, stream, bases.get(span.file) ?? "")),
    gaps: gapsOf(spans, fromMs ?? undefined, toMs ?? undefined).map(timesOf),
  };
}

/** To what was asked for. */
function cut<S extends { readonly startMs: number; readonly endMs: number }>(
  span: S,
  fromMs: number | null,
  toMs: number | null,
): S[] {
  const startMs = Math.max(span.startMs, fromMs ?? span.startMs);
  const endMs = Math.min(span.endMs, toMs ?? span.endMs);
  return endMs > startMs ? [{ ...span, startMs, endMs }] : [];
}

function spanObject({ startMs, endMs, file, fills, besides }: TimelineSpan<ToldFile>, stream: string, base: string) {
  const clip = new URLSearchParams({ stream, from: String(startMs), to: String(endMs) });
  const { node, epoch, sequence, configId, type, state, links } = file;
  return {
    ...timesOf({ startMs, endMs }),
    ...{ node, epoch, sequence, configId, type, state },
    fills: fills ?? null,
    besides: besides.map((other) => ({ node: other.node, epoch: other.epoch, sequence: other.sequence })),
    links: { ...links, ...(type !== "flv" && { clip: `${base}/api/clip?${clip}` }) },
  };
}

function timesOf({ startMs, endMs }: { startMs: number; endMs: number }) {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}
