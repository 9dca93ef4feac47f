// A recording: a record config applied to one run of an in-stream. It owns a cursor in the ring and one growing segment
// at a time; segments that ended are with the finisher while the next one grows.
//
//   begin ─▶ prepare a name ─▶ (drain: open) ─▶ drain … ─▶ cut ─▶ prepare the next name ─▶ …  ─▶ stopped / failed ─▶ last finish ─▶ ended
//
// Frames stay in the ring while a name is prepared, so nothing is lost between two segments.

import { TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../../abi/frame.js";
import { STOP_AT_INDEX, STOP_AT_RANDOM_ACCESS } from "../../abi/recording.js";
import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_NEED_OUTPUT,
  STATUS_STOPPED,
} from "../../abi/status.js";
import { ReelError } from "../../base/reel-error.js";
import { failureToError } from "../../container/file-failure.js";
import type { SegmentOrigin } from "../../container/segment-origin.js";
import { CONTAINERS } from "../../container/table.js";
import type { Cursor } from "../../stream/cursor.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import { TICKS_PER_MS } from "../../time/units.js";
import type { DrainItem, DrainResult } from "../../worker/drain-task.js";
import type { Unwritten } from "../../worker/segment-counters.js";
import type { SegmentOpening } from "../../worker/segment-files.js";
import type { ClaimedTarget } from "../naming/naming.js";
import type { Reservation } from "../naming/reservations.js";
import { SegmentNames } from "../naming/segment-names.js";
import { originOf, type RecordConfig } from "../record-config.js";
import { Interruption } from "./interruption.js";
import type { OutStream, OutTrackStatistics } from "./out-stream.js";
import type { RecordingDeps } from "./recording-deps.js";
import type { RecordingListener } from "./recording-listener.js";
import { RecordingState } from "./recording-state.js";
import { MAX_GAPS, Segment } from "./segment.js";
import { TrackTotals } from "./track-totals.js";

type Phase = "running" | "stopping" | "handingOver" | "stopped";

export class Recording implements OutStream, Cursor {
  readonly createdMs: number;
  /** Stands in every report of it. */
  readonly origin: SegmentOrigin;
  segment: Segment | undefined;
  target: ClaimedTarget | undefined;
  /** A worker has, or will get, this recording. */
  inFlight = false;
  lastDrainMs = 0;
  /** When bytes last reached a file, or a new one was begun; monotonic. */
  lastProgressMs: number;
  /**
   * Since when it has waited for the name of its next segment, monotonic. A volume that does not answer keeps it
   * waiting.
   */
  nameWantedMs: number | undefined;
  /** Resolves when its last segment is final. */
  readonly whenEnded: Promise<void>;
  #resolveEnded: () => void = () => {};
  /** Set where a failure ended it: what its successor, if there is one, begins behind. */
  interruption: Interruption | undefined;
  /** The interruption that this recording ends. */
  resumes: Interruption | undefined;
  /** Bytes of output its next frame wants; 0 = the usual buffer does. */
  wantedOutput = 0;
  #phase: Phase = "running";
  #deps: RecordingDeps;
  #listener: RecordingListener<Recording>;
  #state: RecordingState;
  #names: SegmentNames | undefined;
  /** Segments that are not final. */
  #unfinished = 0;
  #totals = new TrackTotals();
  #isDetached = false;
  #stopIndex = 0;
  /** Of the time between two segments: they are listed in the next one. */
  #gapsBetween: Gap[] = [];
  /** It was stopping when its drain was given out: the kernel has seen the index to stop at. */
  #isLastDrain = false;
  #indexBytesPerSecond: number | undefined;
  #isReleased = false;

  constructor(
    readonly id: number,
    readonly config: RecordConfig,
    readonly inStream: InStream,
    index: number,
    deps: RecordingDeps,
    listener: RecordingListener<Recording>,
    /** The recording that hands over to this one. */
    predecessor?: Recording,
  ) {
    this.#deps = deps;
    this.#listener = listener;
    this.createdMs = deps.clock.wallMs();
    this.origin = originOf(config, id);
    this.lastProgressMs = deps.clock.monotonicMs();
    this.nameWantedMs = this.lastProgressMs;
    this.#state = new RecordingState(deps.arena, inStream.ring.pointer, index, config, predecessor?.startFlags);
    this.whenEnded = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    inStream.attach(this);
    if (inStream.ended) this.stop();
  }

  get computedPathToFile(): string {
    return this.target?.computedPathToFile ?? "";
  }
  get inStreamId(): number | undefined {
    return this.#totals.frames(this.segment) > 0 ? this.inStream.id : undefined;
  }
  get currentPath(): string | undefined {
    return this.segment?.isOpen ? this.segment.path : undefined;
  }
  get isStopped(): boolean {
    return this.#phase === "stopped";
  }
  /** Index of the cursor; where a successor goes on. */
  tail(): number {
    return this.#state.tail();
  }
  tryLock(): boolean {
    return this.#state.tryLock();
  }
  unlock(): void {
    this.#state.unlock();
  }
  jump(index: number, skip: boolean): void {
    this.#state.jump(index, skip);
  }
  get isRunningInWorker(): boolean {
    return this.#state.isRunning;
  }
  get startFlags(): number {
    return this.#state.startFlags;
  }
  get statePointer(): number {
    return this.#state.pointer;
  }

  /** The target is known, and this recording's until its last segment is final: the first segment may open. */
  begin(target: ClaimedTarget): void {
    const { naming, finisher, reservations, clock } = this.#deps;
    this.target = target;
    this.#names = new SegmentNames(target, this.config, naming, finisher, reservations, clock);
    void this.#prepareSegment(this.#names, false);
  }

  /** Takes what the ring holds now, then ends. */
  stop(): void {
    if (this.#phase === "stopped" || this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#stopIndex = this.inStream.ring.head;
    this.#state.stop(STOP_AT_INDEX, this.#stopIndex);
    this.#listener.wake(this);
  }

  /** Ends at the next random access point, where a successor begins; at the end of the source if that comes first. */
  handOver(): void {
    if (this.#phase !== "running") return;
    if (this.inStream.ended) {
      this.stop();
      return;
    }
    this.#phase = "handingOver";
    this.#state.stop(STOP_AT_RANDOM_ACCESS, this.inStream.ring.head);
  }

  /** True where a drain would find something to do. */
  isDue(nowMs: number, minBytes: number, maxAgeMs: number): boolean {
    if (this.inFlight || !this.segment || this.#phase === "stopped") return false;
    if (!this.inStream.settled && this.#phase !== "stopping") return false;
    if (this.#phase === "stopping" || this.wantedOutput > 0) return true;
    const held = (this.inStream.ring.head - this.#state.tail()) >>> 0;
    return held > 0 && (held >= minBytes || nowMs - this.lastDrainMs >= maxAgeMs || this.inStream.isHeldBack);
  }

  /** The recording goes into a batch. */
  dispatch(nowMs: number, ticket: number): DrainItem {
    const segment = this.segment as Segment;
    this.inFlight = true;
    this.#isLastDrain = this.#phase === "stopping";
    this.lastDrainMs = nowMs;
    const [video, audio] = [this.inStream.config(TRACK_VIDEO), this.inStream.config(TRACK_AUDIO)];
    this.#state.setTracks(video?.pointer ?? 0, audio?.pointer ?? 0);
    segment.noteCodec(TRACK_VIDEO, video?.codec);
    if (this.config.hasAudio) segment.noteCodec(TRACK_AUDIO, audio?.codec);
    this.#state.dispatch(ticket);
    return {
      recording: this.#state.pointer,
      ticket,
      segment: segment.pointer,
      path: segment.path,
      opening: segment.isOpen ? undefined : this.#opening(segment),
      gaps: segment.takeNewGaps(),
    };
  }

  /** Its worker thread died: nobody holds it any more. False where another worker has it by now. */
  releaseDead(ticket: number): boolean {
    return this.#state.releaseDead(ticket);
  }

  /** Takes the recording back from a worker that hangs in another one's write. */
  reclaim(): boolean {
    if (!this.inFlight || !this.#state.reclaim()) return false;
    this.inFlight = false;
    return true;
  }

  onResult(result: DrainResult): void {
    if (!result.claimed) return;
    this.inFlight = false;
    const segment = this.segment;
    if (this.#isReleased || !segment) return;
    if (result.opened) {
      segment.isOpen = true;
      for (const gap of this.#gapsBetween.splice(0)) segment.addGap(gap);
      this.#listener.segmentOpened(this, segment);
    }
    this.#reportSkipped();
    this.wantedOutput = 0;
    if (result.unwritten && result.unwritten.frames > 0) this.#reportUnwritten(result.unwritten);
    const leftOut = segment.takeLeftOut();
    if (leftOut) this.onGap(leftOut);
    if (result.opened) this.#reportInterruption(segment);
    // It was given up while a write hung, and the write has returned.
    if (this.#phase === "stopped") this.#endSegment();
    else if (result.failure) this.#onFailure(segment, failureToError(result.failure));
    else this.#onStatus(segment, result);
    this.inStream.onDrained();
  }

  /** What the kernel dropped after a jump; at the end also where no random access point has come any more. */
  #reportSkipped(): void {
    const skipped = this.#state.takeSkipped(this.#phase === "stopped" ? this.inStream.newest90k : undefined);
    if (skipped) this.onGap(skipped);
  }

  #reportUnwritten({ frames, bytes, from90k, to90k }: Unwritten): void {
    this.onGap({
      cause: "writeFailed",
      track: null,
      dtsMs: from90k / TICKS_PER_MS,
      durationMs: (to90k - from90k) / TICKS_PER_MS,
      frames,
      bytes,
    });
  }

  /** A slow consumer's jump may have gone past the end: then nothing is left, and the ring no longer holds the place. */
  #reportRest(interruption: Interruption): void {
    const end = this.#phase === "stopping" ? this.#stopIndex : this.inStream.ring.head;
    const gap = ((end - this.#state.tail()) | 0) > 0 ? interruption.until(end) : undefined;
    if (gap && gap.frames > 0) this.onGap(gap);
  }

  /** What passed between the failure of its predecessor and its own first frame. */
  #reportInterruption(segment: Segment): void {
    const interruption = this.resumes;
    this.resumes = undefined;
    if (interruption?.stream !== this.inStream) return;
    interruption.exclude(segment.taken);
    // It was given up before it began: a successor ends the interruption, and the ring no longer holds this place.
    if (this.#phase !== "stopped") this.onGap(interruption.until(this.#state.tail(), segment.zero90k));
  }

  #onFailure(segment: Segment, error: ReelError): void {
    // Somebody else made the file between our look and the opening.
    if (!segment.isOpen && error.code === "targetBusy" && !segment.mayReplace) this.#renameSegment();
    else this.fail(error);
  }

  #onStatus(segment: Segment, result: DrainResult): void {
    if (result.writtenBytes > 0) this.lastProgressMs = this.#deps.clock.monotonicMs();
    if (result.status === STATUS_CUT || result.status === STATUS_CONFIG_CHANGED) {
      this.#endSegment();
      this.#prepareNext();
    } else if (result.status === STATUS_STOPPED && this.#isAtEnd()) {
      if (this.#phase === "handingOver") this.#listener.handOver(this, this.#state.tail());
      this.#end(undefined);
    } else if (result.status === STATUS_NEED_OUTPUT) {
      this.wantedOutput = segment.neededOutput;
      this.#listener.wake(this);
    } else if (result.status === STATUS_BAD_FRAME) {
      this.fail(
        new ReelError("badFrame", `the frame ring of ${this.inStream.name} holds a frame that cannot be`, {
          index: this.#state.tail(),
        }),
      );
    }
  }

  /** Ends this recording alone; its segment is closed as far as it got. Also called while a write hangs. */
  fail(error: ReelError): void {
    if (this.#phase === "stopped") return;
    this.#listener.segmentFailed(this, this.segment, error);
    const interruption = new Interruption(this.inStream, this.#state.tail(), this.config.hasAudio);
    // A successor says what passed until its own first frame. Where there will be none, that is what the ring still
    // held.
    if (this.#phase !== "stopping" && this.config.keepAlive) this.interruption = interruption;
    else this.#reportRest(interruption);
    // A worker that comes back from a hung write finds nothing more to take: the ring has moved on.
    this.#state.stop(STOP_AT_INDEX, this.#state.tail());
    this.#end(error);
  }

  onGap(gap: Gap): void {
    const segment = this.segment?.isOpen ? this.segment : undefined;
    if (segment) segment.addGap(gap);
    else if (this.#totals.frames(undefined) > 0 && this.#gapsBetween.length < MAX_GAPS) this.#gapsBetween.push(gap);
    if (gap.frames > 0) this.#totals.lost(gap);
    // Frames that the ring held: what this recording ends would count them once more.
    if (gap.cause === "lag" || gap.cause === "unusable" || gap.cause === "writeFailed") this.resumes?.exclude(gap);
    this.#listener.gap(this, segment, gap);
  }

  track(track: number): OutTrackStatistics {
    return this.#totals.of(track, this.segment, this.inStream.config(track));
  }

  #opening(segment: Segment): SegmentOpening {
    return {
      exclusive: !segment.mayReplace,
      winQtCompat: this.config.winQtCompat,
      reserveBytes: this.#deps.reserveBytes(this.config.chunkLength, this.#indexBytesPerSecond),
      lockPath: this.#deps.lockPath,
      sequence: segment.sequence,
      origin: segment.origin,
    };
  }

  #prepareNext(): void {
    if (this.#names) void this.#prepareSegment(this.#names, true);
  }

  /** Finds the next segment's name. */
  async #prepareSegment(names: SegmentNames, isInnerCut: boolean): Promise<void> {
    this.nameWantedMs = this.#deps.clock.monotonicMs();
    try {
      const name = await names.next(isInnerCut);
      if (this.#phase === "stopped") name.release();
      else this.#useName(name, names.mayReplace(name.path));
    } catch (error) {
      this.fail(
        error instanceof ReelError ? error : new ReelError("io", (error as Error).message, {}, { cause: error }),
      );
    }
  }

  #useName(name: Reservation, mayReplace: boolean): void {
    const { arena, clock } = this.#deps;
    const { volume } = this.target as ClaimedTarget;
    try {
      const { type } = this.config;
      this.segment = new Segment(arena, name, volume, mayReplace, clock.wallMs(), type, this.origin);
    } catch (error) {
      name.release();
      throw error;
    }
    this.nameWantedMs = undefined;
    this.#unfinished++;
    this.lastDrainMs = 0;
    this.lastProgressMs = clock.monotonicMs();
    this.#listener.wake(this);
  }

  #renameSegment(): void {
    const segment = this.segment as Segment;
    this.segment = undefined;
    this.#freeSegment(segment);
    this.#prepareNext();
  }

  #end(failure: ReelError | undefined): void {
    this.#phase = "stopped";
    this.target?.reservation.stopWriting();
    if (!this.inFlight) {
      this.#reportSkipped();
      this.#endSegment();
    }
    this.#listener.stopped(this, failure);
    // A worker that hangs still has the cursor's state, but no longer holds up the ring.
    this.#detach();
    this.#releaseWhenDone();
  }

  #endSegment(): void {
    const segment = this.segment;
    if (!segment) return;
    this.segment = undefined;
    this.#totals.add(segment);
    if (!segment.isOpen) {
      this.#freeSegment(segment);
      return;
    }
    segment.name.stopWriting();
    void this.#deps.finisher
      .finish(segment, CONTAINERS[this.config.type], this.config.durability)
      .then((indexBytesPerSecond) => {
        this.#indexBytesPerSecond = indexBytesPerSecond ?? this.#indexBytesPerSecond;
        segment.name.release();
        this.#unfinished--;
        this.#releaseWhenDone();
      });
  }

  #freeSegment(segment: Segment): void {
    segment.name.release();
    segment.free();
    this.#unfinished--;
    this.#releaseWhenDone();
  }

  #detach(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    // The last report of the out-stream names its codecs; the in-stream gives them back with its last cursor.
    for (let track = 0; track < TRACK_COUNT; track++) this.track(track);
    this.inStream.detach(this);
  }

  #releaseWhenDone(): void {
    if (this.#phase !== "stopped" || this.#unfinished > 0 || this.inFlight || this.#isReleased) return;
    this.#isReleased = true;
    this.target?.reservation.release();
    this.inStream.leave(this);
    this.#state.free();
    this.#listener.ended(this);
    this.#resolveEnded();
  }

  /**
   * A hand-over that became a stop while its drain was under way has ended where the successor would have begun: the
   * rest is still to be taken.
   */
  #isAtEnd(): boolean {
    return this.#phase !== "stopping" || this.#isLastDrain;
  }
}
