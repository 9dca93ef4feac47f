// What a media playlist has of each file: fragments that are made when they are asked for, or byte ranges of a
// transport stream.

import { ReelError } from "../../base/reel-error.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import type { MovieStore } from "../movie/movie-store.js";
import type { TsStore } from "../ts/ts-store.js";
import type { ListedFile } from "./list-memory.js";
import type { Carried } from "./list-tracks.js";
import type { PlaylistPart } from "./playlist.js";

/** Walking large transport streams: what is not walked by then comes with the next list. */
const WALK_MS = 3_000;

/** Of a part, what a list says of it besides its address. */
interface Span {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly nextSeconds: number;
  readonly isDiscontinuous: boolean;
}

export interface PartList {
  readonly listed: readonly ListedFile[];
  /** What was wrong with a file that is left out. */
  readonly fault: unknown;
  /** Nothing is missing that is there now. */
  readonly isWhole: boolean;
}

export class PartLists {
  constructor(
    private readonly movies: MovieStore,
    private readonly streams: TsStore,
  ) {}

  /** A file that cannot be read is left out, and hides no other. `files` are of one container, mp4 or ts. */
  async of(files: readonly FoundSegment[], from: number, to: number | undefined): Promise<PartList> {
    const listed: ListedFile[] = [];
    const deadlineMs = performance.now() + WALK_MS;
    const mayGoOn = (): boolean => performance.now() < deadlineMs;
    let fault: unknown;
    for (const file of files) {
      try {
        const { parts, isWhole, carries } = await (file.container === "ts"
          ? this.#ofTs(file, mayGoOn)
          : this.#ofMovie(file));
        listed.push({ id: file.id, carries, parts: partsBetween(file, parts, from, to) });
        // What lies behind comes when this one is whole: a list only grows at its end.
        if (!isWhole && !mayGoOn()) return { listed, fault, isWhole: false };
      } catch (error) {
        if (!(error instanceof ReelError && error.code === "notFound")) fault = error;
        listed.push({ id: file.id, carries: undefined, parts: [] });
      }
    }
    return { listed, fault, isWhole: true };
  }

  async #ofMovie(file: FoundSegment) {
    const { parts, main, sound } = await this.movies.partsOf(file);
    const carries: Carried = main.head.kind === "audio" ? "sound" : sound ? "both" : "pictures";
    const told = parts.map((part, number) => ({
      ...part,
      uri: `${file.id}/${number}.m4s`,
      mapUri: `${file.id}/init.mp4`,
      range: undefined,
    }));
    return { parts: told, isWhole: true, carries };
  }

  async #ofTs(file: FoundSegment, mayGoOn: () => boolean) {
    const { parts, isWhole } = await this.streams.partsOf(file, mayGoOn);
    const told = parts.map((part) => ({ ...part, uri: `${file.id}/media.ts`, mapUri: undefined, range: part }));
    return { parts: told, isWhole, carries: undefined };
  }
}

function partsBetween(
  { startedMs }: FoundSegment,
  parts: readonly (Span & Pick<PlaylistPart, "uri" | "mapUri" | "range">)[],
  from: number,
  to: number | undefined,
): PlaylistPart[] {
  const listed: PlaylistPart[] = [];
  for (const { uri, mapUri, range, startSeconds, endSeconds, nextSeconds, isDiscontinuous } of parts) {
    const wallMs = startedMs + startSeconds * 1000;
    if (startedMs + nextSeconds * 1000 <= from || (to !== undefined && wallMs >= to)) continue;
    listed.push({
      ...{ uri, mapUri, range, wallMs },
      seconds: endSeconds - startSeconds,
      isDiscontinuous: listed.length === 0 || isDiscontinuous,
    });
  }
  return listed;
}
