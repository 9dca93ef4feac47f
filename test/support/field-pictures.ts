// H.264 whose frames are coded as two fields (PAFF), small enough to be written by hand and real enough to be decoded:
// one I_PCM macroblock a field, frames of 16 × 32. x264 codes interlaced material as MBAFF only, so no encoder at hand
// makes such streams.

import { BitWriter } from "./bit-writer.js";

export const FIELD_WIDTH = 16;
export const FIELD_FRAME_HEIGHT = 32;
const FRAME_NUM_BITS = 4;
const NAL_IDR = 0x65;
const NAL_REFERENCE = 0x61;

/** ITU-T H.264 §7.3.2.1.1: Main profile, level 1, pic_order_cnt_type 2, one reference frame, frame_mbs_only_flag 0. */
export const FIELD_SPS = nal(
  0x67,
  new BitWriter()
    .u(8, 77)
    .u(8, 0)
    .u(8, 10)
    .ue(0) // seq_parameter_set_id
    .ue(FRAME_NUM_BITS - 4)
    .ue(2) // pic_order_cnt_type
    .ue(1) // max_num_ref_frames
    .u(1, 0)
    .ue(0) // pic_width_in_mbs_minus1
    .ue(0) // pic_height_in_map_units_minus1: of a field
    .u(1, 0) // frame_mbs_only_flag
    .u(1, 0) // mb_adaptive_frame_field_flag
    .u(1, 1) // direct_8x8_inference_flag
    .u(1, 0)
    .u(1, 0)
    .u(1, 1),
);

/** §7.3.2.2: CAVLC, deblocking_filter_control_present_flag 1, all else 0. */
export const FIELD_PPS = nal(
  0x68,
  new BitWriter()
    .ue(0)
    .ue(0)
    .u(1, 0)
    .u(1, 0)
    .ue(0)
    .ue(0)
    .ue(0)
    .u(1, 0)
    .u(2, 0)
    .se(0)
    .se(0)
    .se(0)
    .u(1, 1)
    .u(1, 0)
    .u(1, 0)
    .u(1, 1),
);

export interface FieldSpec {
  frame: number;
  isBottom: boolean;
  isIdr?: boolean;
  isReference?: boolean;
}

/** One field as a slice NAL unit. */
export function fieldSlice({ frame, isBottom, isIdr = false, isReference = true }: FieldSpec): Buffer {
  const w = new BitWriter()
    .ue(0) // first_mb_in_slice
    .ue(7) // slice_type: I
    .ue(0) // pic_parameter_set_id
    .u(FRAME_NUM_BITS, frame % 2 ** FRAME_NUM_BITS)
    .u(1, 1) // field_pic_flag
    .u(1, isBottom ? 1 : 0);
  if (isIdr)
    w.ue(0).u(2, 0); // idr_pic_id, no_output_of_prior_pics_flag, long_term_reference_flag
  else if (isReference) w.u(1, 0); // adaptive_ref_pic_marking_mode_flag
  w.se(0) // slice_qp_delta
    .ue(1) // disable_deblocking_filter_idc
    .ue(25) // mb_type: I_PCM
    .align();
  for (let i = 0; i < 384; i++) w.u(8, 16 + ((frame * 5 + i) % 200));
  return nal(isIdr ? NAL_IDR : isReference ? NAL_REFERENCE : 0x01, w.u(1, 1));
}

function nal(header: number, rbsp: BitWriter): Buffer {
  const out = [header];
  let zeros = 0;
  for (const byte of rbsp.align().bytes()) {
    if (zeros === 2 && byte <= 3) {
      out.push(3); // emulation_prevention_three_byte
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out.push(byte);
  }
  return Buffer.from(out);
}
