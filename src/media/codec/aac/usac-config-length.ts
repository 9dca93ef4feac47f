// Where a UsacConfig ends, ISO/IEC 23003-3 §5.2: nothing says it in LATM of audioMuxVersion 0, and what version 1 says
// may count bits of fill.

import type { BitReader } from "../../bit-reader.js";
import { readUsacConfig } from "./usac-config.js";

const ID_USAC_SCE = 0;
const ID_USAC_CPE = 1;
const ID_USAC_EXT = 3;
/** bsTempShapeConfig that is followed by bsEnvQuantMode. */
const SHAPE_WITH_QUANTIZATION = 2;
/** From this stereoConfigIndex on there is residual coding. */
const FIRST_WITH_RESIDUAL = 2;

/** `r` reads on behind it. Throws ReelError `badConfig`, also where `r` ends too early. */
export function skipUsacConfig(r: BitReader): void {
  const { hasSbr } = readUsacConfig(r);
  for (let left = escapedValue(r, 4, 8, 16) + 1; left > 0; left--) skipElement(r, hasSbr); // numElements
  if (r.u(1) === 0) return; // usacConfigExtensionPresent
  for (let left = escapedValue(r, 2, 4, 8) + 1; left > 0; left--) {
    escapedValue(r, 4, 8, 16); // usacConfigExtType
    skipBytes(r, escapedValue(r, 4, 8, 16)); // usacConfigExtLength
  }
}

function skipElement(r: BitReader, hasSbr: boolean): void {
  const type = r.u(2); // usacElementType; an LFE has nothing more
  if (type === ID_USAC_EXT) skipExtension(r);
  if (type !== ID_USAC_SCE && type !== ID_USAC_CPE) return;
  r.u(2); // tw_mdct, noiseFilling
  if (!hasSbr) return;
  skipSbrConfig(r);
  if (type === ID_USAC_CPE) skipStereo(r);
}

function skipSbrConfig(r: BitReader): void {
  r.u(11); // harmonicSBR, bs_interTes, bs_pvc, dflt_start_freq, dflt_stop_freq
  const hasExtra1 = r.u(1);
  const hasExtra2 = r.u(1);
  if (hasExtra1) r.u(5);
  if (hasExtra2) r.u(6);
}

/** stereoConfigIndex and Mps212Config. */
function skipStereo(r: BitReader): void {
  const stereo = r.u(2);
  if (stereo === 0) return;
  r.u(6); // bsFreqRes, bsFixedGainDMX
  const shape = r.u(2);
  r.u(4); // bsDecorrConfig, bsHighRateMode, bsPhaseCoding
  if (r.u(1)) r.u(5); // bsOttBandsPhase
  if (stereo >= FIRST_WITH_RESIDUAL) r.u(6); // bsResidualBands, bsPseudoLr
  if (shape === SHAPE_WITH_QUANTIZATION) r.u(1);
}

/** UsacExtElementConfig. */
function skipExtension(r: BitReader): void {
  escapedValue(r, 4, 8, 16); // usacExtElementType
  const bytes = escapedValue(r, 4, 8, 16); // usacExtElementConfigLength
  if (r.u(1)) escapedValue(r, 8, 16, 0); // usacExtElementDefaultLength
  r.u(1); // usacExtElementPayloadFrag
  skipBytes(r, bytes);
}

/** A field of all ones goes on in the next one. */
function escapedValue(r: BitReader, ...widths: readonly number[]): number {
  let sum = 0;
  for (const width of widths) {
    if (width === 0) break;
    const part = r.u(width);
    sum += part;
    if (part < 2 ** width - 1) break;
  }
  return sum;
}

function skipBytes(r: BitReader, bytes: number): void {
  for (let left = bytes; left > 0; left--) r.u(8);
}
