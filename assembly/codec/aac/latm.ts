// AAC in LATM behind a LOAS header, ISO/IEC 14496-3 §1.7: for what ADTS cannot say. Every frame has
// its StreamMuxConfig, so that decoding can start at any.
//
//   | 0x2b7, 11 | bytes behind, 13 | useSameStreamMux 0, StreamMuxConfig (AudioSpecificConfig) | length 8 … | frame |
//
// Version 1 says how long the AudioSpecificConfig is, which may count bits that say nothing: six of them make the
// access unit begin with a byte, so that it goes out as it lies in the ring.

import {
  CONFIG_BYTES_OFFSET,
  CONFIG_BYTES_SIZE_OFFSET,
  CONFIG_OBJECT_TYPE_OFFSET,
  CONFIG_SAMPLES_PER_FRAME_OFFSET,
} from "../../../src/abi/decoder-config";
import { beginAccessUnit, STREAM_ID_AUDIO } from "../../container/mpegts/pes";
import { writeSpan } from "../../container/mpegts/packet";
import { putU24, putU8 } from "../../io/bytes";

const SYNCWORD: u32 = 0x2b7;
const LOAS_HEADER_SIZE: u32 = 3;
/** audioMuxLengthBytes has 13 bits. */
const MAX_ELEMENT_BYTES: u32 = 0x1fff;
/**
 * useSameStreamMux 0, audioMuxVersion 1, audioMuxVersionA 0, taraBufferFullness (its size 2 bits, 0xff),
 * allStreamsSameTimeFraming 1, numSubFrames (6), numProgram (4), numLayer (3), and how many bytes the length of the
 * AudioSpecificConfig has, less one (2).
 */
const HEAD: u32 = 0x08ff8000;
const HEAD_BITS: u32 = 29;
/** frameLengthType 0 (3), latmBufferFullness 0xff: variable rate, otherDataPresent 0, crcCheckPresent 0. */
const TAIL: u32 = 0x3fc;
const FILL_BITS: u32 = 6;
/** A longer configuration might not fit into the first packet of a PES packet with what else stands in front. */
const MAX_CONFIG_BYTES: u32 = 96;
const MAX_ADTS_OBJECT_TYPE: u32 = 4;
const MAX_ADTS_CHANNEL_CONFIGURATION: u32 = 7;
const ADTS_FRAME_SAMPLES: u32 = 1024;
const ESCAPE_RATE_INDEX: u32 = 15;

// @ts-ignore: decorator
@inline
function configBytes(config: usize): u32 {
  return load<u32>(config, CONFIG_BYTES_SIZE_OFFSET);
}

/**
 * Whether ADTS can say what a configuration says: its profile has the object type of the core (Main, LC, SSR, LTP), its
 * frames have 1024 samples, and its channel_configuration has three bits.
 */
export function adtsCanSay(config: usize): bool {
  const objectType = load<u32>(config, CONFIG_OBJECT_TYPE_OFFSET);
  if (objectType < 1 || objectType > MAX_ADTS_OBJECT_TYPE) return false;
  if (load<u32>(config, CONFIG_SAMPLES_PER_FRAME_OFFSET) != ADTS_FRAME_SAMPLES) return false;
  return channelConfiguration(config) <= MAX_ADTS_CHANNEL_CONFIGURATION;
}

/**
 * Of an AudioSpecificConfig whose first object type has five bits: it stands behind samplingFrequencyIndex, and behind
 * the 24 bits of a rate that is written out.
 */
function channelConfiguration(config: usize): u32 {
  const specific = config + CONFIG_BYTES_OFFSET;
  const index = (((<u32>load<u8>(specific) & 7) << 8) | <u32>load<u8>(specific, 1)) >> 7;
  const at = specific + (index == ESCAPE_RATE_INDEX ? 3 : 0);
  return (<u32>load<u8>(at, 1) >> 3) & 15;
}

export function latmCanCarry(config: usize): bool {
  return configBytes(config) <= MAX_CONFIG_BYTES;
}

/** AudioSpecificConfig's length, in bits: in one byte or in two. */
// @ts-ignore: decorator
@inline
function specificBits(config: usize): u32 {
  return configBytes(config) * 8 + FILL_BITS;
}

/** useSameStreamMux and StreamMuxConfig: three bytes, the length, the AudioSpecificConfig, three bytes. */
function muxConfigBytes(config: usize): u32 {
  return 3 + (specificBits(config) > 0xff ? 2 : 1) + configBytes(config) + 3;
}

/** Most bytes of an access unit in front of what the ring holds of it. */
export function latmPesOverhead(config: usize): u32 {
  return LOAS_HEADER_SIZE + muxConfigBytes(config) + MAX_ELEMENT_BYTES / 255 + 1;
}

/** Bytes of an access unit that a frame can hold, 0 where it is too long. */
export function latmPayloadBytes(config: usize, size: u32): u32 {
  return size <= MAX_ELEMENT_BYTES && muxConfigBytes(config) + size / 255 + 1 + size <= MAX_ELEMENT_BYTES ? size : 0;
}

/** What is written begins with the last five bits of HEAD, which all bytes behind them are moved by. */
function putMuxConfig(at: usize, config: usize): usize {
  const bits = specificBits(config);
  const isLong = bits > 0xff;
  const head = HEAD | (isLong ? 1 : 0);
  at = putU24(at, head >> (HEAD_BITS - 24));
  let left = head & 31;
  if (isLong) {
    at = putU8(at, (left << 3) | (bits >> 13));
    left = (bits >> 8) & 31;
  }
  at = putU8(at, (left << 3) | ((bits >> 5) & 7));
  left = bits & 31;
  const specific = config + CONFIG_BYTES_OFFSET;
  for (let i: u32 = 0; i < configBytes(config); i++) {
    const byte = <u32>load<u8>(specific + i);
    at = putU8(at, (left << 3) | (byte >> 5));
    left = byte & 31;
  }
  return putU24(at, (left << 19) | TAIL);
}

export function writeLatmPes(
  ts: usize,
  at: usize,
  track: u32,
  payload: usize,
  size: u32,
  config: usize,
  flags: u32,
  pcr: i64,
  pts: i64,
): usize {
  const elementBytes = muxConfigBytes(config) + size / 255 + 1 + size;
  const prefixBytes = LOAS_HEADER_SIZE + elementBytes - size;
  at = beginAccessUnit(ts, at, track, STREAM_ID_AUDIO, flags, pcr, pts, pts, prefixBytes + size, prefixBytes);
  at = putU24(at, (SYNCWORD << 13) | elementBytes); // syncword, audioMuxLengthBytes
  at = putMuxConfig(at, config);
  let left = size; // MuxSlotLengthBytes
  for (; left >= 255; left -= 255) at = putU8(at, 255);
  at = putU8(at, left);
  return writeSpan(ts, at, track, payload, size);
}
