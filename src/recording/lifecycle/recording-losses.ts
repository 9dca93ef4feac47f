// What a recording has lost, brought to where it belongs: into the segment that is open, into the next one where none
// is, into the totals, and once only where a failure of its predecessor has counted the same frames.

import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import { TICKS_PER_MS } from "../../time/units.js";
import type { DrainResult } from "../../worker/drain-batch.js";
import type { Unwritten } from "../../worker/segment-snapshot.js";
import type { RecordConfig } from "../record-config.js";
import { Interruption } from "./interruption.js";
import { MAX_GAPS, type Segment } from "./segment.js";
import type { TrackTotals } from "./track-totals.js";

export class RecordingLosses {
  /** Of the time between two segments: they are listed in the next one. */
  #between: Gap[] = [];
  /** The interruption that this recording ends. */
  #resumes: Interruption | undefined;
  /** Set where a failure ended it: what its successor, if there is one, begins behind. */
  #own: Interruption | undefined;

  constructor(
    private readonly inStream: InStream,
    private readonly totals: TrackTotals,
    private readonly report: (segment: Segment | undefined, gap: Gap) => void,
  ) {}

  /** A predecessor was interrupted: what passed until its own first frame is for this one to tell. */
  resume(interruption: Interruption | undefined): void {
    this.#resumes ??= interruption;
  }

  /**
   * A failure has ended the recording. A successor says what passed until its own first frame. Where there will be none
   * that is what the ring still held, from the cursor to the end that is known, by index or as a place: answered as a
   * gap.
   */
  failed(interruption: Interruption, rest: { from: number; to: number } | Interruption | undefined): Gap | undefined {
    if (!rest) {
      this.#own = interruption;
      return undefined;
    }
    const gap = gapOf(interruption, rest);
    return gap && gap.frames > 0 ? gap : undefined;
  }

  /** What a successor has to tell. One that never came to a frame of its own leaves what it should have told. */
  get untold(): Interruption | undefined {
    return this.#resumes ?? this.#own;
  }

  add(gap: Gap, open: Segment | undefined): void {
    if (open) open.addGap(gap);
    else if ((this.totals.frames(undefined) > 0 || isMended(gap)) && this.#between.length < MAX_GAPS)
      this.#between.push(gap);
    if (gap.frames > 0) this.totals.lost(gap);
    // Frames that the ring held: what this recording ends would count them once more.
    if (gap.cause === "lag" || gap.cause === "unusable" || gap.cause === "writeFailed") this.#resumes?.exclude(gap);
    this.report(open, gap);
  }

  segmentOpened(segment: Segment): void {
    for (const gap of this.#between.splice(0)) segment.addGap(gap);
  }

  /** Its first segment is open: the gap between the failure of its predecessor and its own first frame. */
  endInterruption(segment: Segment, tail: number, isStopped: boolean): Gap | undefined {
    const interruption = this.#resumes;
    this.#resumes = undefined;
    if (interruption?.stream !== this.inStream) return undefined;
    interruption.exclude(segment.taken);
    // It was given up before it began: a successor ends the interruption, and the ring no longer holds this place.
    return isStopped ? undefined : interruption.until(tail, segment.zero90k);
  }
}

function gapOf(interruption: Interruption, rest: { from: number; to: number } | Interruption): Gap | undefined {
  if (rest instanceof Interruption) return interruption.untilPlace(rest);
  // A slow consumer's jump may have gone past the end: then nothing is left, and the ring no longer holds the place.
  return ((rest.to - rest.from) | 0) > 0 ? interruption.until(rest.to) : undefined;
}

/** What was mended before the first segment opened is mended in its frames. */
function isMended({ cause }: Gap): boolean {
  return cause === "clockOffset" || cause === "stuckClock" || cause === "compositionOffset";
}

/** What a drain has told of its segment. */
export function* lossesIn(
  { unwritten }: DrainResult,
  segment: Segment,
  inStream: InStream,
  { hasAudio }: RecordConfig,
): Generator<Gap> {
  if (unwritten && unwritten.frames > 0) yield unwrittenGap(unwritten);
  const leftOut = segment.takeLeftOut(inStream);
  if (leftOut) yield leftOut;
  if (segment.isOpen) yield* segment.takeUnsupported(inStream, hasAudio);
  const stragglers = segment.takeStragglers(inStream);
  if (stragglers) yield stragglers;
}

/** A batch that could not be written. */
function unwrittenGap({ frames, bytes, from90k, to90k }: Unwritten): Gap {
  return {
    cause: "writeFailed",
    track: null,
    dtsMs: from90k / TICKS_PER_MS,
    durationMs: (to90k - from90k) / TICKS_PER_MS,
    frames,
    bytes,
  };
}
