// The identification header of Opus, RFC 7845 §5.1, and the channel configurations that MPEG-TS and mapping family 1
// name by a number.
//
//   | "OpusHead" | version | channels | pre-skip u16 | input rate u32 | gain i16 | family
//   | (streams, coupled, mapping …)      little-endian

import { ReelError } from "../../../base/reel-error.js";
import type { AudioConfig } from "../audio-config.js";

export const OPUS_HEAD_SIZE = 19;
/** The decoder's rate, whatever the encoder was given (RFC 7845 §4). */
export const OPUS_SAMPLE_RATE = 48000;
/** 20 ms, what encoders use where nobody asks for another. */
const USUAL_SAMPLES_PER_PACKET = 960;
const MAGIC = Buffer.from("OpusHead");
const CHANNELS_AT = 9;
const FAMILY_AT = 18;
const FAMILY_MONO_STEREO = 0;
const FAMILY_VORBIS = 1;
const FAMILY_DISCRETE = 255;

/** By number of channels, RFC 7845 §5.1.1.2 and the usual encoding of it: streams, coupled streams, mapping. */
const VORBIS_LAYOUTS: readonly (readonly number[])[] = [
  [1, 0, 0],
  [1, 1, 0, 1],
  [2, 1, 0, 2, 1],
  [2, 2, 0, 1, 2, 3],
  [3, 2, 0, 4, 1, 2, 3],
  [4, 2, 0, 4, 1, 2, 3, 5],
  [4, 3, 0, 4, 1, 2, 3, 5, 6],
  [5, 3, 0, 6, 1, 2, 3, 4, 5, 7],
];
/** One coupled stream whose two channels have nothing to do with each other. */
const DUAL_MONO: readonly number[] = [1, 1, 0, 1];

function bad(reason: string): never {
  throw new ReelError("badConfig", `Opus decoder configuration: ${reason}`);
}

/** Throws ReelError `badConfig`. */
export function parseOpusHead(bytes: Uint8Array): AudioConfig {
  if (bytes.byteLength < OPUS_HEAD_SIZE) bad("ends too early");
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) bad("does not begin with OpusHead");
  // A reader takes what has the same major version (RFC 7845 §5.1).
  if ((bytes[8] ?? 0) >> 4 !== 0) bad(`version ${bytes[8]}`);
  const channels = bytes[CHANNELS_AT] ?? 0;
  if (channels === 0) bad("no channels");
  if (bytes[FAMILY_AT] === FAMILY_MONO_STEREO) {
    if (channels > 2) bad(`${channels} channels without a mapping`);
  } else checkMapping(bytes, channels);
  return {
    sampleRate: OPUS_SAMPLE_RATE,
    channels,
    samplesPerFrame: USUAL_SAMPLES_PER_PACKET,
    objectType: 0,
    rateIndex: 0,
  };
}

function checkMapping(bytes: Uint8Array, channels: number): void {
  if (bytes.byteLength < OPUS_HEAD_SIZE + 2 + channels) bad("its channel mapping ends too early");
  const streams = bytes[OPUS_HEAD_SIZE] ?? 0;
  const coupled = bytes[OPUS_HEAD_SIZE + 1] ?? 0;
  if (streams === 0 || coupled > streams || streams + coupled > 255) bad(`${streams} streams, ${coupled} coupled`);
  for (const place of bytes.subarray(OPUS_HEAD_SIZE + 2, OPUS_HEAD_SIZE + 2 + channels))
    if (place !== 255 && place >= streams + coupled) bad(`a channel of decoder output ${place}`);
}

/**
 * From channel_config_code of the Opus descriptor in MPEG-TS ("Opus in MPEG-2 transport streams", extension descriptor
 * 0x80): 0 is dual mono, 1 to 8 the layouts of mapping family 1. Undefined for the codes that nobody sends.
 */
export function opusHeadOf(channelConfigCode: number, preSkip: number): Uint8Array | undefined {
  const layout = channelConfigCode === 0 ? DUAL_MONO : VORBIS_LAYOUTS[channelConfigCode - 1];
  if (!layout) return undefined;
  const channels = channelConfigCode === 0 ? 2 : channelConfigCode;
  const isMapped = channelConfigCode === 0 || channels > 2;
  const head = Buffer.alloc(OPUS_HEAD_SIZE + (isMapped ? layout.length : 0));
  MAGIC.copy(head);
  head[8] = 1; // version
  head[CHANNELS_AT] = channels;
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(OPUS_SAMPLE_RATE, 12); // input rate
  if (!isMapped) return head; // family 0
  head[FAMILY_AT] = channelConfigCode === 0 ? FAMILY_DISCRETE : FAMILY_VORBIS;
  head.set(layout, OPUS_HEAD_SIZE);
  return head;
}
