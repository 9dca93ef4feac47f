// Decoder configurations as FFmpeg tells them, in a form that can be compared: what a writer must change is taken out.

import type { PeerTrack } from "./peers.js";

const HVCC_ARRAYS_OFFSET = 22;

/** Hexadecimal; of H.265 the parameter sets without whether an array is complete, which `hvc1` says of all. */
export function configOf({ codec, extradata }: Pick<PeerTrack, "codec" | "extradata">): string {
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
