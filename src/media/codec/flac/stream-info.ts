// STREAMINFO of FLAC, RFC 9639 §8.2, behind its metadata block header: the decoder configuration. Sources send it bare,
// with its block header, or as a whole stream's beginning ("fLaC" and all metadata blocks).
//
//   | last 1, type 7 | size u24 | block size 16, 16 | frame size 24, 24
//   | rate 20 | channels − 1 (3) | bits − 1 (5) | samples 36 | MD5 |

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { AudioConfig } from "../audio-config.js";

export const STREAM_INFO_SIZE = 34;
const BLOCK_HEADER_SIZE = 4;
/** The block with its header, which is what a configuration holds. */
export const FLAC_CONFIG_SIZE = BLOCK_HEADER_SIZE + STREAM_INFO_SIZE;
const MAGIC = Buffer.from("fLaC");
const LAST_BLOCK = 0x80;

function bad(reason: string): never {
  throw new ReelError("badConfig", `FLAC decoder configuration: ${reason}`);
}

/** Of what a source sends: the block alone, said to be the last. What is no STREAMINFO comes back as it is. */
export function toFlacConfig(bytes: Uint8Array): Uint8Array {
  const from = MAGIC.every((byte, i) => bytes[i] === byte) ? MAGIC.byteLength : 0;
  const isBare = from === 0 && bytes.byteLength === STREAM_INFO_SIZE;
  const info = bytes.subarray(isBare ? 0 : from + BLOCK_HEADER_SIZE).subarray(0, STREAM_INFO_SIZE);
  if (info.byteLength < STREAM_INFO_SIZE || (!isBare && ((bytes[from] ?? 0) & 0x7f) !== 0)) return bytes.slice();
  return Uint8Array.of(LAST_BLOCK, 0, 0, STREAM_INFO_SIZE, ...info);
}

/** In any of the forms. Throws ReelError `badConfig`. */
export function parseFlacConfig(source: Uint8Array): AudioConfig & { bitsPerSample: number } {
  const bytes = toFlacConfig(source);
  if (bytes.byteLength !== FLAC_CONFIG_SIZE || bytes[0] !== LAST_BLOCK) bad("is no STREAMINFO");
  const r = new BitReader(bytes.subarray(BLOCK_HEADER_SIZE), () => bad("ends too early"));
  r.u(16); // minimum block size
  const samplesPerFrame = r.u(16);
  r.u(24); // minimum frame size
  r.u(24); // maximum frame size
  const sampleRate = r.u(20);
  const channels = r.u(3) + 1;
  const bitsPerSample = r.u(5) + 1;
  if (sampleRate === 0) bad("a rate of 0");
  if (samplesPerFrame < 16) bad(`blocks of ${samplesPerFrame} samples`);
  return { sampleRate, channels, samplesPerFrame, bitsPerSample, objectType: 0, rateIndex: 0 };
}
