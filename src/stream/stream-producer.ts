// The half of an in-stream that puts frames into its ring: their places in time, their flags, what is counted, and what
// is told of losses and mended times. It belongs to the thread that reads the source, and knows no recording.

import { FLAG_DISCONTINUITY, FLAG_RANDOM_ACCESS, FLAG_TRACK_START, MAX_TRACKS } from "../abi/frame.js";
import type { FrameHeader, RingProducer } from "../arena/ring-producer.js";
import { ReelError } from "../base/reel-error.js";
import type { TrackKind } from "../media/codec/codec-entry.js";
import { Timeline } from "../time/timeline.js";
import { type Clock, type Millis, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import type { Gap } from "./gap.js";
import type { StreamCounters } from "./stream-counters.js";
import { StreamGaps } from "./stream-gaps.js";

/** Media time after which a stream no longer waits for tracks that have not come. */
const SETTLE_90K = TICKS_PER_SECOND;

/** A decoder configuration as frames need it. */
export interface FrameConfig {
  readonly kind: TrackKind;
  readonly isEveryFrameRandomAccess: boolean;
  /** Of its block in the arena. */
  readonly pointer: number;
  /** A frame or a recording refers to it, or did. */
  isReferredTo: boolean;
}

/** The in-stream, as its producer needs it. */
export interface ProducerHost {
  readonly name: string;
  readonly mainVideo: number | undefined;
  kindOf(track: number): TrackKind | undefined;
  /** In force. */
  config(track: number): FrameConfig | undefined;
  gap(gap: Gap): void;
}

export class StreamProducer {
  /** The frame that was committed last; reused by the next. */
  readonly header: FrameHeader = { track: 0, flags: 0, dts90k: 0, ctsOffset90k: 0, config: 0 };
  readonly gaps: StreamGaps;
  readonly #timeline = new Timeline();
  /** The next frame of the track carries FLAG_DISCONTINUITY. */
  readonly #discontinuity: boolean[] = new Array(MAX_TRACKS).fill(false);
  #firstDts90k: Ticks90k = Number.NaN;

  constructor(
    private readonly host: ProducerHost,
    private readonly ring: RingProducer,
    private readonly counters: StreamCounters,
    private readonly clock: Clock,
  ) {
    this.gaps = new StreamGaps(
      {
        lastDts90k: counters.lastDts90k,
        get newest90k() {
          return counters.newest90k;
        },
        kindOf: (track) => host.kindOf(track),
      },
      counters,
      (gap) => host.gap(gap),
    );
  }

  /** Enough has come that the stream need not wait for further tracks. */
  get isOld(): boolean {
    return this.header.dts90k - this.#firstDts90k >= SETTLE_90K;
  }

  /** Publishes the reserved frame; answers its index. As `InStream.commit`. */
  commit(
    track: number,
    sizeBytes: number,
    wireDts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isRandomAccess: boolean,
    leading: number,
  ): number {
    const { header, counters, gaps } = this;
    const config = this.host.config(track);
    if (!config)
      throw new ReelError("badConfig", `a frame of track ${track} came before its decoder configuration`, {
        stream: this.host.name,
      });
    // Read once a frame: with several thousand frames a second a clock is no small cost.
    const nowMs = this.clock.monotonicMs();
    const placed = this.#timeline.place(track, wireDts90k, nowMs);
    const dts90k = placed.dts90k;
    if (placed.clamped) gaps.clamped(track, config.kind, dts90k);
    else gaps.inOrder(track);
    const { splice } = placed;
    if (splice) {
      this.#markAll();
      gaps.spliced(splice, config.kind);
    }
    const statistics = counters.statistics[track];
    header.track = track;
    header.flags =
      (isRandomAccess || config.isEveryFrameRandomAccess ? FLAG_RANDOM_ACCESS : 0) |
      (this.#discontinuity[track] ? FLAG_DISCONTINUITY : 0) |
      (statistics?.frames === 0 ? FLAG_TRACK_START : 0) |
      leading;
    header.dts90k = dts90k;
    header.ctsOffset90k = gaps.boundedOffset(track, dts90k, ctsOffset90k);
    header.config = config.pointer;
    config.isReferredTo = true;
    counters.lastFrameMs = nowMs;
    this.#discontinuity[track] = false;
    const index = this.ring.commit(header, sizeBytes);
    counters.count(track, sizeBytes, dts90k, isRandomAccess && track === this.host.mainVideo);
    if (Number.isNaN(this.#firstDts90k)) this.#firstDts90k = dts90k;
    return index;
  }

  /** Frames are missing in front of the next one of each track. */
  #markAll(): void {
    this.#discontinuity.fill(true, 0, MAX_TRACKS);
  }

  /** The transport lost data before it reached us: the next frame of each track is marked, the loss reported. */
  sourceLoss(gap: { track: number | null; frames: number; bytes: number; durationMs: number }): void {
    this.#markAll();
    this.gaps.sourceLoss(gap);
  }

  /** False where the frame, of a source that cannot wait, follows others that found no room. */
  mayTake(track: number, isRandomAccess: boolean): boolean {
    if (!this.gaps.isOverflowing) return true;
    this.#markAll();
    const { mainVideo } = this.host;
    return mainVideo === undefined || (track === mainVideo && isRandomAccess);
  }

  /** It found no room, and cannot wait: it is lost, and with it all up to the next random access point. */
  dropped(track: number, sizeBytes: number): void {
    this.gaps.dropped(sizeBytes);
    const statistics = this.counters.statistics[track];
    if (!statistics) return;
    statistics.droppedFrames++;
    statistics.droppedBytes += sizeBytes;
  }

  /** The source was kept waiting by us, and goes on. */
  goOn(heldMs: Millis): void {
    this.#timeline.heldBack(heldMs);
    this.counters.lastFrameMs = this.clock.monotonicMs();
    this.gaps.heldBack(heldMs);
  }
}
