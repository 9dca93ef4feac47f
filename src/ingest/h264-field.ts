// Which field of which frame a coded picture is, from the slice header of its first slice (ITU-T H.264 §7.3.3). Sources
// that code the two fields of a frame as pictures of their own (PAFF) send them as two access units; ISO/IEC 14496-15
// §5.3.2 wants both in one sample.

import { NAL_IDR } from "../media/codec/h264/nal.js";
import type { FrameNumbering } from "../media/codec/nal-codec.js";

/**
 * first_mb_in_slice 0, slice_type, pic_parameter_set_id, colour_plane_id, frame_num and the two flags have at most 45
 * bits.
 */
const HEADER_SIZE = 16;

export class FieldPicture {
  /** False for a frame, and where the header cannot be read. */
  isField = false;
  #isBottom = false;
  #isReference = false;
  #isIdr = false;
  #frameNum = 0;
  #header = new Uint8Array(HEADER_SIZE);
  #bit = 0;

  /**
   * `numberingOf` answers how the pictures of a picture parameter set are numbered; undefined where it is not known.
   */
  parse(nal: Uint8Array, start: number, end: number, numberingOf: (ppsId: number) => FrameNumbering | undefined): void {
    this.isField = false;
    this.#unescape(nal, start + 1, end);
    this.#ue(); // first_mb_in_slice
    this.#ue(); // slice_type
    const numbering = numberingOf(this.#ue());
    if (!numbering || numbering.frameMbsOnly) return;
    if (numbering.separatePlanes) this.#u(2); // colour_plane_id
    this.#frameNum = this.#u(numbering.frameNumBits);
    this.isField = this.#u(1) === 1;
    this.#isBottom = this.#u(1) === 1;
    const nalHeader = nal[start] as number;
    this.#isReference = (nalHeader & 0x60) !== 0;
    this.#isIdr = (nalHeader & 31) === NAL_IDR;
  }

  /**
   * Whether this picture and the one before it are the fields of one frame: complementary reference or non-reference
   * fields (§3.30, §3.31).
   */
  completes(first: FieldPicture): boolean {
    return (
      this.isField &&
      first.isField &&
      !this.#isIdr &&
      this.#isBottom !== first.#isBottom &&
      this.#frameNum === first.#frameNum &&
      this.#isReference === first.#isReference
    );
  }

  /** The first bytes without emulation_prevention_three_byte. */
  #unescape(nal: Uint8Array, start: number, end: number): void {
    this.#header.fill(0);
    this.#bit = 0;
    let zeros = 0;
    for (let at = start, to = 0; at < end && to < HEADER_SIZE; at++) {
      const byte = nal[at] as number;
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
        continue;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      this.#header[to++] = byte;
    }
  }

  /** u(n), n up to 16; zeros behind the end. */
  #u(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++, this.#bit++)
      value = (value << 1) | (((this.#header[this.#bit >> 3] ?? 0) >> (7 - (this.#bit & 7))) & 1);
    return value;
  }

  /** ue(v) of up to 16 leading zeros. */
  #ue(): number {
    let zeros = 0;
    while (zeros < 16 && this.#u(1) === 0) zeros++;
    return (1 << zeros) - 1 + this.#u(zeros);
  }
}
