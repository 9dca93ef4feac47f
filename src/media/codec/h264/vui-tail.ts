// The end of H.264's video usability information (ITU-T H.264 §E.1.1, §E.1.2), behind the colour: how many pictures may
// be decoded before one that is shown earlier.

import { ReelError } from "../../../base/reel-error.js";
import type { BitReader } from "../../bit-reader.js";

const MAX_REORDER_FRAMES = 16;
const MAX_CODED_PICTURE_BUFFERS = 32;

/**
 * max_num_reorder_frames; undefined where it is not there. A set that ends too early has been of use until now: it only
 * does not say this.
 */
export function readReorderFrames(r: BitReader): number | undefined {
  try {
    return readTail(r);
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    return undefined;
  }
}

function readTail(r: BitReader): number | undefined {
  if (r.u(1)) {
    r.ue(); // chroma_sample_loc_type_top_field
    r.ue();
  }
  if (r.u(1)) {
    r.u(32); // num_units_in_tick
    r.u(32); // time_scale
    r.u(1); // fixed_frame_rate_flag
  }
  const hasNalHrd = r.u(1) === 1;
  if (hasNalHrd) skipHrd(r);
  const hasVclHrd = r.u(1) === 1;
  if (hasVclHrd) skipHrd(r);
  if (hasNalHrd || hasVclHrd) r.u(1); // low_delay_hrd_flag
  r.u(1); // pic_struct_present_flag
  if (!r.u(1)) return undefined; // bitstream_restriction_flag
  r.u(1); // motion_vectors_over_pic_boundaries_flag
  for (let field = 0; field < 4; field++) r.ue();
  const reorderFrames = r.ue();
  return reorderFrames <= MAX_REORDER_FRAMES ? reorderFrames : undefined;
}

function skipHrd(r: BitReader): void {
  const buffers = r.ue() + 1;
  r.u(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < Math.min(buffers, MAX_CODED_PICTURE_BUFFERS); i++) {
    r.ue(); // bit_rate_value_minus1
    r.ue(); // cpb_size_value_minus1
    r.u(1); // cbr_flag
  }
  r.u(20); // four lengths of 5 bits
}
