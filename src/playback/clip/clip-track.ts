// A track of a clip while its samples are taken, one behind the other: the tables of its index, run by run. Times count
// from the clip's beginning, in the track's timescale, and may lie before it.

import { ReelError } from "../../base/reel-error.js";
import type { TrackHead } from "../movie/played-track.js";
import { Growable } from "./growable.js";

/** Readers keep a distance in 31 bits. */
const MAX_DISTANCE = 2 ** 31 - 1;
/** In `esds`: behind its type come version, two descriptors' heads and four bytes, then sizes and bit rates. */
const ESDS_RATES_OFFSET = 23;
const ESDS_RATES_BYTES = 11;
/** A buffer's size and two bit rates behind the type. */
const BTRT_RATES_OFFSET = 4;
const BTRT_RATES_BYTES = 12;

/** Samples whose bytes follow each other in one file. */
export interface Chunk {
  /** In its file. */
  position: number;
  bytes: number;
  samples: number;
  /** Number of its description, from 1. */
  description: number;
}

export class ClipTrack {
  /** Pairs of count and value. */
  readonly times = new Growable();
  readonly offsets = new Growable();
  readonly syncs = new Growable();
  readonly sizes = new Growable();
  readonly descriptions: Buffer[] = [];
  /** Chunks of the file that is being taken. */
  chunks: Chunk[] = [];
  /** Of all files: pairs of samples and description. */
  readonly chunkSamples = new Growable();
  /** Pairs: high and low half of where it stands in the clip's media. */
  readonly chunkPlaces = new Growable();
  /** Decoding time of the first sample, and the earliest time shown of the first ones. */
  firstTime = Number.NaN;
  firstShown = Number.POSITIVE_INFINITY;
  /** End of what is shown. */
  shownEnd = Number.NEGATIVE_INFINITY;
  #lastTime = 0;
  #lastDuration = 0;
  #isRead = false;
  #description = 0;

  /** `head`: of the first file that has the track; later ones may have another description. */
  constructor(readonly head: TrackHead) {}

  get count(): number {
    return this.sizes.length;
  }

  /** Where the next sample belongs if nothing is missing between. */
  get end(): number {
    return this.#lastTime + this.#lastDuration;
  }

  /** Of the last sample that was taken up to the last. */
  get mediaDuration(): number {
    return this.count === 0 ? 0 : this.end - this.firstTime;
  }

  /** Another file begins, whose samples are described so. */
  describe({ stsd }: TrackHead): void {
    const wanted = withoutRates(stsd);
    const known = this.descriptions.findIndex((description) => withoutRates(description).equals(wanted));
    if (known < 0) this.descriptions.push(stsd);
    this.#description = known < 0 ? this.descriptions.length : known + 1;
    this.chunks = [];
  }

  add(time: number, cts: number, duration: number, sizeBytes: number, position: number, isSync: boolean): void {
    const at = this.count === 0 ? time : Math.max(time, this.#lastTime + 1);
    if (this.count === 0) this.firstTime = at;
    else pushRun(this.times, this.#distance(at));
    pushRun(this.offsets, cts >>> 0);
    this.sizes.push(sizeBytes);
    if (isSync) this.syncs.push(this.count);
    this.#lastTime = at;
    this.#lastDuration = duration;
    this.firstShown = Math.min(this.firstShown, at + cts);
    this.shownEnd = Math.max(this.shownEnd, at + cts + duration);
    const last = this.chunks.at(-1);
    if (last && last.position + last.bytes === position) {
      last.bytes += sizeBytes;
      last.samples++;
    } else this.chunks.push({ position, bytes: sizeBytes, samples: 1, description: this.#description });
  }

  /** The chunks of a file have their places in the clip's media. */
  place(placeOf: (chunk: Chunk) => number): void {
    for (const chunk of this.chunks) {
      const place = placeOf(chunk);
      this.chunkSamples.push(chunk.samples);
      this.chunkSamples.push(chunk.description);
      this.chunkPlaces.push(Math.floor(place / 2 ** 32));
      this.chunkPlaces.push(place >>> 0);
    }
    this.chunks = [];
  }

  /** No more samples come. */
  close(): void {
    if (!this.#isRead && this.count > 0) pushRun(this.times, Math.max(1, this.#lastDuration));
    this.#isRead = true;
  }

  #distance(at: number): number {
    const distance = at - this.#lastTime;
    if (distance <= MAX_DISTANCE) return distance;
    throw new ReelError("badArgument", "a clip cannot span a gap of more than six hours: ask for its parts");
  }
}

function pushRun(runs: Growable, value: number): void {
  const last = runs.length - 2;
  if (last >= 0 && runs.at(last + 1) === value) runs.set(last, runs.at(last) + 1);
  else {
    runs.push(1);
    runs.push(value);
  }
}

/** Every file says its own bit rates: they make no other description. */
function withoutRates(stsd: Buffer): Buffer {
  const copy = Buffer.from(stsd);
  const clear = (type: string, offset: number, bytes: number): void => {
    const at = stsd.lastIndexOf(type, undefined, "latin1");
    if (at >= 0) copy.fill(0, at + offset, at + offset + bytes);
  };
  clear("esds", ESDS_RATES_OFFSET, ESDS_RATES_BYTES);
  clear("btrt", BTRT_RATES_OFFSET, BTRT_RATES_BYTES);
  return copy;
}
