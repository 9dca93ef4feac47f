// From NAL units to frames, for every ingest that finds them one by one in a scratch of its own (MPEG-TS behind start
// codes, RTP in packets): fields, parameter sets, random access, what the frame keeps. The two fields of a frame that
// are access units of their own (H.264) make one frame. Delimiters, filler and repeated parameter sets are left out;
// ISO/IEC 14496-15 wants them elsewhere or not at all.
//
//   scratch:  | first field, held | NAL units of the access unit under way | …

import { FLAG_LEADING, FLAG_SKIPPED_LEADING, TRACK_VIDEO } from "../abi/frame.js";
import { ReelError } from "../base/reel-error.js";
import type { NalCodec, PictureFacts } from "../media/codec/nal-codec.js";
import type { DemuxStatistics } from "../media/mpegts/demux-statistics.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../time/units.js";
import { FieldPicture } from "./h264-field.js";
import { type AccessUnit, type AccessUnitSink, LENGTH_PREFIX_SIZE, newAccessUnit } from "./mpegts/access-unit.js";
import type { NalParameterSets } from "./nal-parameter-sets.js";

/**
 * An access unit of level 6.2 has at most 139264 macroblocks; with several slices each this is far more than any
 * encoder sends.
 */
export const MAX_NALS = 4096;
/** A stream that shows no random access point for so long after a loss goes on without one. */
const RESUME_PATIENCE_90K = 10 * TICKS_PER_SECOND;

/** Where the NAL units lie. */
export interface NalScratch {
  readonly bytes: Uint8Array;
  /** Of offset 0, in the arena. */
  readonly pointer: number;
}

/** When the frames are decoded and shown. */
export interface PictureTimes {
  /** Nominal, of one frame. */
  readonly duration90k: Ticks90k;
  /** Gives the access unit that begins at offset `at` of the scratch its times. */
  take(au: AccessUnit, at: number, isAfterLoss: boolean): void;
  /** The second field of the same frame begins at `at`: the frame is shown from its earlier field on. */
  takeSecondField(au: AccessUnit, at: number): void;
}

export type PictureStatistics = Pick<DemuxStatistics, "oversizeFrames" | "framesBeforeConfig" | "badConfigs">;

export interface NalPicturesOptions {
  codec: NalCodec;
  sets: NalParameterSets;
  times: PictureTimes;
  scratch: NalScratch;
  sink: AccessUnitSink;
  statistics: PictureStatistics;
  maxAccessUnitBytes: number;
  /** After a loss frames are given up until decoding can start again. */
  resumesAtRandomAccess: boolean;
}

export class NalPictures {
  readonly #options: NalPicturesOptions;
  readonly #facts: PictureFacts;
  #hasConfig = false;
  // NAL units in the scratch: start, end. The first `heldNals` are a field that waits for the other one.
  readonly #nals = new Int32Array(MAX_NALS * 2);
  #nalCount = 0;
  #heldNals = 0;
  #heldStart = 0;
  #heldField = new FieldPicture();
  #field = new FieldPicture();
  // Known to have been given up since the last frame that was handed on.
  #lostFrames = 0;
  #lostBytes = 0;
  #hasLoss = false;
  /** Set while a random access point is waited for: since when, NaN until the first frame of the wait. */
  #waitsSince90k: Ticks90k | undefined;
  /** The stream was resumed at an open GOP: the pictures in front of it refer to what is lost. */
  #skipsLeading = false;
  /** Of the last frame that was handed on. */
  #previousDts90k: Ticks90k = Number.NaN;
  readonly #accessUnit = newAccessUnit(TRACK_VIDEO, true, MAX_NALS);

  constructor(options: NalPicturesOptions) {
    this.#options = options;
    this.#facts = options.codec.createFacts();
  }

  get isHolding(): boolean {
    return this.#heldNals > 0;
  }

  /** Where the field that is held begins. */
  get heldStart(): number {
    return this.#heldStart;
  }

  /** A NAL unit of the access unit under way. Zeros behind it are no part of it (trailing_zero_8bits). */
  addNal(start: number, codeAt: number): void {
    const { bytes } = this.#options.scratch;
    let end = codeAt;
    while (end > start && bytes[end - 1] === 0) end--;
    if (end === start) return;
    if (this.#nalCount < MAX_NALS) {
      this.#nals[this.#nalCount * 2] = start;
      this.#nals[this.#nalCount * 2 + 1] = end;
    }
    this.#nalCount++;
  }

  /** The scratch has moved to the front by so many bytes. */
  shift(by: number): void {
    this.#heldStart -= by;
    const nals = this.#nals;
    for (let i = 0; i < Math.min(this.#nalCount, MAX_NALS) * 2; i++) nals[i] = (nals[i] as number) - by;
  }

  clear(): void {
    this.#nalCount = 0;
    this.#heldNals = 0;
  }

  /** The NAL units of the access unit under way are given up. */
  dropUnit(): void {
    this.#nalCount = this.#heldNals;
  }

  /** Something is missing; 0 where it is not known how much. */
  lose(frames: number, bytes: number): void {
    this.#hasLoss = true;
    this.#lostFrames += frames;
    this.#lostBytes += bytes;
    if (this.#options.resumesAtRandomAccess) this.#waitsSince90k ??= Number.NaN;
  }

  /**
   * The access unit under way, which begins at `unitStart`, is complete: the second field of the one that is held, or a
   * first field to hold, or a frame.
   */
  finishUnit(unitStart: number): void {
    const first = this.#heldNals;
    if (this.#nalCount > MAX_NALS) {
      this.#options.statistics.oversizeFrames++;
      this.lose(1, 0);
      this.clear();
      return;
    }
    if (first > 0) {
      this.#parseField(first);
      if (this.#field.completes(this.#heldField)) {
        this.#learnSets(first);
        this.#emit(this.#heldStart, first, unitStart);
        return;
      }
      const count = this.#nalCount;
      this.emitHeld();
      this.#nals.copyWithin(0, first * 2, count * 2);
      this.#nalCount = count - first;
    }
    this.#learnSets(0);
    if (this.#options.sets.mayHaveFields) {
      this.#parseField(0);
      if (this.#field.isField) {
        [this.#field, this.#heldField] = [this.#heldField, this.#field];
        this.#heldNals = this.#nalCount;
        this.#heldStart = unitStart;
        return;
      }
    }
    this.#emit(unitStart, this.#nalCount, -1);
  }

  /** The field that waits for its other one is a frame. */
  emitHeld(): void {
    if (this.#heldNals === 0) return;
    this.#nalCount = this.#heldNals;
    this.#emit(this.#heldStart, this.#heldNals, -1);
  }

  /** Tells what was lost before a frame of this time; NaN where none follows. */
  reportLoss(dts90k: Ticks90k): void {
    const previous = this.#previousDts90k;
    this.#previousDts90k = dts90k;
    if (!this.#hasLoss) return;
    const missing90k = Math.max(0, dts90k - previous - this.#options.times.duration90k);
    const durationMs = missing90k <= 10 * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    const loss = { track: TRACK_VIDEO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs };
    this.#lostFrames = 0;
    this.#lostBytes = 0;
    this.#hasLoss = false;
    this.#options.sink.loss(loss);
  }

  /** Reads the slice header of the picture whose NAL units begin with number `first`. */
  #parseField(first: number): void {
    const { codec, scratch, sets } = this.#options;
    const { bytes } = scratch;
    this.#field.isField = false;
    for (let i = first; i < this.#nalCount; i++) {
      const start = this.#nals[i * 2] as number;
      if (!codec.isSlice(bytes, start)) continue;
      this.#field.parse(bytes, start, this.#nals[i * 2 + 1] as number, sets.numberingOf);
      return;
    }
  }

  #learnSets(first: number): void {
    const { codec, scratch, sets } = this.#options;
    const { bytes } = scratch;
    for (let i = first; i < this.#nalCount; i++) {
      const start = this.#nals[i * 2] as number;
      if (codec.isParameterSet(bytes, start)) sets.learn(bytes, start, this.#nals[i * 2 + 1] as number);
    }
  }

  /**
   * Hands on the collected NAL units as one frame that begins at `start`. The first `firstPicture` of them are its
   * first, or only, picture.
   */
  #emit(start: number, firstPicture: number, secondStart: number): void {
    const { scratch, sink, times, sets, statistics, maxAccessUnitBytes } = this.#options;
    const count = this.#nalCount;
    this.clear();
    const au = this.#accessUnit;
    const { bytes } = scratch;
    const facts = this.#facts;
    facts.reset();
    for (let i = 0; i < firstPicture; i++)
      facts.take(bytes, this.#nals[i * 2] as number, this.#nals[i * 2 + 1] as number);
    if (!facts.hasSlice) return;
    au.leading = (facts.isLeading ? FLAG_LEADING : 0) | (facts.isSkippedLeading ? FLAG_SKIPPED_LEADING : 0);
    times.take(au, start, this.#hasLoss);
    au.isRandomAccess = sink.randomAccess.isRandomAccess(facts, au.isFlaggedKey, au.dts90k);
    if (sets.hasChanges && (au.isRandomAccess || !this.#hasConfig)) this.#applySets();
    if (secondStart >= 0) times.takeSecondField(au, secondStart);
    if (!this.#hasConfig || Number.isNaN(au.dts90k)) {
      statistics.framesBeforeConfig++;
      return;
    }
    this.#collectRanges(count);
    if (!this.#isWanted(au)) {
      this.lose(1, au.sizeBytes);
      return;
    }
    if (au.sizeBytes > maxAccessUnitBytes) {
      statistics.oversizeFrames++;
      this.lose(1, 0);
      return;
    }
    this.reportLoss(au.dts90k);
    sink.accessUnit(au);
  }

  /** Behind a loss: what refers to frames that are missing is given up. */
  #isWanted(au: AccessUnit): boolean {
    if (this.#waitsSince90k !== undefined) {
      if (Number.isNaN(this.#waitsSince90k)) this.#waitsSince90k = au.dts90k;
      const waited90k = au.dts90k - this.#waitsSince90k;
      if (!au.isRandomAccess && waited90k >= 0 && waited90k < RESUME_PATIENCE_90K) return false;
      this.#waitsSince90k = undefined;
      this.#skipsLeading = this.#facts.hasCra;
      return true;
    }
    if (!this.#skipsLeading) return true;
    if ((au.leading & FLAG_SKIPPED_LEADING) !== 0) return false;
    this.#skipsLeading = (au.leading & FLAG_LEADING) !== 0;
    return true;
  }

  /** The ranges that the frame keeps; parameter sets only while they are not in force. */
  #collectRanges(count: number): void {
    const au = this.#accessUnit;
    const { codec, sets } = this.#options;
    const { bytes, pointer } = this.#options.scratch;
    au.rangeCount = 0;
    au.sizeBytes = 0;
    for (let i = 0; i < count; i++) {
      const start = this.#nals[i * 2] as number;
      const end = this.#nals[i * 2 + 1] as number;
      if (codec.isLeftOut(bytes, start)) continue;
      if (codec.isParameterSet(bytes, start) && sets.learn(bytes, start, end)) continue;
      au.ranges[au.rangeCount * 2] = pointer + start;
      au.ranges[au.rangeCount * 2 + 1] = pointer + end;
      au.rangeCount++;
      au.sizeBytes += end - start + LENGTH_PREFIX_SIZE;
    }
  }

  #applySets(): void {
    const { codec, sets, sink, statistics } = this.#options;
    const record = this.#takeSets();
    // One half of the pair may be still to come.
    this.#hasConfig = record !== undefined && sink.decoderConfig(TRACK_VIDEO, codec.entry.name, record);
    if (record === undefined || this.#hasConfig) return;
    statistics.badConfigs++;
    sets.forget();
  }

  /**
   * The record of the new sets; undefined where they are not complete, or cannot be parsed: the frames that need them
   * cannot be decoded either.
   */
  #takeSets(): Uint8Array | undefined {
    const { sets, statistics } = this.#options;
    try {
      return sets.apply();
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      statistics.badConfigs++;
      sets.forget();
      return undefined;
    }
  }
}
