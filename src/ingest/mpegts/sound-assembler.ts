// From PES payloads to access units of the codecs whose frames say all that a decoder must know (MPEG audio, AC-3,
// E-AC-3).
//
// A header is believed when it says the same as the one before, or when another one like it stands where its frame
// ends.

import type { SoundHeader } from "../../media/codec/sound-header.js";
import type { AssemblerContext } from "./assembler.js";
import { AudioAssembler } from "./audio-assembler.js";

/** The largest frame, of E-AC-3, has 4 KiB, and eight of its substreams may depend on it. */
const SCRATCH_SIZE = 64 * 1024;
const UNKNOWN = -1;

export class SoundAssembler extends AudioAssembler {
  readonly #header: SoundHeader;
  readonly #hasContinuations: boolean;
  /** Of the header in force. */
  #identity = UNKNOWN;

  /** `hasContinuations`: an access unit may have several frames, so that it ends where the next one begins. */
  constructor(header: SoundHeader, hasContinuations: boolean, context: AssemblerContext) {
    super(context, SCRATCH_SIZE);
    this.#header = header;
    this.#hasContinuations = hasContinuations;
  }

  protected takeFrames(isLast: boolean): void {
    const header = this.#header;
    const { bytes } = this.scratch;
    while (this.to - this.from >= header.headerBytes) {
      const at = this.from;
      if (!header.parse(bytes, at) || header.isContinuation) {
        this.skipByte();
        continue;
      }
      const { identity } = header;
      const size = this.#hasContinuations ? this.#unitBytes(at, isLast) : header.sizeBytes;
      if (size === 0 || at + size > this.to) return;
      if (identity !== this.#identity) {
        const next = at + size;
        if (next + header.headerBytes > this.to) {
          if (!isLast || next !== this.to || this.#identity !== UNKNOWN) return;
        } else if (!header.parse(bytes, next) || header.identity !== identity) {
          this.skipByte();
          continue;
        }
      }
      header.parse(bytes, at);
      this.#emit(at, size);
      this.consume(at + size);
    }
  }

  /** The access unit that begins at `at`; 0 where its end is not there yet. */
  #unitBytes(at: number, isLast: boolean): number {
    const header = this.#header;
    for (let next = at + header.sizeBytes; ; next += header.sizeBytes) {
      if (next + header.headerBytes > this.to) return isLast ? next - at : 0;
      if (!header.parse(this.scratch.bytes, next) || !header.isContinuation) return next - at;
      if (next - at > SCRATCH_SIZE / 2) return next - at;
    }
  }

  #emit(at: number, size: number): void {
    const header = this.#header;
    const { samples } = header;
    this.sampleRate = header.sampleRate;
    if (header.identity !== this.#identity) {
      this.#identity = header.identity;
      this.useConfig(header.codec, header.config(this.scratch.bytes, at, size));
    }
    const dts90k = this.takeTime(at, samples);
    if (!this.hasConfig || Number.isNaN(dts90k)) {
      this.statistics.framesBeforeConfig++;
      return;
    }
    this.beginFrame();
    this.addRange(at, at + size);
    this.emitFrame(dts90k, samples);
  }
}
