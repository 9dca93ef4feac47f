// NAL unit types of H.265 (ITU-T H.265 Table 7-1).

export const NAL_RADL_N = 6;
export const NAL_RADL_R = 7;
/** Random access skipped leading pictures: they refer to what stands in front of their random access point. */
export const NAL_RASL_N = 8;
export const NAL_RASL_R = 9;
/** Random access points: BLA 16 to 18, IDR 19 and 20, CRA 21. */
export const FIRST_BLA = 16;
export const LAST_IDR = 20;
export const NAL_CRA = 21;
export const NAL_VPS = 32;
export const NAL_SPS = 33;
export const NAL_PPS = 34;
export const NAL_AUD = 35;
export const NAL_FILLER = 38;
export const NAL_PREFIX_SEI = 39;

export function nalType(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) >> 1) & 63;
}
