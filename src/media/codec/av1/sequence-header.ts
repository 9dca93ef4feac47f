// The sequence header of AV1 (AV1 specification §5.5): what a container says of a track, and what a frame header needs
// to be read. Input comes from outside: every read is bounded.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { Colour } from "../video-config.js";

const UNSPECIFIED = 2;
const BT_709 = 1;
const SRGB_TRANSFER = 13;
const IDENTITY = 0;
const FIRST_LEVEL_WITH_TIER = 8;
const SELECT_SCREEN_CONTENT_TOOLS = 2;

export interface Av1SequenceHeader {
  profile: number;
  level: number;
  tier: number;
  /** Every frame is a key frame that is shown; frame headers do not say it. */
  isReducedStillPicture: boolean;
  width: number;
  height: number;
  isHighBitDepth: boolean;
  isTwelveBit: boolean;
  isMonochrome: boolean;
  subsamplingX: number;
  subsamplingY: number;
  chromaSamplePosition: number;
  colour: Colour | undefined;
}

export function badAv1Config(reason: string): never {
  throw new ReelError("badConfig", `AV1 decoder configuration: ${reason}`);
}

/** `payload`: of the OBU. Throws ReelError `badConfig`. */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const r = new BitReader(payload, () => badAv1Config("the sequence header ends too early"));
  const profile = r.u(3);
  if (profile > 2) badAv1Config(`seq_profile ${profile}`);
  r.u(1); // still_picture
  const isReducedStillPicture = r.u(1) === 1;
  const { level, tier } = isReducedStillPicture ? { level: r.u(5), tier: 0 } : readOperatingPoints(r);
  const widthBits = 1 + r.u(4);
  const heightBits = 1 + r.u(4);
  const width = 1 + r.u(widthBits);
  const height = 1 + r.u(heightBits);
  skipTools(r, isReducedStillPicture);
  return { profile, level, tier, isReducedStillPicture, width, height, ...readColourConfig(r, profile) };
}

/** From timing_info_present_flag to the last operating point; answers those of the first one. */
function readOperatingPoints(r: BitReader): { level: number; tier: number } {
  let delayBits = 0;
  if (r.u(1)) {
    r.u(32); // num_units_in_display_tick
    r.u(32); // time_scale
    if (r.u(1)) r.ue(); // num_ticks_per_picture_minus_1
    if (r.u(1)) {
      delayBits = 1 + r.u(5);
      r.u(32); // num_units_in_decoding_tick
      r.u(10); // buffer_removal_time_length_minus_1, frame_presentation_time_length_minus_1
    }
  }
  const hasDisplayDelay = r.u(1) === 1;
  const points = 1 + r.u(5);
  const first = { level: 0, tier: 0 };
  for (let i = 0; i < points; i++) {
    r.u(12); // operating_point_idc
    const level = r.u(5);
    const tier = level >= FIRST_LEVEL_WITH_TIER ? r.u(1) : 0;
    if (i === 0) Object.assign(first, { level, tier });
    if (delayBits > 0 && r.u(1)) {
      r.u(delayBits); // decoder_buffer_delay
      r.u(delayBits); // encoder_buffer_delay
      r.u(1); // low_delay_mode_flag
    }
    if (hasDisplayDelay && r.u(1)) r.u(4); // initial_display_delay_minus_1
  }
  return first;
}

/** From frame_id_numbers_present_flag to enable_restoration. */
function skipTools(r: BitReader, isReducedStillPicture: boolean): void {
  if (!isReducedStillPicture && r.u(1)) r.u(7); // lengths of frame ids
  r.u(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!isReducedStillPicture) {
    r.u(4); // enable_interintra_compound, enable_masked_compound, enable_warped_motion, enable_dual_filter
    const hasOrderHint = r.u(1) === 1;
    if (hasOrderHint) r.u(2); // enable_jnt_comp, enable_ref_frame_mvs
    const screenContentTools = r.u(1) ? SELECT_SCREEN_CONTENT_TOOLS : r.u(1);
    if (screenContentTools > 0 && r.u(1) === 0) r.u(1); // seq_force_integer_mv
    if (hasOrderHint) r.u(3); // order_hint_bits_minus_1
  }
  r.u(3); // enable_superres, enable_cdef, enable_restoration
}

type ColourConfig = Pick<
  Av1SequenceHeader,
  | "isHighBitDepth"
  | "isTwelveBit"
  | "isMonochrome"
  | "subsamplingX"
  | "subsamplingY"
  | "chromaSamplePosition"
  | "colour"
>;

/** color_config(), §5.5.2. */
function readColourConfig(r: BitReader, profile: number): ColourConfig {
  const isHighBitDepth = r.u(1) === 1;
  const isTwelveBit = profile === 2 && isHighBitDepth && r.u(1) === 1;
  const isMonochrome = profile !== 1 && r.u(1) === 1;
  const isDescribed = r.u(1) === 1;
  const primaries = isDescribed ? r.u(8) : UNSPECIFIED;
  const transfer = isDescribed ? r.u(8) : UNSPECIFIED;
  const matrix = isDescribed ? r.u(8) : UNSPECIFIED;
  const isSrgb = !isMonochrome && primaries === BT_709 && transfer === SRGB_TRANSFER && matrix === IDENTITY;
  const fullRange = isSrgb || r.u(1) === 1;
  let subsamplingX = isSrgb ? 0 : 1;
  let subsamplingY = subsamplingX;
  if (!isMonochrome && !isSrgb) {
    if (profile === 1) subsamplingX = 0;
    else if (isTwelveBit) subsamplingX = r.u(1);
    subsamplingY = profile === 0 ? 1 : isTwelveBit && subsamplingX ? r.u(1) : 0;
  }
  const hasPosition = !isMonochrome && subsamplingX === 1 && subsamplingY === 1;
  const chromaSamplePosition = hasPosition ? r.u(2) : 0;
  const colour = isDescribed || fullRange ? { primaries, transfer, matrix, fullRange } : undefined;
  return { isHighBitDepth, isTwelveBit, isMonochrome, subsamplingX, subsamplingY, chromaSamplePosition, colour };
}
