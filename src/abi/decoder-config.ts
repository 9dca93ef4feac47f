// A decoder configuration: what a container needs to know of a track besides its frames. Written once by the in-stream,
// then constant. Two frames with the same configuration bytes point to the same block: a different pointer means a real
// change.

export const CONFIG_CODEC_OFFSET = 0; // u32, CODEC_*
export const CONFIG_BYTES_SIZE_OFFSET = 4; // u32
export const CONFIG_WIDTH_OFFSET = 8; // u32, luma samples after cropping
export const CONFIG_HEIGHT_OFFSET = 12; // u32
export const CONFIG_SAMPLE_RATE_OFFSET = 16; // u32, Hz, of the AAC core (an SBR decoder doubles it)
export const CONFIG_CHANNELS_OFFSET = 20; // u32
export const CONFIG_SAMPLES_PER_FRAME_OFFSET = 24; // u32, of a usual frame: 1024 of AAC, at the core's rate
export const CONFIG_PAR_WIDTH_OFFSET = 28; // u32, sample aspect ratio, 0 = unknown
export const CONFIG_PAR_HEIGHT_OFFSET = 32; // u32
// u32: primaries | transfer << 8 | matrix << 16 | fullRange << 24 | present << 25
export const CONFIG_COLOUR_OFFSET = 36;
export const CONFIG_OBJECT_TYPE_OFFSET = 40; // u32, AAC: object type of the core (2 = LC)
export const CONFIG_RATE_INDEX_OFFSET = 44; // u32, AAC: sampling_frequency_index of the core, 15 = explicit
export const CONFIG_PROFILE_OFFSET = 48; // u32, video: profile_idc << 16 | constraints or tier << 8 | level_idc
export const CONFIG_KIND_OFFSET = 52; // u32, KIND_*
// u32, ISO 639-2 code of the track's language, five bits a letter as in MP4 (ISO/IEC 14496-12 §8.4.2.3); 0 = not known
export const CONFIG_LANGUAGE_OFFSET = 56;
// What a source says of HDR pictures, as the boxes of MP4 have it, most significant byte first; all 0 = not known.
export const CONFIG_MASTERING_DISPLAY_OFFSET = 64; // 24 bytes, mdcv
export const CONFIG_CONTENT_LIGHT_OFFSET = 88; // u16 × 2, clli
export const CONFIG_BYTES_OFFSET = 96; // as the codec's entry says: avcC, AudioSpecificConfig, OpusHead …

export const CODEC_H264 = 1;
export const CODEC_AAC = 2;
export const CODEC_H265 = 3;
export const CODEC_OPUS = 4;
export const CODEC_AV1 = 5;
export const CODEC_VP9 = 6;
export const CODEC_VP8 = 7;
export const CODEC_MP3 = 8;
export const CODEC_MP2 = 9;
export const CODEC_AC3 = 10;
export const CODEC_EAC3 = 11;
export const CODEC_FLAC = 12;
export const CODEC_LPCM = 13;
export const CODEC_PCMA = 14;
export const CODEC_PCMU = 15;
// Both halves of the codec table state this number, so that a codec that one of them lacks is found when it is built.
export const CODEC_COUNT = 15;

export const KIND_VIDEO = 1;
export const KIND_AUDIO = 2;
export const KIND_DATA = 3;
