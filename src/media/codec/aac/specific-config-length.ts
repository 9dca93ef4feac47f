// Where an AudioSpecificConfig ends that nothing says the length of, as in LATM of audioMuxVersion 0: GASpecificConfig
// (ISO/IEC 14496-3 §4.4.1), ELDSpecificConfig (§4.6.20.3) and UsacConfig to their last bit. There is no extension
// behind them: nothing would tell it from what follows.

import { ReelError } from "../../../base/reel-error.js";
import type { BitReader } from "../../bit-reader.js";
import { OBJECT_TYPE_ELD, readConfigHead, skipProgramConfigElement } from "./audio-specific-config.js";
import { OBJECT_TYPE_USAC } from "./usac-config.js";
import { skipUsacConfig } from "./usac-config-length.js";

const FIRST_ERROR_RESILIENT = 17;
const OBJECT_TYPE_BSAC = 22;
/** Scalable, which say which layer they are. */
const LAYERED = new Set([6, 20]);
/** Their extension says how they resist errors. */
const WITH_RESILIENCE = new Set([17, 19, 20, 23]);
const ELDEXT_TERM = 0;
/** Parts of sbr_header by channelConfiguration. */
const SBR_HEADERS = [0, 1, 1, 2, 3, 3, 3, 4] as const;
const COMMENT_LENGTH_BITS = 8;

/** `r` reads on behind it. Answers its bits. Throws ReelError `badConfig`. */
export function skipAudioSpecificConfig(r: BitReader): number {
  const bitsBefore = r.bitsLeft;
  const { objectType, channelConfiguration } = readConfigHead(r);
  if (objectType === OBJECT_TYPE_USAC) {
    skipUsacConfig(r);
    return bitsBefore - r.bitsLeft;
  }
  if (objectType === OBJECT_TYPE_ELD) skipEld(r, channelConfiguration);
  else skipGeneral(r, objectType, channelConfiguration, bitsBefore);
  if (objectType >= FIRST_ERROR_RESILIENT && r.u(2) > 1)
    throw new ReelError("badConfig", "AAC decoder configuration: protected against errors"); // epConfig
  return bitsBefore - r.bitsLeft;
}

function skipGeneral(r: BitReader, objectType: number, channelConfiguration: number, bitsBefore: number): void {
  r.u(1); // frameLengthFlag
  if (r.u(1)) r.u(14); // dependsOnCoreCoder, coreCoderDelay
  const isExtended = r.u(1) === 1; // extensionFlag
  if (channelConfiguration === 0) {
    skipProgramConfigElement(r);
    r.u((8 - ((bitsBefore - r.bitsLeft) % 8)) % 8); // byte_alignment, from the configuration's beginning
    for (let left = r.u(COMMENT_LENGTH_BITS); left > 0; left--) r.u(8); // comment_field_data
  }
  if (LAYERED.has(objectType)) r.u(3); // layerNr
  if (!isExtended) return;
  if (objectType === OBJECT_TYPE_BSAC) r.u(16); // numOfSubFrame, layer_length
  if (WITH_RESILIENCE.has(objectType)) r.u(3);
  r.u(1); // extensionFlag3
}

function skipEld(r: BitReader, channelConfiguration: number): void {
  r.u(4); // frameLengthFlag, three flags of resilience
  if (r.u(1)) {
    // ldSbrPresentFlag
    r.u(2); // ldSbrSamplingRate, ldSbrCrcFlag
    for (let left = SBR_HEADERS[channelConfiguration] ?? 0; left > 0; left--) skipSbrHeader(r);
  }
  while (r.u(4) !== ELDEXT_TERM) for (let left = extensionBytes(r); left > 0; left--) r.u(8);
}

/** sbr_header, Table 4.63. */
function skipSbrHeader(r: BitReader): void {
  r.u(14); // bs_amp_res … bs_reserved
  const hasExtra1 = r.u(1);
  const hasExtra2 = r.u(1);
  if (hasExtra1) r.u(5);
  if (hasExtra2) r.u(6);
}

/** eldExtLen and what is added to it. */
function extensionBytes(r: BitReader): number {
  let bytes = r.u(4);
  if (bytes < 15) return bytes;
  const more = r.u(8);
  bytes += more;
  return more < 255 ? bytes : bytes + r.u(16);
}
