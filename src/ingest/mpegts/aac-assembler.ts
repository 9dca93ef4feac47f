// From the PES payloads of an ADTS stream to raw AAC access units (ISO/IEC 13818-7 §6.2). A frame may span PES packets
// and a PES packet may hold several; its time belongs to the first frame that begins in it, and the frames behind
// follow by counting samples.
//
// A header is believed when it repeats the fixed part of the one before, or when another one like it stands where its
// frame ends.

import { TRACK_AUDIO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import { ReelError } from "../../base/reel-error.js";
import { AAC } from "../../media/codec/aac/aac.js";
import {
  ADTS_HEADER_SIZE,
  ADTS_SAMPLES_PER_FRAME,
  adtsBlockCount,
  adtsChannelConfiguration,
  adtsFixedHeader,
  adtsFrameSize,
  adtsHeaderSize,
  adtsObjectType,
  adtsRateIndex,
} from "../../media/codec/aac/adts.js";
import { AAC_SAMPLE_RATES } from "../../media/codec/aac/audio-specific-config.js";
import { ID_PCE, MAX_PROGRAM_CONFIG_SIZE, parseProgramConfig } from "../../media/codec/aac/program-config.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { type AccessUnitSink, newAccessUnit } from "./access-unit.js";
import { StagingBlock, type StagingBudget } from "./staging.js";

/**
 * Frames are taken as they complete, so that little more than two are ever held: one, and the next that bears it out.
 */
const SCRATCH_SIZE = 32 * 1024;
const MAX_MARKS = 64;

export class AacAssembler {
  #sink: AccessUnitSink;
  #statistics: DemuxStatistics;
  #onUnsupported: (what: string) => void;
  #scratch: StagingBlock;
  #start = 0;
  #end = 0;
  #isOpen = false;
  /** The fixed header in force: 28 bits, 0 = none. */
  #fixed = 0;
  #hasConfig = false;
  #sampleRate = 0;
  /**
   * The channels are described in band: the element that does, behind SCRATCH_SIZE, is put in front of frames that come
   * without it.
   */
  #isDescribed = false;
  #objectType = 0;
  #rateIndex = 0;
  #describedBytes = 0;
  // The last PES times that were used, and the samples since.
  #anchor90k: Ticks90k = Number.NaN;
  #samples = 0;
  // PES times that are still to be used: offset, dts.
  #markAt = new Int32Array(MAX_MARKS);
  #markDts = new Float64Array(MAX_MARKS);
  #markCount = 0;
  #lostBytes = 0;
  #lostFrames = 0;
  #nextDts90k: Ticks90k = Number.NaN;
  readonly #accessUnit = newAccessUnit(TRACK_AUDIO, false, 2);

  constructor(
    sink: AccessUnitSink,
    statistics: DemuxStatistics,
    arena: Arena,
    budget: StagingBudget,
    onUnsupported: (what: string) => void,
  ) {
    this.#sink = sink;
    this.#statistics = statistics;
    this.#scratch = new StagingBlock(arena, budget);
    this.#onUnsupported = onUnsupported;
    this.#accessUnit.isRandomAccess = true;
  }

  /** A PES packet begins; its payload follows by `push`. */
  begin(dts90k: Ticks90k): void {
    this.#isOpen = true;
    if (Number.isNaN(dts90k)) return;
    // 64 starts without one frame: none of these times is worth keeping
    if (this.#markCount === MAX_MARKS) this.#markCount = 0;
    this.#markAt[this.#markCount] = this.#end;
    this.#markDts[this.#markCount] = dts90k;
    this.#markCount++;
  }

  push(input: StagingBlock, start: number, end: number): void {
    if (!this.#isOpen) return;
    if (this.#scratch.bytes.byteLength < SCRATCH_SIZE) this.#scratch.grow(SCRATCH_SIZE + MAX_PROGRAM_CONFIG_SIZE, 0);
    if (this.#end + (end - start) > SCRATCH_SIZE) this.#compact();
    this.#scratch.copyFrom(input, start, end - start, this.#end);
    this.#end += end - start;
    this.#takeFrames(false);
  }

  lose(bytes: number): void {
    this.#lostBytes += bytes;
    if (!this.#isOpen) return;
    if (this.#end > this.#start) {
      this.#statistics.damagedFrames++;
      this.#lostFrames++;
    }
    this.#clear();
    // Samples are no longer countable: the next time comes from a PES header.
    this.#anchor90k = Number.NaN;
    this.#isOpen = false;
  }

  end(): void {
    this.#takeFrames(true);
    this.#clear();
    this.#isOpen = false;
    this.#reportLoss(Number.NaN);
  }

  free(): void {
    this.#scratch.free();
  }

  #clear(): void {
    this.#start = 0;
    this.#end = 0;
    this.#markCount = 0;
  }

  #compact(): void {
    const by = this.#start;
    this.#scratch.copyFrom(this.#scratch, by, this.#end - by, 0);
    this.#start = 0;
    this.#end -= by;
    for (let i = 0; i < this.#markCount; i++) this.#markAt[i] = Math.max(0, (this.#markAt[i] ?? 0) - by);
  }

  /** Emits every frame that is complete. At the end of the stream the last one needs no successor to be believed. */
  #takeFrames(isLast: boolean): void {
    while (this.#end - this.#start >= ADTS_HEADER_SIZE) {
      const at = this.#start;
      const size = adtsFrameSize(this.#scratch.bytes, at);
      if (size === 0) {
        this.#skipByte();
        continue;
      }
      if (at + size > this.#end) return;
      if (adtsFixedHeader(this.#scratch.bytes, at) !== this.#fixed) {
        const next = at + size;
        if (next + ADTS_HEADER_SIZE > this.#end) {
          if (!isLast) return;
          if (next !== this.#end || this.#fixed !== 0) return;
        } else if (
          adtsFrameSize(this.#scratch.bytes, next) === 0 ||
          adtsFixedHeader(this.#scratch.bytes, next) !== adtsFixedHeader(this.#scratch.bytes, at)
        ) {
          this.#skipByte();
          continue;
        }
        this.#configure(at);
      }
      this.#emit(at, size);
      this.#start = at + size;
      if (this.#start === this.#end) {
        // Times that came exactly here stay in force for the next byte.
        this.#start = 0;
        this.#end = 0;
        for (let i = 0; i < this.#markCount; i++) this.#markAt[i] = 0;
      }
    }
  }

  #skipByte(): void {
    this.#start++;
    this.#statistics.audioGarbageBytes++;
  }

  /** AudioSpecificConfig from an ADTS header: profile + 1, the rate's index, the channels. */
  #configure(at: number): void {
    const { bytes } = this.#scratch;
    const objectType = adtsObjectType(bytes, at);
    const rateIndex = adtsRateIndex(bytes, at);
    this.#objectType = objectType;
    this.#rateIndex = rateIndex;
    const channelConfiguration = adtsChannelConfiguration(bytes, at);
    this.#fixed = adtsFixedHeader(this.#scratch.bytes, at);
    this.#sampleRate = AAC_SAMPLE_RATES[rateIndex] ?? 48000;
    this.#hasConfig = false;
    this.#isDescribed = channelConfiguration === 0;
    this.#describedBytes = 0;
    if (this.#isDescribed) return;
    const config = Uint8Array.of(
      (objectType << 3) | (rateIndex >> 1),
      ((rateIndex & 1) << 7) | (channelConfiguration << 3),
    );
    this.#useConfig(config);
  }

  #useConfig(config: Uint8Array): void {
    this.#hasConfig = this.#sink.decoderConfig(TRACK_AUDIO, AAC.name, config);
    if (!this.#hasConfig) this.#statistics.badConfigs++;
  }

  /** Looks for a program_config_element at the front of a frame. True where the frame has the one in force. */
  #takeDescription(start: number, end: number): boolean {
    const bytes = this.#scratch.bytes;
    if ((bytes[start] as number) >> 5 !== ID_PCE) {
      if (this.#describedBytes === 0)
        this.#onUnsupported(
          "AAC whose channels are described in band, before a description (program_config_element) has come",
        );
      return false;
    }
    let same = 0;
    while (same < this.#describedBytes && bytes[start + same] === bytes[SCRATCH_SIZE + same]) same++;
    if (this.#describedBytes > 0 && same === this.#describedBytes) return true;
    this.#hasConfig = false;
    this.#describedBytes = 0;
    try {
      const { sizeBytes, audioSpecificConfig } = parseProgramConfig(
        bytes.subarray(start, end),
        this.#objectType,
        this.#rateIndex,
      );
      bytes.copyWithin(SCRATCH_SIZE, start, start + sizeBytes);
      this.#describedBytes = sizeBytes;
      this.#useConfig(audioSpecificConfig);
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      this.#statistics.badConfigs++;
    }
    return true;
  }

  #emit(at: number, size: number): void {
    const dts90k = this.#takeTime(at);
    const { bytes } = this.#scratch;
    if (adtsBlockCount(bytes, at) > 1) {
      this.#onUnsupported("AAC with several raw data blocks in one ADTS frame");
      this.#lostFrames++;
      return;
    }
    const start = at + adtsHeaderSize(bytes, at);
    const isPrefixed = this.#isDescribed && !this.#takeDescription(start, at + size);
    if (!this.#hasConfig || Number.isNaN(dts90k)) {
      this.#statistics.framesBeforeConfig++;
      return;
    }
    const au = this.#accessUnit;
    au.rangeCount = 0;
    au.sizeBytes = 0;
    // A file may begin with any frame: where the channels are described in band each has the description. It takes
    // whole bytes.
    if (isPrefixed) this.#addRange(SCRATCH_SIZE, SCRATCH_SIZE + this.#describedBytes);
    this.#addRange(start, at + size);
    au.dts90k = dts90k;
    this.#reportLoss(dts90k);
    this.#sink.accessUnit(au);
  }

  #addRange(start: number, end: number): void {
    const au = this.#accessUnit;
    au.ranges[au.rangeCount * 2] = this.#scratch.pointer + start;
    au.ranges[au.rangeCount * 2 + 1] = this.#scratch.pointer + end;
    au.rangeCount++;
    au.sizeBytes += end - start;
  }

  /**
   * The time of the frame at an offset: of the last PES packet that began at or before it, else counted on from the one
   * before.
   */
  #takeTime(at: number): Ticks90k {
    let used = 0;
    while (used < this.#markCount && (this.#markAt[used] as number) <= at) used++;
    if (used > 0) {
      this.#anchor90k = this.#markDts[used - 1] as number;
      this.#samples = 0;
      for (let i = used; i < this.#markCount; i++) {
        this.#markAt[i - used] = this.#markAt[i] as number;
        this.#markDts[i - used] = this.#markDts[i] as number;
      }
      this.#markCount -= used;
    }
    const dts90k = this.#anchor90k + Math.round((this.#samples * TICKS_PER_SECOND) / this.#sampleRate);
    this.#samples += ADTS_SAMPLES_PER_FRAME;
    return dts90k;
  }

  #reportLoss(dts90k: Ticks90k): void {
    const expected = this.#nextDts90k;
    this.#nextDts90k = dts90k + Math.round((ADTS_SAMPLES_PER_FRAME * TICKS_PER_SECOND) / (this.#sampleRate || 48000));
    if (this.#lostBytes === 0 && this.#lostFrames === 0) return;
    const missing90k = Math.max(0, dts90k - expected);
    const durationMs = missing90k <= 10 * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    this.#sink.loss({ track: TRACK_AUDIO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs });
    this.#lostBytes = 0;
    this.#lostFrames = 0;
  }
}
