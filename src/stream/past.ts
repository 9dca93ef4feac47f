// What an in-stream keeps for recordings that begin before their command: everything from the random access point at or
// before `seconds` ago, in its ring, and on a disk (spilled-past.ts) what is more than all streams may keep in memory.
//
//   ──[ on the disk ][ in the ring · RAP · · · RAP · ·│ head   trimmed by time with every frame; where there is no room
//     └ oldest                             newest          the oldest go first, and recordings are never held up for it
//
// What the disk cannot take, or loses, is a hole: older parts stay, and who reads over it tells a gap. While anything
// is on the disk the ring has all behind it. Of a stream without video every frame is such a point.

import type { FrameRing } from "../arena/frame-ring.js";
import { ReelError } from "../base/reel-error.js";
import { TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import type { PastBudget } from "./past-budget.js";
import { PastPlace, PastPlaces } from "./past-place.js";
import { countFrames, holeInRing, type PastStore, type Point, SpilledPast, type Stretch } from "./spilled-past.js";

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

export interface PastSettings {
  /** 0 = nothing is kept. Asked when the stream opens, and again when it is told to (`refreshPast`). */
  secondsOf(localStreamName: string): number;
  readonly budget: PastBudget;
  /** There is no room for all that is to be kept of a stream; told once, until there has been enough again. */
  readonly onShort?: (localStreamName: string, kept: KeptPast) => void;
}

/** What a stream keeps of its past. */
export interface KeptPast {
  readonly seconds: number;
  /** From the oldest point that is kept to the newest frame. */
  readonly keptSeconds: number;
  /** In memory. */
  readonly keptBytes: number;
  /** On the disk. */
  readonly spilledBytes: number;
}

/** As long as nothing presses nothing smaller is written. */
const MIN_STRETCH_BYTES = 256 * 1024;
const NO_ROOM = "there is no more room for it (preRecord.maximumMib, preRecord.spillMib, ring.maximumBytes)";
const NOT_YET = "it has not been kept for longer";

export class Past {
  /** Of what the ring has, oldest first. */
  #points: Point[] = [];
  /** From where on the ring has it; undefined where it has nothing. */
  #start: number | undefined;
  readonly #spilled = new SpilledPast();
  readonly #places: PastPlaces;
  #keptBytes = 0;
  #seconds = 0;
  /** Why it begins later than it should; undefined where it has all that the stream has brought. */
  #whyShort: string | undefined;
  /** Points have gone because so much was not to be kept. */
  #hasTrimmed: boolean;
  #isEnded = false;
  #isCounted = false;

  constructor(
    private readonly streamName: string,
    seconds: number,
    private readonly budget: PastBudget,
    private readonly ring: FrameRing,
    /** The stream has brought frames before. */
    isLate = false,
    private readonly onShort: NonNullable<PastSettings["onShort"]> = () => {},
  ) {
    this.#hasTrimmed = isLate;
    this.#places = new PastPlaces(this.#spilled, {
      passHole: (place, hole) => this.#moveBehind(place, hole),
      released: () => this.#released(),
    });
    this.keep(seconds);
  }

  /** From now on so much is kept; 0 = nothing but what is pinned. */
  keep(seconds: number): void {
    if (this.#isEnded || seconds === this.#seconds) return;
    if (seconds > this.#seconds && this.#hasTrimmed) this.#whyShort ??= NOT_YET;
    this.#seconds = seconds;
    this.#account(this.ring.head);
    if (seconds > 0) return;
    this.#leaveAll();
    this.#whyShort = undefined;
    this.#hasTrimmed = true;
  }

  get seconds(): number {
    return this.#seconds;
  }

  kept(newest90k: Ticks90k): KeptPast {
    const keptSeconds = this.keptSeconds(newest90k);
    return { seconds: this.#seconds, keptSeconds, keptBytes: this.#keptBytes, spilledBytes: this.#spilled.sizeBytes };
  }

  /** Without what is lost of it. */
  keptSeconds(newest90k: Ticks90k): number {
    const [oldest] = this.#allPoints();
    if (!oldest) return 0;
    let kept90k = newest90k - oldest.dts90k;
    for (const stretch of this.#spilled.all)
      if (!stretch.stored) kept90k -= (this.#pointBehind(stretch)?.dts90k ?? newest90k) - stretch.begin90k;
    return Math.max(0, kept90k) / TICKS_PER_SECOND;
  }

  /** Oldest first. */
  get stretches(): readonly Stretch[] {
    return this.#spilled.all;
  }

  /** Bytes from the oldest place in the ring that must stay to the head. */
  heldBytes(head: number): number {
    return Math.max(this.#start === undefined ? 0 : (head - this.#start) >>> 0, this.#places.heldBytes(head));
  }

  /** A frame is in the ring, and `head` behind it. */
  committed(index: number, head: number, dts90k: Ticks90k, isPoint: boolean): void {
    if (this.#isEnded) return;
    if (isPoint) this.#places.arrive(index);
    if (this.#seconds === 0 && this.#start === undefined) return;
    if (isPoint) {
      this.#points.push({ index, dts90k });
      if (this.#start === undefined) this.#start = index;
    }
    if (this.#seconds > 0) this.#trim(dts90k - this.#seconds * TICKS_PER_SECOND);
    // It is no longer kept: nobody may read on the disk any more.
    else this.#released();
    this.#account(head);
    const { budget } = this;
    if (budget.store && budget.isNearlyFull && this.#keptBytes > budget.spillShareBytes)
      this.#spill(budget.store, head, false);
    if (budget.isExceeded && this.#keptBytes > budget.shareBytes) this.giveUpOldest(head);
  }

  /** What the ring has goes to the disk where there is one, or else for good; what is pinned there goes last. False
   * where nothing is left to give up. */
  giveUpOldest(head: number): boolean {
    const { store } = this.budget;
    if (store && !this.#isEnded && this.#spill(store, head, true)) return true;
    const from = this.#start;
    if (from === undefined || from === head) return this.#places.loseThoseInRing();
    if (this.#points[0]?.index === from) this.#points.shift();
    const to = this.#points[0]?.index;
    if (this.#spilled.oldest) {
      this.#start = to ?? head;
      this.#spilled.add(holeInRing(this.ring, from, (this.#start - from) >>> 0));
    } else this.#start = to;
    this.#account(head);
    this.#becomeShort();
    return true;
  }

  /** Nobody can use anything any more of what it holds. */
  clear(): void {
    this.#places.held.clear();
    this.#places.waiting.clear();
    this.#leaveAll();
    this.#dropSpilled();
    this.#whyShort = NO_ROOM;
  }

  /** No more frames will come. What is read from the disk stays until that is done. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#leaveAll();
  }

  /**
   * Holds the place where a recording begins; undefined where the stream has had no such place as yet: it begins with
   * the next frame. Throws ReelError `badArgument`, `limit` where so much is not kept; with `orLess` it begins with the
   * oldest that is.
   */
  pin(from: From, newest90k: Ticks90k, orLess = false): PastPlace | undefined {
    const point =
      from === LAST_POINT ? this.#lastPoint(Number.POSITIVE_INFINITY) : this.#pointAt(from, newest90k, orLess);
    return point && this.#placeAt(point);
  }

  /** Whoever reads on the disk holds so much more of it in memory; negative: so much less. */
  countRead(bytes: number): void {
    this.budget.readBytes += bytes;
  }

  /** The same place once more. */
  again({ index, stretch }: PastPlace): PastPlace {
    return new PastPlace(index, stretch, this.#places);
  }

  /** It could not be written, or cannot be read: it is a hole. Who reads there goes on behind it. */
  giveUp(stretch: Stretch): void {
    if (!this.#spilled.all.includes(stretch)) return;
    for (const place of this.#places.held) if (place.stretch === stretch) this.#moveBehind(place, stretch);
    this.#spilled.lose(stretch);
    this.#hasDropped();
    this.#becomeShort();
  }

  #placeAt(point: Point): PastPlace {
    return new PastPlace(point.index, this.#stretchOf(point), this.#places);
  }

  #moveBehind(place: PastPlace, stretch: Stretch): void {
    this.#move(place, this.#pointBehind(stretch));
  }

  #move(place: PastPlace, to: Point | undefined): void {
    if (to) place.moveTo(to.index, this.#stretchOf(to));
    else place.wait();
  }

  #stretchOf(point: Point): Stretch | undefined {
    return this.#spilled.all.find(({ points }) => points.includes(point));
  }

  #pointAt(secondsAgo: number, newest90k: Ticks90k, orLess: boolean): Point | undefined {
    if (secondsAgo > this.seconds && !orLess)
      throw new ReelError("badArgument", `${this.streamName} keeps ${this.seconds} s of its past (preRecord.seconds)`);
    const found = this.#lastPoint(newest90k - secondsAgo * TICKS_PER_SECOND);
    if (found || this.#whyShort === undefined || orLess) return found ?? this.#allPoints().next().value ?? undefined;
    const keptS = this.keptSeconds(newest90k).toFixed(1);
    throw new ReelError("limit", `${this.streamName} keeps only ${keptS} s of its past: ${this.#whyShort}`);
  }

  #lastPoint(until90k: Ticks90k): Point | undefined {
    const isBefore = ({ dts90k }: Point): boolean => dts90k <= until90k;
    let found = this.#points.findLast(isBefore);
    for (let i = this.#spilled.all.length - 1; !found && i >= 0; i--)
      found = this.#spilled.all[i]?.points.findLast(isBefore);
    return found;
  }

  #pointBehind(stretch: Stretch): Point | undefined {
    const { all } = this.#spilled;
    for (let i = all.indexOf(stretch) + 1; i < all.length; i++) if (all[i]?.points[0]) return all[i]?.points[0];
    return this.#points[0];
  }

  *#allPoints(): Generator<Point, undefined> {
    for (const { points } of this.#spilled.all) yield* points;
    yield* this.#points;
    return undefined;
  }

  /** What lies in front of the newest point at or before a time goes. */
  #trim(until90k: Ticks90k): void {
    let hasGone = this.#trimSpilled(until90k);
    if (!this.#spilled.oldest) {
      let gone = 0;
      for (let next = this.#points[1]; next && next.dts90k <= until90k; next = this.#points[gone + 1]) gone++;
      if (gone > 0) {
        this.#points.splice(0, gone);
        this.#start = this.#points[0]?.index;
        hasGone = true;
      }
    }
    if (!hasGone) return;
    // It has all that it should have.
    if (!this.#spilled.hasHoles) this.#whyShort = undefined;
    this.#hasTrimmed = true;
  }

  #trimSpilled(until90k: Ticks90k): boolean {
    let hasGone = false;
    for (let oldest = this.#spilled.oldest; oldest; oldest = this.#spilled.oldest) {
      const next = this.#pointBehind(oldest);
      if (!next || next.dts90k > until90k || this.#places.isRead(oldest)) break;
      this.#spilled.dropUpTo(oldest);
      hasGone = true;
    }
    if (hasGone) this.#hasDropped();
    return hasGone;
  }

  /** Without anything on the disk the ring need not have more than what can be begun with. */
  #hasDropped(): void {
    if (this.#spilled.oldest) return;
    this.#start = this.#points[0]?.index;
    this.#account(this.ring.head);
  }

  /**
   * The oldest that the ring has goes to the disk: whole groups of pictures, or where it must be all there is. False
   * where the disk cannot take it.
   */
  #spill(store: PastStore, head: number, must: boolean): boolean {
    const from = this.#start;
    if (from === undefined || !store.isAvailable) return false;
    const lies = (index: number): number => (index - from) >>> 0;
    const enough = this.#points.find(({ index }) => lies(index) >= MIN_STRETCH_BYTES) ?? this.#points.at(-1);
    let sizeBytes = enough ? lies(enough.index) : 0;
    if (sizeBytes < MIN_STRETCH_BYTES && !must) return false;
    if (sizeBytes === 0) sizeBytes = lies(head);
    if (sizeBytes === 0) return false;
    const isGone = ({ index }: { index: number }): boolean => lies(index) < sizeBytes;
    const points = this.#points.filter(isGone);
    const begin90k = this.ring.frameAt(from)?.dts90k ?? 0;
    let counts: Float64Array = new Float64Array();
    const fill = (target: Uint8Array): void => {
      this.ring.copyTo(target, from);
      counts = countFrames(target, from, points);
    };
    const put = () => store.put(sizeBytes, fill, () => this.giveUp(stretch));
    const stored = put() ?? (this.#makeRoom(sizeBytes) ? put() : undefined);
    if (!stored) return false;
    const stretch: Stretch = { index: from, sizeBytes, points, counts, begin90k, stored };
    this.#spilled.add(stretch);
    for (const place of this.#places.held) if (!place.stretch && isGone(place)) place.stretch = stretch;
    this.#points = this.#points.slice(points.length);
    this.#start = (from + sizeBytes) >>> 0;
    this.#account(head);
    return true;
  }

  /** On the disk, by giving up the oldest of its own, more where it has more than its share. False: it has none. */
  #makeRoom(sizeBytes: number): boolean {
    const wanted = this.#spilled.sizeBytes > this.budget.storeShareBytes ? 2 * sizeBytes : sizeBytes;
    let freed = 0;
    for (let oldest = this.#spilled.oldest; oldest && freed < wanted; oldest = this.#spilled.oldest) {
      if (oldest.stored?.isBeingWritten) break;
      freed += oldest.sizeBytes;
      this.#drop(oldest);
    }
    if (freed > 0) this.#becomeShort();
    return freed > 0;
  }

  /** With all in front of it. Who reads there goes on at the oldest point that is left. */
  #drop(last: Stretch): void {
    const gone = new Set(this.#spilled.dropUpTo(last));
    const [oldest] = this.#allPoints();
    for (const place of this.#places.held) if (place.stretch && gone.has(place.stretch)) this.#move(place, oldest);
    this.#hasDropped();
  }

  #dropSpilled(): void {
    const { newest } = this.#spilled;
    if (newest) this.#drop(newest);
  }

  #becomeShort(): void {
    // What is only still read is as long as it should be.
    if (this.#seconds === 0 || this.#isEnded) return;
    const isNews = this.#whyShort !== NO_ROOM;
    this.#whyShort = NO_ROOM;
    if (isNews) this.onShort(this.streamName, this.kept(this.#points.at(-1)?.dts90k ?? 0));
  }

  /** Nothing more is kept, and what is pinned stays, or is read, with all behind it. */
  #leaveAll(): void {
    // Who reads on the disk may have to go on at any of the points behind that.
    if (!this.#places.isDiskRead) this.#points = [];
    if (this.#isEnded || !this.#places.isDiskRead) this.#start = undefined;
    this.#account(this.ring.head);
    this.#released();
  }

  /** Of what is no longer kept nothing is held any more. */
  #released(): void {
    if ((this.#seconds > 0 && !this.#isEnded) || this.#places.isDiskRead) return;
    this.#points = [];
    this.#start = undefined;
    this.#account(this.ring.head);
    this.#dropSpilled();
  }

  #account(head: number): void {
    const kept = this.#start === undefined ? 0 : (head - this.#start) >>> 0;
    this.budget.keptBytes += kept - this.#keptBytes;
    this.#keptBytes = kept;
    // One whose rule has gone has its share as long as somebody reads there.
    const isCounted = kept > 0 || (this.#seconds > 0 && !this.#isEnded);
    this.budget.streams += Number(isCounted) - Number(this.#isCounted);
    this.#isCounted = isCounted;
  }
}
