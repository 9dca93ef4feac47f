// The segments of a recording, one after the other: the next one's name is looked for while frames wait in the ring,
// one segment grows, and those that ended are with the finisher while it does.
//
//   begin / prepareNext ─▶ name found ─▶ current ─▶ takeCurrent ─▶ close ─▶ (finish) ─▶ final
//
// A name is this recording's until its segment is final.

import { asReelError, type ReelError } from "../../base/reel-error.js";
import type { SegmentOpening } from "../../container/container.js";
import { newestUsable, type ObservedIndex } from "../../container/mp4/reserve.js";
import type { SegmentOrigin } from "../../container/segment-origin.js";
import type { Moment } from "../../time/units.js";
import type { ClaimedTarget } from "../naming/naming.js";
import type { Reservation } from "../naming/reservations.js";
import { SegmentNames } from "../naming/segment-names.js";
import { type RecordConfig, segmentSeconds } from "../record-config.js";
import type { RecordingDeps } from "./recording-deps.js";
import { Segment } from "./segment.js";

/** The recording that they are of. */
export interface SegmentsOwner {
  readonly config: RecordConfig;
  readonly origin: SegmentOrigin;
  /** It takes no more frames: a name that is found now is given back. */
  readonly isStopped: boolean;
  /** Of the segment that is named now. */
  startOfSegment(): Moment;
  /** The current one has its name, and can be opened. */
  segmentNamed(segment: Segment): void;
  /** There is no name, and no next segment. */
  segmentUnnamed(error: ReelError): void;
  /** One more is final, or was never opened. */
  segmentDone(): void;
}

export class RecordingSegments {
  /** The one that grows, or is to. */
  current: Segment | undefined;
  target: ClaimedTarget | undefined;
  /** Since when the next one's name is waited for, monotonic: its volume may not answer. */
  nameWantedMs: number | undefined;
  #names: SegmentNames | undefined;
  /** Segments that are not final. */
  #unfinished = 0;
  #observedIndex: ObservedIndex | undefined;

  constructor(
    private readonly owner: SegmentsOwner,
    private readonly deps: RecordingDeps,
  ) {
    this.nameWantedMs = deps.clock.monotonicMs();
  }

  get areFinal(): boolean {
    return this.#unfinished === 0;
  }

  /** The target is known, and the recording's until its last segment is final. */
  begin(target: ClaimedTarget): void {
    const { naming, finisher, reservations, clock } = this.deps;
    this.target = target;
    this.#names = new SegmentNames(target, this.owner.config, naming, finisher, reservations, clock);
    void this.#prepare(this.#names, false);
  }

  /** `busy`: the name that the last one had, and that somebody else has a file of. */
  prepareNext(busy?: string): void {
    if (this.#names) void this.#prepare(this.#names, true, busy);
  }

  /** The same behind a segment whose file was taken away, perhaps with its folder. */
  prepareBehindLost({ path }: Segment): void {
    // From now on a volume that does not answer ends the recording, as one does that does not give a name.
    this.nameWantedMs = this.deps.clock.monotonicMs();
    void this.deps.naming.restoreFolder(path).then(
      () => this.prepareNext(),
      (failure: unknown) => this.owner.segmentUnnamed(asReelError(failure)),
    );
  }

  /** Another name for the current one, which is not open: somebody else made a file of that name. */
  rename(): void {
    const segment = this.takeCurrent();
    if (!segment) return;
    this.#free(segment);
    this.prepareNext(segment.path);
  }

  opening(segment: Segment): SegmentOpening {
    const { config } = this.owner;
    return {
      exclusive: !segment.mayReplace,
      winQtCompat: config.winQtCompat,
      reserveBytes: this.deps.reserveBytes(segmentSeconds(config), this.#observedIndex),
      lockPath: this.deps.lockPath,
      sequence: segment.sequence,
      origin: segment.origin,
    };
  }

  /** The current one, which takes no more frames; `close` follows. */
  takeCurrent(): Segment | undefined {
    const segment = this.current;
    this.current = undefined;
    return segment;
  }

  /** To the finisher, or nowhere if it was never opened. */
  close(segment: Segment): void {
    if (!segment.isOpen) {
      this.#free(segment);
      return;
    }
    const { type, durability } = this.owner.config;
    segment.name.stopWriting();
    void this.deps.finisher.finish(segment, type, durability).then((observed) => {
      this.#observedIndex = newestUsable(this.#observedIndex, observed);
      this.#done(segment);
    });
  }

  async #prepare(names: SegmentNames, isInnerCut: boolean, busy?: string): Promise<void> {
    this.nameWantedMs = this.deps.clock.monotonicMs();
    try {
      const name = await names.next(isInnerCut, busy, this.owner.startOfSegment().wallMs);
      if (this.owner.isStopped) name.release();
      else this.#useName(name, names.mayReplace(name.path));
    } catch (error) {
      this.owner.segmentUnnamed(asReelError(error));
    }
  }

  #useName(name: Reservation, mayReplace: boolean): void {
    const { volume } = this.target as ClaimedTarget;
    const { config, origin } = this.owner;
    let segment: Segment;
    try {
      segment = new Segment(this.deps.arena, name, volume, mayReplace, this.owner.startOfSegment(), config.type, {
        ...origin,
        ...this.deps.nodeOf(config.localStreamName),
      });
    } catch (error) {
      name.release();
      throw error;
    }
    this.current = segment;
    this.nameWantedMs = undefined;
    this.#unfinished++;
    this.owner.segmentNamed(segment);
  }

  #free(segment: Segment): void {
    segment.free();
    this.#done(segment);
  }

  /** The run opens no segment of its base path again: behind the first there are others' names (segment-names.ts). */
  #done({ name }: Segment): void {
    name.release();
    if (name.path === this.target?.basePath) this.target.reservation.leaveFile();
    this.#unfinished--;
    this.owner.segmentDone();
  }
}
