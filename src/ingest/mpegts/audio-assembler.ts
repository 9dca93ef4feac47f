// What the assemblers of all sound codecs have in common: PES payloads are put together in a scratch block, and each
// frame gets a time. A frame may span PES packets and a PES packet may hold several; its time belongs to the first
// frame that begins in it, and the frames behind follow by counting samples.

import { TRACK_AUDIO } from "../../abi/frame.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { type AccessUnitSink, newAccessUnit } from "./access-unit.js";
import type { Assembler, AssemblerContext } from "./assembler.js";
import { StagingBlock } from "./staging.js";

const MAX_MARKS = 64;
const MAX_RANGES = 2;
const MAX_MISSING_SECONDS = 10;

export abstract class AudioAssembler implements Assembler {
  protected readonly sink: AccessUnitSink;
  protected readonly statistics: DemuxStatistics;
  protected readonly onUnsupported: (what: string) => void;
  protected readonly scratch: StagingBlock;
  /** What the scratch block holds and no frame has taken. */
  protected from = 0;
  protected to = 0;
  /** Frames are handed on. */
  protected hasConfig = false;
  protected sampleRate = 0;
  /** Frames given up since the last that was handed on. */
  protected lostFrames = 0;
  readonly #scratchBytes: number;
  readonly #ownBytes: number;
  #isOpen = false;
  // The last PES times that were used, and the samples since.
  #anchor90k: Ticks90k = Number.NaN;
  #samples = 0;
  // PES times that are still to be used: offset, dts.
  readonly #markAt = new Int32Array(MAX_MARKS);
  readonly #markDts = new Float64Array(MAX_MARKS);
  #markCount = 0;
  #lostBytes = 0;
  #next90k: Ticks90k = Number.NaN;
  readonly #accessUnit = newAccessUnit(TRACK_AUDIO, false, MAX_RANGES);

  /**
   * `scratchBytes`: more than a frame and the header behind it that bears it out, and than any one piece that is
   * pushed. `ownBytes` lie behind them and are the codec's.
   */
  constructor(context: AssemblerContext, scratchBytes: number, ownBytes = 0) {
    this.sink = context.sink;
    this.statistics = context.statistics;
    this.onUnsupported = context.onUnsupported;
    this.scratch = new StagingBlock(context.arena, context.budget);
    this.#scratchBytes = scratchBytes;
    this.#ownBytes = ownBytes;
    this.#accessUnit.isRandomAccess = true;
  }

  /** Takes every frame that is complete. At the end of the stream the last one needs no successor to be believed. */
  protected abstract takeFrames(isLast: boolean): void;

  /** A PES packet begins; its payload follows by `push`. */
  begin(dts90k: Ticks90k): void {
    this.#isOpen = true;
    if (Number.isNaN(dts90k)) return;
    // 64 starts without one frame: none of these times is worth keeping
    if (this.#markCount === MAX_MARKS) this.#markCount = 0;
    this.#markAt[this.#markCount] = this.to;
    this.#markDts[this.#markCount] = dts90k;
    this.#markCount++;
  }

  push(input: StagingBlock, start: number, end: number): void {
    if (!this.#isOpen) return;
    const { scratch } = this;
    if (scratch.bytes.byteLength < this.#scratchBytes) scratch.grow(this.#scratchBytes + this.#ownBytes, 0);
    if (this.to + (end - start) > this.#scratchBytes) this.#compact();
    scratch.copyFrom(input, start, end - start, this.to);
    this.to += end - start;
    this.takeFrames(false);
  }

  lose(bytes: number): void {
    this.#lostBytes += bytes;
    if (!this.#isOpen) return;
    if (this.to > this.from) {
      this.statistics.damagedFrames++;
      this.lostFrames++;
    }
    this.#clear();
    // Samples are no longer countable: the next time comes from a PES header.
    this.#anchor90k = Number.NaN;
    this.#isOpen = false;
  }

  end(): void {
    this.takeFrames(true);
    this.#clear();
    this.#isOpen = false;
    this.#reportLoss(Number.NaN, 0);
  }

  free(): void {
    this.scratch.free();
  }

  /** The bytes up to `at` are done with. */
  protected consume(at: number): void {
    this.from = at;
    if (this.from < this.to) return;
    // Times that came exactly here stay in force for the next byte.
    this.from = 0;
    this.to = 0;
    for (let i = 0; i < this.#markCount; i++) this.#markAt[i] = 0;
  }

  protected skipByte(): void {
    this.from++;
    this.statistics.audioGarbageBytes++;
  }

  protected useConfig(codec: CodecName, bytes: Uint8Array): void {
    this.hasConfig = this.sink.decoderConfig(TRACK_AUDIO, codec, bytes);
    if (!this.hasConfig) this.statistics.badConfigs++;
  }

  /** The time of the frame at an offset, which lasts `samples`; to be asked once for each frame. */
  protected takeTime(at: number, samples: number): Ticks90k {
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
    const dts90k = this.#anchor90k + Math.round((this.#samples * TICKS_PER_SECOND) / this.sampleRate);
    this.#samples += samples;
    return dts90k;
  }

  protected beginFrame(): void {
    this.#accessUnit.rangeCount = 0;
    this.#accessUnit.sizeBytes = 0;
  }

  /** Bytes [start, end) of the scratch block are the frame's next ones. */
  protected addRange(start: number, end: number): void {
    const au = this.#accessUnit;
    au.ranges[au.rangeCount * 2] = this.scratch.pointer + start;
    au.ranges[au.rangeCount * 2 + 1] = this.scratch.pointer + end;
    au.rangeCount++;
    au.sizeBytes += end - start;
  }

  /** Hands the frame on. */
  protected emitFrame(dts90k: Ticks90k, samples: number): void {
    this.#accessUnit.dts90k = dts90k;
    this.#reportLoss(dts90k, samples);
    this.sink.accessUnit(this.#accessUnit);
  }

  #clear(): void {
    this.from = 0;
    this.to = 0;
    this.#markCount = 0;
  }

  #compact(): void {
    const by = this.from;
    this.scratch.copyFrom(this.scratch, by, this.to - by, 0);
    this.from = 0;
    this.to -= by;
    for (let i = 0; i < this.#markCount; i++) this.#markAt[i] = Math.max(0, (this.#markAt[i] ?? 0) - by);
  }

  #reportLoss(dts90k: Ticks90k, samples: number): void {
    const expected = this.#next90k;
    this.#next90k = dts90k + Math.round((samples * TICKS_PER_SECOND) / (this.sampleRate || 48000));
    if (this.#lostBytes === 0 && this.lostFrames === 0) return;
    const missing90k = Math.max(0, dts90k - expected);
    const durationMs = missing90k <= MAX_MISSING_SECONDS * TICKS_PER_SECOND ? missing90k / TICKS_PER_MS : 0;
    this.sink.loss({ track: TRACK_AUDIO, frames: this.lostFrames, bytes: this.#lostBytes, durationMs });
    this.#lostBytes = 0;
    this.lostFrames = 0;
  }
}
