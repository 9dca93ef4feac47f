// The head of a recorded FLV file, written again from what a scan found: TypeFlags and onMetaData in exactly the bytes
// that were reserved for it. The recorder's own writer is assembly/container/flv/metadata.ts; this one follows its
// order, so that a recovered file reads like one that was closed.

import { flvMetadataId } from "../../media/codec/table.js";
import { amfName, amfNumber, amfNumbers } from "../../media/flv/amf0.js";
import { AMF_BOOLEAN, AMF_ECMA_ARRAY, AMF_OBJECT, AMF_OBJECT_END, AMF_STRING } from "../../media/flv/amf0-reader.js";
import type { FlvScan } from "./flv-scan.js";

const TITLE = Buffer.concat([Buffer.of(AMF_STRING), amfName("onMetaData"), Buffer.of(AMF_ECMA_ARRAY)]);
const COUNT_BYTES = 4;
const OBJECT_END = Buffer.of(0, 0, AMF_OBJECT_END);
/** The first of them: the room that the recorder reserves. */
export const FILLER = "filler0";
const FILLER_OVERHEAD = 2 + FILLER.length + 1 + 2;
/** FFmpeg's demuxer gives a metadata tag up over a string of more than 1024 bytes. */
const MAX_FILLER_PROPERTY = 1000;

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
  const addCodec = (title: string, { codec, metadataId }: NonNullable<FlvScan["video"]>): void => {
    if (codec?.flv) add(title, amfNumber(codec.flv.isWrittenExtended ? flvMetadataId(codec.flv) : metadataId));
  };
  const { video, audio } = scan;
  add("duration", amfNumber(scan.durationMs / 1000));
  add("filesize", amfNumber(fileBytes));
  add("lasttimestamp", amfNumber(scan.lastTimestampMs / 1000));
  addBoolean("hasVideo", video !== undefined);
  addBoolean("hasAudio", audio !== undefined);
  addBoolean("hasMetadata", true);
  addBoolean("hasKeyframes", scan.keyframes.length > 1);
  if (video) {
    add("width", amfNumber(video.width));
    add("height", amfNumber(video.height));
    addCodec("videocodecid", video);
    if (scan.frameRate > 0) add("framerate", amfNumber(scan.frameRate));
  }
  if (audio) {
    addCodec("audiocodecid", audio);
    add("audiosamplerate", amfNumber(audio.sampleRate));
    add("audiosamplesize", amfNumber(audio.sampleBits));
    addBoolean("stereo", audio.channels > 1);
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
  const usedBytes = TITLE.byteLength + COUNT_BYTES + Buffer.concat(properties).byteLength + OBJECT_END.byteLength;
  const fillers = fillerProperties(bodyBytes - usedBytes);
  if (!fillers) return undefined;
  const count = u32(properties.length + fillers.length);
  return Buffer.concat([TITLE, count, ...properties, ...fillers, OBJECT_END]);
}

/** As putFillers in assembly/container/flv/amf.ts: string properties of spaces, exactly `bytes` together. */
function fillerProperties(bytes: number): Buffer[] | undefined {
  if (bytes < 0 || (bytes > 0 && bytes < FILLER_OVERHEAD)) return undefined;
  const count = Math.ceil(bytes / MAX_FILLER_PROPERTY);
  const fillers: Buffer[] = [];
  for (let i = 0, left = bytes; i < count; i++) {
    const sizeBytes = Math.floor(left / (count - i));
    const text = sizeBytes - FILLER_OVERHEAD;
    fillers.push(Buffer.concat([amfName(`filler${i}`), Buffer.of(AMF_STRING), u16(text), Buffer.alloc(text, " ")]));
    left -= sizeBytes;
  }
  return fillers;
}
