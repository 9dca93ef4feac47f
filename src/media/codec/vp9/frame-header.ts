// The front of a VP9 frame (VP9 Bitstream & Decoding Process Specification §6.2, uncompressed_header()), as far as the
// picture size of a key frame and render_size() behind it.
//
//   | 2, 2 bits | profile low 1 | profile high 1 | (0, profile 3) | show existing 1 | inter 1 | show 1 | resilient 1
//   | sync code 24 | …

import { BitReader } from "../../bit-reader.js";
import type { KeyFrameSize } from "../vp-configuration.js";

const FRAME_MARKER = 2;
const SYNC_CODE = 0x498342;
const CS_RGB = 7;
/** Of the longest header up to render_size(): profile 3. */
const KEY_HEADER_BYTES = 14;

/** No container has a field for a side of 65536, which a header could say. */
const MAX_SIDE = 65535;

/** Of a key frame; undefined where it is none. Allocates only there. */
export function vp9KeyFrameSize(bytes: Uint8Array, at: number, end: number): KeyFrameSize | undefined {
  const first = bytes[at] ?? 0;
  const profile = ((first >> 5) & 1) | ((first >> 3) & 2);
  const isInterOrShown = profile === 3 ? 6 : 12;
  if (at >= end || first >> 6 !== FRAME_MARKER || (first & isInterOrShown) !== 0) return undefined;
  const head = new Uint8Array(KEY_HEADER_BYTES);
  head.set(bytes.subarray(at, Math.min(end, at + KEY_HEADER_BYTES)));
  const r = new BitReader(head, () => {
    throw new Error("the head of a key frame is longer than it can be");
  });
  r.u(profile === 3 ? 9 : 8);
  const isKey = r.u(24) === SYNC_CODE;
  if (profile >= 2) r.u(1); // ten_or_twelve_bit
  const hasSubsampling = profile === 1 || profile === 3;
  if (r.u(3) !== CS_RGB)
    r.u(hasSubsampling ? 4 : 1); // color_range, subsampling_x, subsampling_y, reserved_zero
  else if (hasSubsampling) r.u(1); // reserved_zero
  const size: KeyFrameSize = { width: 1 + r.u(16), height: 1 + r.u(16) };
  const isWithin = (): boolean => at + Math.ceil((KEY_HEADER_BYTES * 8 - r.bitsLeft) / 8) <= end;
  if (!isKey || !isWithin() || Math.max(size.width, size.height) > MAX_SIDE) return undefined;
  const isShownOtherwise = r.u(1) === 1; // render_and_frame_size_different
  if (!isShownOtherwise) return size;
  const shown = { width: 1 + r.u(16), height: 1 + r.u(16) };
  return isWithin() && Math.max(shown.width, shown.height) <= MAX_SIDE ? { ...size, shown } : size;
}
