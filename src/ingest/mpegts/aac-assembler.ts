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
import { AAC_SAMPLE_RATES } from "../../media/codec/aac/audio-specific-config.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { type AccessUnitSink, newAccessUnit } from "./access-unit.js";
import { ID_PCE, MAX_PROGRAM_CONFIG_SIZE, parseProgramConfig } from "./program-config.js";
import { StagingBlock, type StagingBudget } from "./staging.js";

const HEADER_SIZE = 7;
const CRC_SIZE = 2;
/** frame_length has 13 bits. */
const MAX_FRAME_SIZE = 8191;
/**
 * Frames are taken as they complete, so that little more than two are ever held: one, and the next that bears it out.
 */
const SCRATCH_SIZE = 32 * 1024;
const SAMPLES_PER_FRAME = 1024;
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
    while (this.#end - this.#start >= HEADER_SIZE) {
      const at = this.#start;
      const size = this.#frameSize(at);
      if (size === 0) {
        this.#skipByte();
        continue;
      }
      if (at + size > this.#end) return;
      if (this.#fixedHeader(at) !== this.#fixed) {
        const next = at + size;
        if (next + HEADER_SIZE > this.#end) {
          if (!isLast) return;
          if (next !== this.#end || this.#fixed !== 0) return;
        } else if (this.#frameSize(next) === 0 || this.#fixedHeader(next) !== this.#fixedHeader(at)) {
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

  /**
   * Everything that stays the same from frame to frame, the 28 bits of adts_fixed_header: the home bit is the last but
   * one before the lengths.
   */
  #fixedHeader(at: number): number {
    const b = this.#scratch.bytes;
    return (
      (((b[at] as number) << 20) |
        ((b[at + 1] as number) << 12) |
        ((b[at + 2] as number) << 4) |
        ((b[at + 3] as number) >> 4)) &
      ~0x3
    );
  }

  /** frame_length, or 0 where this is no header. */
  #frameSize(at: number): number {
    const b = this.#scratch.bytes;
    const b1 = b[at + 1] as number;
    if (b[at] !== 0xff || (b1 & 0xf6) !== 0xf0) return 0; // syncword, layer 0
    if ((((b[at + 2] as number) >> 2) & 15) >= AAC_SAMPLE_RATES.length) return 0;
    const size = (((b[at + 3] as number) & 3) << 11) | ((b[at + 4] as number) << 3) | ((b[at + 5] as number) >> 5);
    const headerSize = b1 & 1 ? HEADER_SIZE : HEADER_SIZE + CRC_SIZE;
    return size > headerSize && size <= MAX_FRAME_SIZE ? size : 0;
  }

  /** AudioSpecificConfig from an ADTS header: profile + 1, the rate's index, the channels. */
  #configure(at: number): void {
    const b2 = this.#scratch.bytes[at + 2] as number;
    const objectType = (b2 >> 6) + 1;
    const rateIndex = (b2 >> 2) & 15;
    this.#objectType = objectType;
    this.#rateIndex = rateIndex;
    const channelConfiguration = ((b2 & 1) << 2) | ((this.#scratch.bytes[at + 3] as number) >> 6);
    this.#fixed = this.#fixedHeader(at);
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
    const header = this.#scratch.bytes[at + 1] as number;
    if (((this.#scratch.bytes[at + 6] as number) & 3) !== 0) {
      this.#onUnsupported("AAC with several raw data blocks in one ADTS frame");
      this.#lostFrames++;
      return;
    }
    const start = at + (header & 1 ? HEADER_SIZE : HEADER_SIZE + CRC_SIZE);
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
    this.#samples += SAMPLES_PER_FRAME;
    return dts90k;
  }

  #reportLoss(dts90k: Ticks90k): void {
    const expected = this.#nextDts90k;
    this.#nextDts90k = dts90k + Math.round((SAMPLES_PER_FRAME * TICKS_PER_SECOND) / (this.#sampleRate || 48000));
    if (this.#lostBytes === 0 && this.#lostFrames === 0) return;
    const missing90k = Math.max(0, dts90k - expected);
    const durationMs = missing90k <= 10 * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    this.#sink.loss({ track: TRACK_AUDIO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs });
    this.#lostBytes = 0;
    this.#lostFrames = 0;
  }
}
