// From the PES payloads of an ADTS stream to raw AAC access units (ISO/IEC 13818-7 §6.2).
//
// A header is believed when it repeats the fixed part of the one before, or when another one like it stands where its
// frame ends.

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
import type { AssemblerContext } from "./assembler.js";
import { AudioAssembler } from "./audio-assembler.js";

/**
 * Frames are taken as they complete, so that little more than two are ever held: one, and the next that bears it out.
 */
const SCRATCH_SIZE = 32 * 1024;

export class AacAssembler extends AudioAssembler {
  /** The fixed header in force: 28 bits, 0 = none. */
  #fixed = 0;
  /**
   * The channels are described in band: the element that does, behind SCRATCH_SIZE, is put in front of frames that come
   * without it.
   */
  #isDescribed = false;
  #objectType = 0;
  #rateIndex = 0;
  #describedBytes = 0;

  constructor(context: AssemblerContext) {
    super(context, SCRATCH_SIZE, MAX_PROGRAM_CONFIG_SIZE);
  }

  protected takeFrames(isLast: boolean): void {
    while (this.to - this.from >= ADTS_HEADER_SIZE) {
      const at = this.from;
      const size = adtsFrameSize(this.scratch.bytes, at);
      if (size === 0) {
        this.skipByte();
        continue;
      }
      if (at + size > this.to) return;
      if (adtsFixedHeader(this.scratch.bytes, at) !== this.#fixed) {
        const next = at + size;
        if (next + ADTS_HEADER_SIZE > this.to) {
          if (!isLast) return;
          if (next !== this.to || this.#fixed !== 0) return;
        } else if (
          adtsFrameSize(this.scratch.bytes, next) === 0 ||
          adtsFixedHeader(this.scratch.bytes, next) !== adtsFixedHeader(this.scratch.bytes, at)
        ) {
          this.skipByte();
          continue;
        }
        this.#configure(at);
      }
      this.#emit(at, size);
      this.consume(at + size);
    }
  }

  /** AudioSpecificConfig from an ADTS header: profile + 1, the rate's index, the channels. */
  #configure(at: number): void {
    const { bytes } = this.scratch;
    const objectType = adtsObjectType(bytes, at);
    const rateIndex = adtsRateIndex(bytes, at);
    this.#objectType = objectType;
    this.#rateIndex = rateIndex;
    const channelConfiguration = adtsChannelConfiguration(bytes, at);
    this.#fixed = adtsFixedHeader(bytes, at);
    this.sampleRate = AAC_SAMPLE_RATES[rateIndex] ?? 48000;
    this.hasConfig = false;
    this.#isDescribed = channelConfiguration === 0;
    this.#describedBytes = 0;
    if (this.#isDescribed) return;
    const config = Uint8Array.of(
      (objectType << 3) | (rateIndex >> 1),
      ((rateIndex & 1) << 7) | (channelConfiguration << 3),
    );
    this.useConfig(AAC.name, config);
  }

  /** Looks for a program_config_element at the front of a frame. True where the frame has the one in force. */
  #takeDescription(start: number, end: number): boolean {
    const { bytes } = this.scratch;
    if ((bytes[start] as number) >> 5 !== ID_PCE) {
      if (this.#describedBytes === 0)
        this.onUnsupported(
          "AAC whose channels are described in band, before a description (program_config_element) has come",
        );
      return false;
    }
    let same = 0;
    while (same < this.#describedBytes && bytes[start + same] === bytes[SCRATCH_SIZE + same]) same++;
    if (this.#describedBytes > 0 && same === this.#describedBytes) return true;
    this.hasConfig = false;
    this.#describedBytes = 0;
    try {
      const { sizeBytes, audioSpecificConfig } = parseProgramConfig(
        bytes.subarray(start, end),
        this.#objectType,
        this.#rateIndex,
      );
      bytes.copyWithin(SCRATCH_SIZE, start, start + sizeBytes);
      this.#describedBytes = sizeBytes;
      this.useConfig(AAC.name, audioSpecificConfig);
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      this.statistics.badConfigs++;
    }
    return true;
  }

  #emit(at: number, size: number): void {
    const dts90k = this.takeTime(at, ADTS_SAMPLES_PER_FRAME);
    const { bytes } = this.scratch;
    if (adtsBlockCount(bytes, at) > 1) {
      this.onUnsupported("AAC with several raw data blocks in one ADTS frame");
      this.lostFrames++;
      return;
    }
    const start = at + adtsHeaderSize(bytes, at);
    const isPrefixed = this.#isDescribed && !this.#takeDescription(start, at + size);
    if (!this.hasConfig || Number.isNaN(dts90k)) {
      this.statistics.framesBeforeConfig++;
      return;
    }
    this.beginFrame();
    // A file may begin with any frame: where the channels are described in band each has the description. It takes
    // whole bytes.
    if (isPrefixed) this.addRange(SCRATCH_SIZE, SCRATCH_SIZE + this.#describedBytes);
    this.addRange(start, at + size);
    this.emitFrame(dts90k, ADTS_SAMPLES_PER_FRAME);
  }
}
