// UsacConfig of xHE-AAC (audio object type 42), ISO/IEC 23003-3 §5.2, as far as a recorder needs it: the rate, channels
// and length of what a decoder puts out, after its SBR.
//
//   | usacSamplingFrequencyIndex 5 (usacSamplingFrequency 24) | coreSbrFrameLengthIndex 3
//   | channelConfigurationIndex 5 | … |

import { ReelError } from "../../../base/reel-error.js";
import type { BitReader } from "../../bit-reader.js";

export const OBJECT_TYPE_USAC = 42;

/** usacSamplingFrequencyIndex → Hz, Table 67; the reserved values have none. */
const RATES: readonly (number | undefined)[] = [
  ...[96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350, undefined, undefined],
  ...[57600, 51200, 40000, 38400, 34150, 28800, 25600, 20000, 19200, 17075, 14400, 12800, 9600],
];
const ESCAPE_RATE_INDEX = 31;
const MAX_RATE = 96000;
/** coreSbrFrameLengthIndex → outputFrameLength, Table 70: 768 and 1024 of the core, then with SBR 8:3, 2:1 and 4:1. */
const OUTPUT_FRAME_SAMPLES = [768, 1024, 2048, 2048, 4096] as const;
const FIRST_WITH_SBR = 2;
/** channelConfigurationIndex → channels, Table 68; 8 is two that have nothing to do with each other. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24] as const;
/** One more would be the escape to a second field. */
const MAX_CHANNELS = 30;

export interface UsacConfig {
  sampleRate: number;
  channels: number;
  samplesPerFrame: number;
  hasSbr: boolean;
}

function bad(reason: string): never {
  throw new ReelError("badConfig", `xHE-AAC decoder configuration: ${reason}`);
}

/** Throws ReelError `badConfig`. */
export function readUsacConfig(r: BitReader): UsacConfig {
  const rateIndex = r.u(5);
  const sampleRate = rateIndex === ESCAPE_RATE_INDEX ? r.u(24) : RATES[rateIndex];
  if (!sampleRate || sampleRate > MAX_RATE) bad(`sampling frequency index ${rateIndex}`);
  const lengthIndex = r.u(3);
  const samplesPerFrame = OUTPUT_FRAME_SAMPLES[lengthIndex] ?? bad(`frame length index ${lengthIndex} is reserved`);
  const configuration = r.u(5);
  const channels = configuration === 0 ? outputChannels(r) : CHANNELS[configuration];
  if (!channels) bad(`channel configuration ${configuration}`);
  return { sampleRate, channels, samplesPerFrame, hasSbr: lengthIndex >= FIRST_WITH_SBR };
}

/** UsacChannelConfig, of which only the number is needed: numOutChannels, an escapedValue(5, 8, 16). */
function outputChannels(r: BitReader): number {
  const channels = r.u(5);
  if (channels > MAX_CHANNELS) bad("more channels than are recorded");
  for (let left = channels; left > 0; left--) r.u(5); // bsOutputChannelPos
  return channels;
}
