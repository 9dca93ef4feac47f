// NAL unit types (ITU-T H.264 Table 7-1) and the few of their first bits that tell where access units and random access
// points begin.

export const NAL_IDR = 5;
export const NAL_SEI = 6;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
export const NAL_AUD = 9;
export const NAL_FILLER = 12;

/**
 * Whether these bytes open with the start code of a NAL unit that can only stand at the front of an access unit
 * (§7.4.1.2.3).
 */
export function startsPicture(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0) at++;
  if (at + 5 > end || bytes[at] !== 0 || bytes[at + 1] !== 0 || bytes[at + 2] !== 1) return false;
  const type = (bytes[at + 3] ?? 0) & 31;
  // A slice whose first_mb_in_slice is 0 has ue(v) 0, a one bit, in front.
  if (type >= 1 && type <= NAL_IDR) return ((bytes[at + 4] ?? 0) & 0x80) !== 0;
  return type === NAL_AUD || type === NAL_SPS || type === NAL_PPS || type === NAL_SEI;
}
