// Pictures that are put together of pieces and are no NAL units (AV1, VP9) on their way to a sink. After a loss frames
// are given up until one that decoding can start with, or for ten seconds at most. These codecs show pictures in the
// order of decoding.

import { TRACK_VIDEO } from "../../abi/frame.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { newAccessUnit } from "../mpegts/access-unit.js";
import type { DepacketizerContext } from "./depacketizer.js";
import { PacketScratch } from "./packet-scratch.js";

const MAX_MISSING_90K = 10 * TICKS_PER_SECOND;
/** Encoders that send key frames on demand alone are not asked for one: then it goes on without. */
const RESUME_PATIENCE_90K = 10 * TICKS_PER_SECOND;
const DEFAULT_DURATION_90K = 3600;

export class CodedPictures {
  readonly scratch: PacketScratch;
  readonly #context: DepacketizerContext;
  readonly #codec: CodecName;
  readonly #accessUnit = newAccessUnit(TRACK_VIDEO, false, 1);
  #hasConfig = false;
  #lostFrames = 0;
  #lostBytes = 0;
  #hasLoss = false;
  /** Of the first frame that was given up behind a loss. */
  #waitsSince90k: Ticks90k = Number.NaN;
  #previous90k: Ticks90k = Number.NaN;
  #duration90k: Ticks90k = DEFAULT_DURATION_90K;

  constructor(codec: CodecName, context: DepacketizerContext) {
    this.#codec = codec;
    this.#context = context;
    this.scratch = new PacketScratch(context.arena, context.budget);
  }

  useConfig(config: Uint8Array): void {
    this.#hasConfig = this.#context.sink.decoderConfig(TRACK_VIDEO, this.#codec, config);
    if (!this.#hasConfig) this.#context.statistics.badConfigs++;
  }

  /** False where the frame under way is longer than any may be; it is given up. */
  append(packet: Uint8Array, start: number, end: number): boolean {
    this.scratch.append(packet, start, end);
    if (this.scratch.end <= this.#context.maxAccessUnitBytes) return true;
    this.#context.statistics.oversizeFrames++;
    this.lose(1, this.scratch.end);
    this.scratch.reset();
    return false;
  }

  /** What the scratch holds up to `sizeBytes` is a frame. */
  finish(sizeBytes: number, timestamp: number, isKey: boolean): void {
    if (sizeBytes > 0) this.#take(sizeBytes, timestamp, isKey);
    this.scratch.reset();
  }

  #take(sizeBytes: number, timestamp: number, isKey: boolean): void {
    const { sink, statistics, time } = this.#context;
    if (!this.#hasConfig) {
      statistics.framesBeforeConfig++;
      return;
    }
    const dts90k = time.ticksOf(timestamp);
    if (this.#hasLoss && !isKey && this.#mustWait(dts90k)) {
      this.lose(1, sizeBytes);
      return;
    }
    this.#waitsSince90k = Number.NaN;
    const { pointer } = this.scratch;
    const au = this.#accessUnit;
    au.dts90k = dts90k;
    au.isRandomAccess = isKey;
    au.ranges[0] = pointer;
    au.ranges[1] = pointer + sizeBytes;
    au.rangeCount = 1;
    au.sizeBytes = sizeBytes;
    this.#tellLoss(au.dts90k);
    const step = au.dts90k - this.#previous90k;
    if (step > 0 && step <= TICKS_PER_SECOND) this.#duration90k = step;
    this.#previous90k = au.dts90k;
    sink.accessUnit(au);
  }

  #mustWait(dts90k: Ticks90k): boolean {
    if (Number.isNaN(this.#waitsSince90k)) this.#waitsSince90k = dts90k;
    const waited90k = dts90k - this.#waitsSince90k;
    return waited90k >= 0 && waited90k < RESUME_PATIENCE_90K;
  }

  /** The frame under way, where there is one, is incomplete. */
  damage(): void {
    if (this.scratch.end === 0) return;
    this.#context.statistics.damagedFrames++;
    this.lose(1, this.scratch.end);
    this.scratch.reset();
  }

  lose(frames: number, bytes: number): void {
    this.#hasLoss = true;
    this.#lostFrames += frames;
    this.#lostBytes += bytes;
  }

  end(): void {
    this.#tellLoss(Number.NaN);
  }

  free(): void {
    this.scratch.free();
  }

  #tellLoss(dts90k: Ticks90k): void {
    if (!this.#hasLoss) return;
    const missing90k = Math.max(0, dts90k - this.#previous90k - this.#duration90k);
    const durationMs = missing90k <= MAX_MISSING_90K ? missing90k / TICKS_PER_MS : 0;
    const loss = { track: TRACK_VIDEO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs };
    this.#hasLoss = false;
    this.#lostFrames = 0;
    this.#lostBytes = 0;
    this.#previous90k = Number.NaN;
    this.#context.sink.loss(loss);
  }
}
