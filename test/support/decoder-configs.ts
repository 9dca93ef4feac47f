// Decoder configurations as FFmpeg tells them, in a form that can be compared: what a writer must change is taken out.

import type { PeerTrack } from "./peers.js";

const HVCC_ARRAYS_OFFSET = 22;
const STREAM_INFO_SIZE = 34;

/** NAL units behind start codes; zeros belong to the next start code. */
const START_CODE = /(?:00)*000001/;

/**
 * Hexadecimal; of H.264 and H.265 with start codes the NAL units alone, of H.265 the parameter sets without whether an
 * array is complete, which `hvc1` says of all.
 */
export function configOf({ codec, extradata }: Pick<PeerTrack, "codec" | "extradata">): string {
  if (/^(?:00)+01/.test(extradata))
    return extradata
      .replace(/(?:00)+$/, "")
      .split(START_CODE)
      .filter(Boolean)
      .join(" ");
  // FFmpeg publishes STREAMINFO bare; Enhanced RTMP wants "fLaC" and a block header in front.
  if (codec === "flac") return extradata.slice(-2 * STREAM_INFO_SIZE);
  const bytes = Buffer.from(extradata, "hex");
  if (codec !== "hevc" || bytes[0] !== 1) return extradata;
  let at = HVCC_ARRAYS_OFFSET + 1;
  for (let arrays = bytes[HVCC_ARRAYS_OFFSET] ?? 0; arrays > 0; arrays--) {
    bytes[at] = (bytes[at] ?? 0) & 0x3f;
    let count = bytes.readUInt16BE(at + 1);
    for (at += 3; count > 0; count--) at += 2 + bytes.readUInt16BE(at);
  }
  return bytes.toString("hex");
}
