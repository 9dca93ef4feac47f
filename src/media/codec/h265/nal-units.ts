// NAL units of H.265 (ITU-T H.265 §7.3.1.2, Table 7-1):
//
//   | forbidden 1 | nal_unit_type 6 | nuh_layer_id 6 | temporal id 3 |
//
// What belongs to another layer than the base (MV-HEVC, SHVC) is of the access unit, but begins none.

import type { NalCodec } from "../nal-codec.js";
import { parseHvcDecoderConfiguration } from "./decoder-configuration.js";
import { H265 } from "./h265.js";
import { FIRST_BLA, NAL_AUD, NAL_FILLER, NAL_PPS, NAL_PREFIX_SEI, NAL_VPS, nalType } from "./nal.js";
import { H265PictureFacts } from "./picture-facts.js";

const LAST_SLICE = 31;

export const H265_NAL_UNITS: NalCodec = {
  entry: H265,
  headerBytes: 2,
  lengthSizeIndex: 21,
  isSlice: (bytes, at) => isSliceType(nalType(bytes, at)),
  beginsAccessUnit(bytes, at) {
    if (((bytes[at] ?? 0) & 1) !== 0 || ((bytes[at + 1] ?? 0) & 0xf8) !== 0) return false; // nuh_layer_id
    const type = nalType(bytes, at);
    // §7.4.2.4.4; the first bit of a slice is first_slice_segment_in_pic_flag.
    if (isSliceType(type)) return ((bytes[at + 2] ?? 0) & 0x80) !== 0;
    return (type >= NAL_VPS && type <= NAL_AUD) || type === NAL_PREFIX_SEI || isReserved(type);
  },
  isParameterSet(bytes, at) {
    const type = nalType(bytes, at);
    return type >= NAL_VPS && type <= NAL_PPS;
  },
  isDelimiter: (bytes, at) => nalType(bytes, at) === NAL_AUD,
  isLeftOut(bytes, at) {
    const type = nalType(bytes, at);
    return type === NAL_AUD || type === NAL_FILLER;
  },
  createFacts: () => new H265PictureFacts(),
  parameterSetsOf: (record) => parseHvcDecoderConfiguration(record).parameterSets,
};

function isSliceType(type: number): boolean {
  return type <= 9 || (type >= FIRST_BLA && type < LAST_SLICE);
}

/** RSV_NVCL41 to 44, UNSPEC48 to 55. */
function isReserved(type: number): boolean {
  return (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
}
