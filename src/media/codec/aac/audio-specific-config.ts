// AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1, as far as a recorder needs it: the AAC core's rate, channels and frame
// length. HE-AAC is AAC-LC with an extension; its access units last 1024 samples of the core's rate whether or not a
// decoder applies SBR. xHE-AAC always puts out what its SBR makes: that is its rate and its length.

import { ReelError } from "../../../base/reel-error.js";
import { BitReader } from "../../bit-reader.js";
import type { AudioConfig } from "../audio-config.js";
import { OBJECT_TYPE_USAC, readUsacConfig } from "./usac-config.js";

export interface AacConfig extends AudioConfig {
  /** Signalled explicitly. */
  sbr: boolean;
  ps: boolean;
}

export const AAC_SAMPLE_RATES = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
] as const;
const ESCAPE_RATE_INDEX = 15;
const OBJECT_TYPE_ESCAPE = 31;
const OBJECT_TYPE_SBR = 5;
const OBJECT_TYPE_PS = 29;
/** channelConfiguration → channels, Table 1.19; the reserved values have none. */
const CHANNELS: readonly (number | undefined)[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
];
const OBJECT_TYPE_BSAC = 22;
const OBJECT_TYPE_LD = 23;
export const OBJECT_TYPE_ELD = 39;
/**
 * Main, LC, SSR, LTP, and their error-resilient forms that share GASpecificConfig; AAC-ELD, whose ELDSpecificConfig
 * begins with the same flag.
 */
const GENERAL_AUDIO = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, OBJECT_TYPE_BSAC, OBJECT_TYPE_LD, OBJECT_TYPE_ELD]);

function bad(reason: string): never {
  throw new ReelError("badConfig", `AAC decoder configuration: ${reason}`);
}

/** What stands in front of the part that is the object type's own. */
export interface ConfigHead {
  /** Of the core. */
  objectType: number;
  core: { rateIndex: number; sampleRate: number };
  channelConfiguration: number;
  sbr: boolean;
  ps: boolean;
}

/** Of a configuration's first object type: also the one that says that another follows. */
export function isAacObjectType(objectType: number): boolean {
  return hasOwnConfig(objectType) || objectType === OBJECT_TYPE_SBR || objectType === OBJECT_TYPE_PS;
}

/** AAC whose own part of the configuration is read here. */
function hasOwnConfig(objectType: number): boolean {
  return GENERAL_AUDIO.has(objectType) || objectType === OBJECT_TYPE_USAC;
}

export function readObjectType(r: BitReader): number {
  const type = r.u(5);
  return type === OBJECT_TYPE_ESCAPE ? 32 + r.u(6) : type;
}

function readRate(r: BitReader): { rateIndex: number; sampleRate: number } {
  const rateIndex = r.u(4);
  const sampleRate = rateIndex === ESCAPE_RATE_INDEX ? r.u(24) : AAC_SAMPLE_RATES[rateIndex];
  if (!sampleRate || sampleRate > 96000) bad(`sampling frequency index ${rateIndex}`);
  return { rateIndex, sampleRate };
}

/** Throws ReelError `badConfig`, also where it is of no AAC. */
export function readConfigHead(r: BitReader): ConfigHead {
  let objectType = readObjectType(r);
  const core = readRate(r);
  const channelConfiguration = r.u(4);
  const ps = objectType === OBJECT_TYPE_PS;
  const sbr = ps || objectType === OBJECT_TYPE_SBR;
  if (sbr) {
    readRate(r); // extensionSamplingFrequency
    objectType = readObjectType(r);
    if (objectType === OBJECT_TYPE_BSAC) r.u(4); // extensionChannelConfiguration
  }
  if (!hasOwnConfig(objectType)) bad(`audio object type ${objectType} is not AAC`);
  return { objectType, core, channelConfiguration, sbr, ps };
}

/** Throws ReelError `badConfig`. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  const r = new BitReader(bytes, () => bad("ends too early"));
  const { objectType, core, channelConfiguration, sbr, ps } = readConfigHead(r);
  if (objectType === OBJECT_TYPE_USAC) {
    const { sampleRate, channels, samplesPerFrame, hasSbr } = readUsacConfig(r);
    return { rateIndex: core.rateIndex, sampleRate, channels, samplesPerFrame, objectType, sbr: hasSbr, ps };
  }
  const shortFrames = r.bitsLeft >= 1 && r.u(1) === 1; // frameLengthFlag
  const channels = CHANNELS[channelConfiguration] ?? bad(`channel configuration ${channelConfiguration} is reserved`);
  return {
    ...core,
    // ELDSpecificConfig describes no channels.
    channels: channels || (objectType === OBJECT_TYPE_ELD ? 2 : describedChannels(r)),
    samplesPerFrame: frameLength(objectType, shortFrames),
    objectType,
    sbr,
    ps,
  };
}

/** Samples of an access unit, §4.5.1.1 and §4.6.20.2: low delay halves the frame. */
function frameLength(objectType: number, shortFrames: boolean): number {
  const isLowDelay = objectType === OBJECT_TYPE_LD || objectType === OBJECT_TYPE_ELD;
  if (isLowDelay) return shortFrames ? 480 : 512;
  return shortFrames ? 960 : 1024;
}

/**
 * The channels of channelConfiguration 0. Some writers leave the element out: 2 is the usual content, and decoders find
 * it in the frames.
 */
function describedChannels(r: BitReader): number {
  if (r.bitsLeft < 2 + PROGRAM_CONFIG_MIN_BITS) return 2;
  if (r.u(1)) r.u(14); // dependsOnCoreCoder, coreCoderDelay
  r.u(1); // extensionFlag
  return skipProgramConfigElement(r) || 2;
}

const PROGRAM_CONFIG_MIN_BITS = 34;

/** program_config_element (§4.5.1.2) up to its byte_alignment; answers how many channels it describes. */
export function skipProgramConfigElement(r: BitReader): number {
  r.u(10); // element_instance_tag, object_type, sampling_frequency_index
  const channelElements = r.u(4) + r.u(4) + r.u(4); // front, side, back
  const lfeElements = r.u(2);
  const dataElements = r.u(3);
  const couplingElements = r.u(4);
  if (r.u(1)) r.u(4); // mono_mixdown_element_number
  if (r.u(1)) r.u(4); // stereo_mixdown_element_number
  if (r.u(1)) r.u(3); // matrix_mixdown_idx, pseudo_surround_enable
  let channels = lfeElements;
  for (let i = 0; i < channelElements; i++) {
    channels += 1 + r.u(1); // element_is_cpe
    r.u(4);
  }
  for (let i = 0; i < lfeElements + dataElements; i++) r.u(4);
  for (let i = 0; i < couplingElements; i++) r.u(5);
  return channels;
}
