// Sound from packets into a sink: one access unit after the other, each with the time of its own timestamp. A loss is
// told with the next frame; every frame of sound can be decoded, or does no harm, so nothing is waited for.

import { TRACK_AUDIO } from "../../abi/frame.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { newAccessUnit } from "../mpegts/access-unit.js";
import type { DepacketizerContext } from "./depacketizer.js";
import { PacketScratch } from "./packet-scratch.js";

const MAX_MISSING_90K = 10 * TICKS_PER_SECOND;

export class SoundFrames {
  readonly #context: DepacketizerContext;
  readonly #codec: CodecName;
  readonly #scratch: PacketScratch;
  readonly #accessUnit = newAccessUnit(TRACK_AUDIO, false, 1);
  /** To be used with the next frame: a track that is announced and never sent opens nothing. */
  #newConfig: Uint8Array | undefined;
  #hasConfig = false;
  #lostFrames = 0;
  #lostBytes = 0;
  #hasLoss = false;
  /** Where the next frame is due. */
  #next90k: Ticks90k = Number.NaN;

  constructor(codec: CodecName, context: DepacketizerContext) {
    this.#codec = codec;
    this.#context = context;
    this.#scratch = new PacketScratch(context.arena, context.budget);
    this.#accessUnit.isRandomAccess = true;
  }

  useConfig(config: Uint8Array): void {
    this.#newConfig = config;
  }

  /** There is a configuration, or will be with the next frame. */
  get isConfigured(): boolean {
    return this.#hasConfig || this.#newConfig !== undefined;
  }

  /** Bytes gathered by `append`. */
  get gatheredBytes(): number {
    return this.#scratch.end;
  }

  /** A piece of an access unit that comes in several packets. */
  append(packet: Uint8Array, start: number, end: number): void {
    this.#scratch.append(packet, start, end);
  }

  appendByte(byte: number): void {
    this.#scratch.appendByte(byte);
  }

  clear(): void {
    this.#scratch.reset();
  }

  /** What was gathered is an access unit. `duration` in units of the track's clock. */
  finish(timestamp: number, duration: number): void {
    this.#emit(this.#scratch.pointer, this.#scratch.end, timestamp, duration);
    this.#scratch.reset();
  }

  /** A whole access unit. */
  frame(packet: Uint8Array, start: number, end: number, timestamp: number, duration: number): void {
    const pointer = this.#scratch.pointerOf(packet);
    if (pointer >= 0) {
      this.#emit(pointer + start, end - start, timestamp, duration);
      return;
    }
    this.#scratch.reset();
    this.#scratch.append(packet, start, end);
    this.finish(timestamp, duration);
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
    this.#scratch.free();
  }

  #emit(pointer: number, sizeBytes: number, timestamp: number, duration: number): void {
    if (sizeBytes === 0) return;
    const { sink, statistics, time } = this.#context;
    if (this.#newConfig) {
      this.#hasConfig = sink.decoderConfig(TRACK_AUDIO, this.#codec, this.#newConfig);
      this.#newConfig = undefined;
      if (!this.#hasConfig) statistics.badConfigs++;
    }
    if (!this.#hasConfig) {
      statistics.framesBeforeConfig++;
      return;
    }
    const au = this.#accessUnit;
    au.dts90k = time.ticksOf(timestamp);
    au.ranges[0] = pointer;
    au.ranges[1] = pointer + sizeBytes;
    au.rangeCount = 1;
    au.sizeBytes = sizeBytes;
    this.#tellLoss(au.dts90k);
    this.#next90k = time.ticksOf(timestamp + duration);
    sink.accessUnit(au);
  }

  #tellLoss(dts90k: Ticks90k): void {
    if (!this.#hasLoss) return;
    const missing90k = Math.max(0, dts90k - this.#next90k);
    const durationMs = missing90k <= MAX_MISSING_90K ? missing90k / TICKS_PER_MS : 0;
    const loss = { track: TRACK_AUDIO, frames: this.#lostFrames, bytes: this.#lostBytes, durationMs };
    this.#hasLoss = false;
    this.#lostFrames = 0;
    this.#lostBytes = 0;
    this.#context.sink.loss(loss);
  }
}
