// The front of video usability information, which H.264 (Annex E.1.1) and H.265 (Annex E.2.1) have in common: sample
// aspect ratio and colour.

import type { BitReader } from "../bit-reader.js";
import type { Colour } from "./video-config.js";

/** Table E-1 of both. */
const SAMPLE_ASPECT_RATIOS: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
const EXTENDED_SAR = 255;

export interface VuiHead {
  parWidth: number;
  parHeight: number;
  colour: Colour | undefined;
}

/** From aspect_ratio_info_present_flag to matrix_coefficients. */
export function readVuiHead(r: BitReader): VuiHead {
  let parWidth = 0;
  let parHeight = 0;
  let colour: Colour | undefined;
  if (r.u(1)) {
    const index = r.u(8);
    const known = SAMPLE_ASPECT_RATIOS[index];
    if (index === EXTENDED_SAR) {
      parWidth = r.u(16);
      parHeight = r.u(16);
    } else if (known) [parWidth, parHeight] = known;
  }
  if (r.u(1)) r.u(1); // overscan
  if (r.u(1)) {
    r.u(3); // video_format
    const fullRange = r.u(1) === 1;
    // Without a colour description the three codes are 2, "unspecified".
    colour = { primaries: 2, transfer: 2, matrix: 2, fullRange };
    if (r.u(1)) colour = { primaries: r.u(8), transfer: r.u(8), matrix: r.u(8), fullRange };
    else if (!fullRange) colour = undefined;
  }
  return { parWidth, parHeight, colour };
}
