// PCM and G.711 in FLV: AUDIODATA with the samples behind the first byte, Adobe FLV 10.1 §E.4.2. It has numbers for
// four rates of PCM, and one rate of G.711.

import {
  CODEC_LPCM,
  CODEC_PCMA,
  CONFIG_CHANNELS_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
} from "../../../src/abi/decoder-config";
import { endTag, putTagHeader, TAG_AUDIO } from "../../container/flv/tag";
import { configCodec } from "../../decoder-config";
import { putBytes, putU8 } from "../../io/bytes";
import { pcmCodedBits } from "./samples";

export const PCM_PREFIX_SIZE: u32 = 1;
const SOUND_FORMAT_LPCM: u32 = 3;
const SOUND_FORMAT_A_LAW: u32 = 7;
const SOUND_FORMAT_MU_LAW: u32 = 8;
const G711_RATE: u32 = 8000;
const RATES = memory.data<u32>([5512, 11025, 22050, 44100]);
const RATE_COUNT: u32 = 4;
/** SoundSize, which is 1 also of what decoders make of G.711. */
const SIZE_16_BIT: u32 = 2;

/** SoundRate; RATE_COUNT where it has no number for the rate. */
function soundRate(config: usize): u32 {
  const rate = load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET);
  let index: u32 = 0;
  while (index < RATE_COUNT && load<u32>(RATES + (index << 2)) != rate) index++;
  return index;
}

/** SoundFormat; 0 where FLV has none for the rate. */
export function pcmFlvId(config: usize): u32 {
  const codec = configCodec(config);
  if (codec == CODEC_LPCM) return soundRate(config) < RATE_COUNT ? SOUND_FORMAT_LPCM : 0;
  if (load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET) != G711_RATE) return 0;
  return codec == CODEC_PCMA ? SOUND_FORMAT_A_LAW : SOUND_FORMAT_MU_LAW;
}

/** `bytes` of a configuration that has a SoundFormat. */
export function putPcmTag(at: usize, config: usize, payload: usize, bytes: u32, timestampMs: i64): usize {
  const tag = at;
  const isLinear = configCodec(config) == CODEC_LPCM;
  const rate = isLinear ? soundRate(config) : 0;
  const size = isLinear && pcmCodedBits(config) == 8 ? 0 : SIZE_16_BIT;
  const stereo: u32 = load<u32>(config, CONFIG_CHANNELS_OFFSET) > 1 ? 1 : 0;
  at = putTagHeader(at, TAG_AUDIO, PCM_PREFIX_SIZE + bytes, timestampMs);
  at = putU8(at, (pcmFlvId(config) << 4) | (rate << 2) | size | stereo);
  return endTag(tag, putBytes(at, payload, bytes));
}
