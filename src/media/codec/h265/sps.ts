// The sequence parameter set of H.265 (ITU-T H.265 §7.3.2.2, §7.3.3, §7.3.7, Annex E), as far as it says what pictures
// look like and what an hvcC wants to know. Input comes from outside: every read and every count is bounded.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import { removeEmulationPrevention } from "../rbsp.js";
import type { VideoConfig } from "../video-config.js";
import { readVuiHead } from "../vui.js";
import { NAL_SPS, nalType } from "./nal.js";

/** Level 6.2 ends at 8192 × 4320 luma samples; a side is at most sqrt(8 × MaxLumaPs). */
const MAX_SIDE = 16888;
const HEADER_BYTES = 2;
/** general_profile_space … general_level_idc. */
const PROFILE_TIER_LEVEL_BYTES = 12;
const MAX_SHORT_TERM_SETS = 64;
const MAX_PICTURES_OF_SET = 16;
const MAX_LONG_TERM_PICTURES = 32;

export interface H265Sps extends Omit<VideoConfig, "nalLengthSize"> {
  id: number;
  vpsId: number;
  chromaFormat: number;
  bitDepthLuma: number;
  bitDepthChroma: number;
  subLayers: number;
  isTemporalIdNested: boolean;
  /** sps_max_num_reorder_pics of all sub-layers. */
  reorderFrames: number;
  /** The first 12 bytes of profile_tier_level, as an hvcC has them. */
  profileTierLevel: Uint8Array;
}

export function badH265Config(reason: string): never {
  throw new ReelError("badConfig", `H.265 decoder configuration: ${reason}`);
}

/** Parses a sequence parameter set NAL unit, its header included. Throws ReelError `badConfig`. */
export function parseH265Sps(nal: Uint8Array): H265Sps {
  if (nalType(nal, 0) !== NAL_SPS) badH265Config("not a sequence parameter set");
  const rbsp = removeEmulationPrevention(nal.subarray(HEADER_BYTES));
  const r = new BitReader(rbsp, () => badH265Config("a sequence parameter set ends too early"));
  const vpsId = r.u(4);
  const subLayers = r.u(3) + 1;
  const isTemporalIdNested = r.u(1) === 1;
  if (subLayers > 7) badH265Config("more than 7 sub-layers");
  const profileTierLevel = rbsp.slice(1, 1 + PROFILE_TIER_LEVEL_BYTES);
  skipProfileTierLevel(r, subLayers);
  const id = r.ue();
  if (id > 15) badH265Config(`sps_seq_parameter_set_id ${id}`);
  const size = readSize(r);
  const bitDepthLuma = 8 + r.ue();
  const bitDepthChroma = 8 + r.ue();
  if (bitDepthLuma > 16 || bitDepthChroma > 16) badH265Config("bit depth above 16");
  const reorderFrames = skipToVui(r, subLayers);
  const vui = r.u(1) ? readVuiHead(r) : { parWidth: 0, parHeight: 0, colour: undefined };
  const [first = 0] = profileTierLevel;
  return {
    id,
    vpsId,
    ...size,
    profile: first & 31,
    constraints: (first >> 5) & 1, // general_tier_flag
    level: profileTierLevel[PROFILE_TIER_LEVEL_BYTES - 1] ?? 0,
    ...vui,
    bitDepthLuma,
    bitDepthChroma,
    subLayers,
    isTemporalIdNested,
    reorderFrames,
    profileTierLevel,
  };
}

function skipProfileTierLevel(r: BitReader, subLayers: number): void {
  for (let i = 0; i < 3; i++) r.u(32);
  if (subLayers === 1) return;
  let bits = 0;
  for (let i = 0; i < 8; i++) {
    const isPresent = i < subLayers - 1;
    const hasProfile = r.u(1);
    const hasLevel = r.u(1);
    if (isPresent) bits += hasProfile * 88 + hasLevel * 8;
  }
  for (; bits > 0; bits -= 8) r.u(8);
}

/** From chroma_format_idc to the conformance window. */
function readSize(r: BitReader): { chromaFormat: number; width: number; height: number } {
  const chromaFormat = r.ue();
  if (chromaFormat > 3) badH265Config(`chroma_format_idc ${chromaFormat}`);
  const hasSeparatePlanes = chromaFormat === 3 && r.u(1) === 1;
  let width = r.ue();
  let height = r.ue();
  if (width > MAX_SIDE || height > MAX_SIDE) badH265Config(`${width} × ${height} is larger than any level allows`);
  if (r.u(1)) {
    const isSubsampled = !hasSeparatePlanes && (chromaFormat === 1 || chromaFormat === 2);
    width -= (isSubsampled ? 2 : 1) * (r.ue() + r.ue());
    height -= (!hasSeparatePlanes && chromaFormat === 1 ? 2 : 1) * (r.ue() + r.ue());
  }
  if (width <= 0 || height <= 0) badH265Config("the conformance window leaves no picture");
  return { chromaFormat, width, height };
}

/** From log2_max_pic_order_cnt_lsb_minus4 to strong_intra_smoothing_enabled_flag. Answers sps_max_num_reorder_pics. */
function skipToVui(r: BitReader, subLayers: number): number {
  const orderCountBits = 4 + r.ue();
  if (orderCountBits > 16) badH265Config(`log2_max_pic_order_cnt_lsb_minus4 ${orderCountBits - 4}`);
  const isPerSubLayer = r.u(1) === 1;
  let reorderFrames = 0;
  for (let i = isPerSubLayer ? 0 : subLayers - 1; i < subLayers; i++) {
    r.ue(); // sps_max_dec_pic_buffering_minus1
    reorderFrames = r.ue();
    r.ue(); // sps_max_latency_increase_plus1
  }
  for (let field = 0; field < 6; field++) r.ue(); // sizes of coding and transform blocks, depths of their trees
  if (r.u(1) && r.u(1)) skipScalingLists(r);
  r.u(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (r.u(1)) {
    r.u(8); // bit depths of PCM
    r.ue();
    r.ue();
    r.u(1);
  }
  skipShortTermSets(r);
  if (r.u(1)) {
    const count = r.ue();
    if (count > MAX_LONG_TERM_PICTURES) badH265Config(`num_long_term_ref_pics_sps ${count}`);
    for (let i = 0; i < count; i++) r.u(orderCountBits + 1);
  }
  r.u(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  return reorderFrames;
}

/** scaling_list_data(), §7.3.4. */
function skipScalingLists(r: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      if (!r.u(1)) {
        r.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (sizeId > 1) r.se(); // scaling_list_dc_coef_minus8
      const count = Math.min(64, 1 << (4 + (sizeId << 1)));
      for (let i = 0; i < count; i++) r.se();
    }
  }
}

/** st_ref_pic_set(), §7.3.7, as often as the sequence has them. */
function skipShortTermSets(r: BitReader): void {
  const sets = r.ue();
  if (sets > MAX_SHORT_TERM_SETS) badH265Config(`num_short_term_ref_pic_sets ${sets}`);
  let previous = 0;
  for (let i = 0; i < sets; i++) previous = skipShortTermSet(r, i, previous);
}

/** Returns how many pictures it has (NumDeltaPocs); `previous` is that of the one before. */
function skipShortTermSet(r: BitReader, index: number, previous: number): number {
  if (index > 0 && r.u(1)) {
    r.u(1); // delta_rps_sign
    r.ue(); // abs_delta_rps_minus1
    let pictures = 0;
    for (let j = 0; j <= previous; j++) if (r.u(1) || r.u(1)) pictures++;
    return pictures;
  }
  const negative = r.ue();
  const positive = r.ue();
  if (negative > MAX_PICTURES_OF_SET || positive > MAX_PICTURES_OF_SET) badH265Config("too many reference pictures");
  for (let i = 0; i < negative + positive; i++) {
    r.ue(); // delta_poc_s0_minus1, delta_poc_s1_minus1
    r.u(1);
  }
  return negative + positive;
}
