// From the PES payloads of an H.264 or H.265 stream to its access units (ISO/IEC 13818-1 §2.14, §2.17), whatever the
// PES packets hold: one access unit, several, or a part of one. What becomes of them is NalPictures'
// (../nal-pictures.ts).
//
// The scratch is scanned once, as it fills:
//
//   | first field, held | NAL units of the access unit under way | ─▶ scanned up to here ─▶ | end

import type { Arena } from "../../arena/arena.js";
import { type NalCodec, startsAccessUnit } from "../../media/codec/nal-codec.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import type { Ticks90k } from "../../time/units.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { NalPictures } from "../nal-pictures.js";
import type { AccessUnitSink } from "./access-unit.js";
import { AnnexBScratch } from "./annex-b-scratch.js";
import { NalTimes } from "./nal-times.js";
import type { StagingBlock, StagingBudget } from "./staging.js";

/** How much may gather without a PES start before complete access units are looked for. */
const SEARCH_BYTES = 512 * 1024;

export class NalAssembler {
  readonly #codec: NalCodec;
  #statistics: DemuxStatistics;
  #maxBytes: number;
  #scratch: AnnexBScratch;
  #times: NalTimes;
  readonly #pictures: NalPictures;
  /** Bytes count only from a PES start on, and not after a loss. */
  #isOpen = false;
  #scanWhenBytes = SEARCH_BYTES;
  // The scan: where it goes on; the first byte of the NAL unit and of the access unit under way, -1 = none.
  #scanAt = 0;
  #nalStart = -1;
  #unitStart = -1;
  #hasPicture = false;

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
    this.#statistics = statistics;
    this.#scratch = new AnnexBScratch(arena, budget);
    this.#times = new NalTimes(statistics);
    this.#maxBytes = maxAccessUnitBytes;
    this.#pictures = new NalPictures({
      codec,
      sets,
      times: this.#times,
      scratch: this.#scratch,
      sink,
      statistics,
      maxAccessUnitBytes,
      resumesAtRandomAccess: false,
    });
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
      if (this.#pictures.isHolding) this.#keepFrom(this.#pictures.heldStart);
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
    this.#pictures.lose(0, bytes);
    if (this.#isOpen) {
      if (this.#scratch.end > 0) this.#statistics.damagedFrames++;
      this.#discard();
    }
  }

  /** No more bytes will come: the access unit under way is complete. */
  end(): void {
    if (this.#isOpen) this.#scan(true);
    this.#pictures.emitHeld();
    this.#restart();
    this.#isOpen = false;
    this.#pictures.reportLoss(Number.NaN);
  }

  free(): void {
    this.#scratch.free();
  }

  #discard(): void {
    if (this.#scratch.end > 0) this.#pictures.lose(1, this.#scratch.end);
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
    this.#pictures.clear();
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
      if (this.#nalStart >= 0) this.#pictures.addNal(this.#nalStart, code);
      const start = code + 3;
      this.#nalStart = start;
      if (this.#hasPicture && codec.beginsAccessUnit(bytes, start)) {
        this.#pictures.finishUnit(this.#unitStart);
        this.#unitStart = code;
        this.#hasPicture = false;
      }
      if (this.#unitStart < 0) this.#unitStart = code;
      if (codec.isSlice(bytes, start)) this.#hasPicture = true;
    }
    if (isLast) {
      if (this.#nalStart >= 0) this.#pictures.addNal(this.#nalStart, end);
      if (this.#unitStart >= 0) this.#pictures.finishUnit(this.#unitStart);
      this.#nalStart = -1;
      this.#unitStart = -1;
      this.#hasPicture = false;
      this.#scanAt = end;
      return;
    }
    this.#scanAt = Math.max(this.#scanAt, Math.min(code, end - 2));
    const kept = this.#pictures.isHolding ? this.#pictures.heldStart : this.#unitStart;
    if (kept > 0) this.#keepFrom(kept);
  }

  /** Drops what has been handed on; all that refers to the rest moves with it. */
  #keepFrom(start: number): void {
    this.#scratch.discardBefore(start);
    this.#times.shift(start);
    this.#scanAt -= start;
    if (this.#nalStart >= 0) this.#nalStart -= start;
    if (this.#unitStart >= 0) this.#unitStart -= start;
    this.#pictures.shift(start);
  }
}
