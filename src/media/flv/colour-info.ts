// colorInfo of Enhanced RTMP v2, in a video message of packet type Metadata: what is to be known of HDR pictures where
// their bitstream does not say it.
//
//   | "colorInfo" | { colorConfig: { colorPrimaries … }, hdrCll: { maxFall, maxCLL }, hdrMdcv: { redX … } } |   in AMF0
//
// Every part may be missing. Numbers that the boxes of MP4 cannot hold are not taken. An object without any, or
// Undefined in its place, takes back what was said before.

import type { Colour, ColourInfo } from "../codec/video-config.js";
import { type AmfObject, type AmfValue, parseAmf0 } from "./amf0.js";

const UNSPECIFIED = 2;
/** Chromaticity in steps of 0.00002, luminance of 0.0001 cd/m² (ISO/IEC 14496-12 §12.1.8). */
const CHROMATICITY_STEPS = 50_000;
const LUMINANCE_STEPS = 10_000;
const U16 = 0xffff;
const U32 = 0xffffffff;
/** In the order of the box: green, blue, red, as in the SEI message. */
const CHROMATICITIES = ["greenX", "greenY", "blueX", "blueY", "redX", "redY", "whitePointX", "whitePointY"] as const;

const TAKEN_BACK: ColourInfo = { colour: undefined, masteringDisplay: undefined, contentLight: undefined };

/** Undefined where the message says something else, or nothing that can be used. Throws ReelError `badInput`. */
export function parseColourInfo(bytes: Uint8Array): ColourInfo | undefined {
  const values = parseAmf0(bytes);
  const [name, value] = values;
  if (name !== "colorInfo" || values.length < 2) return undefined;
  const fields = objectOf(value);
  if (value === undefined || (fields === value && Object.keys(fields).length === 0)) return TAKEN_BACK;
  const info = {
    colour: readColour(objectOf(fields.colorConfig)),
    masteringDisplay: readMasteringDisplay(objectOf(fields.hdrMdcv)),
    contentLight: readContentLight(objectOf(fields.hdrCll)),
  };
  return info.colour || info.masteringDisplay || info.contentLight ? info : undefined;
}

function objectOf(value: AmfValue): AmfObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** Rounded to steps; undefined where it is no number from 0 to `maximum` steps. */
function steps(value: AmfValue, perUnit: number, maximum: number): number | undefined {
  if (typeof value !== "number") return undefined;
  const rounded = Math.round(value * perUnit);
  return rounded >= 0 && rounded <= maximum ? rounded : undefined;
}

function readColour(fields: AmfObject): Colour | undefined {
  const code = (value: AmfValue): number => steps(value, 1, 255) ?? UNSPECIFIED;
  const colour = {
    primaries: code(fields.colorPrimaries),
    transfer: code(fields.transferCharacteristics),
    matrix: code(fields.matrixCoefficients),
  };
  const isKnown = Object.values(colour).some((value) => value !== UNSPECIFIED);
  return isKnown ? { ...colour, fullRange: false } : undefined;
}

function readMasteringDisplay(fields: AmfObject): Uint8Array | undefined {
  const chromaticities = CHROMATICITIES.map((name) => steps(fields[name], CHROMATICITY_STEPS, U16));
  const luminances = [fields.maxLuminance, fields.minLuminance].map((value) => steps(value, LUMINANCE_STEPS, U32));
  return written(chromaticities, 2, luminances, 4);
}

function readContentLight(fields: AmfObject): Uint8Array | undefined {
  return written(
    [fields.maxCLL, fields.maxFall].map((value) => steps(value, 1, U16)),
    2,
    [],
    0,
  );
}

/** Undefined where one of the numbers is, or all are 0: not known. */
function written(
  first: readonly (number | undefined)[],
  firstBytes: number,
  second: readonly (number | undefined)[],
  secondBytes: number,
): Uint8Array | undefined {
  const all = [...first, ...second];
  if (all.includes(undefined) || all.every((value) => value === 0)) return undefined;
  const bytes = Buffer.alloc(first.length * firstBytes + second.length * secondBytes);
  let at = 0;
  for (const value of first) at = bytes.writeUIntBE(value ?? 0, at, firstBytes);
  for (const value of second) at = bytes.writeUIntBE(value ?? 0, at, secondBytes);
  return new Uint8Array(bytes);
}
