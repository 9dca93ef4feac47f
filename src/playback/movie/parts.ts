// Divides a movie into parts that can be decoded by themselves: each begins at a random access point of the video (of
// sound alone: at a frame). The same samples give the same parts, while the movie grows and when it is finished, so a
// part keeps its number.
//
// The first parts are short, so that a player can begin early; later ones hold four seconds, so that the list of a day
// stays short.

import { type PlayedSample, type PlayedTrack, secondsOf } from "./played-track.js";

const EARLY_SECONDS = 8;
const EARLY_PART_SECONDS = 0.95;
const PART_SECONDS = 3.95;
/** Time that jumps by more is no part of a part: what follows is a discontinuity. */
export const JUMP_SECONDS = 3;

/** Whether another part may begin, so many seconds behind the beginning of the one that began at `startSeconds`. */
export function isPartLongEnough(startSeconds: number, seconds: number): boolean {
  return seconds >= (startSeconds < EARLY_SECONDS ? EARLY_PART_SECONDS : PART_SECONDS);
}

export interface Part {
  /** Samples [first, end) of the main track. */
  readonly first: number;
  readonly end: number;
  /** In the presentation. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Where the next one begins: behind `endSeconds` where time jumps. */
  readonly nextSeconds: number;
  /** Time has jumped in front of it. */
  readonly isDiscontinuous: boolean;
}

export class Parts {
  readonly list: Part[] = [];
  #seen = 0;
  #openFirst = 0;
  #openSeconds = 0;
  #isDiscontinuous = false;
  #isClosed = false;
  /** Decoding time of the last sample, and how long one usually lasts. */
  #lastDts = 0;
  #nominal = 0;
  /** End of what is shown so far. */
  #shownSeconds = 0;

  /** Goes on with the samples that have come since. `isFinal`: no more will. */
  async extend(track: PlayedTrack, isFinal: boolean): Promise<void> {
    if (this.#isClosed) return;
    for await (const block of track.blocks(this.#seen, track.count))
      for (const sample of block) {
        this.#take(track, sample);
        this.#seen++;
      }
    if (!isFinal || this.#seen === 0) return;
    this.#isClosed = true;
    this.#close(this.#seen, this.#shownSeconds, Number.POSITIVE_INFINITY);
  }

  #take(track: PlayedTrack, { dts, cts, duration, isSync }: PlayedSample): void {
    const { timescale } = track.head;
    const seconds = secondsOf(track, dts + cts);
    const distance = this.#seen === 0 ? 0 : (dts - this.#lastDts) / timescale;
    const isJump = distance > JUMP_SECONDS;
    // The journal knows less of the duration of its last sample than the file: the distance to the next one counts.
    if (this.#seen > 0 && !isJump) this.#nominal = distance;
    if (this.#seen > 0 && isSync && (isJump || this.#isLongEnough(track, seconds))) {
      this.#close(this.#seen, isJump ? this.#shownSeconds : seconds, seconds);
      this.#isDiscontinuous = isJump;
    }
    this.#lastDts = dts;
    const shown = isJump || this.#seen === 0 ? Math.min(1, duration / timescale) : this.#nominal;
    this.#shownSeconds = Math.max(this.#shownSeconds, seconds + shown);
  }

  #isLongEnough(track: PlayedTrack, seconds: number): boolean {
    // A finish puts sound on an even clock: frames are counted, so that both give the same parts.
    const counted = (this.#seen - this.#openFirst) * Math.max(this.#nominal, 0.001);
    return isPartLongEnough(this.#openSeconds, track.head.kind === "video" ? seconds - this.#openSeconds : counted);
  }

  #close(end: number, endSeconds: number, nextSeconds: number): void {
    this.list.push({
      first: this.#openFirst,
      end,
      startSeconds: this.#openSeconds,
      endSeconds: Math.max(endSeconds, this.#openSeconds),
      nextSeconds,
      isDiscontinuous: this.#isDiscontinuous,
    });
    this.#openFirst = end;
    this.#openSeconds = nextSeconds;
  }
}
