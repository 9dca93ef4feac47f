// A place in a stream's past: where a recording begins, or reads. It stays until it is released, as long as there is
// room.

import type { SpilledPast, Stretch } from "./spilled-past.js";

export class PastPlace {
  #hasMoved = false;

  constructor(
    /** Of the ring, also where its frames lie on the disk. */
    public index: number,
    /** Where they do; undefined while the ring has them. */
    public stretch: Stretch | undefined,
    private readonly places: Set<PastPlace>,
    private readonly spilled: SpilledPast,
    private readonly onReleased: () => void,
  ) {
    places.add(this);
  }

  /** It had to give way: a name that takes for ever, on a volume that hangs, must hold nobody up. */
  get isLost(): boolean {
    return this.#hasMoved || !this.places.has(this);
  }

  /** It has given way, and is the oldest that there is now. */
  moveTo(index: number, stretch: Stretch | undefined): void {
    this.index = index;
    this.stretch = stretch;
    this.#hasMoved = true;
  }

  /** Whoever reads knows that it has moved. False where there was nothing to move to. */
  goOn(): boolean {
    this.#hasMoved = false;
    return this.places.has(this);
  }

  /** All of its stretch is read: it goes on in the next one, or in the ring. */
  leaveStretch(): void {
    const { stretch } = this;
    if (!stretch) return;
    this.stretch = this.spilled.after(stretch);
    this.index = (stretch.index + stretch.sizeBytes) >>> 0;
  }

  bytesTo(head: number): number {
    const { newest } = this.spilled;
    if (!this.stretch || !newest) return (head - this.index) >>> 0;
    const inRing = (head - newest.index - newest.sizeBytes) >>> 0;
    return this.spilled.bytesFrom(this.stretch, this.index) + inRing;
  }

  release(): void {
    if (this.places.delete(this)) this.onReleased();
  }
}
