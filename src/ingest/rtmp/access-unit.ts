// Length-prefixed H.264 access units (ISO/IEC 14496-15 §5.3.2) as they come from outside: are the lengths true, and can
// decoding start here? Muxer kernels rely on what is checked here.

const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SEI = 6;
const SEI_RECOVERY_POINT = 6;
const LENGTH_SIZE = 4;

// What inspectAccessUnit finds, as bits.
export const AU_HAS_NAL = 1;
export const AU_HAS_IDR = 2;
/**
 * A recovery point in front of the first slice: where open GOPs and intra refresh let decoding start (ITU-T H.264
 * §D.2.8).
 */
export const AU_HAS_RECOVERY_POINT = 4;
/** A length reaches past the end. */
export const AU_IS_DAMAGED = 8;
/** A NAL unit without bytes: legal nowhere, harmless once removed. */
export const AU_HAS_EMPTY_NAL = 16;

/** Walks the NAL units of `bytes[start…end]`, 4-byte lengths. Takes one step per NAL unit and allocates nothing. */
export function inspectAccessUnit(bytes: Uint8Array, start: number, end: number): number {
  let found = 0;
  let at = start;
  let seenSlice = false;
  while (at < end) {
    const nal = at + LENGTH_SIZE;
    if (nal > end) return found | AU_IS_DAMAGED;
    const size = readLength(bytes, at, LENGTH_SIZE);
    if (size > end - nal) return found | AU_IS_DAMAGED;
    at = nal + size;
    if (size === 0) {
      found |= AU_HAS_EMPTY_NAL;
      continue;
    }
    found |= AU_HAS_NAL;
    const type = (bytes[nal] ?? 0) & 31;
    if (type === NAL_IDR) found |= AU_HAS_IDR;
    if (type >= NAL_SLICE && type <= NAL_IDR) seenSlice = true;
    else if (type === NAL_SEI && !seenSlice && hasRecoveryPoint(bytes, nal + 1, at)) found |= AU_HAS_RECOVERY_POINT;
  }
  return found;
}

/**
 * Walks the messages of an SEI NAL unit, §7.3.2.3.1. Emulation prevention can only shift what follows a long payload:
 * then the answer is no.
 */
function hasRecoveryPoint(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at + 2 < end) {
    let type = 0;
    while (at < end && bytes[at] === 255) {
      type += 255;
      at++;
    }
    type += bytes[at++] ?? 0;
    if (type === SEI_RECOVERY_POINT) return true;
    let size = 0;
    while (at < end && bytes[at] === 255) {
      size += 255;
      at++;
    }
    size += bytes[at++] ?? 0;
    at += size;
  }
  return false;
}

/** Removes NAL units without bytes in place; the new end. The lengths have been checked. */
export function removeEmptyNals(bytes: Uint8Array, start: number, end: number): number {
  let to = start;
  for (let at = start; at < end; ) {
    const unit = LENGTH_SIZE + readLength(bytes, at, LENGTH_SIZE);
    if (unit > LENGTH_SIZE) {
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
      const size = readLength(bytes, at, lengthSize);
      at += lengthSize;
      if (size > 0) visit(at, size);
      at += size;
    }
  };
  let total = 0;
  walk((at, size) => {
    total += LENGTH_SIZE + Math.min(size, bytes.byteLength - at);
  });
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let to = 0;
  walk((at, size) => {
    view.setUint32(to, size);
    to += LENGTH_SIZE;
    const nal = bytes.subarray(at, at + size);
    out.set(nal, to);
    to += nal.byteLength;
  });
  return out;
}

function readLength(bytes: Uint8Array, at: number, lengthSize: number): number {
  let length = 0;
  for (let i = 0; i < lengthSize; i++) length = length * 256 + (bytes[at + i] ?? 0);
  return length;
}
