// NAL units with lengths in front (ISO/IEC 14496-15 §5.3.2) as they come from outside, rewritten as rings want them.

/** Of frames in a ring. */
export const NAL_LENGTH_SIZE = 4;

/** Removes NAL units without bytes in place; the new end. The lengths have been checked. */
export function removeEmptyNals(bytes: Uint8Array, start: number, end: number): number {
  let to = start;
  for (let at = start; at < end; ) {
    const unit = NAL_LENGTH_SIZE + readRingNalLength(bytes, at);
    if (unit > NAL_LENGTH_SIZE) {
      bytes.copyWithin(to, at, at + unit);
      to += unit;
    }
    at += unit;
  }
  return to;
}

/**
 * Rewrites 1- or 2-byte lengths as 4-byte ones, without NAL units of no bytes. A damaged length stays one: it announces
 * what is not there.
 */
export function widenNalLengths(bytes: Uint8Array, lengthSize: number): Uint8Array {
  const walk = (visit: (at: number, size: number) => void): void => {
    for (let at = 0; at + lengthSize <= bytes.byteLength; ) {
      const size = readNalLength(bytes, at, lengthSize);
      at += lengthSize;
      if (size > 0) visit(at, size);
      at += size;
    }
  };
  let total = 0;
  walk((at, size) => {
    total += NAL_LENGTH_SIZE + Math.min(size, bytes.byteLength - at);
  });
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let to = 0;
  walk((at, size) => {
    view.setUint32(to, size);
    to += NAL_LENGTH_SIZE;
    const nal = bytes.subarray(at, at + size);
    out.set(nal, to);
    to += nal.byteLength;
  });
  return out;
}

/** One of NAL_LENGTH_SIZE bytes, which every frame has. */
export function readRingNalLength(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 16777216 + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}

export function readNalLength(bytes: Uint8Array, at: number, lengthSize: number): number {
  let length = 0;
  for (let i = 0; i < lengthSize; i++) length = length * 256 + (bytes[at + i] ?? 0);
  return length;
}
