// The parts of recorded transport streams, growing or finished, as far as they have been walked. A walk goes on with
// each list that asks for it, for a bounded time: the list of a large file is short at first, and grows while it is
// asked for. What is kept is bounded by the number of parts.

import { KeyedQueue } from "../../base/keyed-queue.js";
import { ReelError } from "../../base/reel-error.js";
import type { FoundSegment } from "../../catalog/catalog-segment.js";
import { ownKernel } from "../../container/mp4/own-kernel.js";
import { TS_PACKET_BYTES } from "../../media/mpegts/ts-packet.js";
import { type MediaVolumes, openInTurn } from "../media-file.js";
import { mainAndSound, type OpenMovie } from "../movie/movie-store.js";
import type { RunSource } from "../movie/run-stream.js";
import type { PlayedFiles } from "../played-files.js";
import { TsMedia, tracksOfTs } from "./ts-movie.js";
import { type TsPart, TsParts } from "./ts-parts.js";
import type { TsRange } from "./ts-units.js";

/** Twelve days of four seconds: some 25 MB. */
const MAX_KEPT_PARTS = 262_144;
const MAX_KEPT_FILES = 4096;

interface Kept {
  readonly identity: string;
  readonly parts: TsParts;
}

export interface WalkedParts {
  readonly parts: readonly TsPart[];
  /** What a file that grows has behind them. */
  readonly rest: TsPart | undefined;
  /** Divides one of them further. */
  readonly pointsOf: (part: TsPart) => TsParts;
  /** The walk has come to the end of what there is. */
  readonly isWhole: boolean;
}

/** What a clip waits for: a file that takes longer is asked for again. */
const CLIP_WALK_MS = 20_000;

export class TsStore {
  /** The one used last stands last. */
  readonly #kept = new Map<number, Kept>();
  /** One walk of a file at a time, and two of all: each takes what the disk gives. */
  readonly #turns = new KeyedQueue<number>();
  readonly #walks = new KeyedQueue<"walk">(2);

  constructor(private readonly media: MediaVolumes & { readonly played: PlayedFiles }) {}

  /** Throws ReelError `notFound` where the file is not there. `mayGoOn` ends a walk early. */
  async partsOf(segment: FoundSegment, mayGoOn: () => boolean): Promise<WalkedParts> {
    const { id, path, state, missing } = segment;
    const kept = this.#kept.get(id);
    if (kept?.parts.isClosed && !missing) return walked(kept.parts, true);
    if (state === "deleted" || state === "failed" || missing) throw new ReelError("notFound", `${path} is not there`);
    return this.#turns.run(id, () => this.#walks.run("walk", () => this.#walk(segment, mayGoOn)));
  }

  /**
   * What the file has between two moments, in seconds of it, and a part on either side, as a movie that has no parts
   * and whose media is read from its beginning to its end. Throws ReelError `notFound`, `stuck`, `limit`.
   */
  async openRange(segment: FoundSegment, fromSeconds: number, toSeconds: number): Promise<OpenMovie> {
    const deadlineMs = performance.now() + CLIP_WALK_MS;
    const { parts, rest, isWhole } = await this.partsOf(segment, () => performance.now() < deadlineMs);
    const all = rest ? [...parts, rest] : parts;
    const reaches = (all.at(-1)?.endSeconds ?? 0) >= toSeconds;
    if (!isWhole && !reaches)
      throw new ReelError("stuck", `${segment.path} is large and still being looked through: ask again in a moment`);
    const first = Math.max(0, all.findLastIndex(({ startSeconds }) => startSeconds <= fromSeconds) - 1);
    const behind = all.findIndex(({ startSeconds }) => startSeconds > toSeconds);
    const last = all[behind < 0 ? all.length - 1 : behind];
    const begin = all[first];
    if (!begin || !last) throw new ReelError("notFound", `${segment.path} has nothing to play yet`);
    const range = { from: begin.position, to: last.position + last.bytes };
    const { handle, identity } = await openInTurn(segment.path, this.media);
    try {
      const options = { createdMs: segment.startedMs, module: ownKernel() };
      const { main, sound } = mainAndSound(await tracksOfTs(handle, range, begin.firstSeconds, options), segment.path);
      const reopen = (): Promise<RunSource & { close(): Promise<void> }> => this.#openMedia(segment, range, identity);
      const media: OpenMovie["media"] = {
        read: () => Promise.reject(new Error("the media of a range is opened anew")),
      };
      return {
        ...{ main, sound, media, reopen, parts: [], isFinal: true, version: identity },
        verify: async () => {},
        close: async () => {},
      };
    } finally {
      await handle.close();
    }
  }

  async #openMedia({ id, path }: FoundSegment, range: TsRange, known: string) {
    const { handle, identity } = await openInTurn(path, this.media);
    if (identity !== known) {
      await handle.close();
      throw new ReelError("lostFile", `${path} has changed while a clip of it was sent`);
    }
    const media = new TsMedia(handle, range);
    const { played } = this.media;
    const close = async (): Promise<void> => {
      media.free();
      await handle.close();
    };
    return { media, verify: async () => played.note(id), close };
  }

  async #walk({ id, path, state }: FoundSegment, mayGoOn: () => boolean): Promise<WalkedParts> {
    const { handle, sizeBytes, identity } = await openInTurn(path, this.media);
    try {
      let kept = this.#kept.get(id);
      // A recovery may have cut it.
      if (kept?.identity !== identity || kept.parts.walkedBytes > sizeBytes) kept = { identity, parts: new TsParts() };
      await kept.parts.extend(handle, sizeBytes, state !== "growing", mayGoOn);
      this.#keep(id, kept);
      const { walkedBytes, isClosed } = kept.parts;
      return walked(kept.parts, isClosed || sizeBytes - walkedBytes < TS_PACKET_BYTES);
    } finally {
      await handle.close();
    }
  }

  #keep(id: number, kept: Kept): void {
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    let parts = 0;
    for (const one of this.#kept.values()) parts += one.parts.list.length;
    for (const [oldest, one] of this.#kept) {
      if (oldest === id || (this.#kept.size <= MAX_KEPT_FILES && parts <= MAX_KEPT_PARTS)) return;
      parts -= one.parts.list.length;
      this.#kept.delete(oldest);
    }
  }
}

function walked(parts: TsParts, isWhole: boolean): WalkedParts {
  return { parts: parts.list, rest: parts.rest, pointsOf: (part) => parts.pointsOf(part), isWhole };
}
