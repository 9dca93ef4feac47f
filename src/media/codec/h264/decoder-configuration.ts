// H.264 as the control plane needs it: avcC records (ISO/IEC 14496-15 §5.3.3.1) and the fields of a sequence parameter
// set (ITU-T H.264 §7.3.2.1.1, Annex E) that say what a picture looks like. Input comes from outside: every read is
// bounded.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { FrameNumbering } from "../nal-codec.js";
import { removeEmulationPrevention } from "../rbsp.js";
import type { VideoConfig } from "../video-config.js";
import { readVuiHead } from "../vui.js";
import { readReorderFrames } from "./vui-tail.js";

export interface AvcConfig extends VideoConfig {
  sps: Uint8Array[];
  pps: Uint8Array[];
}

/** Its slices refer to earlier pictures alone (§A.2.1). */
const BASELINE = 66;
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Level 6.2 ends at 8192 × 4352 luma samples; a side is at most sqrt(8 × MaxFS). */
const MAX_SIDE = 16384;

function bad(reason: string): never {
  throw new ReelError("badConfig", `H.264 decoder configuration: ${reason}`);
}

/** Parses an AVCDecoderConfigurationRecord. Throws ReelError `badConfig`. */
export function parseAvcDecoderConfiguration(bytes: Uint8Array): AvcConfig {
  if (bytes.byteLength < 7) bad("shorter than 7 bytes");
  if (bytes[0] !== 1) bad(`configurationVersion ${bytes[0]}, expected 1`);
  const nalLengthSize = ((bytes[4] ?? 0) & 3) + 1;
  if (nalLengthSize === 3) bad("lengthSizeMinusOne 2 is reserved");
  let at = 5;
  const readSets = (count: number): Uint8Array[] => {
    const sets: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      if (at + 2 > bytes.byteLength) bad("ends inside a parameter set");
      const size = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      at += 2;
      if (size === 0 || at + size > bytes.byteLength) bad("a parameter set reaches past the end");
      sets.push(bytes.subarray(at, at + size));
      at += size;
    }
    return sets;
  };
  const sps = readSets((bytes[at++] ?? 0) & 31);
  if (at >= bytes.byteLength) bad("ends before the picture parameter sets");
  const pps = readSets(bytes[at++] ?? 0);
  const first = sps[0];
  if (!first) bad("no sequence parameter set");
  if (pps.length === 0) bad("no picture parameter set");
  return { ...parseSps(first), nalLengthSize, sps, pps };
}

/** Builds an avcC from parameter sets, as sources without one (MPEG-TS, RTSP) need it. */
export function buildAvcDecoderConfiguration(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const first = sps[0];
  if (!first || first.byteLength < 4) bad("no sequence parameter set");
  const parts: number[] = [1, first[1] ?? 0, first[2] ?? 0, first[3] ?? 0, 0xff, 0xe0 | sps.length];
  const push = (set: Uint8Array): void => {
    parts.push(set.byteLength >> 8, set.byteLength & 255, ...set);
  };
  for (const set of sps) push(set);
  parts.push(pps.length);
  for (const set of pps) push(set);
  if (HIGH_PROFILES.has(first[1] ?? 0)) {
    const { chromaFormat, bitDepthLuma, bitDepthChroma } = parseSps(first);
    parts.push(0xfc | chromaFormat, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0);
  }
  return Uint8Array.from(parts);
}

export interface SpsFields extends Omit<VideoConfig, "nalLengthSize">, FrameNumbering {
  chromaFormat: number;
  bitDepthLuma: number;
  bitDepthChroma: number;
  /** Pictures in front of one that is shown before them; undefined where the set does not say it. */
  reorderFrames: number | undefined;
}

/** Parses a sequence parameter set NAL unit, its header byte included. Throws ReelError `badConfig`. */
export function parseSps(nal: Uint8Array): SpsFields {
  if (((nal[0] ?? 0) & 31) !== 7) bad("not a sequence parameter set");
  const r = new BitReader(removeEmulationPrevention(nal.subarray(1)), () =>
    bad("a sequence parameter set ends too early"),
  );
  const profile = r.u(8);
  const constraints = r.u(8);
  const level = r.u(8);
  r.ue(); // seq_parameter_set_id
  let chromaFormat = 1;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  let separatePlanes = 0;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = r.ue();
    if (chromaFormat > 3) bad(`chroma_format_idc ${chromaFormat}`);
    if (chromaFormat === 3) separatePlanes = r.u(1);
    bitDepthLuma = 8 + r.ue();
    bitDepthChroma = 8 + r.ue();
    if (bitDepthLuma > 14 || bitDepthChroma > 14) bad("bit depth above 14");
    r.u(1); // qpprime_y_zero_transform_bypass_flag
    if (r.u(1)) {
      for (let i = 0; i < (chromaFormat === 3 ? 12 : 8); i++) if (r.u(1)) skipScalingList(r, i < 6 ? 16 : 64);
    }
  }
  const frameNumBits = 4 + r.ue();
  if (frameNumBits > 16) bad(`log2_max_frame_num_minus4 ${frameNumBits - 4}`);
  const orderType = r.ue();
  if (orderType === 0) r.ue();
  else if (orderType === 1) {
    r.u(1);
    r.se();
    r.se();
    const cycle = r.ue();
    if (cycle > 255) bad("num_ref_frames_in_pic_order_cnt_cycle above 255");
    for (let i = 0; i < cycle; i++) r.se();
  }
  r.ue(); // max_num_ref_frames
  r.u(1); // gaps_in_frame_num_value_allowed_flag
  const widthMbs = r.ue() + 1;
  const heightMapUnits = r.ue() + 1;
  const frameMbsOnly = r.u(1);
  if (!frameMbsOnly) r.u(1);
  r.u(1); // direct_8x8_inference_flag
  let width = widthMbs * 16;
  let height = heightMapUnits * 16 * (2 - frameMbsOnly);
  if (width > MAX_SIDE || height > MAX_SIDE) bad(`${width} × ${height} is larger than any level allows`);
  if (r.u(1)) {
    const chromaArrayType = separatePlanes ? 0 : chromaFormat;
    const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
    const unitY = (chromaArrayType === 1 ? 2 : 1) * (2 - frameMbsOnly);
    width -= unitX * (r.ue() + r.ue());
    height -= unitY * (r.ue() + r.ue());
    if (width <= 0 || height <= 0) bad("the cropping leaves no picture");
  }
  const hasVui = r.u(1) === 1;
  const vui = hasVui ? readVuiHead(r) : { parWidth: 0, parHeight: 0, colour: undefined };
  const isInOrder = profile === BASELINE || orderType === 2;
  const reorderFrames = isInOrder ? 0 : hasVui ? readReorderFrames(r) : undefined;
  const numbering = { frameMbsOnly: frameMbsOnly === 1, frameNumBits, separatePlanes: separatePlanes === 1 };
  return {
    width,
    height,
    profile,
    constraints,
    level,
    ...vui,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    reorderFrames,
    ...numbering,
  };
}

function skipScalingList(r: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + r.se() + 256) % 256;
    last = next === 0 ? last : next;
  }
}
