// The producer of an in-stream in another thread, as the main thread has it: what has come is looked at, room is made
// when it is asked for, and the memory stays until that thread has let go of it.

import { FLAG_RANDOM_ACCESS } from "../abi/frame.js";
import type { Arena } from "../arena/arena.js";
import type { FrameRing } from "../arena/frame-ring.js";
import type { Millis } from "../time/units.js";
import { COUNTERS_SIZE, SharedCounters } from "./shared-counters.js";
import type { StreamCounters } from "./stream-counters.js";

/** Tells the thread that it may go on; `refusal`: the frame that it has asked for never finds room, and why. */
export type TellRoom = (heldMs: Millis, refusal?: string) => void;

export class RemoteProducer {
  /** It may still write. */
  isWriting = true;
  /** Index up to which the frames were looked at. */
  seen: number;
  readonly #arena: Arena;
  readonly #ring: FrameRing;
  readonly #shared: SharedCounters;
  readonly #tellRoom: TellRoom;

  constructor(arena: Arena, ring: FrameRing, look: () => void, tellRoom: TellRoom) {
    this.#arena = arena;
    this.#ring = ring;
    this.#shared = new SharedCounters(arena, arena.allocate(COUNTERS_SIZE));
    this.#tellRoom = tellRoom;
    this.seen = ring.head;
    ring.handOver(look);
  }

  /** Block of its counters. */
  get pointer(): number {
    return this.#shared.pointer;
  }

  /** False where nothing has come since the last look. */
  load(counters: StreamCounters): boolean {
    const head = this.isWriting ? this.#shared.load(counters) : undefined;
    if (head === undefined) return false;
    this.#ring.setHead(head);
    return true;
  }

  /**
   * A thread that died between two stores of a frame's counters: its frames behind the last look lie in the ring, and
   * are counted there. False where there are none.
   */
  countPublished(counters: StreamCounters, mainVideo: number | undefined): boolean {
    const ring = this.#ring;
    ring.loadHead();
    if (ring.head === this.seen) return false;
    for (let frame = ring.frameAt(this.seen); frame; frame = ring.frameAt(frame.next)) {
      const isRandomAccess = frame.track === mainVideo && (frame.flags & FLAG_RANDOM_ACCESS) !== 0;
      counters.count(frame.track, frame.sizeBytes, frame.dts90k, isRandomAccess);
    }
    this.#shared.loadLoose(counters);
    return true;
  }

  room(heldMs: Millis, refusal?: string): void {
    if (this.isWriting) this.#tellRoom(heldMs, refusal);
  }

  letGo(): void {
    this.isWriting = false;
    this.#arena.free(this.pointer);
  }
}
