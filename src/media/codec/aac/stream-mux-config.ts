// StreamMuxConfig of LATM, ISO/IEC 14496-3 §1.7.3.1: how AAC access units lie in an AudioMuxElement, and the
// AudioSpecificConfig, which begins at any bit. One program of one layer, all on one clock: what broadcasters and
// encoders send. Others are named.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import { type AacConfig, isAacObjectType, parseAudioSpecificConfig, readObjectType } from "./audio-specific-config.js";
import { skipAudioSpecificConfig } from "./specific-config-length.js";

/** Of the bytes of access units: each of them says its own. */
export const LENGTHS_IN_BAND = 0;

export interface StreamMuxConfig {
  /** Bits of the whole. */
  bits: number;
  audioSpecificConfig: Uint8Array;
  audio: AacConfig;
  /** Access units in an AudioMuxElement. */
  subFrames: number;
  /** Bytes of each of them, or LENGTHS_IN_BAND. */
  payloadBytes: number;
}

const FRAME_LENGTH_VARIABLE = 0;
const FRAME_LENGTH_FIXED = 1;
/** frameLength counts from here. */
const LEAST_FIXED_BYTES = 20;

function notCarried(what: string): never {
  throw new ReelError("notCarried", `AAC in LATM ${what}`);
}

/** syncExtensionType and an object type. */
const LEAST_EXTENSION_BITS = 16;
const SYNC_EXTENSION = 0x2b7;
const SYNC_EXTENSION_BITS = 11;

/** LatmGetValue. */
function value(r: BitReader): number {
  let read = 0;
  for (let left = r.u(2); left >= 0; left--) read = read * 256 + r.u(8);
  return read;
}

/**
 * It begins behind `skipBits` of `bytes`. Throws ReelError: `badConfig`, or `notCarried` of one that is well formed and
 * says what is not recorded; its message names it.
 */
export function parseStreamMuxConfig(bytes: Uint8Array, skipBits: number): StreamMuxConfig {
  const r = new BitReader(bytes, () => {
    throw new ReelError("badConfig", "LATM configuration: ends too early");
  });
  r.u(skipBits);
  const bitsBefore = r.bitsLeft;
  const isVersion1 = r.u(1) === 1; // audioMuxVersion
  if (isVersion1 && r.u(1) === 1) notCarried("of a later version"); // audioMuxVersionA
  if (isVersion1) value(r); // taraBufferFullness
  if (r.u(1) === 0) notCarried("with several clocks"); // allStreamsSameTimeFraming
  const subFrames = r.u(6) + 1; // numSubFrames
  if (r.u(4) !== 0) notCarried("of several programs"); // numProgram
  if (r.u(3) !== 0) notCarried("of several layers"); // numLayer
  const restBits = r.bitsLeft;
  const saidBits = isVersion1 ? value(r) : undefined;
  const objectType = readObjectType(r.fork());
  if (!isAacObjectType(objectType)) notCarried(`of audio object type ${objectType}`);
  const ownBits = skipAudioSpecificConfig(r.fork());
  // Version 0 has no place for an extension, whose first bits would be a length of frames that there is not.
  // GStreamer's payloader writes one all the same, where its file has one, and nothing behind it.
  if (saidBits === undefined && isExtension(r.fork(), ownBits)) {
    const audioSpecificConfig = r.bytes(restBits - (restBits & 7));
    const audio = parseAudioSpecificConfig(audioSpecificConfig);
    return { bits: bitsBefore - r.bitsLeft, audioSpecificConfig, audio, subFrames, payloadBytes: LENGTHS_IN_BAND };
  }
  const behindBits = saidBits === undefined ? 0 : saidBits - ownBits;
  if (behindBits < 0) throw new ReelError("badConfig", "LATM configuration: ends too early");
  // A few bits behind its end are no extension, and only fill.
  const isFill = behindBits < LEAST_EXTENSION_BITS;
  const audioSpecificConfig = r.bytes(isFill ? ownBits : ownBits + behindBits);
  if (isFill) r.u(behindBits);
  const audio = parseAudioSpecificConfig(audioSpecificConfig);
  const payloadBytes = readFrameLength(r);
  skipOtherData(r, isVersion1);
  if (r.u(1)) r.u(8); // crcCheckPresent, crcCheckSum
  return { bits: bitsBefore - r.bitsLeft, audioSpecificConfig, audio, subFrames, payloadBytes };
}

/** Whether what stands behind `skipBits` is an extension of the configuration before it (ISO/IEC 14496-3 §1.6.2.1). */
function isExtension(r: BitReader, skipBits: number): boolean {
  if (r.bitsLeft < skipBits + LEAST_EXTENSION_BITS) return false;
  r.u(skipBits);
  return r.u(SYNC_EXTENSION_BITS) === SYNC_EXTENSION;
}

function readFrameLength(r: BitReader): number {
  const type = r.u(3); // frameLengthType
  if (type === FRAME_LENGTH_VARIABLE) {
    r.u(8); // latmBufferFullness
    return LENGTHS_IN_BAND;
  }
  if (type !== FRAME_LENGTH_FIXED) notCarried(`with frame lengths of type ${type}`);
  return LEAST_FIXED_BYTES + r.u(9);
}

/** It follows the access units of an element, and is passed over with its rest. */
function skipOtherData(r: BitReader, isVersion1: boolean): void {
  if (r.u(1) === 0) return; // otherDataPresent
  if (isVersion1)
    value(r); // otherDataLenBits
  else
    for (let isMore = 1; isMore; ) {
      isMore = r.u(1); // otherDataLenEsc
      r.u(8); // otherDataLenTmp
    }
}
