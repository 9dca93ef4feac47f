// What the NAL units of one picture say about random access (ITU-T H.264 §7.3.3, §D.2.8): an IDR, a recovery point and
// how many frames it takes, slices that are all intra. Facts only; RandomAccessRule (src/stream) makes the decision.

import { NAL_IDR, NAL_PPS, NAL_SEI, NAL_SPS } from "./nal.js";

const NAL_PARTITION_A = 2;
const SEI_RECOVERY_POINT = 6;
/** recovery_frame_cnt is below MaxFrameNum, which is at most 2^16. */
const MAX_RECOVERY_FRAMES = 65535;

export class PictureFacts {
  hasNal = false;
  /** A slice, whole or in partitions. NAL units without one are no picture. */
  hasSlice = false;
  hasIdr = false;
  /** recovery_frame_cnt of the recovery point in front of the first slice; -1 = there is none. */
  recoveryFrames = -1;
  /** No slice refers to another picture: slice_type I or SI. */
  isIntra = false;
  /** The access unit brings parameter sets. */
  hasParameterSet = false;

  reset(): void {
    this.hasNal = false;
    this.hasSlice = false;
    this.hasIdr = false;
    this.recoveryFrames = -1;
    this.isIntra = false;
    this.hasParameterSet = false;
  }

  /** Takes the NAL unit [start, end), its header byte included. Allocates nothing. */
  take(bytes: Uint8Array, start: number, end: number): void {
    const type = (bytes[start] ?? 0) & 31;
    this.hasNal = true;
    if (type >= 1 && type <= NAL_IDR) {
      const isIntra = type === NAL_IDR || (type <= NAL_PARTITION_A && isIntraSlice(bytes, start + 1, end));
      // Partitions B and C have no slice type of their own.
      if (type <= NAL_PARTITION_A || type === NAL_IDR) this.isIntra = isIntra && (this.isIntra || !this.hasSlice);
      this.hasSlice = true;
      if (type === NAL_IDR) this.hasIdr = true;
    } else if (type === NAL_SEI) {
      if (!this.hasSlice && this.recoveryFrames < 0) this.recoveryFrames = recoveryFrameCount(bytes, start, end);
    } else if (type === NAL_SPS || type === NAL_PPS) this.hasParameterSet = true;
  }
}

/** slice_type stands behind first_mb_in_slice. So near the front no emulation prevention can occur. */
function isIntraSlice(bytes: Uint8Array, start: number, end: number): boolean {
  const bits = { bytes, bit: start * 8, end: end * 8 };
  if (readUe(bits) < 0) return false;
  const sliceType = readUe(bits) % 5;
  return sliceType === 2 || sliceType === 4;
}

interface Bits {
  bytes: Uint8Array;
  bit: number;
  end: number;
}

/** ue(v) of at most 20 leading zeros; -1 where it is longer or reaches past the end. */
function readUe(bits: Bits): number {
  let zeros = 0;
  while (bits.bit < bits.end && bitAt(bits.bytes, bits.bit) === 0) {
    bits.bit++;
    if (++zeros > 20) return -1;
  }
  if (bits.bit + zeros + 1 > bits.end) return -1;
  let value = 0;
  for (let i = 0; i <= zeros; i++, bits.bit++) value = value * 2 + bitAt(bits.bytes, bits.bit);
  return value - 1;
}

function bitAt(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
}

/** Walks a NAL unit's bytes without its emulation_prevention_three_bytes (§7.4.1). */
class RbspCursor {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #zeros = 0;

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#zeros = 0;
  }

  /** The next byte, -1 at the end. */
  next(): number {
    if (this.#zeros >= 2 && this.#bytes[this.#at] === 3) {
      this.#at++;
      this.#zeros = 0;
    }
    if (this.#at >= this.#end) return -1;
    const byte = this.#bytes[this.#at++] as number;
    this.#zeros = byte === 0 ? this.#zeros + 1 : 0;
    return byte;
  }

  /** payloadType or payloadSize: bytes of 255 and a last one. -1 at the end. */
  nextValue(): number {
    let value = 0;
    for (;;) {
      const byte = this.next();
      if (byte < 0) return -1;
      value += byte;
      if (byte !== 255) return value;
    }
  }
}

const cursor = new RbspCursor();
const payload = new Uint8Array(8);

/** recovery_frame_cnt of the recovery point in an SEI NAL unit (§7.3.2.3.1, §D.1.8); -1 where it has none. */
export function recoveryFrameCount(bytes: Uint8Array, start: number, end: number): number {
  cursor.begin(bytes, start + 1, end);
  for (;;) {
    const type = cursor.nextValue();
    const size = cursor.nextValue();
    // rbsp_trailing_bits are no message.
    if (type < 0 || size < 0) return -1;
    let held = 0;
    for (let i = 0; i < size; i++) {
      const byte = cursor.next();
      if (byte < 0) return -1;
      if (held < payload.length) payload[held++] = byte;
    }
    if (type !== SEI_RECOVERY_POINT) continue;
    const count = readUe({ bytes: payload, bit: 0, end: held * 8 });
    return count <= MAX_RECOVERY_FRAMES ? count : -1;
  }
}
