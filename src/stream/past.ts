// What an in-stream keeps in its ring for recordings that begin before their command: everything from the random access
// point at or before `seconds` ago. Its memory is a budget of all streams together.
//
//   ──[RAP · · · · RAP · · · · RAP · ·│ head          trimmed by time with every frame; where memory is short the
//     └ tail of the ring              newest          oldest go first, and recordings are never held up for it
//
// Of a stream without video every frame is such a point.

import { ReelError } from "../base/reel-error.js";
import { TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";

/** Where a recording begins: so many seconds ago, or at the newest point. */
export type From = number | typeof LAST_POINT;
export const LAST_POINT = "lastRandomAccessPoint";
/** Longer ones belong in files. */
export const MAX_PAST_SECONDS = 600;

/** What must be kept, so that a recording can begin there; 0 = nothing. */
export function secondsFor(from: From | undefined): number {
  // The newest point is kept whatever the seconds.
  if (from === LAST_POINT) return 1;
  return from === undefined ? 0 : Math.min(Math.ceil(from), MAX_PAST_SECONDS);
}

/** What all streams of a registry may keep together. */
export class PastBudget {
  keptBytes = 0;
  streams = 0;

  constructor(readonly limitBytes: number) {}

  get isExceeded(): boolean {
    return this.keptBytes > this.limitBytes;
  }

  /** Nobody gives up more while others keep more. */
  get shareBytes(): number {
    return this.limitBytes / Math.max(1, this.streams);
  }
}

export interface PastSettings {
  /** 0 = nothing is kept. Asked when the stream opens, and again when it is told to (`refreshPast`). */
  secondsOf(localStreamName: string): number;
  readonly budget: PastBudget;
  /** There is no memory for all that is to be kept of a stream; told once, until there has been enough again. */
  readonly onShort?: (localStreamName: string, kept: KeptPast) => void;
}

interface Point {
  readonly index: number;
  readonly dts90k: Ticks90k;
}

/** A place in the ring that stays until it is released, as long as there is memory. */
export interface Pin {
  readonly index: number;
  /** It had to give way: a name that takes for ever, on a volume that hangs, must hold nobody up. */
  readonly isLost: boolean;
  release(): void;
}

/** What a stream keeps of its past. */
export interface KeptPast {
  readonly seconds: number;
  /** From the oldest point that is kept to the newest frame. */
  readonly keptSeconds: number;
  readonly keptBytes: number;
}

const NO_MEMORY = "there is no more memory for it (preRecord.maximumMib, ring.maximumBytes)";
const NOT_YET = "it has not been kept for longer";

export class Past {
  /** Oldest first. */
  #points: Point[] = [];
  readonly #pins = new Set<Point>();
  #keptBytes = 0;
  #seconds = 0;
  /** Why it begins later than it should; undefined where it has all that the stream has brought. */
  #whyShort: string | undefined;
  /** Points have gone because so much was not to be kept. */
  #hasTrimmed: boolean;
  #isEnded = false;

  constructor(
    private readonly streamName: string,
    seconds: number,
    private readonly budget: PastBudget,
    /** The stream has brought frames before. */
    isLate = false,
    private readonly onShort: NonNullable<PastSettings["onShort"]> = () => {},
  ) {
    this.#hasTrimmed = isLate;
    this.keep(seconds);
  }

  /** From now on so much is kept; 0 = nothing but what is pinned. */
  keep(seconds: number): void {
    if (this.#isEnded || seconds === this.#seconds) return;
    if (seconds > this.#seconds && this.#hasTrimmed) this.#whyShort ??= NOT_YET;
    this.budget.streams += Number(seconds > 0) - Number(this.#seconds > 0);
    this.#seconds = seconds;
    if (seconds > 0) return;
    this.clear();
    this.#whyShort = undefined;
    this.#hasTrimmed = true;
  }

  get seconds(): number {
    return this.#seconds;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  keptSeconds(newest90k: Ticks90k): number {
    const [oldest] = this.#points;
    return oldest ? Math.max(0, newest90k - oldest.dts90k) / TICKS_PER_SECOND : 0;
  }

  /** Bytes from the oldest place that must stay to the head. */
  heldBytes(head: number): number {
    let most = 0;
    const [oldest] = this.#points;
    if (oldest) most = (head - oldest.index) >>> 0;
    for (const { index } of this.#pins) most = Math.max(most, (head - index) >>> 0);
    return most;
  }

  /** A frame is in the ring, and `head` behind it. */
  committed(index: number, head: number, dts90k: Ticks90k, isPoint: boolean): void {
    if (this.#isEnded || this.#seconds === 0) return;
    if (isPoint) this.#points.push({ index, dts90k });
    const until90k = dts90k - this.seconds * TICKS_PER_SECOND;
    let gone = 0;
    for (let next = this.#points[1]; next && next.dts90k <= until90k; next = this.#points[gone + 1]) gone++;
    if (gone > 0) {
      this.#points.splice(0, gone);
      // It has all that it should have.
      this.#whyShort = undefined;
      this.#hasTrimmed = true;
    }
    this.#account(head);
    if (this.budget.isExceeded && this.#keptBytes > this.budget.shareBytes) this.giveUpOldest(head);
  }

  /** What is pinned goes last. False where nothing is left to give up. */
  giveUpOldest(head: number): boolean {
    if (this.#points.shift() === undefined) {
      const hadPins = this.#pins.size > 0;
      this.#pins.clear();
      return hadPins;
    }
    const isNews = this.#whyShort !== NO_MEMORY;
    this.#whyShort = NO_MEMORY;
    this.#account(head);
    const newest90k = this.#points.at(-1)?.dts90k ?? 0;
    const { seconds, keptBytes } = this;
    if (isNews) this.onShort(this.streamName, { seconds, keptSeconds: this.keptSeconds(newest90k), keptBytes });
    return true;
  }

  /** Nothing that it holds can be used any more. */
  clear(): void {
    if (this.#points.length > 0) this.#whyShort = NO_MEMORY;
    this.#points = [];
    this.#account(0);
  }

  /** No more frames will come, and nobody reads the ring for it. */
  end(): void {
    if (this.#isEnded) return;
    this.clear();
    this.#pins.clear();
    if (this.#seconds > 0) this.budget.streams--;
    this.#isEnded = true;
  }

  /**
   * Holds the place where a recording begins; undefined where the stream has had no such place as yet: it begins with
   * the next frame. Throws ReelError `badArgument`, `limit` where so much is not kept; with `orLess` it begins with the
   * oldest that is.
   */
  pin(from: From, newest90k: Ticks90k, orLess = false): Pin | undefined {
    const point = from === LAST_POINT ? this.#points.at(-1) : this.#pointAt(from, newest90k, orLess);
    if (!point) return undefined;
    const pinned = { ...point };
    this.#pins.add(pinned);
    const pins = this.#pins;
    return {
      index: point.index,
      get isLost() {
        return !pins.has(pinned);
      },
      release: () => pins.delete(pinned),
    };
  }

  #pointAt(secondsAgo: number, newest90k: Ticks90k, orLess: boolean): Point | undefined {
    if (secondsAgo > this.seconds && !orLess)
      throw new ReelError("badArgument", `${this.streamName} keeps ${this.seconds} s of its past (preRecord.seconds)`);
    const wanted90k = newest90k - secondsAgo * TICKS_PER_SECOND;
    const found = this.#points.findLast(({ dts90k }) => dts90k <= wanted90k);
    if (found || this.#whyShort === undefined || orLess) return found ?? this.#points[0];
    const keptS = this.keptSeconds(newest90k).toFixed(1);
    throw new ReelError("limit", `${this.streamName} keeps only ${keptS} s of its past: ${this.#whyShort}`);
  }

  #account(head: number): void {
    const [oldest] = this.#points;
    const kept = oldest ? (head - oldest.index) >>> 0 : 0;
    this.budget.keptBytes += kept - this.#keptBytes;
    this.#keptBytes = kept;
  }
}
