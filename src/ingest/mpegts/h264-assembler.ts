// From the PES payloads of an H.264 stream to access units (ISO/IEC 13818-1 §2.14, ITU-T H.264 §7.4.1.2.3), whatever the PES packets hold: one
// access unit, several, or a part of one. Delimiters, filler and repeated parameter sets are left out of the frames; ISO/IEC 14496-15 wants
// them elsewhere or not at all.
//
// A PES packet's times belong to the first access unit that begins in it. An access unit without times follows its predecessor.

import { TRACK_VIDEO } from "../../abi/frame.js";
import { ReelError } from "../../arena/reel-error.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { type AccessUnitSink, LENGTH_PREFIX_SIZE, newAccessUnit } from "./access-unit.js";
import { AnnexBScratch } from "./annex-b-scratch.js";
import type { DemuxStatistics } from "./demux-statistics.js";
import { isRecoveryPoint, NAL_AUD, NAL_FILLER, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SPS, startsPicture } from "./h264-nal.js";
import { H264ParameterSets } from "./h264-parameter-sets.js";

/** An access unit of level 6.2 has at most 139264 macroblocks; with several slices each this is far more than any encoder sends. */
const MAX_NALS = 4096;
const MAX_MARKS = 256;
/** How much may gather without a PES start before complete access units are looked for. */
const SEARCH_BYTES = 512 * 1024;
const DEFAULT_DURATION_90K = 3600;

export class H264Assembler {
  #sink: AccessUnitSink;
  #statistics: DemuxStatistics;
  #maxBytes: number;
  #scratch = new AnnexBScratch();
  #sets = new H264ParameterSets();
  #hasConfig = false;
  /** Bytes count only from a PES start on, and not after a loss. */
  #isOpen = false;
  #searchAt = SEARCH_BYTES;
  // Times of the PES packets that begin in the scratch: offset, dts, ctsOffset.
  #markAt = new Int32Array(MAX_MARKS);
  #markDts = new Float64Array(MAX_MARKS);
  #markCts = new Float64Array(MAX_MARKS);
  #markCount = 0;
  #markNext = 0;
  // NAL units of the access unit under way: start, end.
  #nals = new Int32Array(MAX_NALS * 2);
  #nalCount = 0;
  #lastDts90k: Ticks90k = Number.NaN;
  /** Of the last access unit that had times of its own, and how many there were from it on. */
  #markedDts90k: Ticks90k = Number.NaN;
  #unitsSinceMark = 1;
  #duration90k: Ticks90k = DEFAULT_DURATION_90K;
  #lostFrames = 0;
  #lostBytes = 0;
  /** Of the last access unit that was handed on. */
  #previousDts90k: Ticks90k = Number.NaN;
  readonly #accessUnit = newAccessUnit(TRACK_VIDEO, true);

  constructor(sink: AccessUnitSink, statistics: DemuxStatistics, maxAccessUnitBytes: number) {
    this.#sink = sink;
    this.#statistics = statistics;
    this.#maxBytes = maxAccessUnitBytes;
    this.#accessUnit.ranges = new Int32Array(MAX_NALS * 2);
  }

  /** A PES packet begins; its first payload bytes are [start, end) and follow by `push`. `dts90k` is NaN where it has no times. */
  begin(dts90k: Ticks90k, ctsOffset90k: Ticks90k, input: Uint8Array, start: number, end: number): void {
    const scratch = this.#scratch;
    if (!this.#isOpen || scratch.sizeBytes === 0 || startsPicture(input, start, end)) {
      if (this.#isOpen) this.#emitComplete(true);
      this.#restart(start);
      this.#isOpen = true;
    } else {
      this.#emitComplete(false);
      if (this.#markCount === MAX_MARKS) this.#giveUp(start);
    }
    if (Number.isNaN(dts90k)) return;
    this.#markAt[this.#markCount] = scratch.end;
    this.#markDts[this.#markCount] = dts90k;
    this.#markCts[this.#markCount] = ctsOffset90k;
    this.#markCount++;
  }

  push(input: Uint8Array, inputWords: Int32Array, start: number, end: number): void {
    if (!this.#isOpen) return;
    this.#scratch.append(input, inputWords, start, end);
    if (this.#scratch.sizeBytes < this.#searchAt) return;
    this.#emitComplete(false);
    this.#searchAt = Math.max(SEARCH_BYTES, this.#scratch.sizeBytes * 2);
    if (this.#scratch.sizeBytes > this.#maxBytes) {
      this.#statistics.oversizeFrames++;
      this.#discard();
    }
  }

  /** Packets of this stream are missing: what they may have damaged is given up, and the next PES packet begins anew. */
  lose(bytes: number): void {
    this.#lostBytes += bytes;
    if (this.#isOpen) {
      if (this.#scratch.sizeBytes > 0) this.#statistics.damagedFrames++;
      this.#discard();
    }
  }

  /** No more bytes will come. */
  end(): void {
    if (this.#isOpen) this.#emitComplete(true);
    this.#restart(0);
    this.#isOpen = false;
    this.#reportLoss(Number.NaN);
  }

  #discard(): void {
    if (this.#scratch.sizeBytes > 0) {
      this.#lostFrames++;
      this.#lostBytes += this.#scratch.sizeBytes;
    }
    this.#restart(0);
    this.#isOpen = false;
  }

  #giveUp(start: number): void {
    this.#statistics.oversizeFrames++;
    this.#discard();
    this.#restart(start);
    this.#isOpen = true;
  }

  #restart(alignment: number): void {
    this.#scratch.reset(alignment);
    this.#markCount = 0;
    this.#markNext = 0;
    this.#nalCount = 0;
    this.#searchAt = SEARCH_BYTES;
  }

  /** Finds the access units in the scratch and emits them; with `isLast` the one at its end too, else that one is kept. */
  #emitComplete(isLast: boolean): void {
    const { bytes, base, end, candidates, candidateCount } = this.#scratch;
    // A start code is of use with the two bytes behind it, which tell an access unit's front.
    const lastCode = isLast ? end - 3 : end - 4;
    let open = -1; // first byte of the NAL unit under way
    let openCode = base;
    let unitStart = -1;
    let hasPicture = false;
    this.#nalCount = 0;
    for (let i = 0; i < candidateCount; i++) {
      const word = candidates[i] as number;
      for (let code = Math.max(word * 4, base), stop = Math.min(word * 4 + 4, lastCode); code < stop; code++) {
        if (bytes[code] !== 0 || bytes[code + 1] !== 0 || bytes[code + 2] !== 1) continue;
        if (open >= 0) this.#closeNal(open, code);
        openCode = code;
        open = code + 3;
        const type = (bytes[open] as number) & 31;
        const isPicture = type >= 1 && type <= NAL_IDR;
        const begins = isPicture ? ((bytes[open + 1] as number) & 0x80) !== 0 : (type >= NAL_SEI && type <= NAL_AUD) || (type >= 14 && type <= 18);
        if (hasPicture && begins) {
          this.#emit(unitStart);
          unitStart = code;
          hasPicture = false;
        }
        if (unitStart < 0) unitStart = code;
        if (isPicture) hasPicture = true;
      }
    }
    if (isLast) {
      if (open >= 0) {
        this.#closeNal(open, end);
        this.#emit(unitStart);
      }
      return;
    }
    if (unitStart < 0) unitStart = openCode;
    if (unitStart > base + 3) this.#keepFrom(unitStart);
    this.#nalCount = 0;
  }

  #keepFrom(start: number): void {
    // A zero_byte in front of the start code belongs to it.
    this.#scratch.discardBefore(start);
    const moved = start - this.#scratch.base;
    let kept = 0;
    for (let i = this.#markNext; i < this.#markCount; i++) {
      this.#markAt[kept] = Math.max(this.#scratch.base, (this.#markAt[i] ?? 0) - moved);
      this.#markDts[kept] = this.#markDts[i] ?? 0;
      this.#markCts[kept] = this.#markCts[i] ?? 0;
      kept++;
    }
    this.#markCount = kept;
    this.#markNext = 0;
  }

  /** trailing_zero_8bits and the zero_byte of the next start code are no part of a NAL unit. */
  #closeNal(start: number, codeAt: number): void {
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

  /** Emits the collected NAL units as one access unit that began at `unitStart`. */
  #emit(unitStart: number): void {
    const count = this.#nalCount;
    this.#nalCount = 0;
    const au = this.#accessUnit;
    const bytes = this.#scratch.bytes;
    if (count > MAX_NALS) {
      this.#statistics.oversizeFrames++;
      this.#lostFrames++;
      return;
    }
    let isRandomAccess = false;
    let isIdr = false;
    let hasPicture = false;
    for (let i = 0; i < count; i++) {
      const start = this.#nals[i * 2] as number;
      const type = (bytes[start] as number) & 31;
      if (type >= 1 && type <= NAL_IDR) hasPicture = true;
      if (type === NAL_IDR) isIdr = true;
      else if (type === NAL_SEI && isRecoveryPoint(bytes, start, this.#nals[i * 2 + 1] as number)) isRandomAccess = true;
      else if (type === NAL_SPS || type === NAL_PPS) this.#sets.learn(bytes, start, this.#nals[i * 2 + 1] as number);
    }
    if (!hasPicture) return;
    isRandomAccess ||= isIdr;
    if (this.#sets.hasChanges && (isRandomAccess || !this.#hasConfig)) this.#applySets();
    this.#takeTimes(unitStart);
    if (!this.#hasConfig || Number.isNaN(au.dts90k)) {
      this.#statistics.framesBeforeConfig++;
      return;
    }
    this.#collectRanges(count);
    au.bytes = bytes;
    au.words = this.#scratch.words;
    au.isRandomAccess = isRandomAccess;
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
    const bytes = this.#scratch.bytes;
    au.rangeCount = 0;
    au.sizeBytes = 0;
    for (let i = 0; i < count; i++) {
      const start = this.#nals[i * 2] as number;
      const end = this.#nals[i * 2 + 1] as number;
      const type = (bytes[start] as number) & 31;
      if (type === NAL_AUD || type === NAL_FILLER) continue;
      if ((type === NAL_SPS || type === NAL_PPS) && this.#sets.learn(bytes, start, end)) continue;
      au.ranges[au.rangeCount * 2] = start;
      au.ranges[au.rangeCount * 2 + 1] = end;
      au.rangeCount++;
      au.sizeBytes += end - start + LENGTH_PREFIX_SIZE;
    }
  }

  #applySets(): void {
    const avcC = this.#takeSets();
    // One half of the pair may be still to come.
    this.#hasConfig = avcC !== undefined && this.#sink.decoderConfig(TRACK_VIDEO, "h264", avcC);
    if (avcC === undefined || this.#hasConfig) return;
    this.#statistics.badConfigs++;
    this.#sets.forget();
  }

  /** The avcC of the new sets; undefined where they are not complete, or cannot be parsed: the frames that need them cannot be decoded either. */
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

  /** Gives the access unit the times of the PES packet in which it begins, where it is the first to do so. */
  #takeTimes(unitStart: number): void {
    const au = this.#accessUnit;
    let mark = -1;
    while (this.#markNext < this.#markCount && (this.#markAt[this.#markNext] as number) <= unitStart) mark = this.#markNext++;
    if (mark >= 0) {
      au.dts90k = this.#markDts[mark] as number;
      au.ctsOffset90k = this.#markCts[mark] as number;
      // A packet may hold two fields, or several pictures: its time is shared among them.
      const delta = (au.dts90k - this.#markedDts90k) / this.#unitsSinceMark;
      const isGap = this.#lostBytes > 0 || this.#lostFrames > 0;
      if (delta > 0 && delta <= TICKS_PER_SECOND && !isGap) this.#duration90k = Math.round(delta);
      this.#markedDts90k = au.dts90k;
      this.#unitsSinceMark = 1;
    } else {
      this.#statistics.derivedTimes++;
      au.dts90k = this.#lastDts90k + this.#duration90k;
      au.ctsOffset90k = 0;
      this.#unitsSinceMark++;
    }
    this.#lastDts90k = au.dts90k;
  }

  #reportLoss(dts90k: Ticks90k): void {
    const previous = this.#previousDts90k;
    this.#previousDts90k = dts90k;
    if (this.#lostBytes === 0 && this.#lostFrames === 0) return;
    const missing90k = Math.max(0, dts90k - previous - this.#duration90k);
    const durationMs = missing90k <= 10 * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    this.#sink.loss({ track: TRACK_VIDEO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs });
    this.#lostFrames = 0;
    this.#lostBytes = 0;
  }
}
