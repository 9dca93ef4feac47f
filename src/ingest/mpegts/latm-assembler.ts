// From the PES payloads of a LATM stream in LOAS to raw AAC access units (ISO/IEC 14496-3 §1.7), which lie at any bit.
//
// A frame is believed where it follows another one, or where another one follows it.

import { AAC } from "../../media/codec/aac/aac.js";
import {
  AudioMuxReader,
  copyFromBit,
  LOAS_HEADER_SIZE,
  loasFrameSize,
  MAX_LOAS_FRAME_SIZE,
} from "../../media/codec/aac/latm.js";
import type { StreamMuxConfig } from "../../media/codec/aac/stream-mux-config.js";
import type { AssemblerContext } from "./assembler.js";
import { AudioAssembler } from "./audio-assembler.js";

const SCRATCH_SIZE = 32 * 1024;

export class LatmAssembler extends AudioAssembler {
  readonly #reader = new AudioMuxReader();
  readonly #refuse: (what: string | undefined) => void;
  /** The one that was handed on last. */
  #config: StreamMuxConfig | undefined;
  /** The last frame ended where the next one is looked for. */
  #isInStep = false;

  constructor(context: AssemblerContext) {
    super(context, SCRATCH_SIZE, MAX_LOAS_FRAME_SIZE);
    this.#refuse = context.refuse;
  }

  override lose(bytes: number): void {
    this.#isInStep = false;
    super.lose(bytes);
  }

  protected takeFrames(isLast: boolean): void {
    const { bytes } = this.scratch;
    while (this.to - this.from >= LOAS_HEADER_SIZE) {
      const at = this.from;
      const size = loasFrameSize(bytes, at);
      const next = at + size;
      const isSeen = size > 0 && next + LOAS_HEADER_SIZE <= this.to;
      if (size > 0 && next <= this.to && (this.#isInStep || (isSeen ? loasFrameSize(bytes, next) > 0 : isLast))) {
        this.#take(at, next);
        this.#isInStep = true;
        this.consume(next);
        continue;
      }
      // What bears a frame out may still come, or the rest of it.
      if (size > 0 && !isLast && (!isSeen || this.#isInStep)) return;
      this.#isInStep = false;
      this.skipByte();
    }
  }

  #take(at: number, end: number): void {
    const reader = this.#reader;
    const { bytes } = this.scratch;
    const isRead = reader.read(bytes, at + LOAS_HEADER_SIZE, end);
    this.#refuse(reader.refused);
    if (reader.config !== this.#config) this.#configure(reader.config);
    const { config } = reader;
    if (!isRead || !config) {
      if (config) this.#giveUp(at, config);
      else this.statistics.framesBeforeConfig++;
      return;
    }
    const samples = config.audio.samplesPerFrame;
    for (let i = 0; i < reader.payloads; i++) {
      const dts90k = this.takeTime(at, samples);
      const bit = reader.payloadBit[i] ?? 0;
      const size = reader.payloadBytes[i] ?? 0;
      if (!this.hasConfig || Number.isNaN(dts90k)) this.statistics.framesBeforeConfig++;
      else if (size > 0) this.#emit(bit, size, dts90k, samples);
    }
  }

  #giveUp(at: number, { audio, subFrames }: StreamMuxConfig): void {
    this.takeTime(at, audio.samplesPerFrame * subFrames);
    this.statistics.damagedFrames++;
    this.lostFrames += subFrames;
  }

  #emit(bit: number, size: number, dts90k: number, samples: number): void {
    const { bytes } = this.scratch;
    this.beginFrame();
    if ((bit & 7) === 0) this.addRange(bit >> 3, (bit >> 3) + size);
    else {
      // Into the assembler's own bytes, which the sink has read before the next access unit comes.
      copyFromBit(bytes, SCRATCH_SIZE, bytes, bit, size);
      this.addRange(SCRATCH_SIZE, SCRATCH_SIZE + size);
    }
    this.emitFrame(dts90k, samples);
  }

  #configure(config: StreamMuxConfig | undefined): void {
    this.#config = config;
    this.hasConfig = false;
    if (!config) return;
    this.sampleRate = config.audio.sampleRate;
    this.useConfig(AAC.name, config.audioSpecificConfig);
  }
}
