// The recovery point in an SEI NAL unit, which H.264 (ITU-T H.264 §7.3.2.3.1, §D.1.8) and H.265 (§7.3.5, §D.2.8) lay
// out alike: messages of type and size, 255 by 255, under emulation prevention. Nothing is allocated.

const SEI_RECOVERY_POINT = 6;

/** Bits of a byte array: where they go on, and where they end. */
export interface Bits {
  bytes: Uint8Array;
  bit: number;
  end: number;
}

/** ue(v) of at most 20 leading zeros; -1 where it is longer or reaches past the end. */
export function readUe(bits: Bits): number {
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
const payloadBits = { bytes: payload, bit: 0, end: 0 };

/**
 * The Exp-Golomb code that the recovery point begins with, as ue(v); -1 where there is none. `start` is behind the NAL
 * unit's header.
 */
export function recoveryPointCount(bytes: Uint8Array, start: number, end: number): number {
  cursor.begin(bytes, start, end);
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
    payloadBits.bit = 0;
    payloadBits.end = held * 8;
    return readUe(payloadBits);
  }
}
