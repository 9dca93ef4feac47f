// A recording: a record config applied to one run of an in-stream. It owns a cursor in the ring and its segments, one
// after the other (recording-segments.ts).
//
//   begin ─▶ prepare a name ─▶ (drain: open) ─▶ drain … ─▶ cut ─▶ prepare the next name ─▶ …
//         ─▶ stopped / failed ─▶ last finish ─▶ ended
//
// Frames stay in the ring while a name is prepared, so nothing is lost between two segments. The phases are a table in
// recording-phase.ts; recording-losses.ts keeps what is missed on the way.

import {
  STATUS_BAD_FRAME,
  STATUS_CONFIG_CHANGED,
  STATUS_CUT,
  STATUS_NEED_OUTPUT,
  STATUS_STOPPED,
} from "../../abi/status.js";
import { ReelError } from "../../base/reel-error.js";
import { mainVideoOf } from "../../container/carries.js";
import { failureToError } from "../../container/file-failure.js";
import type { SegmentOrigin } from "../../container/segment-origin.js";
import { type Gap, unsupportedTrack } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import type { PastPlace } from "../../stream/past-place.js";
import { lagOf } from "../../stream/slow-consumers.js";
import { type Moment, momentOf, TICKS_PER_MS } from "../../time/units.js";
import type { DrainItem, DrainResult } from "../../worker/drain-batch.js";
import type { ClaimedTarget } from "../naming/naming.js";
import type { ReceivedNote } from "../received-note.js";
import { originOf, type RecordConfig } from "../record-config.js";
import type { Interruption } from "./interruption.js";
import type { OutStream, OutTotals, OutTrackStatistics } from "./out-stream.js";
import { Received } from "./received.js";
import type { RecordingDeps } from "./recording-deps.js";
import { type FeedOwner, RecordingFeed } from "./recording-feed.js";
import type { RecordingListener } from "./recording-listener.js";
import { lossesIn, RecordingLosses } from "./recording-losses.js";
import { hasWorker, isStopped, nextPhase, type RecordingEvent, type RecordingPhase } from "./recording-phase.js";
import { RecordingSegments, type SegmentsOwner } from "./recording-segments.js";
import { RecordingState } from "./recording-state.js";
import type { Segment } from "./segment.js";
import { TrackTotals } from "./track-totals.js";
import { WantedCuts } from "./wanted-cuts.js";

export class Recording implements OutStream, FeedOwner, SegmentsOwner {
  readonly createdMs: number;
  readonly createdMonotonicMs: number;
  /** How much older its first frame is: it begins in the past. */
  readonly #pastMs: number;
  /** Stands in every report of it. */
  readonly origin: SegmentOrigin;
  lastDrainMs = 0;
  /** When bytes last reached a file, or a new one was begun; monotonic. */
  lastProgressMs: number;
  /** Resolves when its last segment is final. */
  readonly whenEnded: Promise<void>;
  #resolveEnded: () => void = () => {};
  /** Bytes of output its next frame wants; 0 = the usual buffer does. */
  wantedOutput = 0;
  #phase: RecordingPhase = "running";
  /** What the table says of the phase: asked for ten times a second and more. */
  #hasWorker = false;
  #isStopped = false;
  #state: RecordingState;
  readonly #segments: RecordingSegments;
  #totals = new TrackTotals();
  #losses: RecordingLosses;
  #received: Received;
  readonly #feed: RecordingFeed;
  readonly #cuts: WantedCuts;

  constructor(
    readonly id: number,
    readonly config: RecordConfig,
    readonly inStream: InStream,
    /** Of the stream's ring, or a place in its past. */
    begin: number | PastPlace,
    private readonly deps: RecordingDeps,
    private readonly listener: RecordingListener<Recording>,
    /** The recording that hands over to this one. */
    predecessor?: Recording,
  ) {
    this.createdMs = deps.clock.wallMs();
    this.createdMonotonicMs = deps.clock.monotonicMs();
    this.origin = originOf(config, id);
    this.lastProgressMs = this.createdMonotonicMs;
    this.#segments = new RecordingSegments(this, deps);
    const place = typeof begin !== "number" && begin.stretch ? begin : undefined;
    const index = typeof begin === "number" ? begin : begin.index;
    const inherited = predecessor ? predecessor.#state : undefined;
    this.#state = new RecordingState(deps.arena, inStream.ring.pointer, place ? 0 : index, config, inherited);
    this.#feed = new RecordingFeed(this, this.#state, place, deps);
    const first90k = this.#feed.first90k(index);
    const isFirst = !predecessor && first90k !== undefined;
    this.#pastMs = isFirst ? Math.max(0, inStream.newest90k - first90k) / TICKS_PER_MS : 0;
    this.whenEnded = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#cuts = new WantedCuts(config, inStream, deps.clock);
    this.#received = new Received(inStream, config.configId, config.hasAudio);
    this.#losses = new RecordingLosses(inStream, this.#totals, (segment, gap) => listener.gap(this, segment, gap));
    this.#feed.attach();
    inStream.holdConfigs(this);
    if (inStream.ended) this.stop();
  }

  /** The one that grows, or is to. */
  get segment(): Segment | undefined {
    return this.#segments.current;
  }
  get target(): ClaimedTarget | undefined {
    return this.#segments.target;
  }
  /** Since when it has waited for its next segment's name, monotonic: its volume may not answer. */
  get nameWantedMs(): number | undefined {
    return this.#segments.nameWantedMs;
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
  get lagMs(): number {
    if (this.isStopped) return 0;
    const { lastDts90k } = this.inStream;
    return lagOf({ ring: this.#feed.current.ring, lastDts90k }, this) / TICKS_PER_MS;
  }
  get isStopped(): boolean {
    return this.#isStopped;
  }
  /** Index of the cursor; where a successor goes on. */
  tail(): number {
    return this.#state.tail();
  }
  /** A video that the container cannot carry can begin no file, nor end one. */
  get mainVideo(): number | undefined {
    return mainVideoOf(this.config.type, this.inStream.tracks) ?? this.inStream.mainVideo;
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
    return this.#hasWorker && this.#state.isRunning;
  }
  hasTaken(track: number, index: number): boolean {
    return this.#state.hasTaken(track, index);
  }

  /** The target is known, and this recording's until its last segment is final: the first segment may open. */
  begin(target: ClaimedTarget): void {
    this.#segments.begin(target);
  }

  /** What a predecessor has not told, because it failed: it is told with the first frame of this one. */
  resume(interruption: Interruption | undefined): void {
    this.#losses.resume(interruption);
  }

  /** The same of this one: for its successor. */
  get untold(): Interruption | undefined {
    return this.#losses.untold;
  }

  /** Takes what the ring holds now, then ends. */
  stop(): void {
    if (!this.#advance("stop")) return;
    this.inStream.look();
    this.#feed.stopHere();
    this.#goOn();
    this.wake();
  }

  /** Ends at the next random access point, where a successor begins; at the end of the source if that comes first. */
  handOver(): void {
    this.inStream.look();
    if (this.inStream.ended) this.stop();
    else if (this.#advance("handOver")) this.#feed.stopAtRandomAccess();
  }

  /** Ends the file at the next random access point, and goes on in a new one. False where it takes no more frames. */
  cut(): boolean {
    if (this.isStopped || this.#isStopping) return false;
    this.#cuts.ask();
    return true;
  }

  /** True where a drain would find something to do. */
  isDue(nowMs: number, minBytes: number, maxAgeMs: number): boolean {
    if (this.#hasWorker || !this.segment || this.isStopped) return false;
    if (!this.inStream.settled && !this.#isStopping) return false;
    this.#goOn();
    this.inStream.look();
    const { held } = this.#feed;
    if (this.#feed.isReplaying) return held > 0 || this.#feed.hasEnded;
    if (this.#isStopping || this.wantedOutput > 0) return true;
    return held > 0 && (held >= minBytes || nowMs - this.lastDrainMs >= maxAgeMs || this.inStream.isHeldBack);
  }

  /** The recording goes into a batch. */
  dispatch(nowMs: number, ticket: number, record: number): DrainItem {
    const segment = this.segment as Segment;
    this.#advance("dispatch");
    this.lastDrainMs = nowMs;
    this.#state.setTracks((track) => this.inStream.referToConfig(track)?.pointer, this.mainVideo);
    this.#state.setCutAt(this.#cuts.next90k(this.#feed.next90k));
    this.#state.setDecideNow(this.#feed.isFull || this.#feed.standsStill(nowMs));
    segment.noteTracks(this.inStream, this.config.hasAudio);
    this.#state.dispatch(ticket);
    return {
      recording: this.#state.pointer,
      ticket,
      record,
      isResumed: false,
      segment: segment.pointer,
      path: segment.path,
      opening: segment.isOpen ? undefined : this.#segments.opening(segment),
      gaps: segment.takeNewGaps(),
      ...(segment.blocks && { hashed: segment.blocks.length }),
    };
  }

  wake(): void {
    this.listener.wake(this);
  }

  #goOn(): void {
    if (!this.isStopped) this.#feed.goOn(this.#hasWorker);
  }

  /** Its worker thread died: nobody holds it any more. False where another worker has it by now. */
  releaseDead(ticket: number): boolean {
    return this.#hasWorker && this.#state.releaseDead(ticket);
  }

  /** Takes the recording back from a worker that hangs in another one's write. */
  reclaim(): boolean {
    if (!this.#hasWorker || !this.#state.reclaim()) return false;
    this.#advance("returned");
    if (this.isStopped) this.#leave();
    return true;
  }

  onResult(result: DrainResult): void {
    if (!result.claimed) return;
    // A hand-over that became a stop while its drain was under way has ended where the successor would have begun: the
    // rest is still to be taken.
    const isAtEnd = this.#phase !== "stoppingDrain";
    const segment = this.segment;
    if (!this.#advance("returned") || !segment) return;
    segment.blocks?.push(...(result.blocks ?? []));
    if (result.opened) {
      segment.isOpen = true;
      this.#losses.segmentOpened(segment);
      this.listener.segmentOpened(this, segment);
    }
    // Its line in .info is to survive a power cut before what it names does.
    if (segment.takeAddedFile()) this.deps.onFileAdded();
    this.#reportSkipped();
    this.wantedOutput = 0;
    for (const gap of lossesIn(result, segment, this.inStream, this.config)) this.onGap(gap);
    if (result.opened) {
      const missed = this.#losses.endInterruption(segment, this.#state.tail(), this.isStopped);
      if (missed) this.onGap(missed);
      this.#received.begin(segment, this.#state.tail(), (track, at) => this.hasTaken(track, at), this.#feed.current);
    }
    // It was given up while a write hung, and the write has returned.
    if (this.isStopped) this.#leave();
    else if (result.failure) this.#onFailure(segment, failureToError(result.failure));
    else this.#onStatus(segment, result, isAtEnd);
    this.#received.look(this.segment);
    this.#goOn();
    this.inStream.onDrained();
  }

  /** False where the event means nothing to the phase it is in. */
  #advance(event: RecordingEvent): boolean {
    const next = nextPhase(this.#phase, event);
    if (next === undefined) return false;
    this.#phase = next;
    this.#hasWorker = hasWorker(next);
    this.#isStopped = isStopped(next);
    return true;
  }

  /** What the kernel dropped after a jump; at the end also where no random access point has come any more. */
  #reportSkipped(): void {
    const skipped = this.#state.takeSkipped(this.isStopped ? this.inStream.newest90k : undefined);
    if (skipped) this.onGap(skipped);
  }

  #onFailure(segment: Segment, error: ReelError): void {
    // Somebody else made the file between our look and the opening.
    if (!segment.isOpen && error.code === "targetBusy") this.#segments.rename();
    else if (segment.isOpen && error.code === "lostFile") this.#loseSegment(segment, error);
    else this.fail(error);
  }

  /** Somebody took its file away: that is told with what it held, and the recording goes on in a new one. */
  #loseSegment(segment: Segment, error: ReelError): void {
    segment.lostError = error;
    this.listener.segmentFailed(this, segment, error);
    this.onGap(segment.asLost());
    this.#state.skipToRandomAccess();
    this.#endSegment();
    this.#segments.prepareBehindLost(segment);
  }

  #onStatus(segment: Segment, result: DrainResult, isAtEnd: boolean): void {
    if (result.writtenBytes > 0) this.lastProgressMs = this.deps.clock.monotonicMs();
    if (result.status === STATUS_CUT || result.status === STATUS_CONFIG_CHANGED) {
      this.#cuts.done(this.#state.lastCut90k);
      this.#endSegment();
      this.#segments.prepareNext();
    } else if (result.status === STATUS_STOPPED && isAtEnd) {
      if (this.#phase === "handingOver") this.listener.handOver(this, this.#state.tail());
      this.#end(undefined);
    } else if (result.status === STATUS_NEED_OUTPUT) {
      this.wantedOutput = segment.neededOutput;
      this.listener.wake(this);
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
    if (this.isStopped) return;
    // A worker that comes back from a hung write finds nothing more to take: the ring has moved on.
    const tail = this.#state.stopAtCursor();
    this.listener.segmentFailed(this, this.segment, error);
    const goesOn = !this.#isStopping && this.config.keepAlive;
    const rest = this.#losses.failed(this.#feed.interruptionAt(tail), goesOn ? undefined : this.#feed.restFrom(tail));
    if (rest) this.onGap(rest);
    this.#end(error);
  }

  /** Its container can carry nothing of what the stream is now: it ends with what it has, or without a file. */
  refuse(error: ReelError): void {
    if (this.isStopped || this.#isStopping) return;
    this.listener.segmentFailed(this, undefined, error);
    if (this.segment?.isOpen || this.#totals.frames(undefined) > 0) this.stop();
    else {
      this.#state.stopAtCursor();
      this.#end(undefined);
    }
  }

  /** Of a stream that has brought nothing else as yet: no file will tell it. */
  tellUnrecorded(): void {
    const { unrecorded, tracks, newest90k } = this.inStream;
    if (this.isStopped || this.segment?.isOpen || tracks.some(({ codec }) => codec !== undefined)) return;
    for (const { kind, codec } of unrecorded)
      if (this.config.hasAudio || kind !== "audio") this.onGap(unsupportedTrack(kind, codec, newest90k));
  }

  /** For the start after a crash. */
  received(wallMs: number): ReceivedNote {
    return this.#received.note(wallMs);
  }

  onGap(gap: Gap): void {
    this.#received.told(gap);
    this.#losses.add(gap, this.segment?.isOpen ? this.segment : undefined);
    this.#received.look(this.segment);
  }

  get totals(): OutTotals {
    return this.#totals.all(this.segment, this.inStream);
  }

  tracksOf(kind: "video" | "audio"): OutTrackStatistics {
    return this.#totals.of(kind, this.segment, this.inStream);
  }

  /** The first segment may begin in the past; an aligned one begins when its first frame came. */
  startOfSegment(): Moment {
    const { clock } = this.deps;
    const { start } = this.#cuts;
    if (start) return { wallMs: start.wallMs, monotonicMs: clock.monotonicMs() - (clock.wallMs() - start.wallMs) };
    if (this.#pastMs === 0 || this.#totals.frames(undefined) > 0) return momentOf(clock);
    return { wallMs: this.createdMs - this.#pastMs, monotonicMs: this.createdMonotonicMs - this.#pastMs };
  }

  segmentNamed(segment: Segment): void {
    segment.alignOffsetMs = this.#cuts.start?.offsetMs;
    this.lastDrainMs = 0;
    this.lastProgressMs = this.deps.clock.monotonicMs();
    this.listener.wake(this);
  }

  segmentUnnamed(error: ReelError): void {
    this.fail(error);
  }

  segmentDone(): void {
    this.#endWhenFinal();
  }

  #end(failure: ReelError | undefined): void {
    this.#advance("end");
    this.target?.reservation.stopWriting();
    const hung = this.#hasWorker;
    if (!hung) this.#endLastSegment();
    this.listener.stopped(this, failure);
    // A worker that hangs still has the cursor's state, but no longer holds up the ring.
    if (hung) this.#detach();
    else this.#leave();
  }

  /** No worker has it any more: its last segment goes to the finish, and the ring is none of its business. */
  #leave(): void {
    this.#endLastSegment();
    this.#detach();
    this.#feed.free();
    this.inStream.leave(this);
    this.#state.free();
    this.#endWhenFinal();
  }

  #endLastSegment(): void {
    this.#reportSkipped();
    this.#endSegment();
  }

  #endSegment(): void {
    const segment = this.#segments.takeCurrent();
    if (!segment) return;
    if (!segment.lostError) {
      this.#totals.add(segment);
      this.#received.end(segment);
    }
    this.#received.look(undefined);
    this.#segments.close(segment);
  }

  #detach(): void {
    // The last report of the out-stream names its codecs; the in-stream may give them back before that.
    for (const kind of ["video", "audio"] as const) this.tracksOf(kind);
    this.#feed.close();
    this.inStream.detach(this);
  }

  #endWhenFinal(): void {
    if (!this.#segments.areFinal || !this.#advance("finished")) return;
    this.target?.reservation.release();
    this.inStream.releaseConfigs(this);
    this.listener.ended(this);
    this.#resolveEnded();
  }

  get #isStopping(): boolean {
    return this.#phase === "stopping" || this.#phase === "stoppingDrain" || this.#phase === "lastDrain";
  }
}
