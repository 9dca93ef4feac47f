// NAL units of H.264 (ITU-T H.264 §7.3.1, Table 7-1), as access units are put together of them.

import type { NalCodec } from "../nal-codec.js";
import { parseAvcDecoderConfiguration } from "./decoder-configuration.js";
import { H264 } from "./h264.js";
import { NAL_AUD, NAL_FILLER, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SPS } from "./nal.js";
import { H264PictureFacts } from "./picture-facts.js";

export const H264_NAL_UNITS: NalCodec = {
  entry: H264,
  headerBytes: 1,
  lengthSizeIndex: 4,
  isSlice(bytes, at) {
    const type = typeAt(bytes, at);
    return type >= 1 && type <= NAL_IDR;
  },
  beginsAccessUnit(bytes, at) {
    const type = typeAt(bytes, at);
    // §7.4.1.2.3; a slice whose first_mb_in_slice is 0 has ue(v) 0, a one bit, in front.
    if (type >= 1 && type <= NAL_IDR) return ((bytes[at + 1] ?? 0) & 0x80) !== 0;
    return (type >= NAL_SEI && type <= NAL_AUD) || (type >= 14 && type <= 18);
  },
  isParameterSet(bytes, at) {
    const type = typeAt(bytes, at);
    return type === NAL_SPS || type === NAL_PPS;
  },
  isDelimiter: (bytes, at) => typeAt(bytes, at) === NAL_AUD,
  isLeftOut(bytes, at) {
    const type = typeAt(bytes, at);
    return type === NAL_AUD || type === NAL_FILLER;
  },
  createFacts: () => new H264PictureFacts(),
  parameterSetsOf(record) {
    const { sps, pps } = parseAvcDecoderConfiguration(record);
    return [...sps, ...pps];
  },
};

function typeAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) & 31;
}
