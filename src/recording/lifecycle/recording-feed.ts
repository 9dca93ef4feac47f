// Where a recording reads: in the ring of its stream or, where it begins in the past, in a replay of what the stream
// has kept on disk, until that has caught up with the ring. Stops, hand-overs and losses have their place in one or
// the other.

import { STOP_AT_INDEX, STOP_AT_RANDOM_ACCESS } from "../../abi/recording.js";
import type { Cursor } from "../../stream/cursor.js";
import type { Feed } from "../../stream/feed.js";
import type { InStream } from "../../stream/in-stream.js";
import type { PastPlace } from "../../stream/past-place.js";
import type { Ticks90k } from "../../time/units.js";
import { Replay } from "../past/replay.js";
import type { RecordConfig } from "../record-config.js";
import { Interruption } from "./interruption.js";
import type { RecordingDeps } from "./recording-deps.js";
import type { RecordingState } from "./recording-state.js";

/** How long a cut may wait for the frames of other tracks where media time stands still. */
const MAX_CUT_WAIT_MS = 2000;

/** The recording that reads. */
export interface FeedOwner extends Cursor {
  readonly inStream: InStream;
  readonly config: RecordConfig;
  /** There may be more to drain. */
  wake(): void;
}

export class RecordingFeed {
  /** While it reads what its stream has spilled to disk. */
  #replay: Replay | undefined;
  /** Where it was to stop, meanwhile. */
  #replayEnd: Interruption | undefined;
  #stopAt: typeof STOP_AT_INDEX | typeof STOP_AT_RANDOM_ACCESS | undefined;
  #stopIndex = 0;
  /** Where its cursor stood at the last dispatch, and since when. */
  #dispatched = { tail: -1, sinceMs: 0 };

  /** `place`: it begins in the past, on disk. Frees the state where there is no room for that. */
  constructor(
    private readonly owner: FeedOwner,
    private readonly state: RecordingState,
    place: PastPlace | undefined,
    { arena, replayRings }: RecordingDeps,
  ) {
    if (!place) return;
    const { inStream, config } = owner;
    try {
      this.#replay = new Replay({
        ...{ arena, stream: inStream, place, rings: replayRings, cursor: owner, hasAudio: config.hasAudio },
        onReady: () => owner.wake(),
        onGap: (gap) => owner.onGap(gap),
      });
      state.goOnIn(this.#replay.ring.pointer, this.#replay.ring.head);
    } catch (error) {
      state.free();
      throw error;
    }
  }

  /** Holds what it reads from now on. */
  attach(): void {
    if (this.#replay) this.owner.inStream.use(this.owner);
    else this.owner.inStream.attach(this.owner);
  }

  get current(): Feed {
    return this.#replay ?? this.owner.inStream;
  }
  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }
  /** All that it is to take of the past is in the ring. */
  get hasEnded(): boolean {
    return this.#replay?.hasEnded ?? false;
  }
  /** Its frames hold up those that come. */
  get isFull(): boolean {
    return this.#replay ? this.#replay.isFull : this.owner.inStream.isHeldBack;
  }
  /** Bytes in front of the cursor. */
  get held(): number {
    return (this.current.ring.head - this.state.tail()) | 0;
  }
  /** Of the frame at its cursor. */
  get next90k(): Ticks90k {
    return this.current.ring.frameAt(this.state.tail())?.dts90k ?? this.current.newest90k;
  }

  /** Where a recording that begins at this index of the stream's ring has its first frame. */
  first90k(index: number): Ticks90k | undefined {
    return this.#replay ? this.#replay.newest90k : this.owner.inStream.ring.frameAt(index)?.dts90k;
  }

  /** Nothing behind what the stream has brought by now. */
  stopHere(): void {
    const { inStream, config } = this.owner;
    this.#stopAt = STOP_AT_INDEX;
    this.#stopIndex = inStream.ring.head;
    if (this.#replay) {
      this.#replayEnd = new Interruption(inStream, this.#stopIndex, config.hasAudio);
      this.#replay.endHere();
    } else this.state.stop(STOP_AT_INDEX, this.#stopIndex);
  }

  /** Nothing from the next random access point on. */
  stopAtRandomAccess(): void {
    this.#stopAt = STOP_AT_RANDOM_ACCESS;
    if (!this.#replay) this.state.stop(STOP_AT_RANDOM_ACCESS, this.owner.inStream.ring.head);
  }

  /**
   * Takes what there is room for, or goes over to the ring of the stream where nothing lies between them any more and
   * no worker has the recording.
   */
  goOn(hasWorker: boolean): void {
    const replay = this.#replay;
    if (!replay) return;
    // Before the next frames: a volume that takes longer for a batch than a frame lasts would never have drained all.
    const index = hasWorker ? undefined : replay.liveIndex;
    if (index === undefined) {
      replay.feed();
      if (replay.hasEnded) this.state.stop(STOP_AT_INDEX, replay.ring.head);
      return;
    }
    const { ring } = this.owner.inStream;
    this.state.goOnIn(ring.pointer, index);
    this.#replay = undefined;
    this.owner.inStream.attach(this.owner);
    replay.free();
    if (this.#stopAt === STOP_AT_INDEX) this.state.stop(STOP_AT_INDEX, this.#stopIndex);
    else if (this.#stopAt === STOP_AT_RANDOM_ACCESS) this.state.stop(STOP_AT_RANDOM_ACCESS, ring.head);
  }

  /** A cut waits for media that does not come. */
  standsStill(nowMs: number): boolean {
    const tail = this.state.tail();
    if (this.#replay && !this.#replay.isCaughtUp) return false;
    if (tail !== this.#dispatched.tail) this.#dispatched = { tail, sinceMs: nowMs };
    return nowMs - this.#dispatched.sinceMs >= MAX_CUT_WAIT_MS;
  }

  /** What begins at its cursor, which stands at `tail`. */
  interruptionAt(tail: number): Interruption {
    const taken = (track: number, index: number): boolean => this.owner.hasTaken(track, index);
    return new Interruption(this.owner.inStream, tail, this.owner.config.hasAudio, taken, this.current);
  }

  /** What it was still to take, from its cursor on: by index or, where that lies in the past, its end as a place. */
  restFrom(tail: number): { from: number; to: number } | Interruption {
    const { inStream, config } = this.owner;
    const { head } = inStream.ring;
    if (this.#replay) return this.#replayEnd ?? new Interruption(inStream, head, config.hasAudio);
    return { from: tail, to: this.#stopAt === STOP_AT_INDEX ? this.#stopIndex : head };
  }

  /** It takes no more of the past. */
  close(): void {
    this.#replay?.close();
  }

  /** No worker reads any more. */
  free(): void {
    this.#replay?.free();
    this.#replay = undefined;
  }
}
