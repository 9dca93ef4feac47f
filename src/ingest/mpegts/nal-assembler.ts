// From the PES payloads of an H.264 or H.265 stream to frames (ISO/IEC 13818-1 §2.14, §2.17), whatever the PES packets
// hold: one access unit, several, or a part of one. The two fields of a frame that are access units of their own
// (H.264) make one frame. Delimiters, filler and repeated parameter sets are left out; ISO/IEC 14496-15 wants them
// elsewhere or not at all.
//
// The scratch is scanned once, as it fills:  | first field, held | NAL units of the access unit under way | ─▶ scanned up to here ─▶ | end

import { FLAG_LEADING, FLAG_SKIPPED_LEADING, TRACK_VIDEO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import { ReelError } from "../../base/reel-error.js";
import { type NalCodec, type PictureFacts, startsAccessUnit } from "../../media/codec/nal-codec.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { type AccessUnitSink, LENGTH_PREFIX_SIZE, newAccessUnit } from "./access-unit.js";
import { AnnexBScratch } from "./annex-b-scratch.js";
import { FieldPicture } from "./h264-field.js";
import { NalTimes } from "./nal-times.js";
import type { StagingBlock, StagingBudget } from "./staging.js";

/**
 * An access unit of level 6.2 has at most 139264 macroblocks; with several slices each this is far more than any
 * encoder sends.
 */
const MAX_NALS = 4096;
/** How much may gather without a PES start before complete access units are looked for. */
const SEARCH_BYTES = 512 * 1024;

export class NalAssembler {
  readonly #codec: NalCodec;
  #sink: AccessUnitSink;
  #statistics: DemuxStatistics;
  #maxBytes: number;
  #scratch: AnnexBScratch;
  readonly #sets: NalParameterSets;
  #times: NalTimes;
  #hasConfig = false;
  /** Bytes count only from a PES start on, and not after a loss. */
  #isOpen = false;
  #scanWhenBytes = SEARCH_BYTES;
  // The scan: where it goes on; the first byte of the NAL unit and of the access unit under way, -1 = none.
  #scanAt = 0;
  #nalStart = -1;
  #unitStart = -1;
  #hasPicture = false;
  // NAL units in the scratch: start, end. The first `heldNals` are a field that waits for the other one.
  #nals = new Int32Array(MAX_NALS * 2);
  #nalCount = 0;
  #heldNals = 0;
  #heldStart = 0;
  #heldField = new FieldPicture();
  #field = new FieldPicture();
  readonly #facts: PictureFacts;
  #lostFrames = 0;
  #lostBytes = 0;
  /** Of the last frame that was handed on. */
  #previousDts90k: Ticks90k = Number.NaN;
  readonly #accessUnit = newAccessUnit(TRACK_VIDEO, true, MAX_NALS);

  constructor(
    codec: NalCodec,
    sets: NalParameterSets,
    sink: AccessUnitSink,
    statistics: DemuxStatistics,
    arena: Arena,
    budget: StagingBudget,
    maxAccessUnitBytes: number,
  ) {
    this.#codec = codec;
    this.#sets = sets;
    this.#facts = codec.createFacts();
    this.#sink = sink;
    this.#statistics = statistics;
    this.#scratch = new AnnexBScratch(arena, budget);
    this.#times = new NalTimes(statistics);
    this.#maxBytes = maxAccessUnitBytes;
  }

  /**
   * A PES packet begins; its first payload bytes are [start, end) and follow by `push`. `dts90k` is NaN where it has no
   * times.
   */
  begin(
    dts90k: Ticks90k,
    ctsOffset90k: Ticks90k,
    isFlaggedKey: boolean,
    input: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.#isOpen || this.#scratch.end === 0 || startsAccessUnit(this.#codec, input, start, end)) {
      if (this.#isOpen) this.#scan(true);
      if (this.#heldNals > 0) this.#keepFrom(this.#heldStart);
      else this.#restart();
      this.#isOpen = true;
    } else {
      this.#scan(false);
      if (this.#times.isFull) this.#giveUp();
    }
    if (!Number.isNaN(dts90k)) this.#times.mark(this.#scratch.end, dts90k, ctsOffset90k, isFlaggedKey);
  }

  push(input: StagingBlock, start: number, end: number): void {
    if (!this.#isOpen) return;
    this.#scratch.append(input, start, end);
    if (this.#scratch.end < this.#scanWhenBytes) return;
    this.#scan(false);
    this.#scanWhenBytes = Math.max(SEARCH_BYTES, this.#scratch.end * 2);
    if (this.#scratch.end > this.#maxBytes) {
      this.#statistics.oversizeFrames++;
      this.#discard();
    }
  }

  /**
   * Packets of this stream are missing: what they may have damaged is given up, and the next PES packet begins anew.
   */
  lose(bytes: number): void {
    this.#lostBytes += bytes;
    if (this.#isOpen) {
      if (this.#scratch.end > 0) this.#statistics.damagedFrames++;
      this.#discard();
    }
  }

  /** No more bytes will come: the access unit under way is complete. */
  end(): void {
    if (this.#isOpen) this.#scan(true);
    this.#emitHeld();
    this.#restart();
    this.#isOpen = false;
    this.#reportLoss(Number.NaN);
  }

  free(): void {
    this.#scratch.free();
  }

  #discard(): void {
    if (this.#scratch.end > 0) {
      this.#lostFrames++;
      this.#lostBytes += this.#scratch.end;
    }
    this.#restart();
    this.#isOpen = false;
  }

  #giveUp(): void {
    this.#statistics.oversizeFrames++;
    this.#discard();
    this.#isOpen = true;
  }

  #restart(): void {
    this.#scratch.reset();
    this.#times.clear();
    this.#scanWhenBytes = SEARCH_BYTES;
    this.#scanAt = 0;
    this.#nalStart = -1;
    this.#unitStart = -1;
    this.#hasPicture = false;
    this.#nalCount = 0;
    this.#heldNals = 0;
  }

  /**
   * Finds the access units in what has come since the last scan. With `isLast` the one at its end is complete, else it
   * stays under way.
   */
  #scan(isLast: boolean): void {
    const scratch = this.#scratch;
    const codec = this.#codec;
    const { bytes, end } = scratch;
    if (end === 0) return;
    scratch.terminate();
    // A start code is of use with the header and the byte behind it, which tell an access unit's front.
    const lastCode = isLast ? end - 3 : end - 3 - codec.headerBytes;
    let code = scratch.nextStartCode(this.#scanAt);
    for (; code < lastCode; code = scratch.nextStartCode(code + 3)) {
      this.#closeNal(code);
      const start = code + 3;
      this.#nalStart = start;
      if (this.#hasPicture && codec.beginsAccessUnit(bytes, start)) {
        this.#finishUnit();
        this.#unitStart = code;
        this.#hasPicture = false;
      }
      if (this.#unitStart < 0) this.#unitStart = code;
      if (codec.isSlice(bytes, start)) this.#hasPicture = true;
    }
    if (isLast) {
      this.#closeNal(end);
      if (this.#unitStart >= 0) this.#finishUnit();
      this.#nalStart = -1;
      this.#unitStart = -1;
      this.#hasPicture = false;
      this.#scanAt = end;
      return;
    }
    this.#scanAt = Math.max(this.#scanAt, Math.min(code, end - 2));
    const kept = this.#heldNals > 0 ? this.#heldStart : this.#unitStart;
    if (kept > 0) this.#keepFrom(kept);
  }

  /** Drops what has been handed on; all that refers to the rest moves with it. */
  #keepFrom(start: number): void {
    this.#scratch.discardBefore(start);
    this.#times.shift(start);
    this.#scanAt -= start;
    if (this.#nalStart >= 0) this.#nalStart -= start;
    if (this.#unitStart >= 0) this.#unitStart -= start;
    this.#heldStart -= start;
    const nals = this.#nals;
    for (let i = 0; i < Math.min(this.#nalCount, MAX_NALS) * 2; i++) nals[i] = (nals[i] as number) - start;
  }

  /** trailing_zero_8bits and the zero_byte of the next start code are no part of a NAL unit. */
  #closeNal(codeAt: number): void {
    const start = this.#nalStart;
    if (start < 0) return;
    const bytes = this.#scratch.bytes;
    let end = codeAt;
    while (end > start && bytes[end - 1] === 0) end--;
    if (end === start) return;
    if (this.#nalCount < MAX_NALS) {
      this.#nals[this.#nalCount * 2] = start;
      this.#nals[this.#nalCount * 2 + 1] = end;
    }
    this.#nalCount++;
  }

  /**
   * The access unit under way is complete: the second field of the one that is held, or a first field to hold, or a
   * frame.
   */
  #finishUnit(): void {
    const first = this.#heldNals;
    if (this.#nalCount > MAX_NALS) {
      this.#statistics.oversizeFrames++;
      this.#lostFrames++;
      this.#nalCount = 0;
      this.#heldNals = 0;
      return;
    }
    if (first > 0) {
      this.#parseField(first);
      if (this.#field.completes(this.#heldField)) {
        this.#learnSets(first);
        this.#emit(this.#heldStart, first, this.#unitStart);
        return;
      }
      const count = this.#nalCount;
      this.#emitHeld();
      this.#nals.copyWithin(0, first * 2, count * 2);
      this.#nalCount = count - first;
    }
    this.#learnSets(0);
    if (this.#sets.mayHaveFields) {
      this.#parseField(0);
      if (this.#field.isField) {
        [this.#field, this.#heldField] = [this.#heldField, this.#field];
        this.#heldNals = this.#nalCount;
        this.#heldStart = this.#unitStart;
        return;
      }
    }
    this.#emit(this.#unitStart, this.#nalCount, -1);
  }

  #emitHeld(): void {
    if (this.#heldNals === 0) return;
    this.#nalCount = this.#heldNals;
    this.#emit(this.#heldStart, this.#heldNals, -1);
  }

  /** Reads the slice header of the picture whose NAL units begin with number `first`. */
  #parseField(first: number): void {
    const bytes = this.#scratch.bytes;
    this.#field.isField = false;
    for (let i = first; i < this.#nalCount; i++) {
      const start = this.#nals[i * 2] as number;
      if (!this.#codec.isSlice(bytes, start)) continue;
      this.#field.parse(bytes, start, this.#nals[i * 2 + 1] as number, this.#sets.numberingOf);
      return;
    }
  }

  #learnSets(first: number): void {
    const bytes = this.#scratch.bytes;
    for (let i = first; i < this.#nalCount; i++) {
      const start = this.#nals[i * 2] as number;
      if (this.#codec.isParameterSet(bytes, start)) this.#sets.learn(bytes, start, this.#nals[i * 2 + 1] as number);
    }
  }

  /**
   * Hands on the collected NAL units as one frame that begins at `start`. The first `firstPicture` of them are its
   * first, or only, picture.
   */
  #emit(start: number, firstPicture: number, secondStart: number): void {
    const count = this.#nalCount;
    this.#nalCount = 0;
    this.#heldNals = 0;
    const au = this.#accessUnit;
    const bytes = this.#scratch.bytes;
    const facts = this.#facts;
    facts.reset();
    for (let i = 0; i < firstPicture; i++)
      facts.take(bytes, this.#nals[i * 2] as number, this.#nals[i * 2 + 1] as number);
    if (!facts.hasSlice) return;
    au.leading = (facts.isLeading ? FLAG_LEADING : 0) | (facts.isSkippedLeading ? FLAG_SKIPPED_LEADING : 0);
    this.#times.take(au, start, this.#lostBytes > 0 || this.#lostFrames > 0);
    au.isRandomAccess = this.#sink.randomAccess.isRandomAccess(facts, au.isFlaggedKey, au.dts90k);
    if (this.#sets.hasChanges && (au.isRandomAccess || !this.#hasConfig)) this.#applySets();
    if (secondStart >= 0) this.#times.takeSecondField(au, secondStart);
    if (!this.#hasConfig || Number.isNaN(au.dts90k)) {
      this.#statistics.framesBeforeConfig++;
      return;
    }
    this.#collectRanges(count);
    if (au.sizeBytes > this.#maxBytes) {
      this.#statistics.oversizeFrames++;
      this.#lostFrames++;
      return;
    }
    this.#reportLoss(au.dts90k);
    this.#sink.accessUnit(au);
  }

  /** The ranges that the frame keeps; parameter sets only while they are not in force. */
  #collectRanges(count: number): void {
    const au = this.#accessUnit;
    const codec = this.#codec;
    const { bytes, pointer } = this.#scratch;
    au.rangeCount = 0;
    au.sizeBytes = 0;
    for (let i = 0; i < count; i++) {
      const start = this.#nals[i * 2] as number;
      const end = this.#nals[i * 2 + 1] as number;
      if (codec.isLeftOut(bytes, start)) continue;
      if (codec.isParameterSet(bytes, start) && this.#sets.learn(bytes, start, end)) continue;
      au.ranges[au.rangeCount * 2] = pointer + start;
      au.ranges[au.rangeCount * 2 + 1] = pointer + end;
      au.rangeCount++;
      au.sizeBytes += end - start + LENGTH_PREFIX_SIZE;
    }
  }

  #applySets(): void {
    const record = this.#takeSets();
    // One half of the pair may be still to come.
    this.#hasConfig = record !== undefined && this.#sink.decoderConfig(TRACK_VIDEO, this.#codec.entry.name, record);
    if (record === undefined || this.#hasConfig) return;
    this.#statistics.badConfigs++;
    this.#sets.forget();
  }

  /**
   * The record of the new sets; undefined where they are not complete, or cannot be parsed: the frames that need them
   * cannot be decoded either.
   */
  #takeSets(): Uint8Array | undefined {
    try {
      return this.#sets.apply();
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      this.#statistics.badConfigs++;
      this.#sets.forget();
      return undefined;
    }
  }

  #reportLoss(dts90k: Ticks90k): void {
    const previous = this.#previousDts90k;
    this.#previousDts90k = dts90k;
    if (this.#lostBytes === 0 && this.#lostFrames === 0) return;
    const missing90k = Math.max(0, dts90k - previous - this.#times.duration90k);
    const durationMs = missing90k <= 10 * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    this.#sink.loss({ track: TRACK_VIDEO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs });
    this.#lostFrames = 0;
    this.#lostBytes = 0;
  }
}
