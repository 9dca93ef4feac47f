// Places in a stream's past: where a recording begins, or reads. One stays until it is released, as long as there is
// room; where there is none it moves to the next point that is kept, or waits for one to come.

import type { SpilledPast, Stretch } from "./spilled-past.js";

/** The past, as its places need it. */
export interface PlacesOwner {
  /** The next stretch of that place is a hole. */
  passHole(place: PastPlace, hole: Stretch): void;
  released(): void;
}

/** All of one past. */
export class PastPlaces {
  readonly held = new Set<PastPlace>();
  /** They had to give way, and no point was left. */
  readonly waiting = new Set<PastPlace>();

  constructor(
    readonly spilled: SpilledPast,
    readonly owner: PlacesOwner,
  ) {}

  /** Somebody reads on the disk: what lies behind that is still wanted. */
  get isDiskRead(): boolean {
    for (const { stretch } of this.held) if (stretch) return true;
    return false;
  }

  isRead(stretch: Stretch): boolean {
    for (const place of this.held) if (place.stretch === stretch) return true;
    return false;
  }

  /** From the oldest in the ring to the head. */
  heldBytes(head: number): number {
    let most = 0;
    for (const { index, stretch } of this.held) if (!stretch) most = Math.max(most, (head - index) >>> 0);
    return most;
  }

  /** A point has come: who waited goes on there. */
  arrive(index: number): void {
    for (const place of this.waiting) place.moveTo(index, undefined);
  }

  /** Those in the ring give way. False where there was none. */
  loseThoseInRing(): boolean {
    const inRing = [...this.held].filter(({ stretch }) => !stretch);
    for (const place of inRing) place.wait();
    return inRing.length > 0;
  }
}

export class PastPlace {
  #hasMoved = false;

  constructor(
    /** Of the ring, also where its frames lie on the disk. */
    public index: number,
    /** Where they do; undefined while the ring has them. */
    public stretch: Stretch | undefined,
    private readonly places: PastPlaces,
  ) {
    places.held.add(this);
  }

  /** It had to give way: a name that takes for ever, on a volume that hangs, must hold nobody up. */
  get isLost(): boolean {
    return this.#hasMoved || !this.places.held.has(this);
  }

  /** It has given way, and goes on at that point. */
  moveTo(index: number, stretch: Stretch | undefined): void {
    this.index = index;
    this.stretch = stretch;
    this.#hasMoved = true;
    this.places.waiting.delete(this);
    this.places.held.add(this);
  }

  /** It has given way, and there is no point that it could go on at. */
  wait(): void {
    this.stretch = undefined;
    this.places.held.delete(this);
    this.places.waiting.add(this);
  }

  /** Whoever reads knows that it has moved. False where there was nothing to move to. */
  goOn(): boolean {
    this.#hasMoved = false;
    return this.places.held.has(this);
  }

  /** All of its stretch is read: it goes on in the next one, or in the ring. */
  leaveStretch(): void {
    const { stretch } = this;
    if (!stretch) return;
    const next = this.places.spilled.after(stretch);
    this.stretch = next;
    this.index = (stretch.index + stretch.sizeBytes) >>> 0;
    if (next && !next.stored) this.places.owner.passHole(this, next);
  }

  bytesTo(head: number): number {
    const { spilled } = this.places;
    const { newest } = spilled;
    if (!this.stretch || !newest) return (head - this.index) >>> 0;
    const inRing = (head - newest.index - newest.sizeBytes) >>> 0;
    return spilled.bytesFrom(this.stretch, this.index) + inRing;
  }

  release(): void {
    this.places.waiting.delete(this);
    if (this.places.held.delete(this)) this.places.owner.released();
  }
}
