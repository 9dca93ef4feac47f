// What frames of sound say of themselves, by codec: the same in every container. 0 is the usual answer.

import { CODEC_EAC3, CODEC_FLAC, CODEC_LPCM, CODEC_OPUS, CODEC_PCMA, CODEC_PCMU } from "../../src/abi/decoder-config";
import { configCodec } from "../decoder-config";
import { eac3FrameSamples } from "./ac3/frame";
import { flacFrameSamples } from "./flac/frame";
import { pcmFrameSamples } from "./pcm/samples";
import { opusPreSkip } from "./opus/head";
import { opusPacketSamples } from "./opus/packet";
import { OPUS_PRE_ROLL } from "./opus/sample-entry";

/**
 * Samples of an audio frame that says its length itself, where that differs from frame to frame; 0: it is the usual.
 */
// @ts-ignore: decorator
@inline
export function audioFrameSamples(config: usize, payload: usize, size: u32): u32 {
  switch (configCodec(config)) {
    case CODEC_OPUS:
      return opusPacketSamples(payload, size);
    case CODEC_EAC3:
      return eac3FrameSamples(payload, size);
    case CODEC_FLAC:
      return flacFrameSamples(payload, size);
    case CODEC_LPCM:
    case CODEC_PCMA:
    case CODEC_PCMU:
      return pcmFrameSamples(config, size);
    default:
      return 0;
  }
}

/** What the encoder put in front of the sound: samples of the track's first frames that are decoded but not heard. */
export function audioPriming(config: usize): u32 {
  return configCodec(config) == CODEC_OPUS ? opusPreSkip(config) : 0;
}

/** Samples that are to be decoded in front of a place where playing starts, for the sound to be exact there. */
export function audioPreRoll(config: usize): u32 {
  return configCodec(config) == CODEC_OPUS ? OPUS_PRE_ROLL : 0;
}
