// FLV file structure, Adobe Flash Video File Format 10.1, annex E.2–E.4:
//
//   | "FLV" 1 flags 9 | PreviousTagSize0 = 0 | tag | PreviousTagSize | tag | …
//   tag: | type u8 | DataSize u24 | Timestamp u24 | TimestampExtended u8 | StreamID u24 = 0 | data |

export const FLV_HEADER_BYTES = 9;
export const TAG_HEADER_BYTES = 11;
export const PREVIOUS_TAG_SIZE_BYTES = 4;
export const FIRST_TAG_POSITION = FLV_HEADER_BYTES + PREVIOUS_TAG_SIZE_BYTES;
/** TypeFlags of the header. */
export const FLAGS_POSITION = 4;
export const HAS_AUDIO = 4;
export const HAS_VIDEO = 1;

export const TAG_AUDIO = 8;
export const TAG_VIDEO = 9;
export const TAG_SCRIPT = 18;

/** First byte of video data: FrameType 1 and CodecID 7; of audio data: SoundFormat 10. */
export const CODEC_ID_AVC = 7;
export const SOUND_FORMAT_AAC = 10;
export const FRAME_TYPE_KEY = 1;
export const FRAME_TYPE_INFO = 5;
/** AVCPacketType, AACPacketType. */
export const PACKET_SEQUENCE_HEADER = 0;
export const PACKET_END_OF_SEQUENCE = 2;
/** FrameType, CodecID, AVCPacketType, CompositionTime. */
export const AVC_HEADER_BYTES = 5;
/** SoundFormat …, AACPacketType. */
export const AAC_HEADER_BYTES = 2;

export interface Tag {
  position: number;
  type: number;
  dataBytes: number;
  timestampMs: number;
  streamId: number;
}

export function parseTagHeader(head: Buffer, position: number): Tag {
  return {
    position,
    type: head.readUInt8(0),
    dataBytes: head.readUIntBE(1, 3),
    timestampMs: head.readUInt8(7) * 2 ** 24 + head.readUIntBE(4, 3),
    streamId: head.readUIntBE(8, 3),
  };
}

/** Tag and PreviousTagSize. */
export function tagStride(tag: Tag): number {
  return TAG_HEADER_BYTES + tag.dataBytes + PREVIOUS_TAG_SIZE_BYTES;
}

export function isTagType(type: number): boolean {
  return type === TAG_AUDIO || type === TAG_VIDEO || type === TAG_SCRIPT;
}
