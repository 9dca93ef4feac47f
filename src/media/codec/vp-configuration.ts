// VPCodecConfigurationRecord, vpcC, of VP8 and VP9 (VP Codec ISO Media File Format Binding §2.2), with the version and
// flags of its box in front, as Enhanced RTMP has it too:
//
//   0 4 5 6 7 8 9 10 12
//   | version flags | profile | level | depth 4, format 3, range 1 | primaries | transfer | matrix
//   | initialization bytes u16 | (width u16 | height u16 (| width shown u16 | height shown u16))
//
// It does not say how large pictures are: key frames do. A configuration of ours therefore has the size behind the
// record, and behind it the size to show them in (VP9, render_size) where that is another one, so that another size is
// another configuration. Input comes from outside: every read is bounded.

import { ReelError } from "../../base/reel-error.js";
import type { VideoConfig } from "./video-config.js";

export const VPCC_BYTES = 12;
const SIZED_BYTES = 16;
const SHOWN_BYTES = 20;
const VERSION = 1;
const BARE_BYTES = 8;
const UNSPECIFIED = 2;

export interface PictureSize {
  width: number;
  height: number;
}

export interface KeyFrameSize extends PictureSize {
  /** Where the frame says another size to show it in. */
  shown?: PictureSize;
}

function bad(reason: string): never {
  throw new ReelError("badConfig", `VP8 or VP9 decoder configuration: ${reason}`);
}

/** With or without the picture's size; 0 × 0 without it. Throws ReelError `badConfig`. */
export function parseVpConfiguration(bytes: Uint8Array): VideoConfig {
  if (bytes.byteLength < VPCC_BYTES) bad(`shorter than ${VPCC_BYTES} bytes`);
  if (bytes[0] !== VERSION) bad(`version ${bytes[0]}, expected ${VERSION}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isSized = bytes.byteLength >= SIZED_BYTES;
  const [, , , , profile = 0, level = 0, format = 0, primaries = 0, transfer = 0, matrix = 0] = bytes;
  if (profile > 3) bad(`profile ${profile}`);
  const fullRange = (format & 1) === 1;
  const isDescribed = primaries !== UNSPECIFIED || transfer !== UNSPECIFIED || matrix !== UNSPECIFIED || fullRange;
  const size = { width: isSized ? view.getUint16(12) : 0, height: isSized ? view.getUint16(14) : 0 };
  const shown = bytes.byteLength >= SHOWN_BYTES ? { width: view.getUint16(16), height: view.getUint16(18) } : undefined;
  return {
    ...{ ...size, profile, level, constraints: 0, ...pixelAspect(size, shown), nalLengthSize: 0 },
    colour: isDescribed ? { primaries, transfer, matrix, fullRange } : undefined,
  };
}

/** 0:0 where pixels are square. */
function pixelAspect(size: PictureSize, shown = size): Pick<VideoConfig, "parWidth" | "parHeight"> {
  const across = shown.width * size.height;
  const down = size.width * shown.height;
  if (across === down) return { parWidth: 0, parHeight: 0 };
  let [divisor, rest] = [across, down];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return { parWidth: across / divisor, parHeight: down / divisor };
}

/** The record as boxes have it; some publishers leave version and flags out. Throws ReelError `badConfig`. */
export function toVpRecord(body: Uint8Array): Uint8Array {
  const record = new Uint8Array(VPCC_BYTES);
  if (body.byteLength >= VPCC_BYTES && body[0] === VERSION && body[1] === 0 && body[2] === 0 && body[3] === 0)
    record.set(body.subarray(0, VPCC_BYTES));
  else {
    if (body.byteLength < BARE_BYTES) bad(`shorter than ${BARE_BYTES} bytes`);
    record[0] = VERSION;
    record.set(body.subarray(0, BARE_BYTES), 4);
  }
  // codecInitializationDataSize: must be 0 for both codecs
  record[10] = 0;
  record[11] = 0;
  parseVpConfiguration(record);
  return record;
}

/** `record` with the size of the pictures behind it. */
export function sizedVpConfiguration(record: Uint8Array, { width, height, shown }: KeyFrameSize): Uint8Array {
  const sized = Buffer.alloc(shown ? SHOWN_BYTES : SIZED_BYTES);
  sized.set(record.subarray(0, VPCC_BYTES));
  sized.writeUInt16BE(width, 12);
  sized.writeUInt16BE(height, 14);
  if (shown) {
    sized.writeUInt16BE(shown.width, 16);
    sized.writeUInt16BE(shown.height, 18);
  }
  return new Uint8Array(sized);
}
