// The head of a recorded FLV file, written again from what a scan found: TypeFlags and onMetaData in exactly the bytes
// that were reserved for it. The recorder's own writer is assembly/container/flv/metadata.ts; this one follows its
// order, so that a recovered file reads like one that was closed.

import { flvMetadataId } from "../../media/codec/table.js";
import { amfName, amfNumber, amfNumbers } from "../../media/flv/amf0.js";
import { AMF_BOOLEAN, AMF_ECMA_ARRAY, AMF_OBJECT, AMF_OBJECT_END, AMF_STRING } from "../../media/flv/amf0-reader.js";
import type { FlvScan } from "./flv-scan.js";

const OBJECT_END = Buffer.of(0, 0, AMF_OBJECT_END);
export const FILLER = "filler";
/** FFmpeg's demuxer gives a metadata tag up over a string of more than 1024 bytes. */
const MAX_FILLER_BYTES = 1000;

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

/** The data of the metadata tag, `bodyBytes` long; undefined where that is not enough. */
export function metadataBody(scan: FlvScan, fileBytes: number, bodyBytes: number): Buffer | undefined {
  const properties: Buffer[] = [];
  const add = (title: string, value: Buffer): void => {
    properties.push(Buffer.concat([amfName(title), value]));
  };
  const addBoolean = (title: string, value: boolean): void => add(title, Buffer.of(AMF_BOOLEAN, value ? 1 : 0));
  const addCodec = (title: string, { codec, metadataId }: FlvScan["video"]): void => {
    if (codec?.flv) add(title, amfNumber(codec.flv.isWrittenExtended ? flvMetadataId(codec.flv) : metadataId));
  };
  const hasVideo = scan.video.frames > 0;
  const hasAudio = scan.audio.frames > 0;
  add("duration", amfNumber(scan.durationMs / 1000));
  add("filesize", amfNumber(fileBytes));
  add("lasttimestamp", amfNumber(scan.lastTimestampMs / 1000));
  addBoolean("hasVideo", hasVideo);
  addBoolean("hasAudio", hasAudio);
  addBoolean("hasMetadata", true);
  addBoolean("hasKeyframes", scan.keyframes.length > 0);
  if (hasVideo) {
    add("width", amfNumber(scan.width));
    add("height", amfNumber(scan.height));
    addCodec("videocodecid", scan.video);
    if (scan.frameRate > 0) add("framerate", amfNumber(scan.frameRate));
  }
  if (hasAudio) {
    addCodec("audiocodecid", scan.audio);
    add("audiosamplerate", amfNumber(scan.sampleRate));
    add("audiosamplesize", amfNumber(16));
    addBoolean("stereo", scan.channels > 1);
  }
  if (scan.keyframes.length > 1) {
    add("lastkeyframetimestamp", amfNumber(scan.lastKeyframeMs / 1000));
    const positions = Buffer.concat([
      amfName("filepositions"),
      amfNumbers(scan.keyframes.map((keyframe) => keyframe.position)),
    ]);
    const times = Buffer.concat([
      amfName("times"),
      amfNumbers(scan.keyframes.map((keyframe) => keyframe.timeMs / 1000)),
    ]);
    add("keyframes", Buffer.concat([Buffer.of(AMF_OBJECT), positions, times, OBJECT_END]));
  }
  const title = Buffer.concat([
    Buffer.of(AMF_STRING),
    amfName("onMetaData"),
    Buffer.of(AMF_ECMA_ARRAY),
    u32(properties.length + 1),
  ]);
  const used =
    title.byteLength + properties.reduce((sum, property) => sum + property.byteLength, 0) + OBJECT_END.byteLength;
  const filler = fillerProperties(bodyBytes - used);
  return filler && Buffer.concat([title, ...properties, filler, OBJECT_END]);
}

/** String properties of spaces, exactly `bytes` together. */
function fillerProperties(bytes: number): Buffer | undefined {
  const overhead = amfName(FILLER).byteLength + 3;
  const parts: Buffer[] = [];
  for (let left = bytes; left > 0; ) {
    if (left < overhead) return undefined;
    const text =
      left <= overhead + MAX_FILLER_BYTES ? left - overhead : Math.min(MAX_FILLER_BYTES, left - 2 * overhead);
    parts.push(amfName(FILLER), Buffer.of(AMF_STRING), u16(text), Buffer.alloc(text, " "));
    left -= overhead + text;
  }
  return bytes < 0 ? undefined : Buffer.concat(parts);
}
