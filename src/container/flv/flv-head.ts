// The head of a recorded FLV file, written again from what a scan found: TypeFlags and onMetaData in exactly the bytes
// that were reserved for it. The recorder's own writer is assembly/container/flv/metadata.ts; this one follows its
// order, so that a recovered file reads like one that was closed.

import { AMF_NUMBER_BYTES } from "./amf-reader.js";
import type { FlvScan } from "./flv-scan.js";
import { CODEC_ID_AVC, SOUND_FORMAT_AAC } from "./flv-structure.js";

const MARKER_NUMBER = 0;
const MARKER_BOOLEAN = 1;
const MARKER_STRING = 2;
const MARKER_OBJECT = 3;
const MARKER_ECMA_ARRAY = 8;
const MARKER_STRICT_ARRAY = 10;
const OBJECT_END = Buffer.of(0, 0, 9);
export const FILLER = "filler";
/** FFmpeg's demuxer gives a metadata tag up over a string of more than 1024 bytes. */
const MAX_FILLER_BYTES = 1000;

function name(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([u16(bytes.byteLength), bytes]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(AMF_NUMBER_BYTES, MARKER_NUMBER);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function strictArray(values: readonly number[]): Buffer {
  return Buffer.concat([Buffer.of(MARKER_STRICT_ARRAY), u32(values.length), ...values.map(number)]);
}

/** The data of the metadata tag, `bodyBytes` long; undefined where that is not enough. */
export function metadataBody(scan: FlvScan, fileBytes: number, bodyBytes: number): Buffer | undefined {
  const properties: Buffer[] = [];
  const add = (title: string, value: Buffer): void => {
    properties.push(Buffer.concat([name(title), value]));
  };
  const addBoolean = (title: string, value: boolean): void => add(title, Buffer.of(MARKER_BOOLEAN, value ? 1 : 0));
  const hasVideo = scan.video.frames > 0;
  const hasAudio = scan.audio.frames > 0;
  add("duration", number(scan.durationMs / 1000));
  add("filesize", number(fileBytes));
  add("lasttimestamp", number(scan.lastTimestampMs / 1000));
  addBoolean("hasVideo", hasVideo);
  addBoolean("hasAudio", hasAudio);
  addBoolean("hasMetadata", true);
  addBoolean("hasKeyframes", scan.keyframes.length > 0);
  if (hasVideo) {
    add("width", number(scan.width));
    add("height", number(scan.height));
    add("videocodecid", number(CODEC_ID_AVC));
    if (scan.frameRate > 0) add("framerate", number(scan.frameRate));
  }
  if (hasAudio) {
    add("audiocodecid", number(SOUND_FORMAT_AAC));
    add("audiosamplerate", number(scan.sampleRate));
    add("audiosamplesize", number(16));
    addBoolean("stereo", scan.channels > 1);
  }
  if (scan.keyframes.length > 1) {
    add("lastkeyframetimestamp", number(scan.lastKeyframeMs / 1000));
    const positions = Buffer.concat([
      name("filepositions"),
      strictArray(scan.keyframes.map((keyframe) => keyframe.position)),
    ]);
    const times = Buffer.concat([name("times"), strictArray(scan.keyframes.map((keyframe) => keyframe.timeMs / 1000))]);
    add("keyframes", Buffer.concat([Buffer.of(MARKER_OBJECT), positions, times, OBJECT_END]));
  }
  const title = Buffer.concat([
    Buffer.of(MARKER_STRING),
    name("onMetaData"),
    Buffer.of(MARKER_ECMA_ARRAY),
    u32(properties.length + 1),
  ]);
  const used =
    title.byteLength + properties.reduce((sum, property) => sum + property.byteLength, 0) + OBJECT_END.byteLength;
  const filler = fillerProperties(bodyBytes - used);
  return filler && Buffer.concat([title, ...properties, filler, OBJECT_END]);
}

/** String properties of spaces, exactly `bytes` together. */
function fillerProperties(bytes: number): Buffer | undefined {
  const overhead = name(FILLER).byteLength + 3;
  const parts: Buffer[] = [];
  for (let left = bytes; left > 0; ) {
    if (left < overhead) return undefined;
    const text =
      left <= overhead + MAX_FILLER_BYTES ? left - overhead : Math.min(MAX_FILLER_BYTES, left - 2 * overhead);
    parts.push(name(FILLER), Buffer.of(MARKER_STRING), u16(text), Buffer.alloc(text, " "));
    left -= overhead + text;
  }
  return bytes < 0 ? undefined : Buffer.concat(parts);
}
