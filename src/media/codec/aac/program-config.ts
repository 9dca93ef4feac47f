// AAC whose ADTS headers have channel_configuration 0: a program_config_element at the front of a raw_data_block says
// what its channels are (ISO/IEC 14496-3 §4.4.1.1). An AudioSpecificConfig can carry the same element, so such streams
// can be recorded once one has come.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import { skipProgramConfigElement } from "./audio-specific-config.js";

/** id_syn_ele of the element, in three bits (Table 4.85). */
export const ID_PCE = 5;
const ID_BITS = 3;
/** Five counts of channel elements, a comment of 255 bytes. */
export const MAX_PROGRAM_CONFIG_SIZE = 320;
/** audioObjectType, samplingFrequencyIndex, channelConfiguration 0 and the three flags of GASpecificConfig, all 0. */
const CONFIG_HEAD_SIZE = 2;

export interface ProgramConfig {
  /** Of the element in the block: whole bytes, as it ends in a byte_alignment and a comment. */
  sizeBytes: number;
  audioSpecificConfig: Uint8Array;
}

/** Reads the element at the front of a raw_data_block. Throws ReelError `badConfig`. */
export function parseProgramConfig(block: Uint8Array, objectType: number, rateIndex: number): ProgramConfig {
  const fail = (): never => {
    throw new ReelError("badConfig", "AAC program_config_element: ends too early");
  };
  const sizeBits = block.byteLength * 8;
  const r = new BitReader(block, fail);
  r.u(ID_BITS);
  skipProgramConfigElement(r);
  const elementBits = sizeBits - r.bitsLeft - ID_BITS;
  r.u(r.bitsLeft % 8); // byte_alignment
  const commentBytes = r.u(8);
  const sizeBytes = (sizeBits - r.bitsLeft) / 8 + commentBytes;
  if (sizeBytes > block.byteLength || sizeBytes > MAX_PROGRAM_CONFIG_SIZE) fail();
  // The element again, three bits further in front, and an empty comment behind it.
  const config = new Uint8Array(CONFIG_HEAD_SIZE + Math.ceil(elementBits / 8) + 1);
  config[0] = (objectType << 3) | (rateIndex >> 1);
  config[1] = (rateIndex & 1) << 7;
  const element = new BitReader(block, fail);
  element.u(ID_BITS);
  for (let left = elementBits, at = CONFIG_HEAD_SIZE; left > 0; left -= 8, at++) {
    const bits = Math.min(8, left);
    config[at] = element.u(bits) << (8 - bits);
  }
  return { sizeBytes, audioSpecificConfig: config };
}
