// The decoder configuration of a VP9 stream that comes without one (RTP), from the header of a key frame (VP9 Bitstream
// & Decoding Process Specification §6.2, §7.2.2).

import { BitReader } from "../../bit-reader.js";
import { sizedVpConfiguration, toVpRecord } from "../vp-configuration.js";
import { vp9KeyFrameSize } from "./frame-header.js";

/** frame_marker, profile and its reserved bit, show_existing_frame to error_resilient_mode, the sync code. */
const BITS_BEFORE_COLOUR = 8 + 24;
const CS_RGB = 7;
const MATRIX_RGB = 0;
const UNSPECIFIED = 2;
/** color_space → matrix_coefficients of ISO/IEC 23091-2. */
const MATRICES = [UNSPECIFIED, 6, 1, 6, 7, 9, UNSPECIFIED] as const;
/** chroma_subsampling of a vpcC: 4:2:0 with the chroma between, 4:2:2, 4:4:4. */
const SUBSAMPLING_420 = 0;
const SUBSAMPLING_422 = 2;
const SUBSAMPLING_444 = 3;

/** Undefined where the bytes are no key frame. */
export function vp9ConfigurationOf(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
  const size = vp9KeyFrameSize(bytes, at, end);
  if (!size) return undefined;
  const first = bytes[at] ?? 0;
  const profile = ((first >> 5) & 1) | ((first >> 3) & 2);
  const r = new BitReader(bytes.subarray(at, end), () => {
    throw new Error("a key frame whose size could be read ends before it");
  });
  r.u(BITS_BEFORE_COLOUR + (profile === 3 ? 1 : 0) - 32);
  r.u(32);
  const depth = profile >= 2 ? 10 + 2 * r.u(1) : 8;
  const space = r.u(3);
  const hasSubsampling = profile === 1 || profile === 3;
  let fullRange = 1;
  let subsampling = SUBSAMPLING_444;
  if (space !== CS_RGB) {
    fullRange = r.u(1);
    subsampling = SUBSAMPLING_420;
    if (hasSubsampling) {
      const x = r.u(1);
      const y = r.u(1);
      subsampling = x === 0 ? SUBSAMPLING_444 : y === 0 ? SUBSAMPLING_422 : SUBSAMPLING_420;
    }
  }
  const matrix = space === CS_RGB ? MATRIX_RGB : (MATRICES[space] ?? UNSPECIFIED);
  // The level is not in the stream; 0 says so.
  const record = Uint8Array.of(profile, 0, (depth << 4) | (subsampling << 1) | fullRange, 2, 2, matrix, 0, 0);
  return sizedVpConfiguration(toVpRecord(record), size);
}
