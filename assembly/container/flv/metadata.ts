// onMetaData: one script tag of fixed size right behind the file header, written with zeros when the file begins and
// again, in place, when it is closed.
//
//   | 2 "onMetaData" | ECMA array: duration … hasKeyframes | keyframes {filepositions, times} | filler, spaces | end |
//
// The filler takes what the keyframe table and properties that are not known yet leave free, so that nothing behind the
// tag ever moves.

import {
  CONFIG_CHANNELS_OFFSET,
  CONFIG_HEIGHT_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../../../src/abi/decoder-config";
import {
  FLV_FIRST_AUDIO_CONFIG_OFFSET,
  FLV_KEYFRAME_COUNT_OFFSET,
  FLV_KEYFRAME_POSITION_OFFSET,
  FLV_KEYFRAME_SIZE,
  FLV_KEYFRAME_TIME_OFFSET,
  FLV_KEYFRAMES_OFFSET,
  FLV_LAST_KEYFRAME_OFFSET,
  FLV_LAST_TIMESTAMP_OFFSET,
  FLV_MAX_KEYFRAMES,
} from "../../../src/abi/flv";
import { SEG_PRIVATE_OFFSET } from "../../../src/abi/segment";
import { flvCodecId, flvSampleBits } from "../../codec/flv-table";
import { segmentConfig } from "../../segment";
import {
  AMF_NUMBER_SIZE,
  beginEcmaArray,
  beginObjectProperty,
  beginStrictArrayProperty,
  endObject,
  fillerCount,
  putBooleanProperty,
  putFillers,
  putName,
  putNumber,
  putNumberProperty,
  putString,
} from "./amf";
import { audioOf, NO_TRACK, videoOf } from "./carried";
import { endTag, PREVIOUS_TAG_SIZE, putTagHeader, TAG_HEADER_SIZE, TAG_SCRIPT } from "./tag";

/** Two numbers a keyframe, and all else, which is below 600 bytes. */
const BODY_SIZE: u32 = 2 * AMF_NUMBER_SIZE * FLV_MAX_KEYFRAMES + 640;
export const METADATA_TAG_SIZE: u32 = TAG_HEADER_SIZE + BODY_SIZE + PREVIOUS_TAG_SIZE;
const END_SIZE: u32 = 3;

/** `tracks`: bit per track that the file carries. `frameRate` 0: not known. */
export function putMetadata(at: usize, seg: usize, tracks: u32, duration: f64, fileSize: f64, frameRate: f64): usize {
  const tag = at;
  at = putTagHeader(at, TAG_SCRIPT, BODY_SIZE, 0);
  const end = at + BODY_SIZE;
  const flv = seg + SEG_PRIVATE_OFFSET;
  const video = videoOf(seg, tracks);
  const audio = audioOf(seg, tracks);
  const keyframes = load<u32>(flv, FLV_KEYFRAME_COUNT_OFFSET);
  const hasTable = keyframes > 1; // FFmpeg warns of a table with a single entry
  at = putString(at, "onMetaData");
  const count = at + 1;
  at = beginEcmaArray(at, 0);
  let properties: u32 = 7;
  at = putNumberProperty(at, "duration", duration);
  at = putNumberProperty(at, "filesize", fileSize);
  at = putNumberProperty(at, "lasttimestamp", <f64>load<u32>(flv, FLV_LAST_TIMESTAMP_OFFSET) / 1000);
  at = putBooleanProperty(at, "hasVideo", video != NO_TRACK);
  at = putBooleanProperty(at, "hasAudio", audio != NO_TRACK);
  at = putBooleanProperty(at, "hasMetadata", true);
  at = putBooleanProperty(at, "hasKeyframes", hasTable);
  if (video != NO_TRACK) {
    const config = segmentConfig(seg, video);
    at = putNumberProperty(at, "width", <f64>load<u32>(config, CONFIG_WIDTH_OFFSET));
    at = putNumberProperty(at, "height", <f64>load<u32>(config, CONFIG_HEIGHT_OFFSET));
    at = putNumberProperty(at, "videocodecid", <f64>flvCodecId(config));
    properties += 3;
    if (frameRate > 0) {
      at = putNumberProperty(at, "framerate", frameRate);
      properties++;
    }
  }
  if (audio != NO_TRACK) {
    const config = firstAudioConfig(seg, flv, audio);
    at = putNumberProperty(at, "audiocodecid", <f64>flvCodecId(config));
    at = putNumberProperty(at, "audiosamplerate", <f64>load<u32>(config, CONFIG_SAMPLE_RATE_OFFSET));
    at = putNumberProperty(at, "audiosamplesize", <f64>flvSampleBits(config));
    at = putBooleanProperty(at, "stereo", load<u32>(config, CONFIG_CHANNELS_OFFSET) > 1);
    properties += 4;
  }
  if (hasTable) {
    at = putNumberProperty(at, "lastkeyframetimestamp", <f64>load<u32>(flv, FLV_LAST_KEYFRAME_OFFSET) / 1000);
    at = putKeyframes(at, flv, keyframes);
    properties += 2;
  }
  properties += fillerCount(<u32>(end - END_SIZE - at));
  at = putFillers(at, end - END_SIZE);
  store<u32>(count, bswap<u32>(properties));
  return endTag(tag, endObject(at));
}

/** A configuration that changes within the file is told by its sequence header; here stands how the file begins. */
function firstAudioConfig(seg: usize, flv: usize, audio: u32): usize {
  const first = load<u32>(flv, FLV_FIRST_AUDIO_CONFIG_OFFSET);
  if (first != 0) return first;
  const config = segmentConfig(seg, audio);
  store<u32>(flv, <u32>config, FLV_FIRST_AUDIO_CONFIG_OFFSET);
  return config;
}

function putColumn(at: usize, flv: usize, count: u32, field: usize): usize {
  const table = flv + FLV_KEYFRAMES_OFFSET;
  for (let i: u32 = 0; i < count; i++) at = putNumber(at, load<f64>(table + i * FLV_KEYFRAME_SIZE + field));
  return at;
}

function putKeyframes(at: usize, flv: usize, count: u32): usize {
  at = beginObjectProperty(at, "keyframes");
  at = beginStrictArrayProperty(at, "filepositions", count);
  at = putColumn(at, flv, count, FLV_KEYFRAME_POSITION_OFFSET);
  at = beginStrictArrayProperty(at, "times", count);
  at = putColumn(at, flv, count, FLV_KEYFRAME_TIME_OFFSET);
  return endObject(at);
}
